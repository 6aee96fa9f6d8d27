/** What the migration guide shows, on every database: each sample does what the page says. */
import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { openAdmin, type DatabaseKind } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, sharedCluster } from '@kailash-ts/test-databases/vitest';
import { beforeAll, expect, it } from 'vitest';
import { sizedPool } from './adaptive-sizing.ts';
import { moveOrders, moveOrdersBack, orders, ordersByHand } from './add-router.ts';
import { activeCustomers } from './after.ts';
import { activeCustomers as activeCustomersByHand } from './before.ts';
import { newRuntime, oldPool } from './big-bang.ts';
import { logPools, whereTo } from './debug-log.ts';
import { stepOne, stepThree, stepTwo } from './gradual.ts';
import { valuesAsParameters, valuesInTexts } from './issue-low-hit-rate.ts';
import { learningState } from './issue-no-patterns.ts';
import { whyThisSize } from './issue-not-scaling.ts';
import { migrationReport } from './monitoring.ts';
import { learnFromVisits } from './pattern-learning.ts';
import { rollBack } from './rollback.ts';
import { openShop } from './shop.ts';

/** Holds a connection for 20 ms. */
const SLEEP = { postgresql: 'SELECT pg_sleep(0.02)', mysql: 'SELECT SLEEP(0.02)' };

interface Pair {
  readonly pool: WorkflowConnectionPool;
  readonly router: QueryRouterNode;
  readonly runtime: Runtime;
  [Symbol.asyncDispose](): Promise<void>;
}

function pair(pool: WorkflowConnectionPool, router: QueryRouterNode): Pair {
  const runtime = new Runtime().registerNode('db_pool', pool).registerNode('router', router);
  return { pool, router, runtime, [Symbol.asyncDispose]: () => runtime.close() };
}

