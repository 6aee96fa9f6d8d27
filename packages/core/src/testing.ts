import type { Clock } from './clock.ts';
import { KailashError } from './errors.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** `runUntil` waits for something that will never come. Code `CLOCK_STUCK`. */
export class ClockStuckError extends KailashError {
  static override readonly errorName = 'ClockStuckError';
  constructor() {
    super('CLOCK_STUCK', 'The simulated clock stands still: the work waits, but no timer does. Look for a promise that nobody settles.');
  }
}

/** Lets everything that is ready to run, run: promise callbacks and immediates. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * A clock that stands still until told to advance. Timers fire in the order in which they are due, and all that they set in
 * motion settles before the next one fires. Idea: XState's SimulatedClock.
 */
export class SimulatedClock implements Clock {
  #now: number;
  #order = 0;
  readonly #wallStart: number;
  readonly #timers = new Set<Timer>();

  constructor(options: { readonly now?: number; readonly wallTime?: number } = {}) {
    this.#now = options.now ?? 0;
    this.#wallStart = (options.wallTime ?? Date.UTC(2026, 0, 1)) - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#wallStart + this.#now;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { due: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait; 0 when nothing was left behind. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets `durationMs` pass. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await settle();
    for (let timer = this.#next(); timer && timer.due <= end; timer = this.#next()) {
      this.#now = Math.max(this.#now, timer.due);
      this.#fireAllDueNow();
      await settle();
    }
    this.#now = end;
  }

  /** Lets time pass, timer by timer, until `work` is done, and returns what it gives. @throws ClockStuckError when nothing can happen any more. */
  async runUntil<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const mark = (): void => {
      isDone = true;
    };
    work.then(mark, mark);
    await settle();
    while (!isDone) {
      const timer = this.#next();
      if (!timer) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (!isDone && !this.#next()) await this.#waitForRealWork(work);
        continue;
      }
      this.#now = Math.max(this.#now, timer.due);
      this.#fireAllDueNow();
      await settle();
    }
    return work;
  }

  async #waitForRealWork(work: Promise<unknown>): Promise<void> {
    let handle: NodeJS.Timeout | undefined;
    const stuck = new Promise<never>((_, reject) => {
      handle = setTimeout(() => reject(new ClockStuckError()), 5000);
    });
    try {
      await Promise.race([work.catch(() => undefined), stuck, this.#untilTimer()]);
    } finally {
      clearTimeout(handle);
    }
  }

  async #untilTimer(): Promise<void> {
    for (let i = 0; i < 1000 && this.#timers.size === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #fireAllDueNow(): void {
    for (let timer = this.#next(); timer && timer.due <= this.#now; timer = this.#next()) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    return first;
  }
}
