/** The catalog of a database, by a pool that lives no longer than the question. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { Catalog } from '@kailash-ts/sql';
import { loadPoolCatalog } from '../pool-catalog.ts';

export async function catalogOf(url: string): Promise<Catalog> {
  const pool = new WorkflowConnectionPool({ name: 'catalog', connectionString: url });
  try {
    return (await loadPoolCatalog(pool))!;
  } finally {
    await pool.close();
  }
}
