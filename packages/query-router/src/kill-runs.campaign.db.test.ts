/**
 * Runs of a workflow, each aborted at a random moment: whatever they were doing, nothing of them may stay behind, neither in the pool
 * nor on the server. `campaign kill-runs` kills 1,000 on each database, `test` some dozens; runs that end before their moment do not count.
 */
import { defineNode, RunCancelledError, Runtime, WorkflowBuilder, type Handle } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { openAdmin } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, sharedCluster, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { QueryRouterNode } from './index.ts';
import { randomFrom } from './testing/random.ts';

const KILLS = process.env['KAILASH_CAMPAIGN'] === 'kill-runs' ? 1000 : 60;
/** Runs at a time. */
const AT_ONCE = 5;

const brief: Record<DatabaseKind, string> = {
  postgresql: 'SELECT pg_sleep(0.01)',
  mysql: 'SELECT sleep(0.01)',
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) SELECT count(*) AS n FROM c',
};
const insert = 'INSERT INTO done (run, part) VALUES (?, ?)';

async function setUp(kind: DatabaseKind) {
  const { url, name } = await freshDatabase(kind);
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    connectionString: url,
    maxConnections: 6,
    minConnections: 1,
    closeGraceMs: 2000,
  });
  const reader = defineNode({
    name: 'reader',
    input: z.object({}),
    process: async (_, { signal, runId }) => {
      let sum = 0;
      for await (const row of pool.stream('SELECT n FROM numbers', [], { fetchSize: 50, signal, runId, role: 'replica' }))
        sum += Number(row['n']);
      return { sum };
    },
  });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
  const runtime = new Runtime({ nodes: { db_pool: pool, router, reader } });
  onTestFinished(() => runtime.close());
  await pool.query('CREATE TABLE done (run integer NOT NULL, part varchar(5) NOT NULL)');
  await pool.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
  await pool.executeMany('INSERT INTO numbers (n) VALUES (?)', Array.from({ length: 1000 }, (_, n) => [n])); // prettier-ignore

  const wf = new WorkflowBuilder('killed', { runtime, input: z.object({ run: z.number() }) });
  const inSession = { sessionId: 's' };
  const begin = wf.addNode('begin', 'router', { query: 'BEGIN', ...inSession });
  const first = wf.addNode('first', 'router', { query: insert, parameters: [wf.input.run, 'a'], ...inSession }, { after: [begin] });
  const middle = wf.addNode('middle', 'router', { query: brief[kind], ...inSession }, { after: [first] });
  const second = wf.addNode('second', 'router', { query: insert, parameters: [wf.input.run, 'b'], ...inSession }, { after: [middle] });
  wf.addNode('commit', 'router', { query: 'COMMIT', ...inSession }, { after: [second] });
  for (const id of ['plain_1', 'plain_2']) wf.addNode(id, 'router', { query: 'SELECT count(*) AS n FROM done' });
  wf.addNode('stream', 'reader', {});
  const lease = wf.addNode('lease', 'db_pool', { operation: 'acquire', role: kind === 'sqlite' ? 'replica' : 'primary' });
  // A pool's answer depends on the operation, which its type as a node does not tell.
  const { connectionId } = lease as Handle<{ connectionId: string }>;
  const used = wf.addNode('used', 'db_pool', { operation: 'execute', connectionId, query: brief[kind] });
  wf.addNode('given_back', 'db_pool', { operation: 'release', connectionId }, { after: [used] });
  return { runtime, pool, router, workflow: wf.build(), database: name };
}

describeDatabases('runs that are killed', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it(`leave nothing behind (${KILLS} of them)`, { timeout: 0 }, async () => {
    const { runtime, pool, router, workflow, database } = await setUp(kind);
    const random = randomFrom(20_260_801);
    const admin = kind === 'sqlite' ? undefined : await openAdmin((await sharedCluster(kind)).adminUrl);
    onTestFinished(async () => admin?.[Symbol.asyncDispose]());
    const sessions = async () => (await admin?.sessions(database)) ?? [];
    const active = (): number => pool.stats().currentState.activeConnections;

    const play = (): Promise<unknown> =>
      Promise.all(Array.from({ length: AT_ONCE }, () => runtime.execute(workflow, { input: { run: -1 } })));
    await play(); // loads what is loaded once
    const startedAt = performance.now();
    await play();
    // The longest time until a kill: kept such that some runs end before it, and most do not.
    let windowMs = performance.now() - startedAt;

    const finished = new Set<number>();
    let killed = 0;
    const kill = async (run: number): Promise<void> => {
      const abort = new AbortController();
      const result = runtime.execute(workflow, { input: { run }, signal: abort.signal }).then(
        () => {
          finished.add(run);
          windowMs *= 0.94;
        },
        (error: Error) => {
          expect(error, `${error.message} ${String(error.cause)}`).toBeInstanceOf(RunCancelledError);
          killed += 1;
          windowMs *= 1.02;
        },
      );
      await pause(random() * windowMs);
      abort.abort(new RangeError('killed'));
      await result;
    };
    let mostSessions = 0;
    let begun = 0;
    for (; killed < KILLS; begun += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => kill(begun + index)));
      // The runs are over, and with them everything that was theirs.
      expect({ active: active(), transactions: router.getMetrics().activeTransactions, waiting: pool.getStatus().queueDepth }).toEqual({
        active: 0,
        transactions: 0,
        waiting: 0,
      });
      if (admin && begun % 50 === 0) {
        mostSessions = Math.max(mostSessions, (await sessions()).length);
        // Of a connection that was destroyed the server rolls back a moment later; of one that was kept there would be no end.
        await expect.poll(async () => (await sessions()).filter(({ inTransaction }) => inTransaction), { timeout: 5000 }).toEqual([]);
      }
    }
    // A session that was destroyed is gone from the server a moment later.
    if (admin)
      await expect.poll(async () => (await sessions()).length, { timeout: 10_000 }).toBe(pool.stats().currentState.totalConnections);
    const rows = await pool.query('SELECT run, count(*) AS parts FROM done WHERE run >= 0 GROUP BY run');
    expect(rows.data.filter(({ parts }) => Number(parts) !== 2)).toEqual([]);
    const whole = new Set(rows.data.map(({ run }) => Number(run)));
    expect([...finished].filter((run) => !whole.has(run))).toEqual([]);
    const { created, recycled } = pool.stats().connections;
    await runtime.close();
    if (admin) await expect.poll(async () => (await sessions()).length, { timeout: 10_000 }).toBe(0);
    const onServer = admin ? `, at most ${mostSessions} sessions on the server, none with a transaction, 0 at the end` : '';
    console.log(
      `${kind}: ${begun} runs, ${killed} killed, ${finished.size} finished before, ${whole.size} committed; 0 leases, 0 transactions; ` +
        `${created} connections opened, ${recycled} replaced${onServer}; ${Math.round(performance.now() - startedAt)} ms`,
    );
  });
});
