import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, slowWrite, stopwatch, tallyText } from '../testing/scenario-pool.ts';

scenario(1, 'The server ends a session in the middle of a statement', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene);
  const admin = await scene.admin();
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  const told: number[] = [];
  const cutOff = async (work: Promise<unknown>): Promise<void> => {
    const failing = failureOf(work);
    await expect.poll(async () => (await admin.sessions(scene.database)).filter(({ running }) => running).length).toBe(1);
    const elapsed = stopwatch();
    await admin.endSessions(scene.database);
    expect(await failing).toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: true, retryable: false });
    told.push(elapsed());
  };
  const lease = await pool.acquire();
  await cutOff(lease.execute(slowWrite[scene.kind]));
  expect(lease.released).toBe(false);
  expect(await failureOf(lease.execute('SELECT 1'))).toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: false });
  expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
  await cutOff(pool.query(slowWrite[scene.kind]));
  expect((await pool.query('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 0 }]);
  const { counters } = pool.getPoolStatistics().comprehensiveMetrics;
  expect(counters).toMatchObject({ connectionsCreated: 3, retries: 0 });
  return `ConnectionLostError with mayHaveExecuted after ${Math.max(...told)} ms; the lease is recycled, the next statement gets a new connection, the write is not sent again`;
});

scenario(2, 'The server ends idle sessions', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { minConnections: 3 });
  await pool.initialize();
  const admin = await scene.admin();
  const reasons: string[] = [];
  pool.on('connection:closed', ({ reason }) => void reasons.push(reason));
  const elapsed = stopwatch();
  expect(await admin.endSessions(scene.database)).toBe(3);
  await expect.poll(() => reasons).toEqual(['lost', 'lost', 'lost']);
  await expect.poll(() => pool.stats().currentState.availableConnections).toBe(3);
  const refilledMs = elapsed();
  expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  expect(pool.stats().queries).toMatchObject({ executed: 1, errors: 0 });
  return `nobody sees an error; ${tallyText(reasons)}, refilled to 3 in the background after ${refilledMs} ms`;
});

scenario(2, 'The server ends an idle session just when it is lent', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  const admin = await scene.admin();
  let unharmed = 0;
  for (let round = 0; round < 20; round++) {
    // The end of the round before may be on its way still.
    await expect.poll(async () => (await failureOf(pool.query('SELECT 1')))?.code).toBeUndefined();
    const [session] = await admin.sessions(scene.database);
    // Not awaited: the end of the session and the statement race.
    const ending = admin.endSessions(scene.database, session!.id);
    const error = await failureOf(pool.query('SELECT 1', [], { role: 'replica' }));
    if (!error) unharmed += 1;
    else expect(error).toMatchObject({ code: 'POOL_CONNECTION_LOST' });
    await ending;
  }
  // The end of the last one may be on its way still, whatever was answered to who asked for it.
  await expect.poll(async () => (await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  expect(pool.stats().currentState.activeConnections).toBe(0);
  return `of 20 statements that raced with it ${unharmed} succeed and ${20 - unharmed} fail with ConnectionLostError; none hangs, none of the next ones is harmed`;
});

scenario(
  2,
  'The server ends idle sessions again and again (a short idle limit of its own)',
  { on: ['postgresql', 'mysql'] },
  async (scene) => {
    const pool = openPool(scene, { maxConnections: 1, acquireTimeoutMs: 2000 });
    const admin = await scene.admin();
    const rounds = 12;
    let longestMs = 0;
    for (let round = 0; round < rounds; round++) {
      const elapsed = stopwatch();
      expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
      longestMs = Math.max(longestMs, elapsed());
      await admin.endSessions(scene.database);
      await expect.poll(() => pool.stats().currentState.totalConnections).toBe(0);
    }
    expect(pool.stats().queries).toMatchObject({ executed: rounds, errors: 0 });
    return `${rounds} times in a row: whoever comes next is served by a new connection, after at most ${longestMs} ms`;
  },
);
