/**
 * Callers waiting for a connection, first come, first served. A doubly linked list: joining, being served and giving up are
 * each O(1), also with many thousands waiting (pools that use an array pay O(n) for each that gives up).
 */
import type { Clock } from '@kailash-ts/core';

/** One caller. Modes: waiting -> served | failed; which comes first decides, and only once. */
export class Waiter<T> {
  /** @internal */ previous: Waiter<T> | undefined;
  /** @internal */ next: Waiter<T> | undefined;
  readonly promise: Promise<T>;
  readonly runId: string | undefined;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #cleanUp: () => void = () => {};
  #leave: () => void;

  constructor(runId: string | undefined, leave: (waiter: Waiter<T>) => void) {
    this.runId = runId;
    this.#leave = () => leave(this);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Gives up when the signal is aborted or the time is over. Both errors are made only then. */
  limit(
    clock: Clock,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    errors: { readonly onTimeout: () => unknown; readonly onAbort: (reason: unknown) => unknown },
  ): void {
    const onAbort = (): void => this.fail(errors.onAbort(signal!.reason));
    const cancelTimer = Number.isFinite(timeoutMs) ? clock.setTimer(() => this.fail(errors.onTimeout()), timeoutMs) : undefined;
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#cleanUp = () => {
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
  }

  serve(value: T): void {
    this.#cleanUp();
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#leave();
    this.#cleanUp();
    this.#reject(error);
  }
}

/** The queue. Owned by one host of a pool. */
export class WaiterQueue<T> {
  #head: Waiter<T> | undefined;
  #tail: Waiter<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  join(runId: string | undefined): Waiter<T> {
    const waiter = new Waiter<T>(runId, (leaving) => this.#remove(leaving));
    waiter.previous = this.#tail;
    if (this.#tail) this.#tail.next = waiter;
    else this.#head = waiter;
    this.#tail = waiter;
    this.#size += 1;
    return waiter;
  }

  /** Takes the one that waits longest out of the queue; the caller serves or fails it. */
  shift(): Waiter<T> | undefined {
    const waiter = this.#head;
    if (waiter) this.#remove(waiter);
    return waiter;
  }

  /** Fails all, or those of which `only` is true. */
  failAll(error: () => unknown, only: (waiter: Waiter<T>) => boolean = () => true): void {
    for (let waiter = this.#head; waiter;) {
      const next: Waiter<T> | undefined = waiter.next;
      if (only(waiter)) waiter.fail(error());
      waiter = next;
    }
  }

  #remove(waiter: Waiter<T>): void {
    const { previous, next } = waiter;
    if (this.#head !== waiter && previous === undefined) return; // already out
    if (previous) previous.next = next;
    else this.#head = next;
    if (next) next.previous = previous;
    else this.#tail = previous;
    waiter.previous = waiter.next = undefined;
    this.#size -= 1;
  }
}
