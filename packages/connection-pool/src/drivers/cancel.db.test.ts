/** Scenarios 7 and 8 at the driver: a cancel that is slow on its way hits what it was meant for, or nothing. */
import { startFaultProxy } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { expect, it } from 'vitest';
import { parsePoolConfig } from '../config.ts';
import type { DriverConnection } from '../driver.ts';
import { loadDriver } from './select.ts';

describeDatabases('a cancel that is slow on its way', ['postgresql', 'mysql'], (kind) => {
  const sleep = (seconds: number): string => (kind === 'postgresql' ? `SELECT pg_sleep(${seconds})` : `SELECT sleep(${seconds})`);
  const numbers =
    kind === 'postgresql'
      ? 'SELECT generate_series(1, 100000000) AS n'
      : 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900) SELECT a.n FROM c a, c b, c d';

  const withSlowNetwork = async (use: (connection: DriverConnection, delay: (ms: number) => void) => Promise<void>): Promise<void> => {
    const { url } = await freshDatabase(kind);
    await using proxy = await startFaultProxy({ targetPort: Number(new URL(url).port) });
    const driver = await loadDriver(parsePoolConfig({ connectionString: proxy.through(url) }));
    const connection = await driver.connect(driver.hosts[0]!, new AbortController().signal);
    try {
      await use(connection, (ms) => proxy.delay(ms));
    } finally {
      proxy.restore();
      await connection.close();
    }
  };
  const succeedsInARow = async (connection: DriverConnection): Promise<void> => {
    for (let index = 0; index < 5; index++) {
      const { rows } = await connection.execute({ text: `SELECT ${index} AS n`, values: [], prepare: index % 2 === 0 });
      expect(rows).toEqual([{ n: index }]);
    }
    await connection.execute({ text: sleep(0.02), values: [], prepare: false });
  };

  it.each([0, 10, 30, 60])('hits no later statement, with %i ms of delay', async (delayMs) => {
    await withSlowNetwork(async (connection, delay) => {
      for (const seconds of [0, 0.01, 0.03]) {
        const running = connection.execute({ text: sleep(seconds), values: [], prepare: false }).catch(() => {});
        delay(delayMs);
        const cancelled = connection.cancel();
        await running;
        await succeedsInARow(connection);
        await cancelled;
        delay(0);
        await succeedsInARow(connection);
        expect(connection.transactionStatus).toBe('idle');
      }
    });
  });

  it('ends a long statement, and the connection is of use when that is settled', async () => {
    await withSlowNetwork(async (connection, delay) => {
      delay(20);
      const running = connection.execute({ text: sleep(60), values: [], prepare: false }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
      await connection.cancel();
      await running;
      await succeedsInARow(connection);
    });
  });

  it('hits nothing after a stream that was closed early', async () => {
    await withSlowNetwork(async (connection, delay) => {
      for (const delayMs of [0, 20]) {
        delay(delayMs);
        const stream = connection.stream({ text: numbers, values: [], prepare: false }, 100);
        await stream.next();
        await stream.close();
        await succeedsInARow(connection);
      }
    });
  });
});
