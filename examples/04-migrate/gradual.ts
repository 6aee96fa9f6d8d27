import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';

/** Step 1: the pool finds its size. Nothing that uses it changes. */
export function stepOne(connection: PoolOptions): WorkflowConnectionPool {
  return new WorkflowConnectionPool({ name: 'db_pool', ...connection, minConnections: 5, maxConnections: 20, adaptiveSizing: true });
}

/** Step 2: new code goes through a router, which sends everything to the primary for now. Old code goes on as it was. */
export function stepTwo(): QueryRouterNode {
  return new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', enableReadWriteSplit: false, patternLearning: false });
}

/** Step 3: all of it, in the running process. */
export function stepThree(pool: WorkflowConnectionPool, router: QueryRouterNode): void {
  router.enableReadWriteSplit = true;
  pool.enableQueryRouting = true;
  router.patternLearning = true;
}
