import { setTimeout as pause } from 'node:timers/promises';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect, vi } from 'vitest';
import { failureOf, openPool } from '../testing/scenario-pool.ts';

const HOUR_MS = 3_600_000;

/** Longer than every limit below. Nothing of this process runs meanwhile; the server does. */
function stall(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
}

const brief: Record<Scene['kind'], string> = {
  postgresql: 'SELECT pg_sleep(0.2), 1 AS n',
  mysql: 'SELECT sleep(0.2), 1 AS n',
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50000) SELECT count(*) AS n FROM c',
};

scenario(33, 'The event loop stands still for longer than all limits', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const stallMs = 1500;
  const role = scene.kind === 'sqlite' ? 'replica' : 'primary';
  const pool = openPool(scene, {
    minConnections: 2,
    maxConnections: scene.kind === 'sqlite' ? 5 : 4,
    acquireTimeoutMs: 1000,
    statementTimeoutMs: 1000,
    idleTimeoutMs: 800,
    healthCheckIntervalMs: 400,
    validateTimeoutMs: 500,
    leakThresholdMs: 60_000,
  });
  await pool.initialize();
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  // All four are lent and run a statement that ends during the stall; four more callers wait for them.
  const leases = await Promise.all([1, 2, 3, 4].map(() => pool.acquire({ role, timeoutMs: 20_000 })));
  const holders = leases.map(async (lease) => {
    const error = await failureOf(lease.execute(brief[scene.kind]));
    await pool.release(lease);
    return error;
  });
  const waiters = leases.map(() => failureOf(pool.query('SELECT 1', [], { role })));
  await pause(20);
  stall(stallMs);
  const errors = (await Promise.all([...holders, ...waiters])).filter((error) => error !== undefined);
  expect(errors.map(({ message }) => message)).toEqual([]);
  expect(closed).toEqual([]);
  // All idle now: a stall is no idleness.
  const before = pool.stats().currentState.totalConnections;
  stall(stallMs);
  await pause(50);
  expect(closed).toEqual([]);
  expect(pool.stats().currentState.totalConnections).toBe(before);
  expect((await pool.query('SELECT 1 AS one', [], { role })).data).toEqual([{ one: 1 }]);
  return `stalls of ${stallMs} ms with limits of 400 to 1000 ms: 4 statements and 4 waits succeed, ${closed.length} connections closed`;
});

scenario(33, 'The clock of the machine jumps by an hour', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { minConnections: 2, idleTimeoutMs: 60_000, maxLifetimeMs: 120_000, healthCheckIntervalMs: 100 });
  await pool.initialize();
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  const realNow = Date.now.bind(Date);
  try {
    for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
      vi.spyOn(Date, 'now').mockImplementation(() => realNow() + jumpMs);
      await pause(250); // some rounds of the housekeeper
      expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
      await using lease = await pool.acquire({ timeoutMs: 1000 });
      expect(lease.waitTimeMs).toBeLessThan(HOUR_MS / 2);
      const waiting = failureOf(openPool(scene, { maxConnections: 1, acquireTimeoutMs: 5000 }).query('SELECT 1'));
      expect(await waiting).toBeUndefined();
    }
  } finally {
    vi.restoreAllMocks();
  }
  expect(closed).toEqual([]);
  return 'forwards and back: 0 connections closed, 0 waits timed out (limits run on the monotonic clock)';
});
