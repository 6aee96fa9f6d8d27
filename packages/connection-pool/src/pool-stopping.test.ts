/** What stops what: signals, limits and streams touch their own work, and nobody else's. */
import { expect, it } from 'vitest';
import type { DriverResult } from './driver.ts';
import { ConnectError } from './errors.ts';
import { nothing, type ScriptedConnection } from './testing/scripted-driver.ts';
import { scriptedPool, type ScriptedPool } from './testing/scripted-pool.ts';

const one = async (): Promise<ScriptedPool & { readonly connection: ScriptedConnection }> => {
  const scripted = scriptedPool({ maxConnections: 1 });
  await scripted.pool.query('SELECT 1');
  return { ...scripted, connection: scripted.driver.connections[0]! };
};
/** The next statement takes until it is told to end. */
const slow = (connection: ScriptedConnection): (() => void) => {
  let end!: () => void;
  const ended = new Promise<DriverResult>((resolve) => (end = () => resolve(nothing)));
  connection.onExecute = () => ended;
  return end;
};
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

it('an abort leaves alone whoever got the connection after its lease was over', async () => {
  const { pool, connection } = await one();
  const never = new Promise<never>(() => {});
  for (const end of ['release', 'endRun'] as const) {
    const abort = new AbortController();
    const work = pool.withConnection(
      async (lease) => {
        if (end === 'release') await pool.release(lease);
        return never;
      },
      { signal: abort.signal, ...(end === 'endRun' && { runId: 'r' }) },
    );
    const failed = failure(work);
    await new Promise((resolve) => setImmediate(resolve));
    await pool.endRun('r');
    const finish = slow(connection);
    const victim = pool.query('SELECT 2');
    abort.abort(new Error('mine'));
    expect(await failed).toMatchObject({ code: 'POOL_ABORTED', cause: { message: 'mine' } });
    expect(connection.cancels).toBe(0);
    finish();
    expect(await victim).toMatchObject({ success: true });
    pool.beginRun('r');
  }
  await pool.close();
});

it('an abort ends a transaction whose function does not settle, and refuses what the function still sends', async () => {
  const { pool, connection } = await one();
  const abort = new AbortController();
  let late: Promise<unknown> | undefined;
  const work = pool.transaction(
    async (tx) => {
      connection.transactionStatus = 'open';
      connection.clean = false;
      abort.signal.addEventListener('abort', () => void (late = failure(tx.execute('INSERT'))));
      await new Promise(() => {});
    },
    { signal: abort.signal },
  );
  const failed = failure(work);
  await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  expect(await failed).toMatchObject({ code: 'POOL_ABORTED', mayHaveExecuted: false });
  expect(await late).toMatchObject({ code: 'POOL_LEASE_RELEASED' });
  expect(await pool.query('SELECT 1')).toMatchObject({ success: true });
  expect(connection.executed).not.toContain('INSERT');
  await pool.close();
});

it('limit and signal of a statement cover the wait for its turn on a lease, which is no execution', async () => {
  const { pool, connection, clock } = await one();
  const lease = await pool.acquire();
  const finish = slow(connection);
  const first = lease.execute('SELECT 1');
  const limited = failure(lease.execute('SELECT 2', [], { timeoutMs: 100 }));
  expect(await failure(lease.execute('SELECT 3', [], { signal: AbortSignal.abort() }))).toMatchObject({ code: 'POOL_ABORTED' });
  const patient = lease.execute('SELECT 4', [], { timeoutMs: 1000 });
  await clock.advance(500);
  expect(await limited).toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT', mayHaveExecuted: false });
  finish();
  expect((await first).executionTimeMs).toBe(500);
  expect((await patient).executionTimeMs).toBe(0);
  expect(connection.executed.slice(-2)).toEqual(['SELECT 1', 'SELECT 4']);
  await pool.release(lease);
  await pool.close();
});

it('a statement on the lease of a stream that waits for its reader is refused at once', async () => {
  const { pool, connection } = await one();
  connection.pieces = [[{ n: 1 }], [{ n: 2 }]];
  const lease = await pool.acquire();
  const seen: unknown[] = [];
  for await (const { n } of pool.stream('SELECT n', [], { lease })) seen.push(n, await failure(lease.execute('SELECT 1')));
  expect(seen).toMatchObject([1, { code: 'POOL_LEASE_BUSY' }, 2, { code: 'POOL_LEASE_BUSY' }]);
  expect(await lease.execute('SELECT 1')).toMatchObject({ success: true });
  await pool.release(lease);
  await pool.close();
});

it('an aborted stream that nobody reads gives its connection back at once, and no more rows', async () => {
  const { pool, connection } = await one();
  connection.pieces = [[{ n: 1 }, { n: 2 }, { n: 3 }]];
  const abort = new AbortController();
  const rows = pool.stream('SELECT n', [], { signal: abort.signal });
  await rows.next();
  abort.abort();
  expect(await pool.query('SELECT 1')).toMatchObject({ success: true });
  expect(await failure(rows.next())).toMatchObject({ code: 'POOL_ABORTED' });
  await pool.close();
});

it('a stream on a lease ends with the lease', async () => {
  const { pool, connection } = await one();
  connection.pieces = [[{ n: 1 }, { n: 2 }, { n: 3 }]];
  const lease = await pool.acquire();
  const rows = pool.stream('SELECT n', [], { lease });
  await rows.next();
  await pool.release(lease);
  expect(await pool.query('SELECT 1')).toMatchObject({ success: true });
  expect(await failure(rows.next())).toMatchObject({ code: 'POOL_LEASE_RELEASED' });
  await pool.close();
});

it('onConnect that throws once costs one attempt, and opens no circuit', async () => {
  const { pool, driver, clock } = scriptedPool({ maxConnections: 1 });
  const { onConnect } = driver;
  driver.onConnect = async (...args) => {
    driver.onConnect = onConnect;
    throw new ConnectError(`onConnect failed ${args.length}`, { reason: 'ON_CONNECT', retryable: false });
  };
  const answer = pool.query('SELECT 1');
  await clock.advance(5000);
  expect(await answer).toMatchObject({ success: true });
  expect(pool.getPoolStatistics().circuitBreakerStatus).toBe('closed');
  await pool.close();
});
