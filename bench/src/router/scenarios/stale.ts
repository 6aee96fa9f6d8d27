/**
 * Read your writes while the replay of two replicas stops and goes on: sessions write and read back. The checker is that of
 * `campaign stale-reads`, which checks 100,000 reads a database; here it plays a smaller number, on PostgreSQL.
 */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { checkStaleReads } from '../../../../packages/query-router/src/testing/stale-reads.ts';
import { ReplayControl, startPostgres } from '../../../../packages/test-databases/src/index.ts';
import { atLeast, atMost } from '../../harness.ts';
import { addResult, note, say } from '../../pool/bench.ts';
import type { RouterBench } from '../plan.ts';

const SCENARIO = 'stale-postgresql-2-replicas';
const GOAL_SHARE = 0.3;

export async function benchStale(bench: RouterBench): Promise<void> {
  say(`${SCENARIO} ...`);
  const cluster = await startPostgres({ replicas: 2, settings: { synchronous_commit: 'local' } });
  try {
    await using replay = new ReplayControl(cluster);
    const pool = new WorkflowConnectionPool({
      name: 'db_pool',
      connectionString: cluster.url,
      replicas: cluster.replicas.map(({ port }) => `127.0.0.1:${port}`),
      maxConnections: 8,
      lagCheckIntervalMs: 100,
    });
    const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
    await using runtime = new Runtime();
    runtime.registerNode('db_pool', pool).registerNode('router', router);
    const found = await checkStaleReads({ router, pool, replay, checks: bench.plan.staleChecks });
    const share = found.onReplicas / found.checks;
    addResult(bench, SCENARIO, 'router', 'stale reads', found.stale);
    addResult(bench, SCENARIO, 'any replica, for comparison', 'stale reads', found.staleWithoutRouter);
    addResult(bench, SCENARIO, 'router', 'share of reads on replicas', share);
    addResult(bench, SCENARIO, 'router', 'reads/s', (found.checks * 1000) / found.elapsedMs);
    bench.goals.push(
      atMost('router-stale', `stale reads of ${found.checks}, sessions reading what they wrote`, 0, found.stale),
      atLeast('router-stale-share', 'share of these reads that replicas serve', GOAL_SHARE, share),
    );
    note(
      bench,
      `stale: ${found.checks} reads, ${found.writes} writes; replay stood ${found.stoodShares.map((part) => `${(100 * part).toFixed(0)} %`).join(' and ')} of the time; ` +
        `any replica was stale in ${found.staleWithoutRouter} of ${found.compared} reads. \`campaign stale-reads\` checks 100,000 a database.`,
    );
  } finally {
    await cluster.stop();
  }
}
