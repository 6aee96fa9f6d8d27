/** What usually follows is prepared while its session thinks: on real servers. */
import { Runtime } from '@kailash-ts/core';
import { SimulatedClock } from '@kailash-ts/core/testing';
import { WorkflowConnectionPool, type PoolEvents } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { expect, it, onTestFinished } from 'vitest';
import { QueryRouterNode } from './index.ts';

const USER = 'SELECT note FROM users WHERE id = ?';
const ORDERS = 'SELECT note FROM orders WHERE user_id = ? LIMIT 5';

/** The router's time stands still, so that its sessions think for as long as a test wants; the pool and its server have their own. */
async function setUp(kind: DatabaseKind) {
  const { url } = await freshDatabase(kind);
  const clock = new SimulatedClock();
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: url, minConnections: 2, enableQueryRouting: true });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', patternLearning: true }, { clock });
  const runtime = new Runtime({ nodes: { db_pool: pool, router } });
  onTestFinished(() => runtime.close());
  await pool.initialize();
  await router.process({ query: 'CREATE TABLE users (id integer PRIMARY KEY, note varchar(20))' });
  await router.process({ query: 'CREATE TABLE orders (user_id integer, note varchar(20))' });
  const run = (query: string, sessionId: string) => router.process({ query, parameters: [1], sessionId });
  for (let session = 0; session < 8; session++) for (const query of [USER, ORDERS]) await run(query, `teacher ${session}`);
  // Nothing of what they have sent is prepared any more.
  pool.forgetPrepared(() => true);
  const prepared: PoolEvents['pool:prepared-ahead'][] = [];
  const untilPrepared = new Promise<void>((resolve) => {
    pool.on('pool:prepared-ahead', (event) => {
      prepared.push(event);
      resolve();
    });
  });
  return {
    pool,
    router,
    clock,
    run,
    prepared,
    untilPrepared,
    actions: () => pool.getComprehensiveStatus().patternInsights!.actions.prepares,
  };
}

describeDatabases('what usually follows', ['postgresql', 'mysql'], (kind) => {
  it('is prepared while the session thinks, run only when it is asked for, and counted as useful', async () => {
    const { pool, clock, run, prepared, untilPrepared, actions } = await setUp(kind);
    const before = pool.stats();
    await run(USER, 'pupil');
    expect(prepared).toEqual([]);
    await clock.advance(20);
    await untilPrepared;
    expect(prepared[0]!.probability).toBeGreaterThan(0.5);
    expect(pool.stats().queries.executed).toBe(before.queries.executed + 1);
    expect(actions()).toEqual({ done: 1, useful: 0, wasted: 0 });
    const { hits } = pool.stats().prepared;
    await run(ORDERS, 'pupil');
    expect(pool.stats().prepared.hits).toBe(hits + 1);
    expect(actions()).toEqual({ done: 1, useful: 1, wasted: 0 });
  });

  it('is left alone in a transaction, when the session goes on at once, and without learning', async () => {
    const { router, clock, run, prepared, actions } = await setUp(kind);
    await router.process({ query: 'BEGIN', sessionId: 'pupil' });
    await run(USER, 'pupil');
    await clock.advance(20);
    await router.process({ query: 'COMMIT', sessionId: 'pupil' });
    await run(USER, 'busy');
    const going = run(ORDERS, 'busy');
    await clock.advance(20);
    await going;
    router.patternLearning = false;
    await run(USER, 'unknown');
    await clock.advance(20);
    await run(ORDERS, 'unknown');
    expect(prepared).toEqual([]);
    expect(actions().done).toBe(0);
  });

  it('that was dropped meanwhile is refused to nobody but who runs it', async () => {
    const { pool, router, clock, run, prepared, actions } = await setUp(kind);
    await pool.query('DROP TABLE orders');
    await run(USER, 'pupil');
    await clock.advance(20);
    await expect(run(ORDERS, 'pupil')).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
    await router.process({ query: 'CREATE TABLE orders (user_id integer, note varchar(20))' });
    expect((await run(ORDERS, 'pupil')).data).toEqual([]);
    expect([prepared, actions().done, pool.stats().currentState.totalConnections]).toEqual([[], 0, 2]);
  });
});
