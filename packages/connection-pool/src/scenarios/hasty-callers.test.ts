/** Scenario 4 in virtual time: a caller with little time must not take it out on the pool's connections. */
import { expect, it } from 'vitest';
import { failureOf } from '../testing/scenario-pool.ts';
import { scriptedPool } from '../testing/scripted-pool.ts';

it('callers whose own time is shorter than a round trip destroy no connection and open no breaker', async () => {
  const { pool, clock, driver } = scriptedPool({
    minConnections: 2,
    maxConnections: 2,
    validateAfterIdleMs: 500,
    healthCheckIntervalMs: 'never',
  });
  await pool.initialize();
  for (const connection of driver.connections) connection.onPing = () => new Promise((resolve) => void clock.setTimer(resolve, 20)); // an ordinary network
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  for (let call = 0; call < 6; call++) {
    await clock.advance(1000);
    const hasty = failureOf(pool.query('SELECT 1', [], { timeoutMs: 5 }));
    await clock.advance(100);
    expect((await hasty)?.code).toBe('POOL_ACQUIRE_TIMEOUT');
  }
  expect(closed).toEqual([]);
  expect(driver.attempts).toBe(2);
  expect(pool.getPoolStatistics().circuitBreakerStatus).toBe('closed');
  await clock.runUntil(pool.close());
});
