/** A counted permit with a fair queue. A freed permit goes to the longest waiter, never to a newcomer. */
export class Slots {
  readonly limit: number;
  #used = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.limit = limit;
  }

  take(): boolean {
    if (this.#used >= this.limit || this.#waiting.size > 0) return false;
    this.#used++;
    return true;
  }

  /** Calls `granted` with a permit in hand as soon as one is free; the returned function leaves the queue. */
  wait(granted: () => void): () => void {
    // A wrapper of its own, so that one function may wait twice.
    const waiter = (): void => granted();
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  release(): void {
    const next = this.#waiting.values().next();
    if (next.done) {
      this.#used--;
      return;
    }
    this.#waiting.delete(next.value);
    next.value();
  }
}
