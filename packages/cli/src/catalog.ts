/** What a database says of its functions, operators and views, for `kailash classify --connection`. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadCatalog, type Catalog, type CatalogRow, type Dialect } from '@kailash-ts/sql';
import { UsageError } from './errors.ts';

const PACKAGE = '@kailash-ts/connection-pool';

/** What is used of a pool. This package knows no node package: the user's project brings it. */
interface Pool {
  readonly dialect: Dialect;
  transaction<T>(
    work: (lease: Lease) => Promise<T>,
    options: { readonly readOnly: boolean; readonly isolation: 'repeatable_read' },
  ): Promise<T>;
  close(): Promise<void>;
}

interface Lease {
  execute(sql: string): Promise<{ readonly data: readonly CatalogRow[] }>;
}

interface PoolPackage {
  readonly WorkflowConnectionPool: new (options: {
    readonly name: string;
    readonly connectionString: string;
    readonly minConnections: number;
    readonly maxConnections: number;
  }) => Pool;
}

/**
 * Loads the catalog of a database; null for SQLite, which needs none.
 * @throws UsageError when there is no pool package, or the database is of another kind; errors of the pool
 */
export async function catalogOf(url: string, dialect: Dialect): Promise<Catalog | null> {
  const { WorkflowConnectionPool } = await importPool();
  const pool = new WorkflowConnectionPool({ name: 'classify', connectionString: url, minConnections: 1, maxConnections: 1 });
  try {
    if (pool.dialect !== dialect) throw new UsageError(`--connection leads to a database of ${pool.dialect}, --dialect says ${dialect}.`);
    if (dialect === 'sqlite') return null;
    return await pool.transaction((lease) => loadCatalog(dialect, async (sql) => (await lease.execute(sql)).data), {
      readOnly: true,
      isolation: 'repeatable_read',
    });
  } finally {
    await pool.close();
  }
}

/** From the folder in which the command is given, as the user's project has it; else beside this package. */
async function importPool(): Promise<PoolPackage> {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return (await import(pathToFileURL(createRequire(from).resolve(PACKAGE)).href)) as PoolPackage;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new UsageError(`--connection needs ${PACKAGE}, and the driver of the database. Install them here: npm install ${PACKAGE}`);
}
