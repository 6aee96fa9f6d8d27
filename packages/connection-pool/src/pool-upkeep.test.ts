/** What a pool does by itself, in virtual time: checks, replacements, recovery, leaks, sizes. */
import { describe, expect, it } from 'vitest';
import { AuthenticationError, ConnectError, ConnectionLostError } from './errors.ts';
import type { PoolEventName, PoolEvents } from './events.ts';
import { nothing, ScriptedConnection } from './testing/scripted-driver.ts';
import { scriptedPool, type ScriptedPool } from './testing/scripted-pool.ts';

function record<Name extends PoolEventName>({ pool }: ScriptedPool, name: Name): PoolEvents[Name][] {
  const events: PoolEvents[Name][] = [];
  pool.on(name, (event) => events.push(event));
  return events;
}

describe('before it is lent, a connection', () => {
  it('is checked when it was idle for longer than validateAfterIdleMs, and not otherwise', async () => {
    const { pool, clock, driver } = scriptedPool({ validateAfterIdleMs: 500, healthCheckIntervalMs: 'never' });
    await pool.query('SELECT 1');
    let pings = 0;
    driver.connections[0]!.onPing = async () => void (pings += 1);
    await clock.advance(500);
    await pool.query('SELECT 1');
    expect(pings).toBe(0);
    await clock.advance(501);
    await pool.query('SELECT 1');
    expect(pings).toBe(1);
    await clock.runUntil(pool.close());
  });

  it('is passed over when it does not answer its check, within the same time limit', async () => {
    const subject = scriptedPool({ maxConnections: 3, validateTimeoutMs: 100, acquireTimeoutMs: 1000, healthCheckIntervalMs: 'never' });
    const { pool, clock, driver } = subject;
    const leases = await Promise.all([pool.acquire(), pool.acquire()]);
    for (const lease of leases) await pool.release(lease);
    for (const connection of driver.connections) connection.onPing = () => new Promise(() => {});
    const closed = record(subject, 'connection:closed');
    await clock.advance(1000);
    const lease = await clock.runUntil(pool.acquire());
    expect(closed.map(({ reason }) => reason)).toEqual(['failed_check', 'failed_check']);
    expect(lease.connectionId).toBe('primary-3');
    expect(clock.now()).toBe(1200);
    await pool.release(lease);
    await clock.runUntil(pool.close());
  });

  it('counts against the acquire time while it is checked', async () => {
    const { pool, clock, driver } = scriptedPool({ maxConnections: 1, validateTimeoutMs: 5000, healthCheckIntervalMs: 'never' });
    await pool.query('SELECT 1');
    driver.connections[0]!.onPing = () => new Promise(() => {});
    driver.onConnect = () => new Promise(() => {});
    await clock.advance(1000);
    const failed = expect(pool.acquire({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' });
    await clock.advance(300);
    await failed;
    await clock.runUntil(pool.close());
  });
});

describe('the housekeeper', () => {
  it('closes what is idle for too long, down to minConnections', async () => {
    const { pool, clock, driver } = scriptedPool({
      minConnections: 1,
      maxConnections: 4,
      idleTimeoutMs: 10_000,
      healthCheckIntervalMs: 'never',
    });
    const leases = await Promise.all([1, 2, 3].map(() => pool.acquire()));
    for (const lease of leases) await pool.release(lease);
    await clock.advance(9000);
    expect(driver.open).toHaveLength(3);
    await clock.advance(2000);
    expect(driver.open).toHaveLength(1);
    expect(pool.stats().connections.recycled).toBe(2);
    await clock.runUntil(pool.close());
  });

  it('replaces connections at the end of their lives, a lent one when it comes back, without making anybody wait', async () => {
    const subject = scriptedPool({ minConnections: 2, maxLifetimeMs: 100_000, healthCheckIntervalMs: 'never', idleTimeoutMs: 'never' });
    const { pool, clock, driver } = subject;
    await pool.initialize();
    const lease = await pool.acquire();
    const closed = record(subject, 'connection:closed');
    // Less half of a tenth: `random` is 0.5 here.
    await clock.advance(94_000);
    expect(closed).toHaveLength(0);
    await clock.advance(2000);
    expect(closed).toMatchObject([{ reason: 'max_lifetime' }]);
    expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
    await clock.advance(0);
    expect(closed).toHaveLength(2);
    expect(driver.open).toHaveLength(2);
    expect(driver.connections).toHaveLength(4);
    await clock.runUntil(pool.close());
  });

  it('checks idle connections regularly, replaces dead ones, and leaves some to borrowers meanwhile', async () => {
    const { pool, clock, driver } = scriptedPool({
      minConnections: 4,
      maxConnections: 4,
      healthCheckIntervalMs: 30_000,
      idleTimeoutMs: 'never',
    });
    await pool.initialize();
    let atOnce = 0;
    let most = 0;
    for (const connection of driver.connections)
      connection.onPing = async () => {
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce -= 1;
      };
    driver.connections[1]!.onPing = () => Promise.reject(new ConnectionLostError('gone', false));
    await clock.advance(35_000);
    expect(most).toBeLessThan(4);
    expect(driver.connections[1]!.closed).toBe(true);
    expect(driver.open).toHaveLength(4);
    const { health, currentState } = pool.stats();
    expect(health.checksPerformed).toBeGreaterThanOrEqual(4);
    expect(health.successRate).toBeLessThan(1);
    expect(Object.values(currentState.healthScores)).toEqual([100, 100, 100, 100]);
    await clock.runUntil(pool.close());
  });

  it('does not take a stall of the event loop for idleness', async () => {
    const { pool, clock, driver } = scriptedPool({ minConnections: 0, idleTimeoutMs: 60_000, healthCheckIntervalMs: 'never' });
    await pool.query('SELECT 1');
    await clock.advance(1000);
    // A clock that jumps: what a stalled loop sees.
    const stalled = clock as unknown as { now(): number };
    const real = stalled.now.bind(clock);
    stalled.now = () => real() + 600_000;
    await clock.advance(5000);
    expect(driver.open).toHaveLength(1);
    await clock.advance(61_000);
    expect(driver.open).toHaveLength(0);
    await clock.runUntil(pool.close());
  });

  it('lowers the score of slow connections, and destroys none of them for that', async () => {
    const subject = scriptedPool({
      minConnections: 2,
      healthCheckIntervalMs: 10_000,
      slowCheckMs: 1000,
      validateTimeoutMs: 5000,
      idleTimeoutMs: 'never',
    });
    const { pool, clock, driver } = subject;
    await pool.initialize();
    for (const connection of driver.connections) connection.onPing = () => new Promise((resolve) => clock.setTimer(resolve, 2000));
    await clock.advance(600_000);
    expect(Object.values(pool.stats().currentState.healthScores)).toEqual([50, 50]);
    expect(driver.connections).toHaveLength(2);
    await clock.runUntil(pool.close());
  });
});

describe('supervision', () => {
  it('replaces a lost connection, tells of it, and escalates when the same place is lost too often', async () => {
    const subject = scriptedPool({ minConnections: 1 });
    const { pool, clock, driver } = subject;
    await pool.initialize();
    const restarts = record(subject, 'supervisor:restarting');
    const escalations = record(subject, 'supervisor:escalated');
    const recoveries = record(subject, 'supervisor:recovered');
    for (let round = 0; round < 4; round++) {
      driver.open[0]!.breakDown();
      await clock.advance(round === 3 ? 0 : 1000);
    }
    expect(restarts.map(({ restartCount }) => restartCount)).toEqual([1, 2, 3]);
    expect(escalations).toMatchObject([{ host: 'primary', restartCount: 4 }]);
    expect(pool.getStatus().status).toBe('failing');
    await clock.advance(5000);
    expect(recoveries).toHaveLength(1);
    expect(pool.getStatus()).toMatchObject({ status: 'running', poolSize: 1 });
    expect(pool.stats().supervisor).toMatchObject({ strategy: 'one_for_one', running: true, state: 'running' });
    await clock.runUntil(pool.close());
  });

  it('replaces all of a host with strategy one_for_all, lent ones when they come back', async () => {
    const { pool, clock, driver } = scriptedPool({ minConnections: 3, maxConnections: 3, supervisor: { strategy: 'one_for_all' } });
    await pool.initialize();
    const lease = await pool.acquire();
    driver.connections[0]!.breakDown();
    await clock.advance(1000);
    expect(driver.connections.slice(0, 3).filter((connection) => connection.usable)).toHaveLength(1);
    expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
    await clock.advance(1000);
    expect(driver.connections.slice(0, 3).some((connection) => connection.usable)).toBe(false);
    expect(driver.open).toHaveLength(3);
    await clock.runUntil(pool.close());
  });

  it('opens the circuit at once when the login is refused, and does not knock again before its time', async () => {
    const { pool, clock, driver } = scriptedPool({ minConnections: 2, circuitBreaker: { recoveryTimeoutMs: 60_000 } });
    driver.onConnect = () => Promise.reject(new AuthenticationError('The login was refused.', '28P01'));
    await expect(pool.initialize()).rejects.toMatchObject({ code: 'POOL_AUTHENTICATION_FAILED' });
    const attempts = driver.attempts;
    expect(attempts).toBeLessThanOrEqual(2);
    for (let second = 0; second < 59; second++) {
      await expect(pool.query('SELECT 1')).rejects.toMatchObject({
        code: 'POOL_CIRCUIT_OPEN',
        cause: { code: 'POOL_AUTHENTICATION_FAILED' },
      });
      await clock.advance(1000);
    }
    expect(driver.attempts).toBe(attempts);
    driver.onConnect = async () => new ScriptedConnection();
    await clock.advance(2000);
    await pool.query('SELECT 1');
    await clock.runUntil(pool.close());
  });

  it('opens the circuit after connections break in a row, and not after mistakes in SQL', async () => {
    const subject = scriptedPool({ maxConnections: 1 });
    const { pool, clock, driver } = subject;
    const changes = record(subject, 'breaker:changed');
    driver.onConnect = async () => {
      const connection = new ScriptedConnection();
      connection.onExecute = async () => {
        connection.usable = false;
        throw new ConnectionLostError('broken', true);
      };
      return connection;
    };
    for (let round = 0; round < 5; round++) {
      const failed = expect(pool.query('INSERT')).rejects.toMatchObject({ code: 'POOL_CONNECTION_LOST' });
      await clock.advance(10_000);
      await failed;
    }
    // Each new connection is a success in between: the breaker judges by its window here, and stays closed.
    expect(changes).toHaveLength(0);
    await clock.runUntil(pool.close());
  });
});

describe('a burst', () => {
  it('opens no more connections than it needs: the surplus is given up', async () => {
    const { pool, clock, driver } = scriptedPool({ minConnections: 5, maxConnections: 50, healthCheckIntervalMs: 'never' });
    await pool.initialize();
    const cancelled: AbortSignal[] = [];
    driver.onConnect = (_host, signal) => {
      cancelled.push(signal);
      return new Promise((resolve) => clock.setTimer(() => resolve(new ScriptedConnection()), 150));
    };
    for (const connection of driver.connections)
      connection.onExecute = () => new Promise((resolve) => clock.setTimer(() => resolve(nothing), 2));
    const all = Promise.all(Array.from({ length: 50 }, () => pool.query('SELECT 1')));
    await clock.advance(20);
    await all;
    expect(clock.now()).toBeLessThan(150);
    await clock.advance(1000);
    expect(pool.stats().currentState.totalConnections).toBeLessThanOrEqual(6);
    expect(cancelled.filter((signal) => signal.aborted).length).toBe(cancelled.length - 1);
    await clock.runUntil(pool.close());
  });

  it('opens at most maxConcurrentConnects at a time', async () => {
    const { pool, clock, driver } = scriptedPool({ maxConnections: 10, maxConcurrentConnects: 3 });
    let underWay = 0;
    let most = 0;
    driver.onConnect = () =>
      new Promise((resolve) => {
        most = Math.max(most, ++underWay);
        clock.setTimer(() => {
          underWay -= 1;
          resolve(new ScriptedConnection());
        }, 100);
      });
    const leases = Promise.all(Array.from({ length: 10 }, () => pool.acquire()));
    await clock.advance(1000);
    expect(new Set((await leases).map((lease) => lease.connectionId)).size).toBe(10);
    expect(most).toBe(3);
    await Promise.all((await leases).map((lease) => pool.release(lease)));
    await clock.runUntil(pool.close());
  });

  it('refuses who comes when as many wait as may', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 1, maxWaiting: 2 });
    const lease = await pool.acquire();
    const waiting = [pool.acquire(), pool.acquire()];
    await clock.advance(0);
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL', retryable: true, facts: { waiting: 2, maxWaiting: 2 } });
    await pool.release(lease);
    for (const next of waiting) await pool.release(await next);
    await clock.runUntil(pool.close());
  });
});

