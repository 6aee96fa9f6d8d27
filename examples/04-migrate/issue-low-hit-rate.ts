import type { QueryRouterNode } from '@kailash-ts/query-router';

/** Each call sends a text that was never there before: it is looked at, prepared and remembered, and never comes again. */
export async function valuesInTexts(router: QueryRouterNode, ids: readonly number[]): Promise<number> {
  for (const id of ids) await router.process({ query: `SELECT name FROM customers WHERE id = ${id}` });
  return router.getMetrics().cacheStats.hitRate;
}

/** One text, many values. */
export async function valuesAsParameters(router: QueryRouterNode, ids: readonly number[]): Promise<number> {
  for (const id of ids) await router.process({ query: 'SELECT name FROM customers WHERE id = ?', parameters: [id] });
  return router.getMetrics().cacheStats.hitRate;
}
