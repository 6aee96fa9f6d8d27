/**
 * The statements that are prepared on one connection, by exact text: never by a template or fingerprint, which different
 * statements share. Bounded; the least recently used goes first.
 */

/** A statement and what is known of it. */
export interface Prepared<Description> {
  /** '' runs the statement unnamed. */
  name: string;
  /** The server has it already. */
  known: boolean;
  /** What it returns, as the server described it. */
  description: Description | undefined;
}

const NONE: readonly string[] = [];

export class PreparedNames<Description = unknown> {
  readonly #limit: number;
  /** Least recently used first. The name is '' after a first, unnamed use. */
  readonly #entries = new Map<string, Prepared<Description>>();
  #newest: string | undefined;
  #counter = 0;
  #evicted: string[] = [];

  /** @param limit how many to keep; 0 prepares nothing. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * The statement to use for this text; undefined to run it unnamed.
   * @param prepare true: from this use on; false: never; undefined: from the second use on.
   */
  find(text: string, prepare: boolean | undefined): Prepared<Description> | undefined {
    if (!this.keeps(prepare)) return undefined;
    const found = this.#entries.get(text);
    if (found && this.#newest === text) return this.#named(found);
    this.#newest = text;
    if (found) {
      this.#entries.delete(text);
      this.#entries.set(text, found);
      return this.#named(found);
    }
    const added: Prepared<Description> = { name: '', known: false, description: undefined };
    this.#entries.set(text, added);
    if (this.#entries.size > this.#limit) this.#evict();
    return prepare === true ? this.#named(added) : undefined;
  }

  /** Whether a statement that is run so counts as one that is kept. */
  keeps(prepare: boolean | undefined): boolean {
    return this.#limit > 0 && prepare !== false;
  }

  /** Whether it may be prepared before it is run: it is not prepared yet, and pushes no other one out. */
  lacks(text: string): boolean {
    const found = this.#entries.get(text);
    return found ? !found.known : this.#entries.size < this.#limit;
  }

  /** Names that the server shall forget, told once. */
  takeEvicted(): readonly string[] {
    if (this.#evicted.length === 0) return NONE;
    const evicted = this.#evicted;
    this.#evicted = [];
    return evicted;
  }

  /** The server has parsed it. */
  confirm(prepared: Prepared<Description>, description: Description | undefined): void {
    prepared.known = true;
    prepared.description = description;
  }

  /** The server has it no longer, or not as it was. */
  forget(text: string): void {
    const name = this.#entries.get(text)?.name;
    if (name) this.#evicted.push(name);
    this.#entries.delete(text);
    if (this.#newest === text) this.#newest = undefined;
  }

  forgetMatching(matches: (text: string) => boolean): void {
    for (const text of [...this.#entries.keys()]) if (matches(text)) this.forget(text);
  }

  /** How many are known to the server. */
  get size(): number {
    let known = 0;
    for (const entry of this.#entries.values()) if (entry.known) known += 1;
    return known;
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
    this.#evicted = [];
  }

  #named(prepared: Prepared<Description>): Prepared<Description> {
    if (prepared.name === '') prepared.name = `kailash_${++this.#counter}`;
    return prepared;
  }

  #evict(): void {
    const [oldest, { name, known }] = this.#entries.entries().next().value!;
    this.#entries.delete(oldest);
    if (known) this.#evicted.push(name);
  }
}
