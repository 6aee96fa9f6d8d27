import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, slowRead, stopwatch } from '../testing/scenario-pool.ts';

scenario(34, 'A run holds its whole quota and asks for one more', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 4, maxConnectionsPerRun: 2, deadlockAfterMs: 150 });
  const held = [await pool.acquire({ runId: 'A' }), await pool.acquire({ runId: 'A' })];
  const elapsed = stopwatch();
  const nested = failureOf(pool.acquire({ runId: 'A', nodeId: 'third' })).then((error) => ({ error, afterMs: elapsed() }));
  // The others go on meanwhile.
  const b = await pool.acquire({ runId: 'B' });
  const c = await pool.query('SELECT 1 AS one', [], { runId: 'C' });
  const servedMs = elapsed();
  expect(c.data).toEqual([{ one: 1 }]);
  const { error, afterMs } = await nested;
  expect(error).toMatchObject({ code: 'POOL_RUN_DEADLOCK', facts: { runId: 'A', held: 2 } });
  for (const lease of [...held, b]) expect((await lease.execute('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  // One that gives back in time is served.
  const third = pool.acquire({ runId: 'A' });
  await pool.release(held[0]!);
  await pool.release(await third);
  await pool.release(held[1]!);
  await pool.release(b);
  expect(pool.stats().currentState.activeConnections).toBe(0);
  return `RunDeadlockError after ${afterMs} ms (deadlockAfterMs 150), its two leases work on; other runs were served after ${servedMs} ms; with one given back in time it gets its third`;
});

scenario(34, 'Runs block each other: each holds one and wants another', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 3, deadlockAfterMs: 150 });
  const runs = ['A', 'B', 'C'];
  const results = await Promise.all(
    runs.map(async (runId) => {
      const first = await pool.acquire({ runId });
      const error = await failureOf(pool.acquire({ runId }).then((second) => pool.release(second)));
      await pool.release(first);
      return error;
    }),
  );
  const refused = results.filter((error) => error !== undefined);
  for (const error of refused) expect(error).toMatchObject({ code: 'POOL_RUN_DEADLOCK' });
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(runs.length);
  expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
  return `${refused.length} of 3 gets RunDeadlockError and gives up its own; the others are served`;
});

scenario(34, 'A greedy run, and a reserve for the others', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 4, reservedConnections: 1, deadlockAfterMs: 'never', acquireTimeoutMs: 300 });
  const greedy = await Promise.all([1, 2, 3].map(() => pool.acquire({ runId: 'A' })));
  expect(await failureOf(pool.acquire({ runId: 'A' }))).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' });
  const elapsed = stopwatch();
  for (const runId of ['B', 'C', 'D']) expect((await pool.query('SELECT 1 AS one', [], { runId })).data).toEqual([{ one: 1 }]);
  const servedMs = elapsed();
  for (const lease of greedy) await pool.release(lease);
  return `it gets 3 of 4 connections, the fourth stays for runs that hold none: three others are served after ${servedMs} ms in all`;
});

scenario(34, 'A run ends while it holds, runs and waits', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: scene.kind === 'sqlite' ? 3 : 2 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  const mine = await pool.acquire({ runId: 'mine' });
  const others = await pool.acquire({ runId: 'other', ...(scene.kind === 'sqlite' && { role: 'replica' }) });
  await mine.execute('BEGIN');
  await mine.execute('INSERT INTO item (id) VALUES (1)');
  const running = failureOf(mine.execute(slowRead[scene.kind]));
  const waiting = failureOf(pool.acquire({ runId: 'mine' }));
  const elapsed = stopwatch();
  await pool.onRunFinished({ runId: 'mine' });
  const endedMs = elapsed();
  expect(await running).toMatchObject({ code: 'POOL_ABORTED' });
  expect(await waiting).toMatchObject({ code: 'POOL_RUN_FINISHED' });
  expect(await failureOf(pool.acquire({ runId: 'mine' }))).toMatchObject({ code: 'POOL_RUN_FINISHED' });
  expect((await others.execute('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 0 }]);
  expect(others.released).toBe(false);
  await pool.release(others);
  expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
  return `after ${endedMs} ms its statement is cancelled, its transaction rolled back, its wait ended; the other run's lease is untouched`;
});
