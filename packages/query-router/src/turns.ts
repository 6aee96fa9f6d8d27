import type { Clock } from '@kailash-ts/core';

interface Waiter {
  go(): void;
  fail(reason: unknown): void;
}

/** What bounds a wait. */
export interface WaitLimits {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Infinity for no limit. */
  readonly timeoutMs: number;
  readonly onTimeout: () => unknown;
}

/** One after the other, first come first served. Whoever takes a turn passes it on, in `finally`. */
export class Turns {
  readonly #waiting: Waiter[] = [];
  #taken = false;

  /** @throws the signal's reason, or what `onTimeout` makes; the turn is not taken then */
  async take({ clock, signal, timeoutMs, onTimeout }: WaitLimits): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    let release: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter: Waiter = { go: resolve, fail: reject };
        const leave = (reason: unknown): void => {
          const place = this.#waiting.indexOf(waiter);
          // Whoever has been called no longer waits: the turn is theirs, and theirs to pass on.
          if (place < 0) return;
          this.#waiting.splice(place, 1);
          reject(reason);
        };
        const onAbort = (): void => leave(signal!.reason);
        const stopTimer = timeoutMs === Infinity ? undefined : clock.setTimer(() => leave(onTimeout()), timeoutMs);
        signal?.addEventListener('abort', onAbort, { once: true });
        release = () => {
          stopTimer?.();
          signal?.removeEventListener('abort', onAbort);
        };
        this.#waiting.push(waiter);
      });
    } finally {
      release();
    }
  }

  pass(): void {
    const next = this.#waiting.shift();
    if (next) next.go();
    else this.#taken = false;
  }

  /** Turns everyone away who waits. */
  failAll(reason: unknown): void {
    for (const waiter of this.#waiting.splice(0)) waiter.fail(reason);
  }
}