/** Codes of the warnings of this process while `act` ran. */
async function warningsWhile(act: () => Promise<unknown>): Promise<{ readonly codes: (string | undefined)[]; readonly text: string }> {
  const warnings: (Error & { code?: string })[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  try {
    await act();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', note);
  }
  return { codes: warnings.map(({ code }) => code), text: warnings.map(({ message }) => message).join('\n') };
}

/** Keeps a pool busy with so many callers, each of whom comes back at once, until `until` resolves. */
async function busy(pool: WorkflowConnectionPool, callers: number, sleep: string, until: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const caller = async (): Promise<void> => {
    while (!isOver) await pool.query(sleep);
  };
  const all = Array.from({ length: callers }, caller);
  await until().finally(() => (isOver = true));
  await Promise.all(all);
}

describeDatabases('the migration', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let connection: PoolOptions;
  beforeAll(async () => {
    connection = { connectionString: (await freshDatabase(kind)).url };
    await openShop(connection);
  });
  const poolWith = (options: PoolOptions = {}): WorkflowConnectionPool =>
    new WorkflowConnectionPool({ name: 'db_pool', ...connection, minConnections: 1, ...options });
  const routerWith = (patternLearning?: boolean): QueryRouterNode =>
    new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...(patternLearning !== undefined && { patternLearning }) });

  it('gives the same before and after', async () => {
    expect(await activeCustomersByHand(connection)).toBe(15);
    expect(await activeCustomers(connection)).toBe(15);
  });

  it('replaces acquire, execute and release by one call, and keeps transactions together', async () => {
    await using both = pair(poolWith(), routerWith());
    expect(await ordersByHand(both.pool, 3)).toBe(1);
    expect(await orders(both.router, 3)).toBe(1);
    expect(await moveOrders(both.router, 3, 4)).toBe(true);
    expect([await orders(both.router, 3), await orders(both.router, 4)]).toEqual([0, 2]);
    await moveOrdersBack(both.router, 4, 3);
    expect(await orders(both.router, 3)).toBe(2);
    expect(both.router.getMetrics().activeTransactions).toBe(0);
  });

  it('learns that orders follow customers', async () => {
    const said: string[] = [];
    await learnFromVisits(connection, (line) => said.push(line));
    expect(said.slice(0, 2).sort()).toEqual([
      '20 x SELECT id, total FROM orders WHERE customer_id = ?',
      '20 x SELECT name FROM customers WHERE id = ?',
    ]);
    expect(said.slice(2)).toEqual([
      'a customer is mostly followed by SELECT id, total FROM orders WHERE customer_id = ?',
      'for the next 60 minutes: 5 connections',
    ]);
  });

  it('goes in three steps, while old code goes on', async () => {
    await using both = pair(stepOne(connection), stepTwo());
    const { pool, router } = both;
    const oldCode = (): Promise<number> => ordersByHand(pool, 5);
    expect([await oldCode(), await orders(router, 5)]).toEqual([1, 1]);
    expect([pool.adaptiveSizingEnabled, pool.queryPatternTracker, router.enableReadWriteSplit]).toEqual([true, null, false]);
    const { codes } = await warningsWhile(async () => {
      stepThree(pool, router);
      expect([await oldCode(), await orders(router, 5)]).toEqual([1, 1]);
    });
    expect(codes).toEqual([]);
    expect(router.enableReadWriteSplit).toBe(true);
    expect(pool.queryPatternTracker?.size).toBe(1);
  });

  it('goes in one step', async () => {
    await using old = oldPool(connection);
    expect(await ordersByHand(old, 6)).toBe(1);
    await using runtime = newRuntime(connection);
    const { rowCount } = (await runtime.process('router', { query: 'SELECT id FROM orders WHERE customer_id = ?', parameters: [6] })) as {
      rowCount: number;
    };
    expect(rowCount).toBe(1);
    expect((runtime.getNode('db_pool') as WorkflowConnectionPool).healthThreshold).toBe(70);
  });

  it('issue 2: values in texts push the hit rate to zero, and the router says so; parameters bring it back', async () => {
    const ids = Array.from({ length: 150 }, (_, id) => id);
    await using bad = pair(poolWith(), routerWith());
    const { codes, text } = await warningsWhile(async () => expect(await valuesInTexts(bad.router, ids)).toBe(0));
    expect(codes).toEqual(['KAILASH_INLINED_VALUES']);
    expect(text).toContain('SELECT name FROM customers WHERE id = ?');
    expect(bad.pool.stats().prepared.hits).toBe(0);

    await using good = pair(poolWith(), routerWith());
    expect((await warningsWhile(() => valuesAsParameters(good.router, ids))).codes).toEqual([]);
    expect(good.router.getMetrics().cacheStats.hitRate).toBeCloseTo(149 / 150);
    if (kind !== 'sqlite') expect(good.pool.stats().prepared.hitRate).toBeGreaterThan(0.9);
  });

  it.each([
    { enableQueryRouting: false, patternLearning: true, off: 'enableQueryRouting of pool "db_pool"' },
    { enableQueryRouting: true, patternLearning: false, off: 'patternLearning of router "router"' },
  ])('issue 3: with $off off nothing is learnt, a warning says so, and both switches help', async (one) => {
    await using both = pair(poolWith({ enableQueryRouting: one.enableQueryRouting }), routerWith(one.patternLearning));
    const { pool, router } = both;
    const { codes, text } = await warningsWhile(() => valuesAsParameters(router, [1, 2, 3, 4, 5, 6]));
    expect(codes).toEqual(['KAILASH_LEARNING_OFF']);
    expect(text).toContain(`${one.off} is off`);
    expect(learningState(pool, router)).toBe(`nothing is learnt: ${one.off} is off`);

    pool.enableQueryRouting = true;
    router.patternLearning = true;
    await valuesAsParameters(router, [1, 2, 3, 4, 5, 6]);
    expect(learningState(pool, router)).toMatch(/^1 patterns so far/);
  });

  it('shows what to watch', async () => {
    await using both = pair(poolWith(), routerWith());
    await valuesAsParameters(both.router, [1, 2, 3, 4]);
    const number = String.raw`\d+(\.\d+)?`;
    expect(migrationReport(both.pool, both.router)).toEqual([
      expect.stringMatching(/^in use: 0 of [12] connections, 0 callers wait$/),
      expect.stringMatching(new RegExp(`^wait p99: ${number} ms; statements: ${number} ms on average$`)),
      'connections: 0 failed; 0 callers waited for one, 0 in vain',
      expect.stringMatching(new RegExp(`^hit rate: 75[.]0 %; deciding takes ${number} ms$`)),
      expect.stringMatching(/^reads on replicas: (0|100)[.]0 %$/),
    ]);
  });

  it('is taken back in the running process, and direct use goes on', async () => {
    await using both = pair(poolWith({ adaptiveSizing: true, enableQueryRouting: true }), routerWith(true));
    const { pool, router } = both;
    expect(await orders(router, 7)).toBe(1);
    expect(pool.adaptiveController?.isRunning).toBe(true);
    await rollBack(pool, router);
    expect([pool.adaptiveController, pool.queryPatternTracker]).toEqual([null, null]);
    expect((await pool.process({ operation: 'get_comprehensive_status' })).adaptiveControl).toBeNull();
    expect((await warningsWhile(() => orders(router, 7))).codes).toEqual([]);
    expect(await whereTo(router, 'SELECT id FROM orders WHERE id = 1')).toMatch(/^primary \(primary_read\): /);
    expect(await ordersByHand(pool, 7)).toBe(1);
  });

  it('logs what pools do and where statements go', async () => {
    const lines: string[] = [];
    const stop = logPools((line) => lines.push(line));
    try {
      await using both = pair(poolWith({ name: 'logged' }), routerWith());
      await orders(both.router, 8);
      expect(await whereTo(both.router, 'DELETE FROM orders')).toMatch(/^primary \(primary_write\): /);
    } finally {
      stop();
    }
    const ours = lines.filter((line) => line.includes('"pool":"logged"')).map((line) => line.split(' ')[0]);
    expect(ours).toContain('kailash:pool:connection:opened');
    expect(ours).toContain('kailash:pool:connection:closed');
    expect(lines.join()).not.toContain('SELECT');
  });
});

