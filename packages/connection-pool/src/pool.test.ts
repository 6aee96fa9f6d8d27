/** The pool over a scripted driver and a virtual clock: orders, times and counts that a real server cannot be made to show. */
import { SimulatedClock } from '@kailash-ts/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { AuthenticationError, ConnectError, ConnectionLostError } from './errors.ts';
import { Pool } from './pool.ts';
import type { PoolOptions } from './config.ts';
import { nothing, ScriptedConnection, ScriptedDriver } from './testing/scripted-driver.ts';

describe('the pool', () => {
  let clock: SimulatedClock;
  let driver: ScriptedDriver;
  const make = (options: PoolOptions = {}): Pool =>
    new Pool(
      { minConnections: 0, maxConnections: 2, ...options },
      {
        clock,
        loadDriver: ({ minConnections, maxConnections }) => {
          driver = new ScriptedDriver([
            { name: 'primary', role: 'primary', address: 'scripted', min: minConnections, max: maxConnections },
          ]);
          return driver;
        },
      },
    );

  beforeEach(() => {
    clock = new SimulatedClock();
  });

  it('opens no more connections than wait, and never more than maxConnections', async () => {
    const pool = make({ maxConnections: 5 });
    await pool.query('SELECT 1');
    await Promise.all(Array.from({ length: 3 }, () => pool.query('SELECT 1')));
    expect(driver.connections.length).toBeLessThanOrEqual(3);
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
    expect(driver.connections).toHaveLength(5);
    expect(new Set(leases.map((lease) => lease.connectionId)).size).toBe(5);
  });

  it('lends idle connections last in, first out, or those that are preferred', async () => {
    const pool = make();
    const [a, b] = await Promise.all([pool.acquire(), pool.acquire()]);
    await pool.release(a);
    await pool.release(b);
    const next = await pool.acquire();
    expect(next.connectionId).toBe(b.connectionId);
    await pool.release(next);
    expect((await pool.acquire({ prefer: ['nobody', a.connectionId] })).connectionId).toBe(a.connectionId);
  });

  it('hands a released connection to whoever waits longest', async () => {
    const pool = make({ maxConnections: 1 });
    const first = await pool.acquire();
    const order: string[] = [];
    const waiting = ['a', 'b', 'c'].map((name) =>
      pool.acquire().then(async (lease) => {
        order.push(name);
        await pool.release(lease);
      }),
    );
    await pool.release(first);
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b', 'c']);
    expect(driver.connections).toHaveLength(1);
  });

  it('ends a wait at its time with the counts, itself among them, and loses nothing', async () => {
    const pool = make({ maxConnections: 1, acquireTimeoutMs: 1000 });
    const lease = await pool.acquire();
    const late = expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', facts: { waiting: 1, active: 1, max: 1 } });
    await clock.advance(1000);
    await late;
    expect(pool.getStatus().queueDepth).toBe(0);
    await pool.release(lease);
    expect((await pool.acquire()).connectionId).toBe(lease.connectionId);
  });

  it('gives up a wait that is aborted, and a wait that begins aborted', async () => {
    const pool = make({ maxConnections: 1 });
    await pool.acquire();
    const controller = new AbortController();
    const waiting = pool.acquire({ signal: controller.signal });
    controller.abort('why');
    await expect(waiting).rejects.toMatchObject({ code: 'POOL_ABORTED', mayHaveExecuted: false, cause: 'why' });
    await expect(pool.acquire({ signal: controller.signal })).rejects.toMatchObject({ code: 'POOL_ABORTED' });
    expect(clock.pendingTimers).toBe(1); // the housekeeper's
  });

  it('lets callers wait while a connect is tried again, with pauses that grow, until the circuit opens', async () => {
    const pool = make({ maxConnections: 1 });
    await pool.query('SELECT 1');
    driver.connections[0]!.breakDown();
    const times: number[] = [];
    driver.onConnect = async () => {
      times.push(clock.now());
      throw new ConnectError('no', { reason: 'ECONNREFUSED', retryable: true });
    };
    const results = Promise.allSettled([pool.acquire(), pool.acquire(), pool.acquire()]);
    await clock.advance(2000);
    const outcomes = await results;
    expect(outcomes.every((result) => result.status === 'rejected' && result.reason instanceof ConnectError)).toBe(true);
    // The next attempt is the pool's own, to see whether the server is back.
    expect(times.length).toBeGreaterThanOrEqual(5);
    const pauses = times.slice(1, 5).map((time, index) => time - times[index]!);
    for (const [index, most] of [100, 200, 400, 800].entries()) {
      expect(pauses[index]).toBeLessThanOrEqual(most);
      expect(pauses[index]).toBeGreaterThanOrEqual(most / 2);
    }
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_CIRCUIT_OPEN', cause: { reason: 'ECONNREFUSED' } });
    await pool.close();
  });

  it('serves who waits as soon as a connect succeeds', async () => {
    const pool = make({ maxConnections: 1 });
    let attempts = 0;
    const acquiring = [pool.acquire(), pool.acquire()];
    await Promise.resolve();
    driver.onConnect = async () => {
      if (++attempts <= 3) throw new ConnectError('no', { retryable: true });
      return new ScriptedConnection();
    };
    await clock.advance(1000);
    await pool.release(await acquiring[0]!);
    await acquiring[1]!;
    expect(attempts).toBe(4);
    expect(pool.stats().connections).toMatchObject({ created: 1, failed: 3 });
  });

  it('recovers by itself when the server returns, also when nobody asks', async () => {
    const pool = make({ minConnections: 2 });
    await pool.initialize();
    let down = true;
    driver.onConnect = async () => {
      if (down) throw new ConnectError('no', { retryable: true });
      return new ScriptedConnection();
    };
    for (const connection of driver.connections) connection.breakDown();
    await clock.advance(60_000);
    expect(pool.getStatus()).toMatchObject({ status: 'failing', poolSize: 0 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CIRCUIT_OPEN' });
    down = false;
    await clock.advance(6000);
    expect(pool.getStatus()).toMatchObject({ status: 'running', poolSize: 2 });
    await pool.query('SELECT 1');
    await pool.close();
  });

  it('answers a refused login to all who wait, without an attempt for each', async () => {
    const pool = make({ maxConnections: 2 });
    await pool.query('SELECT 1');
    const lease = await pool.acquire();
    let attempts = 0;
    driver.onConnect = async () => {
      attempts += 1;
      throw new AuthenticationError('The login was refused.', '28P01');
    };
    const waiting = await Promise.allSettled(Array.from({ length: 50 }, () => pool.query('SELECT 1')));
    expect(waiting.every((result) => result.status === 'rejected' && result.reason instanceof AuthenticationError)).toBe(true);
    expect(attempts).toBe(1);
    await pool.release(lease);
  });

  it('waits for its own connections when the server is full', async () => {
    const pool = make({ maxConnections: 2 });
    const lease = await pool.acquire();
    driver.onConnect = async () => {
      throw new ConnectError('full', { serverFull: true, retryable: true });
    };
    const waiting = pool.acquire();
    await clock.advance(10);
    await pool.release(lease);
    expect((await waiting).connectionId).toBe(lease.connectionId);
  });

  it('gives up a connect that takes too long, and destroys a connection that comes late', async () => {
    const pool = make({ connectTimeoutMs: 100, acquireTimeoutMs: 150, maxConnections: 1 });
    const failed = expect(pool.acquire()).rejects.toMatchObject({
      code: 'POOL_ACQUIRE_TIMEOUT',
      cause: { code: 'POOL_CONNECT_FAILED', reason: 'ETIMEDOUT' },
    });
    // The driver exists from the first use on.
    await Promise.resolve();
    const arrivals: ((connection: ScriptedConnection) => void)[] = [];
    driver.onConnect = () => new Promise((resolve) => arrivals.push(resolve));
    await clock.advance(150);
    await failed;
    expect(arrivals).toHaveLength(2);
    const late = new ScriptedConnection();
    arrivals[0]!(late);
    await clock.advance(0);
    expect(late.closed).toBe(true);
    expect(pool.stats().currentState.totalConnections).toBe(0);
    const inTime = new ScriptedConnection();
    arrivals[1]!(inTime);
    await clock.advance(0);
    expect(pool.stats().currentState).toMatchObject({ totalConnections: 1, availableConnections: 1 });
    await pool.close();
  });

  it('forgets an idle connection that breaks, and one that cannot be cleaned', async () => {
    const pool = make();
    await pool.query('SELECT 1');
    driver.connections[0]!.breakDown();
    expect(pool.stats().currentState.totalConnections).toBe(0);
    const lease = await pool.acquire();
    driver.connections[1]!.clean = false;
    driver.connections[1]!.onReset = () => Promise.reject(new ConnectionLostError('x', false));
    expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
    expect(driver.connections[1]!.closed).toBe(true);
    expect(pool.stats().connections.recycled).toBe(1);
  });

  it('does not wait longer than resetTimeoutMs for a connection to be clean', async () => {
    const pool = make({ resetTimeoutMs: 50 });
    const lease = await pool.acquire();
    driver.connections[0]!.clean = false;
    driver.connections[0]!.onReset = () => new Promise(() => {});
    const releasing = pool.release(lease);
    await clock.advance(50);
    expect(await releasing).toMatchObject({ status: 'recycled' });
  });

  it('tells an aborted caller at once, cancels, and destroys a connection that stays silent', async () => {
    const pool = make({ cancelGraceMs: 100 });
    const lease = await pool.acquire();
    driver.connections[0]!.onExecute = () => new Promise(() => {});
    const failed = expect(pool.execute(lease, 'SELECT 1', [], { timeoutMs: 10 })).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    await clock.advance(10);
    await failed;
    expect(driver.connections[0]).toMatchObject({ cancels: 1, closed: false });
    await clock.advance(100);
    expect(driver.connections[0]!.closed).toBe(true);
  });

  it('runs statements of one lease one after the other', async () => {
    const pool = make();
    const lease = await pool.acquire();
    let running = 0;
    let most = 0;
    driver.connections[0]!.onExecute = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return nothing;
    };
    await Promise.all([1, 2, 3].map(() => pool.execute(lease, 'SELECT 1')));
    expect(most).toBe(1);
  });

  it('gives up a statement that waits for another one, at its abort and at the end of its run', async () => {
    const pool = make();
    const lease = await pool.acquire({ runId: 'r' });
    let executed = 0;
    driver.connections[0]!.onExecute = () => {
      executed += 1;
      return new Promise(() => {});
    };
    const controller = new AbortController();
    const first = pool.execute(lease, 'SELECT 1').catch((error: unknown) => error);
    const second = pool.execute(lease, 'SELECT 2', [], { signal: controller.signal }).catch((error: unknown) => error);
    const third = pool.execute(lease, 'SELECT 3').catch((error: unknown) => error);
    controller.abort('why');
    expect(await second).toMatchObject({ code: 'POOL_ABORTED', mayHaveExecuted: false });
    const ending = pool.endRun('r');
    expect(await first).toMatchObject({ code: 'POOL_ABORTED', mayHaveExecuted: true });
    expect(await third).toMatchObject({ code: 'POOL_ABORTED', mayHaveExecuted: false });
    await clock.advance(10_000);
    await ending;
    expect(executed).toBe(1);
  });

  it('takes a run its leases and its places in line, at its end', async () => {
    const pool = make({ maxConnections: 1 });
    const lease = await pool.acquire({ runId: 'a' });
    const waiting = pool.acquire({ runId: 'a' }).catch((error: unknown) => error);
    const other = pool.acquire({ runId: 'b' });
    await clock.advance(0);
    await pool.endRun('a');
    expect(lease.released).toBe(true);
    expect(await waiting).toMatchObject({ code: 'POOL_RUN_FINISHED' });
    expect((await other).runId).toBe('b');
    pool.beginRun('a');
    await pool.endRun('b');
    expect((await pool.acquire({ runId: 'a' })).runId).toBe('a');
  });

  it('closes: waiters at once, idle ones in order, leases after their grace', async () => {
    const pool = make({ maxConnections: 1, closeGraceMs: 500 });
    const lease = await pool.acquire();
    const waiting = pool.acquire().catch((error: unknown) => error);
    await clock.advance(0);
    const closing = pool.close();
    expect(await waiting).toMatchObject({ code: 'POOL_CLOSED' });
    await clock.advance(499);
    expect(driver.connections[0]!.closed).toBe(false);
    await clock.advance(1);
    await closing;
    expect(driver.connections[0]!.closed).toBe(true);
    expect(lease.released).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes as soon as the last lease is back', async () => {
    const pool = make({ closeGraceMs: 500 });
    const lease = await pool.acquire();
    const closing = pool.close();
    await clock.advance(10);
    await pool.release(lease);
    await closing;
    expect(clock.now()).toBe(10);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes without having been used', async () => {
    const pool = make();
    driver = undefined!;
    await pool.close();
    expect(driver).toBeUndefined();
  });
});
