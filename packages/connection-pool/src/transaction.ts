/** A transaction around a function: begun, committed or rolled back, and done again where the database asks for that. */
import { sleep, type Clock } from '@kailash-ts/core';
import type { Dialect, Lease, TransactionOptions } from './contract.ts';
import { StatementError } from './errors.ts';

export interface TransactionRunner {
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly random: () => number;
  lend<T>(use: (lease: Lease) => Promise<T>): Promise<T>;
  retried(): void;
}

/** First pause before a transaction is done again; doubled each time, with jitter of half. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;

/**
 * Each try has a lease of its own. Only what the database itself asks to be done again is (serialization failure, deadlock), and only
 * `retries` times; a lost connection is not: a COMMIT that got no answer may have been carried out.
 */
export async function runTransaction<T>(
  work: (transaction: Lease) => Promise<T>,
  { isolation, readOnly = false, retries = 0, signal }: TransactionOptions,
  runner: TransactionRunner,
): Promise<T> {
  const begin = beginStatements(runner.dialect, isolation, readOnly);
  for (let failures = 0; ; failures++) {
    try {
      return await runner.lend((lease) =>
        runner.dialect === 'sqlite' && readOnly
          ? guarded(lease, () => tryOnce(work, begin, lease, signal))
          : tryOnce(work, begin, lease, signal),
      );
    } catch (error) {
      if (failures >= retries || !asksForRetry(error)) throw error;
      runner.retried();
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      await sleep(runner.clock, pauseMs * (1 - runner.random() / 2), signal);
    }
  }
}

async function tryOnce<T>(
  work: (transaction: Lease) => Promise<T>,
  begin: readonly string[],
  lease: Lease,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (const statement of begin) await lease.execute(statement, [], { signal });
  let result: T;
  try {
    result = await work(lease);
    signal?.throwIfAborted();
    // The database may have ended it (a deadlock on MySQL does), and what the function did afterwards was no part of it.
    if (lease.transactionStatus === 'idle') throw new StatementError(ENDED_BEFORE, { kind: 'transaction_rolled_back' });
  } catch (error) {
    // What is open is rolled back when the lease is given back; its own error must not hide this one.
    if (!lease.released && lease.transactionStatus !== 'idle') await lease.execute('ROLLBACK').catch(() => {});
    throw error;
  }
  await lease.execute('COMMIT');
  return result;
}

/** SQLite has no transactions that only read, but connections that do. */
async function guarded<T>(lease: Lease, run: () => Promise<T>): Promise<T> {
  if (lease.role === 'replica') return run();
  await lease.execute('PRAGMA query_only = ON');
  try {
    return await run();
  } finally {
    if (!lease.released) await lease.execute('PRAGMA query_only = OFF');
  }
}

const ENDED_BEFORE =
  'The transaction was over before its function was: a statement in it has committed or rolled it back, or a deadlock has.';

function asksForRetry(error: unknown): boolean {
  return error instanceof StatementError && (error.kind === 'serialization_failure' || error.kind === 'deadlock');
}

const LEVELS = {
  read_uncommitted: 'READ UNCOMMITTED',
  read_committed: 'READ COMMITTED',
  repeatable_read: 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const;

/** SQLite has one level, the strictest, and takes the write lock at once unless the transaction only reads. */
function beginStatements(dialect: Dialect, isolation: TransactionOptions['isolation'], readOnly: boolean): readonly string[] {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${LEVELS[isolation]}`;
  switch (dialect) {
    case 'postgresql':
      return [`BEGIN${level}${readOnly ? ' READ ONLY' : ''}`];
    case 'mysql':
      return [...(level === '' ? [] : [`SET TRANSACTION${level}`]), `START TRANSACTION${readOnly ? ' READ ONLY' : ''}`];
    case 'sqlite':
      return [readOnly ? 'BEGIN DEFERRED' : 'BEGIN IMMEDIATE'];
  }
}
