/** What fault scenarios share: pools with short limits, slow statements, failures as values. */
import type { Dialect } from '@kailash-ts/sql';
import type { PoolOptions } from '../config.ts';
import { WorkflowConnectionPool } from '../node.ts';

/** Where the scenario takes place. */
export interface Place {
  readonly url: string;
  /** Done afterwards, whatever happens. */
  defer(action: () => unknown): void;
}

/** A pool that is closed afterwards. Its limits are short, so that waiting in vain is, too. */
export function openPool(place: Place, options: PoolOptions = {}): WorkflowConnectionPool {
  const pool = new WorkflowConnectionPool({
    name: 'scenario',
    ...(options.host === undefined && options.database === undefined && { connectionString: place.url }),
    minConnections: 0,
    maxConnections: 4,
    acquireTimeoutMs: 10_000,
    connectTimeoutMs: 5000,
    cancelGraceMs: 2000,
    closeGraceMs: 200,
    ...options,
  });
  place.defer(() => pool.close());
  return pool;
}

/** Takes far longer than any scenario waits, and can be stopped. */
export const slowRead: Readonly<Record<Dialect, string>> = {
  postgresql: 'SELECT pg_sleep(20)',
  mysql: 'SELECT sleep(20)',
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000000) SELECT count(*) AS n FROM c',
};

/** The same, and writes a row into `item (id)` at its end. */
export const slowWrite: Readonly<Record<Dialect, string>> = {
  postgresql: 'INSERT INTO item (id) SELECT 1 FROM pg_sleep(20)',
  mysql: 'INSERT INTO item (id) SELECT 1 + sleep(20)',
  sqlite: 'INSERT INTO item (id) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000000) SELECT count(*) FROM c',
};

/** What it fails with; undefined when it does not fail. */
export async function failureOf(work: Promise<unknown>): Promise<(Error & { readonly code?: string }) | undefined> {
  return work.then(
    () => undefined,
    (error: Error) => error,
  );
}

/** How often each of the given words occurs. */
export function tally(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** `3 x lost, 1 x idle`. */
export function tallyText(words: readonly string[]): string {
  const text = Object.entries(tally(words)).map(([word, count]) => `${count} x ${word}`);
  return text.length === 0 ? 'none' : text.join(', ');
}

/** Measures in whole milliseconds. */
export function stopwatch(): () => number {
  const startedAt = performance.now();
  return () => Math.round(performance.now() - startedAt);
}
