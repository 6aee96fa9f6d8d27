/** The catalog of a pool's database: functions, operators, types, views, as far as they decide where a statement may run. */
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { loadCatalog, type Catalog } from '@kailash-ts/sql';

/** Limits of loading. */
export interface PoolCatalogOptions {
  readonly signal?: AbortSignal | undefined;
  /** For the connection, in milliseconds. Default: the pool's. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Asks the primary, in one transaction that only reads; null for SQLite, which needs no catalog.
 * @throws as `pool.transaction`
 */
export async function loadPoolCatalog(
  pool: Pick<ConnectionPool, 'dialect' | 'transaction'>,
  options: PoolCatalogOptions = {},
): Promise<Catalog | null> {
  if (pool.dialect === 'sqlite') return null;
  const { signal } = options;
  return pool.transaction(
    (lease) => loadCatalog(pool.dialect, async (sql) => (await lease.execute(sql, undefined, { prepare: false, signal })).data),
    { readOnly: true, isolation: 'repeatable_read', ...options },
  );
}
