/**
 * Names of the statements that are prepared on one connection, by exact text: never by a template or fingerprint, which
 * different statements share. Bounded; the least recently used goes first.
 */

export interface PreparedName {
  /** '' runs the statement unnamed. */
  readonly name: string;
  /** The server has it already. */
  readonly known: boolean;
  /** Another one that must be closed to make room. */
  readonly evict?: string | undefined;
}

const UNNAMED: PreparedName = { name: '', known: false };

export class PreparedNames {
  readonly #limit: number;
  /** Text -> name, or undefined after its first, unnamed use. Least recently used first. */
  readonly #names = new Map<string, string | undefined>();
  readonly #pending = new Map<string, string>();
  #counter = 0;

  /** @param limit how many to keep; 0 prepares nothing. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param prepare true: from this use on; false: never; undefined: from the second use on. */
  nameFor(text: string, prepare: boolean | undefined): PreparedName {
    if (this.#limit === 0 || prepare === false) return UNNAMED;
    const seen = this.#names.has(text);
    const name = this.#names.get(text);
    this.#names.delete(text);
    this.#names.set(text, name);
    const evict = this.#evicted();
    if (name !== undefined) return { name, known: true, evict };
    if (!seen && prepare !== true) return { ...UNNAMED, evict };
    const fresh = `kailash_${++this.#counter}`;
    this.#pending.set(text, fresh);
    return { name: fresh, known: false, evict };
  }

  /** The server has parsed it. */
  confirm(text: string): void {
    const name = this.#pending.get(text);
    this.#pending.delete(text);
    if (name !== undefined && this.#names.has(text)) this.#names.set(text, name);
  }

  forget(text: string): void {
    this.#names.delete(text);
    this.#pending.delete(text);
  }

  clear(): void {
    this.#names.clear();
    this.#pending.clear();
  }

  #evicted(): string | undefined {
    if (this.#names.size <= this.#limit) return undefined;
    const [oldest, name] = this.#names.entries().next().value!;
    this.#names.delete(oldest);
    return name;
  }
}
