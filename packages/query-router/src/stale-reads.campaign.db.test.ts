/**
 * Sessions that write and read back what they wrote, while the replay of two replicas stops and goes on at random moments: no read may
 * show less than the session's last write, and replicas must serve a good part of them all the same. `campaign stale-reads` checks
 * 100,000 reads on each database, `test` some thousands. Beside them, the same read on any replica shows how stale they were.
 */
import type { Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Replicated, startCluster } from './testing/replicated.ts';

const CHECKS = process.env['KAILASH_CAMPAIGN'] === 'stale-reads' ? 100_000 : 3000;
const SESSIONS = 32;
const READS_PER_WRITE = 5;

/** Numbers from 0 to 1 that are the same in each campaign (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Stops and resumes the replay of one replica until it is told to end. @returns how long it stood, in all */
async function disturb(scene: Replicated, replica: number, random: () => number, isOver: () => boolean): Promise<number> {
  let stoodMs = 0;
  while (!isOver()) {
    await pause(20 + random() * 150);
    const startedAt = performance.now();
    await scene.pauseReplay(replica);
    await pause(random() * 200);
    await scene.resumeReplay(replica);
    stoodMs += performance.now() - startedAt;
  }
  return stoodMs;
}

describeDatabases('stale reads', ['postgresql', 'mysql'], (kind) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(kind as Cluster['kind'], 2);
  });
  afterAll(() => cluster.stop());

  it(`are none of ${CHECKS}, and at least 30 % of the reads are served by replicas`, { timeout: 0 }, async () => {
    await using scene = new Replicated(cluster, { pool: { maxConnections: 8, lagCheckIntervalMs: 100 } });
    const { router, pool } = scene;
    await router.process({ query: 'CREATE TABLE mine (id integer PRIMARY KEY, n integer)' });
    await router.process({
      query: 'INSERT INTO mine (id, n) VALUES (?, 0)',
      parameterSets: Array.from({ length: SESSIONS }, (_, id) => [id]),
    });
    await scene.untilCaughtUp();

    const random = randomFrom(20_261_124);
    const byHost: Record<string, number> = {};
    let checks = 0;
    let stale = 0;
    let staleWithoutRouter = 0;
    let compared = 0;
    let writes = 0;

    /** Every fourth one in a transaction, every fourth session as a run. */
    const play = async (id: number): Promise<void> => {
      const context =
        id % 4 === 3 ? ({ runId: `run-${id}`, nodeId: 'n', attempt: 1, signal: new AbortController().signal } as never) : undefined;
      const sessionId = context && id % 8 === 7 ? undefined : `session-${id}`;
      const run = (query: string, parameters?: unknown[]) => router.process({ query, parameters, sessionId }, context);
      const update = (n: number) => run('UPDATE mine SET n = ? WHERE id = ?', [n, id]);
      for (let n = 1; checks < CHECKS; n++) {
        const inTransaction = n % 4 === 0 && sessionId !== undefined;
        if (inTransaction) await run('BEGIN');
        await update(n);
        if (inTransaction) await run('COMMIT');
        writes += 1;
        for (let read = 0; read < READS_PER_WRITE && checks < CHECKS; read++) {
          const check = (checks += 1);
          if (read > 0) await pause(random() * 20);
          const { data, routingMetadata } = await run('SELECT n FROM mine WHERE id = ?', [id]);
          byHost[routingMetadata.host] = (byHost[routingMetadata.host] ?? 0) + 1;
          if ((data as Record<string, unknown>[])[0]!['n'] !== n) stale += 1;
          if (check % 20 !== 0) continue;
          compared += 1;
          const anywhere = await pool.query('SELECT n FROM mine WHERE id = ?', [id], { role: 'replica' });
          if (anywhere.data[0]!['n'] !== n) staleWithoutRouter += 1;
        }
      }
    };
    const startedAt = performance.now();
    let isOver = false;
    const disturbing = [0, 1].map((replica) => disturb(scene, replica, random, () => isOver));
    await Promise.all(Array.from({ length: SESSIONS }, (_, id) => play(id)));
    isOver = true;
    const stood = await Promise.all(disturbing);
    const elapsedMs = performance.now() - startedAt;
    const onReplicas = (byHost['replica'] ?? 0) + (byHost['replica-2'] ?? 0);

    console.log(
      `${kind}: ${checks} reads of ${SESSIONS} sessions, ${writes} writes, ${stale} stale; ` +
        `${((100 * onReplicas) / checks).toFixed(1)} % on replicas (${JSON.stringify(byHost)}); ` +
        `replay stood ${stood.map((ms) => `${((100 * ms) / elapsedMs).toFixed(0)} %`).join(' and ')} of the time; ` +
        `without the router ${staleWithoutRouter} of ${compared} stale; ${router.getMetrics().routerMetrics.misroutes} misroutes; ` +
        `${Math.round(elapsedMs)} ms`,
    );
    expect(stale).toBe(0);
    expect(checks).toBe(CHECKS);
    expect(onReplicas / checks).toBeGreaterThanOrEqual(0.3);
    expect(staleWithoutRouter).toBeGreaterThan(0); // or nothing was tried at all
  });
});
