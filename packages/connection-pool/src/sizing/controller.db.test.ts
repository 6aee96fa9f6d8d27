/** Adaptive sizing on real servers: it grows with the load, keeps within what the server takes, and lets go when told to. */
import { openAdmin, startMariaDb, startPostgres, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';
import type { PoolOptions } from '../config.ts';

const MOST = 50;

describeDatabases('adaptive sizing', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  const open: WorkflowConnectionPool[] = [];
  let cluster: Cluster | undefined;
  let sleep = '';

  beforeAll(async () => {
    if (kind === 'sqlite') {
      // A reader that works for some milliseconds.
      sleep = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT count(*) AS n FROM c';
      return;
    }
    const isPostgres = kind === 'postgresql';
    sleep = isPostgres ? 'SELECT pg_sleep(0.02)' : 'SELECT SLEEP(0.02)';
    cluster = isPostgres ? await startPostgres({ maxConnections: MOST }) : await startMariaDb();
    if (isPostgres) return;
    await using admin = await openAdmin(cluster.adminUrl);
    await admin.query(`SET GLOBAL max_connections = ${MOST}`);
  });
  afterEach(async () => {
    for (const pool of open.splice(0)) await pool.close();
  });
  afterAll(() => cluster?.stop());

  const make = (options: Partial<PoolOptions> = {}): WorkflowConnectionPool => {
    const target = cluster?.url ?? `sqlite:${process.env['TMPDIR'] ?? '/tmp'}/kailash-sizing-${process.pid}.db`;
    const pool = new WorkflowConnectionPool({ name: 'sized', connectionString: target, minConnections: 2, maxConnections: 20, ...options });
    open.push(pool);
    return pool;
  };
  /** Keeps so many callers busy until told to stop. */
  const saturate = (pool: WorkflowConnectionPool, callers: number): (() => Promise<void>) => {
    let isOver = false;
    const caller = async (): Promise<void> => {
      while (!isOver) await pool.query(sleep, [], { role: 'replica' });
    };
    const all = Promise.all(Array.from({ length: callers }, caller));
    return async () => {
      isOver = true;
      await all;
    };
  };
  const size = (pool: WorkflowConnectionPool): number => pool.getPoolStatistics().totalConnections;

  it('conformance 92: a full pool grows within two looks, up to the limit that is read from the server', async () => {
    const pool = make({ maxConnections: kind === 'sqlite' ? 6 : 100, adaptiveSizing: true });
    await pool.initialize();
    const stop = saturate(pool, 200);
    const limit = { postgresql: 36, mysql: 39, sqlite: 6 }[kind];
    await expect.poll(() => size(pool), { timeout: 20_000 }).toBe(limit);
    await stop();
    const [first] = pool.adaptiveController!.getAdjustmentHistory();
    expect(first).toMatchObject({ action: 'scale_up' });
  });

  it('conformance 91, 93: its history is what was applied, with its reasons; it starts and stops, also while the pool works', async () => {
    const pool = make({ adaptiveSizing: true });
    const adjusted: string[] = [];
    pool.on('pool:size-adjusted', ({ reason }) => adjusted.push(reason));
    const controller = pool.adaptiveController!;
    expect(controller.isRunning).toBe(true);
    expect(controller.getAdjustmentHistory()).toEqual([]);
    expect([controller.getLastAdjustment(), controller.getRecommendedSize()]).toEqual([null, null]);
    await pool.initialize();
    const stop = saturate(pool, 60);
    await expect.poll(() => controller.getAdjustmentHistory().length, { timeout: 20_000 }).toBeGreaterThan(0);
    if (kind !== 'sqlite') await expect.poll(() => size(pool), { timeout: 20_000 }).toBe(20);
    const history = controller.getAdjustmentHistory();
    for (const [index, { timestamp, fromSize, toSize, reason, confidence, action, role, inputs }] of history.entries()) {
      expect(new Date(timestamp).toISOString()).toBe(timestamp);
      expect(toSize).toBeLessThanOrEqual(20);
      expect(action).toBe('scale_up');
      expect(reason).toMatch(/\d/);
      expect(confidence).toBeGreaterThan(0);
      expect(inputs.size).toBe(fromSize);
      const before = history.slice(0, index).findLast((other) => other.role === role);
      if (before) expect(fromSize).toBe(before.toSize);
    }
    expect(adjusted).toEqual(history.map(({ reason }) => reason));
    expect(pool.getComprehensiveStatus().adaptiveControl).toMatchObject({ running: true, lastAdjustment: { action: 'scale_up' } });

    await controller.stop();
    expect(controller.isRunning).toBe(false);
    const stopped = controller.getAdjustmentHistory().length;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(controller.getAdjustmentHistory()).toHaveLength(stopped);
    controller.start();
    controller.start();
    expect(controller.isRunning).toBe(true);
    await stop();
  });

  it('off and on while the pool works: null while off, and the configured limits are back', async () => {
    const pool = make();
    expect(pool.adaptiveController).toBeNull();
    expect(pool.getComprehensiveStatus().adaptiveControl).toBeNull();
    await pool.query(sleep);
    pool.adaptiveSizingEnabled = true;
    const controller = pool.adaptiveController!;
    const stop = saturate(pool, 60);
    await expect.poll(() => controller.getAdjustmentHistory().length, { timeout: 20_000 }).toBeGreaterThan(0);
    pool.adaptiveSizingEnabled = false;
    expect(pool.adaptiveController).toBeNull();
    // On demand again, as configured.
    if (kind !== 'sqlite') await expect.poll(() => size(pool), { timeout: 20_000 }).toBe(20);
    await stop();
    for (let flip = 0; flip < 20; flip++) pool.adaptiveSizingEnabled = !pool.adaptiveSizingEnabled;
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  });

  // A file has no limit of connections.
  if (kind !== 'sqlite') {
    it('conformance 93: what the server has told is not asked for again at each look', async () => {
      const pool = make({ adaptiveSizing: true });
      await using admin = await openAdmin(cluster!.adminUrl);
      const asked = async (): Promise<number> => {
        if (kind === 'mysql') return Number((await admin.query("SHOW GLOBAL STATUS LIKE 'Com_select'"))[0]!['Value']);
        return (await admin.query('SELECT sum(xact_commit)::int AS n FROM pg_stat_database'))[0]!['n'] as number;
      };
      await pool.initialize();
      const stop = saturate(pool, 60);
      await expect.poll(() => size(pool), { timeout: 20_000 }).toBe(20);
      await stop();
      // A smaller limit is taken note of within a minute, not at the next look.
      if (kind === 'mysql') await admin.query('SET GLOBAL max_connections = 15');
      else await admin.query('ALTER DATABASE app CONNECTION LIMIT 15');
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(pool.adaptiveController!.getAdjustmentHistory().every(({ toSize }) => toSize > 2)).toBe(true);
      expect(await asked()).toBeGreaterThan(0);
      if (kind === 'mysql') await admin.query(`SET GLOBAL max_connections = ${MOST}`);
      else await admin.query('ALTER DATABASE app CONNECTION LIMIT -1');
    });

    it('a server without room is not knocked at: fewer than it had room for, at once', async () => {
      const pool = make({ maxConnections: 40, adaptiveSizing: true, acquireTimeoutMs: 10_000 });
      await pool.initialize();
      // Others take most of what the controller reckons with.
      const others = make({ name: 'others', minConnections: 35, maxConnections: 35 });
      await others.initialize();
      const stop = saturate(pool, 100);
      const controller = pool.adaptiveController!;
      await expect
        .poll(() => controller.getAdjustmentHistory().some(({ reason }) => reason.startsWith('the server had no room for more than')), {
          timeout: 20_000,
        })
        .toBe(true);
      const { toSize } = controller.getAdjustmentHistory().find(({ reason }) => reason.startsWith('the server had no room'))!;
      expect(toSize).toBeLessThan(MOST - 35);
      await stop();
    });
  }

  it('a closed pool leaves no connection, also none of its controller', async () => {
    const pool = make({ name: 'gone', adaptiveSizing: true });
    await pool.query('SELECT 1');
    await expect.poll(() => pool.adaptiveController!.getRecommendedSize()).not.toBeNull();
    await pool.close();
    pool.adaptiveSizingEnabled = false;
    pool.adaptiveSizingEnabled = true;
    if (!cluster) return;
    await using admin = await openAdmin(cluster.adminUrl);
    const left = async (): Promise<number> => {
      if (kind === 'mysql') return (await admin.query("SELECT id FROM information_schema.processlist WHERE user = 'app'")).length;
      return (await admin.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'gone'")).length;
    };
    await expect.poll(left).toBe(0);
  });
});
