/** Asks a database for its catalog: functions, operators, types, views, as far as they decide where a statement may run. */
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { CATALOG_QUERIES, createCatalog, isSqlLoaded, loadSql, type Catalog, type CatalogRow } from '@kailash-ts/sql';

/** What is needed of a pool. */
export type CatalogSource = Pick<ConnectionPool, 'dialect' | 'transaction'>;

export interface LoadCatalogOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for connection and queries together, in milliseconds. Default: the pool's. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Loads the catalog of a pool's database, from the primary, in one transaction that only reads; null for SQLite, which needs none.
 * @throws as `pool.transaction`
 */
export async function loadCatalog(pool: CatalogSource, options: LoadCatalogOptions = {}): Promise<Catalog | null> {
  const queries = Object.entries(CATALOG_QUERIES[pool.dialect]);
  if (queries.length === 0) return null;
  if (!isSqlLoaded()) await loadSql();
  const rows: Record<string, readonly CatalogRow[]> = {};
  await pool.transaction(
    async (lease) => {
      for (const [name, sql] of queries)
        rows[name] = (await lease.execute(sql, undefined, { prepare: false, signal: options.signal })).data;
    },
    { readOnly: true, isolation: 'repeatable_read', ...options },
  );
  return createCatalog(pool.dialect, rows);
}
