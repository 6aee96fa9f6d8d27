/** Scenario 9 in virtual time: what the storm on real servers has shown. */
import { expect, it } from 'vitest';
import { scriptedPool } from '../testing/scripted-pool.ts';

it('a connection that goes from borrower to borrower without a pause is not checked in between, however long that lasts', async () => {
  const { pool, clock, driver } = scriptedPool({ maxConnections: 1, validateAfterIdleMs: 500, healthCheckIntervalMs: 'never' });
  let holder = await pool.acquire();
  let pings = 0;
  driver.connections[0]!.onPing = async () => void (pings += 1);
  for (let round = 0; round < 5; round++) {
    const waiting = pool.acquire();
    await clock.advance(300);
    await pool.release(holder);
    holder = await waiting;
  }
  expect(pings).toBe(0);
  await pool.release(holder);
  await clock.runUntil(pool.close());
});
