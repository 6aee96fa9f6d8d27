/** One operation on a connection, under a signal and a time limit. */
import type { Clock } from '@kailash-ts/core';
import { PoolAbortedError, StatementTimeoutError } from './errors.ts';
import { setPatientTimer } from './patient-timer.ts';

export interface Limits {
  readonly signal?: AbortSignal | undefined;
  /** Infinity for none. */
  readonly timeoutMs: number;
  /** Whether `timeoutMs` runs while others on the same connection are before it. The signal always counts. */
  readonly coversTurn?: boolean;
  /** It is the pool's own, and waits for whatever there is. */
  readonly own?: boolean;
  /** Called when it had to wait for its turn, and has it. */
  readonly onTurn?: () => void;
}

/** What can be stopped. */
export interface Stoppable {
  cancel(): Promise<void>;
  destroy(): void;
}

export interface OperationOptions {
  readonly connection: Stoppable;
  readonly clock: Clock;
  /** How long the operation may take to end after `cancel`, before `destroy`. */
  readonly cancelGraceMs: number;
  /** Told to the caller whose statement was stopped. */
  readonly mayHaveExecuted: boolean;
  /** Called when the connection is about to be cancelled: if it is lost now, that is our doing. */
  readonly onStop: () => void;
}

/**
 * Modes: running -> over; running -> (abort, time limit, interrupt) -> stopping -> over.
 *
 * When a limit strikes the caller is told at once, while the connection is cancelled in the background: it may be used again only
 * when `onIdle` was called, and is then proven idle or destroyed.
 */
export class Operation<T> {
  /** What the work gives; on abort, time limit or interrupt an error, at once. */
  readonly outcome: Promise<T>;
  readonly #options: OperationOptions;
  readonly #onIdle: () => void;
  readonly #work: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #running = true;
  #cleanUp: (() => void) | undefined;
  #abandon: () => void = () => {};

  /** @param work has been started already. @param onIdle called exactly once, before the caller goes on unless it was stopped. */
  constructor(work: Promise<T>, limits: Limits, options: OperationOptions, onIdle: () => void) {
    this.#work = work;
    this.#options = options;
    this.#onIdle = onIdle;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (limits.timeoutMs !== Infinity || limits.signal) this.#watch(limits);
    work.then(
      (value) => {
        if (!this.#running) return;
        this.#end();
        this.#onIdle();
        this.#resolve(value);
      },
      (error: unknown) => {
        if (!this.#running) return;
        this.#end();
        this.#onIdle();
        this.#reject(error);
      },
    );
  }

  /** Stops it as if its caller had aborted it with this reason. */
  interrupt(reason: unknown): void {
    this.#stop(new PoolAbortedError('The statement', this.#options.mayHaveExecuted, reason));
  }

  /** Its connection is gone: nobody is left whom a late cancel could hit. */
  abandon(): void {
    this.#abandon();
  }

  #watch({ signal, timeoutMs }: Limits): void {
    const { clock, mayHaveExecuted } = this.#options;
    const cancelTimer = setPatientTimer(clock, () => this.#stop(new StatementTimeoutError(timeoutMs, mayHaveExecuted)), timeoutMs);
    const onAbort = (): void => this.interrupt(signal!.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#cleanUp = () => {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    };
  }

  #end(): void {
    this.#running = false;
    this.#cleanUp?.();
  }

  #stop(error: unknown): void {
    if (!this.#running) return;
    this.#end();
    this.#reject(error);
    const { connection, clock, cancelGraceMs, onStop } = this.#options;
    onStop();
    const abandoned = new Promise<void>((resolve) => (this.#abandon = resolve));
    void cancelWithin(connection, this.#work, clock, cancelGraceMs, abandoned).then(this.#onIdle);
  }
}

/** Resolves when the operation has ended, or when its connection had to be destroyed. Never rejects: the caller has been told already. */
async function cancelWithin(
  connection: Stoppable,
  operation: Promise<unknown>,
  clock: Clock,
  graceMs: number,
  abandoned: Promise<void>,
): Promise<void> {
  let stopTimer!: () => void;
  const overdue = new Promise<void>((resolve) => {
    stopTimer = setPatientTimer(clock, resolve, graceMs);
  }).then(() => connection.destroy());
  await Promise.race([Promise.allSettled([connection.cancel(), operation]), overdue, abandoned]);
  stopTimer();
}
