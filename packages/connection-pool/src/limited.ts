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
  /** The operation's outcome; on abort or timeout an error, at once. */
  readonly outcome: Promise<T>;
  /** Resolves when the operation has ended on the connection too, which is idle then, or destroyed. Undefined: with `outcome`. */
  readonly settled: Promise<unknown> | undefined;
}

/**
 * Starts `work`. When a limit strikes, the caller is told at once, while the connection is cancelled in the background: it may be
 * used again only after `settled`.
 */
export function runLimited<T>(work: () => Promise<T>, connection: Stoppable, options: LimitedOptions): Limited<T> {
  const { signal, timeoutMs, clock, cancelGraceMs, mayHaveExecuted } = options;
  const operation = work();
  if (signal === undefined && timeoutMs === Infinity) return { outcome: operation, settled: undefined };
  let stopWatching: () => void = () => {};
  let cancelled: Promise<void> | undefined;
  const outcome = new Promise<T>((resolve, reject) => {
    const stop = (error: unknown): void => {
      stopWatching();
      reject(error);
      cancelled = cancelWithin(connection, operation, clock, cancelGraceMs);
    };
    const onAbort = (): void => stop(new PoolAbortedError('The statement', mayHaveExecuted, signal!.reason));
    const cancelTimer =
      timeoutMs === Infinity ? undefined : clock.setTimer(() => stop(new StatementTimeoutError(timeoutMs, mayHaveExecuted)), timeoutMs);
    stopWatching = () => {
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    operation.then(resolve, reject).finally(stopWatching);
  });
  const settled = operation.then(
    () => cancelled,
    () => cancelled,
  );
  return { outcome, settled };
}

async function cancelWithin(connection: Stoppable, operation: Promise<unknown>, clock: Clock, graceMs: number): Promise<void> {
  const stopTimer = Number.isFinite(graceMs) ? clock.setTimer(() => connection.destroy(), graceMs) : undefined;
  try {
    await connection.cancel();
    await operation;
  } catch {
    // Its caller has been told already.
  } finally {
    stopTimer?.();
  }
}
