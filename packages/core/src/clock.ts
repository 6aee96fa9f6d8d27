/** Time as the engine sees it, so that tests can run hours in milliseconds (`SimulatedClock` in `@kailash-ts/core/testing`). */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Wall-clock time as milliseconds since 1970, for timestamps that people read. */
  wallTime(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it and may be called at any time. */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): () => void;
}

export interface TimerOptions {
  /** Upkeep that must not keep the process alive. */
  readonly background?: boolean;
}

/** Longest delay of a Node.js timer; longer ones are waited for in pieces. */
const MAX_TIMER_MS = 2 ** 31 - 1;

class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  wallTime(): number {
    return Date.now();
  }

  setTimer(callback: () => void, delayMs: number, { background = false }: TimerOptions = {}): () => void {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(remainingMs, MAX_TIMER_MS);
      handle = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), Math.max(0, stepMs));
      if (background) handle.unref();
    };
    arm(delayMs);
    return () => clearTimeout(handle);
  }
}

export const systemClock: Clock = new SystemClock();

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal!.reason);
    };
    const cancel = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
