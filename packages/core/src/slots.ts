/** One who waits for a permit: `queued` -> `called` (a permit is on its way) -> `served`; or `gone`, from either of the first two. */
interface Waiter {
  readonly granted: () => void;
  state: 'queued' | 'called' | 'served' | 'gone';
}

/** A counted permit with a fair queue. A freed permit goes to the longest waiter, never to a newcomer. */
export class Slots {
  readonly limit: number;
  #used = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limit: number) {
    this.limit = limit;
  }

  take(): boolean {
    if (this.#used >= this.limit || this.#waiting.size > 0) return false;
    this.#used++;
    return true;
  }

  /** Calls `granted` with a permit in hand as soon as one is free; the returned function leaves the queue, at any time. */
  wait(granted: () => void): () => void {
    const waiter: Waiter = { granted, state: 'queued' };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
      if (waiter.state !== 'served') waiter.state = 'gone';
    };
  }

  release(): void {
    const next = this.#waiting.values().next();
    if (next.done) {
      this.#used--;
      return;
    }
    const waiter = next.value;
    this.#waiting.delete(waiter);
    waiter.state = 'called';
    // Later, so that runs that hand a permit to each other do not pile up on one stack.
    queueMicrotask(() => this.#serve(waiter));
  }

  #serve(waiter: Waiter): void {
    if (waiter.state === 'gone') return this.release();
    waiter.state = 'served';
    waiter.granted();
  }
}
