import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';

/** Twenty visits, each of which looks a customer up and then its orders; and what is known afterwards. */
export async function learnFromVisits(connection: PoolOptions, say: (line: string) => void = console.log): Promise<void> {
  const pool = new WorkflowConnectionPool({ name: 'db_pool', ...connection, enableQueryRouting: true });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', patternLearning: true });
  await using runtime = new Runtime();
  runtime.registerNode('db_pool', pool).registerNode('router', router);

  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const visit = { parameters: [index + 1], sessionId: `visit-${index}` };
      await router.process({ query: 'SELECT name FROM customers WHERE id = ?', ...visit });
      await router.process({ query: 'SELECT id, total FROM orders WHERE customer_id = ?', ...visit });
    }),
  );

  const tracker = pool.queryPatternTracker;
  if (!tracker) return; // null while enableQueryRouting is false
  for (const { fingerprint, count } of tracker.getFrequentPatterns(10)) say(`${count} x ${fingerprint}`);

  const [next] = tracker.predictNextQueries('SELECT name FROM customers WHERE id = ?');
  if (next) say(`a customer is mostly followed by ${next.fingerprint}`);

  const { horizonMinutes, recommendedPoolSize } = tracker.getWorkloadForecast(60);
  say(`for the next ${horizonMinutes} minutes: ${recommendedPoolSize} connections`);
}
