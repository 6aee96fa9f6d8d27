/** A router over the database of a scenario. */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import type { RouterOptions } from '../config.ts';
import type { AnyData, RouterResult } from '../messages.ts';
import { QueryRouterNode } from '../node.ts';

/** Where the scenario takes place. */
export interface Place {
  readonly url: string;
  /** Done afterwards, whatever happens. */
  defer(action: () => unknown): void;
}

export interface Routed {
  readonly pool: WorkflowConnectionPool;
  readonly router: QueryRouterNode;
  /** One statement, in a session if it is named. */
  run(query: string, sessionId?: string, parameters?: readonly unknown[]): Promise<RouterResult<AnyData>>;
  /** Connections that somebody holds. */
  active(): number;
}

export function openRouter(place: Place, options: { readonly pool?: PoolOptions; readonly router?: Partial<RouterOptions> } = {}): Routed {
  const limits = { minConnections: 0, maxConnections: 4, closeGraceMs: 200 };
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: place.url, ...limits, ...options.pool });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...options.router });
  const runtime = new Runtime();
  runtime.registerNode('db_pool', pool).registerNode('router', router);
  place.defer(() => runtime.close());
  return {
    pool,
    router,
    run: (query, sessionId, parameters) => router.process({ query, sessionId, ...(parameters && { parameters }) }),
    active: () => pool.stats().currentState.activeConnections,
  };
}
