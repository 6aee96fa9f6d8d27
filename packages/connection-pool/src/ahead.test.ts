/** What a pool does before it is asked for, in virtual time. */
import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from './config.ts';
import type { PoolEvents } from './events.ts';
import { QueryPatternTracker } from './learning/query-pattern-tracker.ts';
import { randomFrom } from './testing/random.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const SQL = 'SELECT name FROM item WHERE id = ?';
const TEXT = 'SELECT name FROM item WHERE id = $1';
const likely = { probability: 0.9, delayMs: 100 };

function setUp(options: PoolOptions = {}) {
  const { pool, clock, driver } = scriptedPool({ enableQueryRouting: true, idleTimeoutMs: 'never', maxConnections: 4, ...options });
  const judged: PoolEvents['pool:ahead-judged'][] = [];
  pool.on('pool:ahead-judged', (event) => void judged.push(event));
  onTestFinished(() => pool.close());
  return { pool, clock, driver, judged, actions: () => pool.getComprehensiveStatus().patternInsights!.actions };
}

describe('statements that are prepared before they are run', () => {
  it('are prepared on the connection that is lent next, and useful when they are run within 30 s', async () => {
    const { pool, clock, driver, judged, actions } = setUp({ minConnections: 2 });
    await pool.initialize();
    const told: PoolEvents['pool:prepared-ahead'][] = [];
    pool.on('pool:prepared-ahead', (event) => void told.push(event));
    driver.connections[1]!.onPrepare = () => new Promise((resolve) => clock.setTimer(resolve, 3));
    expect(pool.prepareAhead(SQL, likely)).toBe(true);
    await clock.advance(3);
    expect(told).toEqual([{ pool: 'pool', host: 'primary', connectionId: 'primary-2', probability: 0.9, durationMs: 3 }]);
    expect(driver.connections.map(({ prepared, executed }) => [[...prepared], executed])).toEqual([
      [[], []],
      [[TEXT], []],
    ]);
    // Once is enough.
    expect(pool.prepareAhead(SQL, likely)).toBe(false);
    await clock.advance(29_990);
    await pool.query(SQL, [1]);
    await pool.query(SQL, [1]);
    expect(judged).toEqual([
      { pool: 'pool', host: 'primary', connectionId: 'primary-2', action: 'prepare', outcome: 'useful', afterMs: 29_990 },
    ]);
    await clock.advance(60_000);
    expect(actions().prepares).toEqual({ done: 1, useful: 1, wasted: 0 });
    expect((await pool.exportMetrics()).prometheusMetrics).toMatch(/connection_pool_prepares_ahead_useful_total[{].*[}] 1/);
  });

  it('are wasted when nobody runs them within 30 s', async () => {
    const { pool, clock, actions, judged } = setUp({ minConnections: 2 });
    await pool.initialize();
    pool.prepareAhead(SQL, likely);
    await clock.advance(29_000);
    expect(actions().prepares).toEqual({ done: 1, useful: 0, wasted: 0 });
    await clock.advance(2_000);
    expect(actions().prepares).toEqual({ done: 1, useful: 0, wasted: 1 });
    expect(judged).toMatchObject([{ action: 'prepare', outcome: 'wasted' }]);
    await pool.query(SQL, [1]);
    expect(actions().prepares).toEqual({ done: 1, useful: 0, wasted: 1 });
  });

  it('let nobody wait: not where the last idle connection would be busy with it, where callers wait, or it is as good as not', async () => {
    const { pool, clock, driver } = setUp({ minConnections: 2, maxConnections: 2 });
    expect(pool.prepareAhead(SQL, likely)).toBe(false);
    await pool.initialize();
    expect(pool.prepareAhead(SQL, { ...likely, probability: 0.5 })).toBe(false);
    const lease = await pool.acquire();
    expect(pool.prepareAhead(SQL, likely)).toBe(false);
    const other = await pool.acquire();
    const waiting = pool.acquire();
    expect(pool.prepareAhead(SQL, likely)).toBe(false);
    await lease.execute('BEGIN');
    await pool.release(lease);
    await pool.release(other);
    await pool.release(await waiting);
    // While one is busy with it, the other one serves.
    driver.connections[0]!.onPrepare = driver.connections[1]!.onPrepare = () => new Promise((resolve) => clock.setTimer(resolve, 50));
    expect(pool.prepareAhead(SQL, likely)).toBe(true);
    expect((await pool.query('SELECT 1')).waitTimeMs).toBe(0);
    await clock.advance(50);
    expect(pool.getStatus()).toMatchObject({ availableCount: 2 });
  });

  it('on a held connection: outside of transactions, and when its owner is not expected back at once', async () => {
    const { pool, clock, driver } = setUp({ minConnections: 3 });
    await pool.initialize();
    for (const connection of driver.connections) connection.onPrepare = () => new Promise((resolve) => clock.setTimer(resolve, 2));
    const lease = await pool.acquire();
    const held = { ...likely, lease };
    // How long it takes is not known yet.
    expect(pool.prepareAhead(SQL, held)).toBe(false);
    expect(pool.prepareAhead('SELECT 2', likely)).toBe(true);
    await clock.advance(2);
    expect(pool.prepareAhead(SQL, { ...held, delayMs: 0.1 })).toBe(false);
    const connection = driver.connections.find(({ prepared }) => prepared.size === 0)!;
    for (const one of driver.connections) one.transactionStatus = 'open';
    expect(pool.prepareAhead(SQL, held)).toBe(false);
    for (const one of driver.connections) one.transactionStatus = 'idle';
    expect(pool.prepareAhead(SQL, held)).toBe(true);
    await clock.advance(2);
    expect((await lease.execute(SQL, [1])).success).toBe(true);
    expect(pool.getComprehensiveStatus().patternInsights!.actions.prepares).toMatchObject({ useful: 1 });
    await pool.release(lease);
    expect(pool.prepareAhead('SELECT 3', held)).toBe(false);
    expect(connection.usable).toBe(true);
  });

  it('are not tried again when the server refuses them, until something has changed, and the connection serves on', async () => {
    const { pool, clock, driver, actions } = setUp({ minConnections: 2 });
    await pool.initialize();
    for (const connection of driver.connections) connection.onPrepare = () => Promise.reject(new Error('no such table'));
    expect(pool.prepareAhead(SQL, likely)).toBe(true);
    await clock.advance(1);
    expect(pool.prepareAhead(SQL, likely)).toBe(false);
    expect(pool.getStatus()).toMatchObject({ poolSize: 2, availableCount: 2 });
    expect(actions().prepares.done).toBe(0);
    pool.forgetPrepared(() => true);
    expect(pool.prepareAhead(SQL, likely)).toBe(true);
    await clock.advance(1);
  });

  it('are none where nothing is kept prepared; wrong options are refused', async () => {
    for (const options of [{ prepareCacheSize: 0 }, { poolerMode: 'transaction' }] as const) {
      const { pool } = setUp({ minConnections: 2, ...options });
      await pool.initialize();
      expect([pool.preparesAhead, pool.prepareAhead(SQL, likely)]).toEqual([false, false]);
    }
    // Nor is it of use where everything has long been prepared.
    const { pool: settled, clock } = setUp({ minConnections: 2 });
    await settled.initialize();
    expect(settled.preparesAhead).toBe(true);
    await clock.advance(31_000);
    expect(settled.preparesAhead).toBe(false);
    await settled.query(SQL, [1]);
    expect(settled.preparesAhead).toBe(true);
    const { pool } = setUp();
    expect(() => pool.prepareAhead(SQL, { ...likely, probabilty: 1 } as never)).toThrow(/probabilty.*did you mean "probability"/);
    expect(() => pool.prepareAhead(SQL, { ...likely, probability: 2 })).toThrow(/probability: must be a number from 0 to 1/);
  });
});