describe('leaks', () => {
  it('are reported once, with who and where, and when they end after all', async () => {
    const subject = scriptedPool({ leakThresholdMs: 10_000 });
    const { pool, clock } = subject;
    const leaks = record(subject, 'lease:leaked');
    const ends = record(subject, 'lease:leak-ended');
    const lease = await pool.acquire({ runId: 'run-1', nodeId: 'load' });
    await clock.advance(60_000);
    expect(leaks).toHaveLength(1);
    expect(leaks[0]).toMatchObject({ leaseId: lease.id, runId: 'run-1', nodeId: 'load' });
    expect(leaks[0]!.stack).toContain('pool-upkeep.test.ts');
    await pool.release(lease);
    expect(ends).toMatchObject([{ leaseId: lease.id, reclaimed: false }]);
    await clock.runUntil(pool.close());
  });

  it('are taken back with reclaimLeaks, and their holder is told', async () => {
    const { pool, clock, driver } = scriptedPool({ leakThresholdMs: 10_000, reclaimLeaks: true, maxConnections: 1 });
    const lease = await pool.acquire();
    await clock.advance(12_000);
    expect(driver.connections[0]!.closed).toBe(true);
    await expect(pool.execute(lease, 'SELECT 1')).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
    await pool.query('SELECT 1');
    await clock.runUntil(pool.close());
  });
});

