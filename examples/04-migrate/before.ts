import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';

/** @param connection where the database is: `{ connectionString }`, or `{ databaseType, host, database, user, password }` */
export async function activeCustomers(connection: PoolOptions): Promise<number> {
  await using pool = new WorkflowConnectionPool({ name: 'db_pool', ...connection, minConnections: 5, maxConnections: 20 });

  const { connectionId } = await pool.process({ operation: 'acquire' });
  try {
    const answer = await pool.process({
      operation: 'execute',
      connectionId,
      query: 'SELECT id, name FROM customers WHERE active = ?',
      params: [true],
    });
    // As a message, a mistake in the SQL is an answer, and no exception.
    if (!answer.success) throw new Error(answer.error?.message);
    return answer.rowCount;
  } finally {
    // Forgotten once, this connection is gone for everybody.
    await pool.process({ operation: 'release', connectionId });
  }
}
