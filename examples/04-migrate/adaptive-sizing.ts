import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';

/** The limits may be further apart now: fewer at night, more at noon. */
export function sizedPool(connection: PoolOptions, say: (line: string) => void = console.log): WorkflowConnectionPool {
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    ...connection,
    adaptiveSizing: true,
    minConnections: 3,
    maxConnections: 50,
  });
  pool.on('pool:size-adjusted', ({ fromSize, toSize, reason }) => say(`${fromSize} -> ${toSize}: ${reason}`));
  return pool;
}
