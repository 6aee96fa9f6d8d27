/** Real servers with the table that the bench reads and breaks. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { startMariaDb, startPostgres, TestDatabaseError, type Cluster } from '../../../packages/test-databases/src/index.ts';
import { ACCOUNTS } from './subject.ts';

/** Starts them. `mysql` is the reason when this machine has no MariaDB. The caller stops the clusters. */
export async function startDatabases(): Promise<{ readonly postgres: Cluster; readonly mysql: Cluster | string }> {
  const [postgres, mysql] = await Promise.all([
    startPostgres(),
    startMariaDb().catch((error: unknown) => {
      if (error instanceof TestDatabaseError && error.code === 'TEST_DATABASE_MISSING') return error.message;
      throw error;
    }),
  ]);
  await createAccounts(postgres.url);
  if (typeof mysql !== 'string') await createAccounts(mysql.url);
  return { postgres, mysql };
}

/** The table that most jobs read. */
export async function createAccounts(url: string): Promise<void> {
  await using pool = new WorkflowConnectionPool({ connectionString: url, minConnections: 0 });
  await pool.query('CREATE TABLE account (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, balance INTEGER NOT NULL)');
  const rows = Array.from({ length: ACCOUNTS }, (_, index) => [index + 1, `account ${index + 1}`, (index * 37) % 1000]);
  await pool.executeMany('INSERT INTO account (id, name, balance) VALUES (?, ?, ?)', rows);
  await pool.query(pool.dialect === 'postgresql' ? 'ANALYZE account' : 'ANALYZE TABLE account');
}
