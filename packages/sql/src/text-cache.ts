/**
 * A bounded map from exact text to what was computed from it.
 *
 * Two generations instead of a linked list: a hit in the young one costs a single lookup; when the young one is full it becomes the old one,
 * and what is not asked for again until the next turn is forgotten. Bounded by entries and by characters, whichever comes first.
 */
export class TextCache<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  #youngCharacters = 0;
  readonly #maxEntries: number;
  readonly #maxCharacters: number;

  /** `maxEntries` and `maxCharacters` bound both generations together. */
  constructor(maxEntries: number, maxCharacters: number) {
    this.#maxEntries = Math.max(1, Math.floor(maxEntries / 2));
    this.#maxCharacters = Math.max(1, Math.floor(maxCharacters / 2));
  }

  /** Number of texts held. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string): V | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old === undefined) return undefined;
    this.#old.delete(text);
    this.set(text, old);
    return old;
  }

  /** Texts longer than a sixteenth of the room are not kept: one of them would drive out hundreds. */
  set(text: string, value: V): void {
    if (text.length > this.#maxCharacters / 16) return;
    if (this.#young.size >= this.#maxEntries || this.#youngCharacters + text.length > this.#maxCharacters) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCharacters = 0;
    }
    this.#young.set(text, value);
    this.#youngCharacters += text.length;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngCharacters = 0;
  }
}