describe('connections that are opened before they are asked for', () => {
  it('for a run: useful when as many are in use at a time, wasted otherwise', async () => {
    const { pool, clock, actions, judged } = setUp();
    const opened: PoolEvents['pool:prewarmed'][] = [];
    pool.on('pool:prewarmed', (event) => void opened.push(event));
    await pool.query('SELECT 1');
    pool.beginRun('run', 'report');
    await clock.advance(1);
    // Two are thought to be needed of which nothing is known, and one is idle.
    expect(opened).toEqual([{ pool: 'pool', host: 'primary', connectionId: 'primary-2', because: 'run', durationMs: 0 }]);
    const first = await pool.acquire({ runId: 'run' });
    expect(judged).toEqual([]);
    await pool.acquire({ runId: 'run' });
    expect(judged).toMatchObject([{ action: 'prewarm', outcome: 'useful', afterMs: 1, connectionId: 'primary-2' }]);
    expect(first.released).toBe(false);
    await pool.endRun('run');
    // Two are idle, as many as the last run has needed.
    pool.beginRun('again', 'report');
    await clock.advance(1);
    expect(actions().prewarms).toEqual({ done: 1, useful: 1, wasted: 0 });
    pool.beginRun('other', 'heavy');
    const leases = [await pool.acquire(), await pool.acquire()];
    pool.beginRun('more', 'heavy');
    await clock.advance(1);
    expect(actions().prewarms.done).toBe(3);
    for (const lease of leases) await pool.release(lease);
    await clock.advance(31_000);
    expect(actions().prewarms).toEqual({ done: 3, useful: 1, wasted: 2 });
  });

  it('for a rise of the load that is forecast, without adaptive sizing', async () => {
    const { pool, clock, actions } = setUp({ maxConnections: 10 });
    const past = new SimulatedClock({ wallTime: clock.wallTime() - 10 * 86_400_000 });
    const teacher = new QueryPatternTracker({}, past);
    const random = randomFrom(1);
    for (let interval = 0; interval < 10 * 288; interval++) {
      const hour = Math.floor(interval / 12) % 24;
      // About two a second from 0 to 2, next to nothing else.
      const count = random() * (hour < 2 ? 1200 : 10);
      for (let index = 0; index < count; index++)
        teacher.recordExecution({ fingerprint: 'A', executionTimeMs: 1000, connectionId: 'c', success: true, resultSize: 1 });
      await past.advance(300_000);
    }
    pool.queryPatternTracker!.importState(teacher.exportState());
    const lease = await pool.acquire();
    await lease.execute('SELECT 1');
    await clock.advance(1000);
    await pool.release(lease);
    await clock.advance(20_000);
    // Two a second for a second each, and some for chance.
    const { total, idle } = { total: pool.getStatus().poolSize, idle: pool.getStatus().availableCount };
    expect(total).toBeGreaterThanOrEqual(4);
    expect(idle).toBe(total);
    expect(actions().prewarms.done).toBe(total - 1);
  });
});
