/** Outcomes of the last calls in fixed memory: what the error rate of a breaker is taken from. Recording allocates nothing. */
export class OutcomeWindow {
  readonly #failed: Uint8Array;
  #next = 0;
  #size = 0;
  #failures = 0;

  /** @param capacity how many calls are remembered, at least 1 */
  constructor(capacity: number) {
    this.#failed = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Failed part of what is remembered, 0 without any. */
  get errorRate(): number {
    return this.#size === 0 ? 0 : this.#failures / this.#size;
  }

  get isHalfFull(): boolean {
    return this.#size * 2 >= this.#failed.length;
  }

  add(failed: 0 | 1): void {
    const index = this.#next;
    if (this.#size === this.#failed.length) this.#failures -= this.#failed[index]!;
    else this.#size += 1;
    this.#failed[index] = failed;
    this.#failures += failed;
    this.#next = index + 1 === this.#failed.length ? 0 : index + 1;
  }

  clear(): void {
    this.#next = this.#size = this.#failures = 0;
  }
}
