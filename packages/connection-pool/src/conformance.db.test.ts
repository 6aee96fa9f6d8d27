/** The agreed black-box cases of the pool, by number, on every database. What needs a clock or a script of its own stands below. */
import { Runtime, WorkflowBuilder, defineNode } from '@kailash-ts/core';
import { freePort, startFaultProxy } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { poolAnswerSchemas } from './answers.ts';
import type { PoolOptions } from './config.ts';
import { StatementTimeoutError } from './errors.ts';
import { WorkflowConnectionPool, type PoolAnswers, type PoolMessageInput } from './node.ts';
import { ScriptedConnection } from './testing/scripted-driver.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const SLOW = {
  postgresql: 'SELECT pg_sleep(0.05)',
  mysql: 'SELECT sleep(0.05)',
  // SQLite cannot sleep: counting takes it longer than that on any machine.
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000) SELECT count(*) AS n FROM c',
} as const;

describeDatabases('the pool', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let database: FreshDatabase;
  const pools: WorkflowConnectionPool[] = [];
  const make = (options: PoolOptions = {}): WorkflowConnectionPool => {
    const pool = new WorkflowConnectionPool({ connectionString: database.url, minConnections: 0, closeGraceMs: 50, ...options });
    pools.push(pool);
    return pool;
  };
  /** Sends a message and checks the answer against its schema. */
  const send = async <M extends PoolMessageInput>(pool: WorkflowConnectionPool, message: M): Promise<PoolAnswers[M['operation']]> => {
    const answer = await pool.process(message);
    poolAnswerSchemas[message.operation].parse(answer);
    return answer;
  };
  /** Connections that may write: SQLite has one. */
  const most = kind === 'sqlite' ? 1 : 3;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    await using pool = new WorkflowConnectionPool({ connectionString: database.url });
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY, name varchar(50))');
  });
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close()));
  });

  it('conformance 64: initialize twice gives initialized, then already_initialized', async () => {
    const pool = make({ minConnections: 1, maxConnections: 4 });
    expect(await send(pool, { operation: 'initialize' })).toEqual({
      status: 'initialized',
      minConnections: 1,
      maxConnections: 4,
      adaptiveSizing: false,
      queryRouting: false,
    });
    expect(await send(pool, { operation: 'initialize' })).toMatchObject({ status: 'already_initialized' });
    expect(pool.stats().currentState.totalConnections).toBe(1);
  });

  it('conformance 65: acquire from an idle connection gives id, score and time; it is active then, and none is idle', async () => {
    const pool = make({ minConnections: 1, maxConnections: most });
    await pool.initialize();
    const { connectionId, healthScore, acquisitionTimeMs } = await send(pool, { operation: 'acquire' });
    expect(healthScore).toBe(100);
    expect(acquisitionTimeMs).toBeGreaterThanOrEqual(0);
    const { connections, activeCount, availableCount } = await send(pool, { operation: 'get_status' });
    expect(connections[connectionId]).toMatchObject({ state: 'active', healthScore: 100, activeQueries: 0 });
    expect([activeCount, availableCount]).toEqual([1, 0]);
  });

  it('conformance 66: acquire opens one where there is room, waits at the maximum, and gives up at its time', async () => {
    const pool = make({ maxConnections: most });
    const leases = [];
    for (let index = 0; index < most; index++) leases.push(await pool.acquire());
    expect(pool.stats().connections.created).toBe(most);
    const waiting = send(pool, { operation: 'acquire' });
    const late = pool.process({ operation: 'acquire', timeoutMs: 50 }).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await send(pool, { operation: 'get_pool_statistics' })).queueDepth).toBe(2);
    expect(await late).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', facts: { active: most, max: most } });
    await pool.release(leases[0]!);
    expect((await waiting).connectionId).toContain(leases[0]!.connectionId);
  });

  it('conformance 67: release of a healthy one is released, of an unknown id an error', async () => {
    const pool = make({ maxConnections: most });
    const { connectionId } = await send(pool, { operation: 'acquire' });
    expect(await send(pool, { operation: 'release', connectionId })).toEqual({ status: 'released', connectionId });
    await expect(pool.process({ operation: 'release', connectionId })).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
    await expect(pool.process({ operation: 'release', connectionId: 'nobody#99' })).rejects.toMatchObject({ code: 'POOL_LEASE_UNKNOWN' });
  });

  it('conformance 68: execute succeeds with its time; bad SQL is an answer, counted as an error', async () => {
    const pool = make({ maxConnections: most });
    const { connectionId } = await send(pool, { operation: 'acquire' });
    const good = await send(pool, { operation: 'execute', connectionId, query: SLOW[kind] });
    expect(good).toMatchObject({ success: true, connectionId });
    expect(good.executionTimeMs).toBeGreaterThan(45);
    expect(pool.stats().queries).toMatchObject({ executed: 1, errors: 0 });
    const bad = await send(pool, { operation: 'execute', connectionId, query: 'SELEKT 1' });
    expect(bad).toMatchObject({ success: false, data: [], error: { code: 'POOL_STATEMENT_FAILED' } });
    expect(pool.stats().queries).toMatchObject({ executed: 2, errors: 1, errorRate: 0.5 });
    await expect(pool.process({ operation: 'execute', connectionId: 'nobody#99', query: 'SELECT 1' })).rejects.toMatchObject({
      code: 'POOL_LEASE_UNKNOWN',
    });
  });

  it('conformance 69: stats count connections, scores and errors', async () => {
    const pool = make({ minConnections: most, maxConnections: most });
    await pool.initialize();
    const lease = await pool.acquire();
    const { currentState, supervisor } = await send(pool, { operation: 'stats' });
    expect(currentState).toMatchObject({ totalConnections: most, activeConnections: 1, availableConnections: most - 1 });
    expect(Object.values(currentState.healthScores)).toEqual(Array.from({ length: most }, () => 100));
    expect(Object.keys(supervisor.actors)).toHaveLength(most);
    for (let index = 0; index < 95; index++) await pool.execute(lease, 'SELECT 1');
    for (let index = 0; index < 5; index++) await pool.execute(lease, 'SELEKT').catch(() => {});
    expect((await send(pool, { operation: 'stats' })).queries).toEqual({ executed: 100, errors: 5, errorRate: 0.05 });
  });

  it('conformance 70: mistakes in SQL do not change the health of a connection', async () => {
    const pool = make({ maxConnections: most });
    const lease = await pool.acquire();
    await pool.execute(lease, "INSERT INTO item (id, name) VALUES (1, 'a')");
    for (let index = 0; index < 8; index++) {
      await expect(pool.execute(lease, 'SELEKT 1')).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
      await expect(pool.execute(lease, "INSERT INTO item (id, name) VALUES (1, 'a')")).rejects.toMatchObject({ kind: 'unique_violation' });
    }
    expect(lease.healthScore).toBe(100);
    expect(await pool.release(lease)).toMatchObject({ status: 'released' });
    expect(pool.stats().connections).toEqual({ created: 1, recycled: 0, failed: 0 });
  });

  it('conformance 71: adjust_pool_size refuses what is out of bounds, opens, and closes idle ones only', async () => {
    const pool = make({ minConnections: 1, maxConnections: 5 });
    await pool.initialize();
    for (const newSize of [0, 6, 1.5])
      expect(await send(pool, { operation: 'adjust_pool_size', newSize })).toMatchObject({
        success: false,
        reason: expect.stringContaining('1'),
      });
    if (kind === 'sqlite') return;
    await send(pool, { operation: 'adjust_pool_size', newSize: 2 });
    await expect.poll(() => pool.stats().currentState.availableConnections).toBe(2);
    expect(await send(pool, { operation: 'adjust_pool_size', newSize: 5 })).toEqual({ success: true, previousSize: 2, newSize: 5 });
    await expect.poll(() => pool.stats().currentState.availableConnections).toBe(5);
    const leases = await Promise.all([1, 2, 3, 4, 5].map(() => pool.acquire()));
    for (const lease of leases.slice(0, 3)) await pool.release(lease);
    expect(await send(pool, { operation: 'adjust_pool_size', newSize: 1 })).toMatchObject({ success: true });
    expect(pool.stats().currentState).toMatchObject({ totalConnections: 2, activeConnections: 2, availableConnections: 0 });
    await pool.execute(leases[3]!, 'SELECT 1');
    expect(await pool.release(leases[3]!)).toMatchObject({ status: 'recycled' });
    expect(await pool.release(leases[4]!)).toMatchObject({ status: 'released' });
    expect(pool.stats().currentState.totalConnections).toBe(1);
  });

  it('conformance 76: a run that begins finds what runs of its workflow needed before', async () => {
    const pool = make({ maxConnections: kind === 'sqlite' ? 2 : 3 });
    const runtime = new Runtime();
    runtime.registerNode('pool', pool);
    const useMany = defineNode({
      name: 'use-many',
      needs: ['pool'],
      process: async (_input, context) => {
        const leases = await Promise.all(Array.from({ length: most }, () => context.node('pool').process({ operation: 'acquire' })));
        return { held: leases.length };
      },
    });
    const wf = new WorkflowBuilder('greedy');
    const step = wf.addNode('step', useMany, {});
    const workflow = wf.output({ held: step.held });
    for (let round = 0; round < 5; round++) await runtime.execute(workflow);
    // A new pool of the same runtime would know nothing; this one does, also after it was emptied.
    expect(pool.stats().currentState.activeConnections).toBe(0);
    pool.beginRun('next', 'greedy');
    await expect.poll(() => pool.stats().currentState.availableConnections).toBeGreaterThanOrEqual(most);
    await pool.endRun('next');
    await runtime.close();
  });

  it('conformance 77: the end of one run does not touch the connections of another', async () => {
    const pool = make({ maxConnections: 3 });
    const role = kind === 'sqlite' ? 'replica' : 'primary';
    for (const runId of ['a', 'b']) pool.beginRun(runId, 'wf');
    const mine = await pool.acquire({ runId: 'a', role });
    const other = await pool.acquire({ runId: 'b', role });
    await pool.endRun('a');
    expect(mine.released).toBe(true);
    expect((await pool.execute(other, 'SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    await pool.endRun('b');
    await pool.endRun('b');
    expect(pool.stats().currentState.activeConnections).toBe(0);
  });

  it('conformance 78: a using-block cleans up; an unknown operation is an error with a suggestion', async () => {
    let inside: WorkflowConnectionPool;
    {
      await using pool = new WorkflowConnectionPool({ connectionString: database.url });
      inside = pool;
      expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
      await expect(pool.process({ operation: 'aquire' } as never)).rejects.toMatchObject({
        code: 'POOL_MESSAGE_INVALID',
        message: expect.stringContaining('acquire'),
      });
    }
    expect(inside.getStatus()).toMatchObject({ status: 'closed', poolSize: 0 });
    await expect(inside.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CLOSED' });
  });

  it('conformance 79: the comprehensive status works with all flags on; list, named and no parameters work', async () => {
    const pool = make({ adaptiveSizing: true, enableQueryRouting: true, maxConnections: most });
    const { connectionId } = await send(pool, { operation: 'acquire' });
    const execute = (query: string, rest: object): Promise<unknown> => send(pool, { operation: 'execute', connectionId, query, ...rest });
    for (const params of [{ params: [7] }, { parameters: [7] }, { params: [7], parameters: null }])
      expect(await execute('SELECT ? + 0 AS n', params)).toMatchObject({ success: true, data: [{ n: 7 }] });
    expect(await execute('SELECT :n + 0 AS n', { params: { n: 7 } })).toMatchObject({ success: true, data: [{ n: 7 }] });
    for (const none of [{}, { params: null }])
      expect(await execute('SELECT 7 AS n', none)).toMatchObject({ success: true, data: [{ n: 7 }] });
    expect(await execute('SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 ORDER BY 1', { fetchMode: 'many', fetchSize: 2 })).toMatchObject({
      data: [{ n: 1 }, { n: 2 }],
    });
    const status = await send(pool, { operation: 'get_comprehensive_status' });
    expect(status).toMatchObject({
      status: 'running',
      circuitBreakerStatus: 'closed',
      settings: { adaptiveSizing: true, enableQueryRouting: true, healthThreshold: 50, preWarm: true },
      avgHealthScore: 100,
    });
    expect(status.comprehensiveMetrics.counters.queriesTotal).toBe(7);
    expect(status.queriesPerSecond).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  });

  it('conformance 80: export_metrics gives text for Prometheus, with counters that only grow', async () => {
    const pool = make({ maxConnections: most });
    const executed = async (): Promise<number> => {
      const { prometheusMetrics } = await send(pool, { operation: 'export_metrics' });
      return Number(/^connection_pool_queries_total\{[^}]*\} (\d+)$/m.exec(prometheusMetrics)?.[1]);
    };
    expect(await executed()).toBe(0);
    await pool.query('SELECT 1');
    const first = await executed();
    await pool.query('SELECT 1');
    expect([first, await executed()]).toEqual([1, 2]);
  });
});

describeDatabases('a pool whose database is away', ['postgresql', 'mysql'], (kind) => {
  it('conformance 73: fails within its time, opens its breaker after five, and recovers when the database returns', async () => {
    const { url } = await freshDatabase(kind);
    const target = new URL(url);
    await using proxy = await startFaultProxy({ targetHost: target.hostname, targetPort: Number(target.port) });
    await using pool = new WorkflowConnectionPool({ connectionString: proxy.through(url), acquireTimeoutMs: 5000, minConnections: 1 });
    proxy.cut();
    await expect(pool.initialize()).rejects.toMatchObject({ code: 'POOL_CONNECT_FAILED' });
    expect(pool.getPoolStatistics()).toMatchObject({ circuitBreakerStatus: 'open', totalConnections: 0 });
    expect(pool.stats().connections.failed).toBeGreaterThanOrEqual(5);
    await expect(pool.acquire()).rejects.toMatchObject({
      code: 'POOL_CIRCUIT_OPEN',
      retryable: true,
      cause: { code: 'POOL_CONNECT_FAILED' },
    });
    proxy.restore();
    await expect.poll(() => pool.getStatus().poolSize, { timeout: 10_000 }).toBe(1);
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    expect(pool.getStatus().status).toBe('running');
  });

  it('conformance 73: fails at once where nobody listens', async () => {
    const { url } = await freshDatabase(kind);
    const nowhere = new URL(url);
    nowhere.port = String(await freePort());
    await using pool = new WorkflowConnectionPool({ connectionString: nowhere.href, acquireTimeoutMs: 5000 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CONNECT_FAILED', reason: 'ECONNREFUSED' });
  });

  it('conformance 74: a connection that fails while idle is taken out, and counted', async () => {
    const { url } = await freshDatabase(kind);
    const target = new URL(url);
    await using proxy = await startFaultProxy({ targetHost: target.hostname, targetPort: Number(target.port) });
    await using pool = new WorkflowConnectionPool({ connectionString: proxy.through(url), minConnections: 0 });
    await pool.query('SELECT 1');
    const closed: string[] = [];
    pool.on('connection:closed', ({ connectionId, reason }) => closed.push(`${connectionId} ${reason}`));
    proxy.reset();
    await expect.poll(() => closed).toEqual(['primary-1 lost']);
    expect(pool.stats()).toMatchObject({ connections: { failed: 1 }, currentState: { totalConnections: 0, healthScores: {} } });
    await pool.query('SELECT 1');
  });
});

describe('the pool, in virtual time', () => {
  it('conformance 67: a score under healthThreshold recycles on release, one at it does not', async () => {
    const scoreAfter = async (timeouts: number): Promise<[number, string]> => {
      const { pool, clock, driver } = scriptedPool({ healthThreshold: 50, maxConnections: 1, healthCheckIntervalMs: 'never' });
      const lease = await pool.acquire();
      const connection: ScriptedConnection = driver.connections[0]!;
      let stop!: (error: unknown) => void;
      connection.onExecute = () => new Promise((_resolve, reject) => (stop = reject));
      connection.onCancel = async () => stop(new StatementTimeoutError(10, false));
      for (let index = 0; index < timeouts; index++) {
        const failed = pool.execute(lease, 'SELECT 1', [], { timeoutMs: 10 }).catch(() => {});
        await clock.advance(10);
        await failed;
      }
      const score = lease.healthScore;
      const { status } = await pool.release(lease);
      await clock.runUntil(pool.close());
      return [score, status];
    };
    expect(await scoreAfter(0)).toEqual([100, 'released']);
    expect(await scoreAfter(5)).toEqual([50, 'released']);
    expect(await scoreAfter(7)).toEqual([30, 'recycled']);
  });

  it('conformance 69: waits of 10, 20 and 30 ms are 20 ms on average', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 1, healthCheckIntervalMs: 'never' });
    for (const waitMs of [10, 20, 30]) {
      const lease = await pool.acquire();
      const waiting = pool.acquire();
      await clock.advance(waitMs);
      await pool.release(lease);
      await pool.release(await waiting);
    }
    // Three of them did not wait.
    expect(pool.stats().performance).toMatchObject({ avgAcquisitionTimeMs: 10, p99AcquisitionTimeMs: 30 });
    await pool.close();
  });

  it('conformance 72: recycling on release returns at once, whatever opening its replacement takes, and counts agree', async () => {
    const { pool, clock, driver } = scriptedPool({
      minConnections: 2,
      maxConnections: 2,
      maxLifetimeMs: 60_000,
      connectTimeoutMs: 60_000,
      healthCheckIntervalMs: 'never',
    });
    await pool.initialize();
    const lease = await pool.acquire();
    await clock.advance(61_000);
    driver.onConnect = () => new Promise((resolve) => clock.setTimer(() => resolve(new ScriptedConnection()), 30_000));
    const before = clock.now();
    expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
    expect(clock.now()).toBe(before);
    await clock.advance(31_000);
    const { currentState, supervisor } = pool.stats();
    expect(Object.keys(supervisor.actors)).toHaveLength(currentState.totalConnections);
    expect(driver.open).toHaveLength(currentState.totalConnections);
    expect(currentState.totalConnections).toBe(2);
    await clock.runUntil(pool.close());
  });

  it('conformance 76: pre-warming opens as many as are expected, capped by the maximum', async () => {
    const { pool, clock, driver } = scriptedPool({ maxConnections: 8, maxConcurrentConnects: 8, healthCheckIntervalMs: 'never' });
    pool.beginRun('first', 'wf');
    await clock.advance(0);
    expect(pool.stats().currentState.availableConnections).toBe(2);
    await pool.endRun('first');
    for (const [index, count] of [3, 3, 3, 20].entries()) {
      const runId = `run-${index}`;
      pool.beginRun(runId, 'wf');
      const leases = Array.from({ length: Math.min(8, count) }, () => pool.acquire({ runId }));
      await Promise.all(leases);
      await pool.endRun(runId);
      for (const connection of driver.open) connection.breakDown();
      await clock.advance(61_000);
      pool.beginRun('probe', 'wf');
      await clock.advance(0);
      expect(pool.stats().currentState.availableConnections).toBe(Math.min(8, count));
      await pool.endRun('probe');
    }
    await pool.close();
  });
});
