import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';

export async function activeCustomers(connection: PoolOptions): Promise<number> {
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    ...connection,
    minConnections: 5,
    maxConnections: 20,
    adaptiveSizing: true, // new: the pool finds its size between the two
    enableQueryRouting: true, // new: it learns what is asked of it
  });
  const router = new QueryRouterNode({
    name: 'router',
    connectionPool: 'db_pool', // the name under which the pool is registered
    enableReadWriteSplit: true, // reads go to replicas, where there are any
    cacheSize: 1000, // texts whose meaning is remembered
    patternLearning: true, // tells the pool what was executed
  });
  await using runtime = new Runtime(); // its end stops the router and closes the pool
  runtime.registerNode('db_pool', pool).registerNode('router', router);

  const { rowCount } = await router.process({ query: 'SELECT id, name FROM customers WHERE active = ?', parameters: [true] });
  return rowCount;
}