describe('runs', () => {
  it('may hold no more than their quota, and do not stand in the way of others', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 4, maxConnectionsPerRun: 2 });
    const greedy = [await pool.acquire({ runId: 'a' }), await pool.acquire({ runId: 'a' })];
    const third = pool.acquire({ runId: 'a' });
    await clock.advance(0);
    const other = await pool.acquire({ runId: 'b' });
    expect(pool.getStatus().queueDepth).toBe(1);
    await pool.release(greedy[0]!);
    expect((await third).runId).toBe('a');
    await pool.release(other);
    await clock.runUntil(pool.close());
  });

  it('leave the reserve to those who hold nothing', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 3, reservedConnections: 1 });
    await pool.acquire({ runId: 'a' });
    await pool.acquire({ runId: 'a' });
    let served = false;
    const waiting = pool.acquire({ runId: 'a' }).then(
      () => (served = true),
      (error: unknown) => error,
    );
    await clock.advance(100);
    expect(served).toBe(false);
    const other = await pool.acquire({ runId: 'b' });
    await pool.release(other);
    await clock.advance(100);
    expect(served).toBe(false);
    await pool.endRun('a');
    expect(await waiting).toMatchObject({ code: 'POOL_RUN_FINISHED' });
    await clock.runUntil(pool.close());
  });

  it('are told when they wait for themselves, and another run is not disturbed', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 1, deadlockAfterMs: 5000 });
    const lease = await pool.acquire({ runId: 'a' });
    const nested = pool.acquire({ runId: 'a' }).catch((error: unknown) => error);
    const other = pool.acquire({ runId: 'b' });
    await clock.advance(4000);
    expect(pool.getStatus().queueDepth).toBe(2);
    await clock.advance(3000);
    expect(await nested).toMatchObject({ code: 'POOL_RUN_DEADLOCK', facts: { runId: 'a', held: 1 } });
    await pool.release(lease);
    expect((await other).runId).toBe('b');
    await pool.endRun('b');
    await clock.runUntil(pool.close());
  });

  it('that block each other go on when the last one is told', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 2, deadlockAfterMs: 5000 });
    const held = { a: await pool.acquire({ runId: 'a' }), b: await pool.acquire({ runId: 'b' }) };
    const a = pool.acquire({ runId: 'a' });
    await clock.advance(100);
    const b = pool.acquire({ runId: 'b' }).catch((error: unknown) => error);
    await clock.advance(7000);
    expect(await b).toMatchObject({ code: 'POOL_RUN_DEADLOCK', facts: { runId: 'b' } });
    await pool.release(held.b);
    expect((await a).runId).toBe('a');
    await pool.endRun('a');
    await clock.runUntil(pool.close());
  });

  it('are not told so while they work with what they hold', async () => {
    const { pool, clock } = scriptedPool({ maxConnections: 1, deadlockAfterMs: 1000 });
    const lease = await pool.acquire({ runId: 'a' });
    const waiting = pool.acquire({ runId: 'a' });
    for (let second = 0; second < 10; second++) {
      await clock.advance(900);
      await pool.execute(lease, 'SELECT 1');
    }
    await pool.release(lease);
    await pool.release(await waiting);
    await clock.runUntil(pool.close());
  });
});

