import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { QueryRouterNode } from '@kailash-ts/query-router';

/** Each on its own, in the running process, in any order. */
export async function rollBack(pool: WorkflowConnectionPool, router: QueryRouterNode): Promise<void> {
  // Adaptive sizing: afterwards connections are opened on demand again, between minConnections and maxConnections.
  await pool.adaptiveController?.stop(); // also leaves the fleet
  pool.adaptiveSizingEnabled = false; // `pool.adaptiveController` is null from here on

  // Pattern learning. What was learnt is kept until the pool is closed.
  router.patternLearning = false;
  pool.enableQueryRouting = false;

  // Reads go to the primary.
  router.enableReadWriteSplit = false;
}
