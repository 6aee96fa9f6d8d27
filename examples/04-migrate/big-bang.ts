import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';

/** As it was: a size that somebody guessed. */
export function oldPool(connection: PoolOptions): WorkflowConnectionPool {
  return new WorkflowConnectionPool({ name: 'db_pool', ...connection, minConnections: 10, maxConnections: 20 });
}

/** Everything at once. Who closes the runtime stops the router and closes the pool. */
export function newRuntime(connection: PoolOptions): Runtime {
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    ...connection,
    minConnections: 5, // less at night ...
    maxConnections: 50, // ... and more at noon
    adaptiveSizing: true,
    enableQueryRouting: true,
    healthThreshold: 70, // connections are replaced sooner than by default (50)
  });
  const router = new QueryRouterNode({
    name: 'router',
    connectionPool: 'db_pool',
    enableReadWriteSplit: true,
    cacheSize: 2000,
    patternLearning: true,
  });
  return new Runtime().registerNode('db_pool', pool).registerNode('router', router);
}
