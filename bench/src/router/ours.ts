/** Our router over our pool, as a user gets them (from `dist`). Variants: `default`; `no split`, which keeps reads on the primary. */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { catchUp } from '../../../packages/query-router/src/testing/caught-up.ts';
import type { PoolSubject } from '../pool/subject.ts';

export const subject: PoolSubject = {
  async open({ url, connections, minConnections = connections, replicas, variant }) {
    const pool = new WorkflowConnectionPool({
      name: 'db_pool',
      connectionString: url,
      maxConnections: connections,
      minConnections,
      closeGraceMs: 500,
      ...(replicas && { replicas: [...replicas] }),
    });
    const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', enableReadWriteSplit: variant !== 'no split' });
    const runtime = new Runtime().registerNode('db_pool', pool).registerNode('router', router);
    // Filling the tables is not what shall be measured.
    if (replicas && !(await catchUp(pool))) throw new Error('The replicas do not catch up.');
    return {
      cycle: () => Promise.reject(new Error('A router lends nothing.')),
      run: (query, parameters) => router.process({ query, parameters }),
      rows: (result) => (result as { readonly data: readonly unknown[] }).data,
      readsOnReplicas: () => router.getMetrics().shares.readsOnReplicas.share,
      close: () => runtime.close(),
    };
  },
};
