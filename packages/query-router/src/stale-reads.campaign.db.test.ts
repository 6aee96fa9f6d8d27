/**
 * Sessions that write and read back what they wrote, while the replay of two replicas stops and goes on at random moments: no read may
 * show less than the session's last write, and replicas must serve a good part of them all the same. `campaign stale-reads` checks
 * 100,000 reads on each database, `test` some thousands. Beside them, the same read on any replica shows how stale they were.
 */
import type { Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Replicated, startCluster } from './testing/replicated.ts';
import { checkStaleReads } from './testing/stale-reads.ts';

const CHECKS = process.env['KAILASH_CAMPAIGN'] === 'stale-reads' ? 100_000 : 3000;

describeDatabases('stale reads', ['postgresql', 'mysql'], (kind) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(kind as Cluster['kind'], 2);
  });
  afterAll(() => cluster.stop());

  it(`are none of ${CHECKS}, and at least 30 % of the reads are served by replicas`, { timeout: 0 }, async () => {
    await using scene = new Replicated(cluster, { pool: { maxConnections: 8, lagCheckIntervalMs: 100 } });
    const { router, pool, replay } = scene;
    const found = await checkStaleReads({ router, pool, replay, checks: CHECKS });
    console.log(
      `${kind}: ${found.checks} reads of ${found.sessions} sessions, ${found.writes} writes, ${found.stale} stale; ` +
        `${((100 * found.onReplicas) / found.checks).toFixed(1)} % on replicas (${JSON.stringify(found.byHost)}); ` +
        `replay stood ${found.stoodShares.map((share) => `${(100 * share).toFixed(0)} %`).join(' and ')} of the time; ` +
        `without the router ${found.staleWithoutRouter} of ${found.compared} stale; ${router.getMetrics().routerMetrics.misroutes} misroutes; ` +
        `${Math.round(found.elapsedMs)} ms`,
    );
    expect(found.stale).toBe(0);
    expect(found.checks).toBe(CHECKS);
    expect(found.onReplicas / CHECKS).toBeGreaterThanOrEqual(0.3);
    expect(found.staleWithoutRouter).toBeGreaterThan(0); // or nothing was tried at all
  });
});
