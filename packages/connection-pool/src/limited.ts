/** Runs one operation on a connection under a signal and a time limit. */
import type { Clock } from '@kailash-ts/core';
import { PoolAbortedError, StatementTimeoutError } from './errors.ts';

export interface Limits {
  readonly signal?: AbortSignal | undefined;
  /** Infinity for none. */
  readonly timeoutMs: number;
}

/** What can be stopped. */
export interface Stoppable {
  cancel(): Promise<void>;
  destroy(): void;
}

export interface LimitedOptions extends Limits {
  readonly clock: Clock;
  /** How long the operation may take to end after `cancel`, before `destroy`. */
  readonly cancelGraceMs: number;
  /** Told to the caller whose statement was stopped. */
  readonly mayHaveExecuted: boolean;
}

export interface Limited<T> {
  /** The operation's outcome; on abort, timeout or interrupt an error, at once. */
  readonly outcome: Promise<T>;
  /** Resolves when the operation has ended on the connection too, which is idle then, or destroyed. Never rejects. */
  readonly settled: Promise<unknown>;
  /** Stops it as if its caller had aborted it with this reason. */
  readonly interrupt: (reason: unknown) => void;
}

/**
 * Starts `work`. When a limit strikes, the caller is told at once, while the connection is cancelled in the background: it may be
 * used again only after `settled`.
 */
export function runLimited<T>(work: () => Promise<T>, connection: Stoppable, options: LimitedOptions): Limited<T> {
  const { signal, timeoutMs, clock, cancelGraceMs, mayHaveExecuted } = options;
  const operation = work();
  let cancelled: Promise<void> | undefined;
  let stop!: (error: unknown) => void;
  const interrupt = (reason: unknown): void => stop(new PoolAbortedError('The statement', mayHaveExecuted, reason));
  const onAbort = (): void => interrupt(signal!.reason);
  const outcome = new Promise<T>((resolve, reject) => {
    let cancelTimer: (() => void) | undefined;
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    stop = (error) => {
      if (isOver) return;
      finish();
      reject(error);
      cancelled = cancelWithin(connection, operation, clock, cancelGraceMs);
    };
    if (timeoutMs !== Infinity) cancelTimer = clock.setTimer(() => stop(new StatementTimeoutError(timeoutMs, mayHaveExecuted)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    operation.then(
      (value) => (finish(), resolve(value)),
      (error: unknown) => (finish(), reject(error as Error)),
    );
  });
  // A stopped operation may never end; then its connection is destroyed, which `cancelled` waits for.
  const settled = outcome.then(
    () => undefined,
    () => cancelled,
  );
  return { outcome, settled, interrupt };
}

/** Resolves when the operation has ended, or when its connection had to be destroyed. Never rejects: the caller has been told already. */
async function cancelWithin(connection: Stoppable, operation: Promise<unknown>, clock: Clock, graceMs: number): Promise<void> {
  let stopTimer: (() => void) | undefined;
  const overdue = new Promise<void>((resolve) => {
    if (Number.isFinite(graceMs)) stopTimer = clock.setTimer(resolve, graceMs);
  }).then(() => connection.destroy());
  const ended = Promise.allSettled([connection.cancel(), operation]);
  await Promise.race([ended, overdue]);
  stopTimer?.();
}