describe('servers', () => {
  const three = [
    { name: 'primary', role: 'primary' },
    { name: 'replica', role: 'replica' },
    { name: 'replica-2', role: 'replica' },
  ] as const;

  function cluster(): ScriptedPool & { roles: Map<string, 'primary' | 'replica' | 'down'> } {
    const subject = scriptedPool({ minConnections: 1, maxConnections: 2, healthCheckIntervalMs: 1000 }, three);
    const roles = new Map<string, 'primary' | 'replica' | 'down'>(three.map(({ name, role }) => [name, role]));
    subject.driver.onConnect = async ({ name }) => {
      const role = roles.get(name)!;
      if (role === 'down') throw new ConnectError('refused', { retryable: true });
      const connection = new ScriptedConnection();
      connection.role = role;
      connection.onProbe = async () => (connection.role = roles.get(name) as 'primary' | 'replica');
      return connection;
    };
    return { ...subject, roles };
  }

  it('lend by what they are', async () => {
    const { pool, clock } = cluster();
    await pool.initialize();
    const [write, read] = [await pool.acquire(), await pool.acquire({ role: 'replica' })];
    expect([write.role, read.role]).toEqual(['primary', 'replica']);
    expect(read.connectionId).toMatch(/^replica/);
    await clock.runUntil(pool.close());
  });

  it('are followed through a failover: the old primary loses its connections, the new one writes', async () => {
    const subject = cluster();
    const { pool, clock, roles } = subject;
    await pool.initialize();
    const changes = record(subject, 'host:role-changed');
    roles.set('primary', 'replica').set('replica', 'primary');
    await clock.advance(3000);
    expect(changes.map(({ host, to }) => `${host}:${to}`).sort()).toEqual(['primary:replica', 'replica:primary']);
    const lease = await pool.acquire();
    expect(lease.connectionId).toMatch(/^replica-\d+$/);
    expect(lease.role).toBe('primary');
    await clock.runUntil(pool.close());
  });

  it('are asked who took over when the primary is gone', async () => {
    const { pool, clock, roles, driver } = cluster();
    await pool.initialize();
    roles.set('primary', 'down').set('replica-2', 'primary');
    driver.connections[0]!.breakDown();
    const acquiring = pool.acquire();
    await clock.advance(5000);
    expect((await acquiring).connectionId).toMatch(/^replica-2-/);
    await clock.runUntil(pool.close());
  });

  it('send reads to the primary when no replica is to be had', async () => {
    const { pool, clock, roles, driver } = cluster();
    await pool.initialize();
    roles.set('replica', 'down').set('replica-2', 'down');
    for (const connection of driver.connections) if (connection.role === 'replica') connection.breakDown();
    const acquiring = pool.acquire({ role: 'replica' });
    await clock.advance(5000);
    expect((await acquiring).role).toBe('primary');
    await clock.runUntil(pool.close());
  });
});