describeDatabases('issue 1 of the migration', ['postgresql', 'mysql'], (kind) => {
  const sleep = SLEEP[kind as keyof typeof SLEEP];

  it('a pool at maxConnections says so; with more room it grows', async () => {
    const said: string[] = [];
    const connection = { connectionString: (await freshDatabase(kind)).url };
    await using small = new WorkflowConnectionPool({ ...connection, minConnections: 2, maxConnections: 3, adaptiveSizing: true });
    expect(whyThisSize(small)).toBe('the load has not asked for another size yet');
    await busy(small, 12, sleep, () => expect.poll(() => whyThisSize(small)).toMatch(/^maxConnections allows 3; .* needed$/));
    expect(small.stats().currentState.totalConnections).toBeLessThanOrEqual(3);

    await using large = sizedPool(connection, (line) => said.push(line));
    await busy(large, 12, sleep, async () => {
      await expect.poll(() => large.stats().currentState.totalConnections).toBeGreaterThanOrEqual(10);
      await expect.poll(() => whyThisSize(large)).not.toContain('allows');
    });
    expect(said[0]).toMatch(/^3 -> \d+: /);
    large.adaptiveSizingEnabled = false;
    expect(whyThisSize(large)).toBe('adaptive sizing is off');
  });

  it('a pool at 80 % of what the server allows this user says so', async () => {
    await using admin = await openAdmin((await sharedCluster(kind as 'postgresql' | 'mysql')).adminUrl);
    await admin.query(limitedUser(kind));
    const { url, name } = await freshDatabase(kind);
    if (kind === 'mysql') await admin.query(`GRANT ALL ON \`${name}\`.* TO 'limited'@'%'`);
    const limited = new URL(url);
    [limited.username, limited.password] = ['limited', ''];
    const connection = { connectionString: limited.href };
    await using pool = sizedPool(connection, () => {});
    const told = /^80 % of a limit of 10 for this user or database, control connections included, allows 7; .* needed$/;
    await busy(pool, 20, sleep, () => expect.poll(() => whyThisSize(pool)).toMatch(told));
    expect(pool.stats().currentState.totalConnections).toBeLessThanOrEqual(7);
  });
});

function limitedUser(kind: DatabaseKind): string {
  return kind === 'postgresql' ? 'CREATE ROLE limited LOGIN CONNECTION LIMIT 10' : "CREATE USER 'limited'@'%' WITH MAX_USER_CONNECTIONS 10";
}
