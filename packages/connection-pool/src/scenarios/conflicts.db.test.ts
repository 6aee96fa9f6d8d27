import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool, tallyText } from '../testing/scenario-pool.ts';

async function accounts(scene: Scene): Promise<WorkflowConnectionPool> {
  const pool = openPool(scene, { maxConnections: 6, minConnections: 2 });
  await pool.query('CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)');
  await pool.executeMany('INSERT INTO account (id, balance) VALUES (?, ?)', [[1, 100], [2, 100]]); // prettier-ignore
  return pool;
}

const total = async (pool: WorkflowConnectionPool): Promise<number> =>
  Number((await pool.query('SELECT sum(balance) AS n FROM account')).data[0]!['n']);

/** Two transactions that take the same two rows in opposite order, both at once. */
async function crossing(pool: WorkflowConnectionPool, retries: number): Promise<(Error | undefined)[]> {
  let arrived = 0;
  let meet!: () => void;
  const both = new Promise<void>((resolve) => (meet = resolve));
  const transfer = (from: number, to: number): Promise<Error | undefined> =>
    failureOf(
      pool.transaction(
        async (transaction) => {
          await transaction.execute('UPDATE account SET balance = balance - 1 WHERE id = ?', [from]);
          if (++arrived === 2) meet();
          await both;
          await transaction.execute('UPDATE account SET balance = balance + 1 WHERE id = ?', [to]);
        },
        { retries },
      ),
    );
  return Promise.all([transfer(1, 2), transfer(2, 1)]);
}

scenario(20, 'Two transactions deadlock', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = await accounts(scene);
  const without = (await crossing(pool, 0)).filter((error) => error !== undefined);
  expect(without).toHaveLength(1);
  expect(without[0]).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'deadlock' });
  const { retries: before } = pool.getPoolStatistics().comprehensiveMetrics.counters;
  expect(before).toBe(0);
  expect(await crossing(pool, 3)).toEqual([undefined, undefined]);
  const { retries } = pool.getPoolStatistics().comprehensiveMetrics.counters;
  expect(retries).toBe(1);
  expect(await total(pool)).toBe(200);
  expect(pool.stats().connections).toMatchObject({ recycled: 0, failed: 0 });
  return 'without retries one of both gets StatementError deadlock; with retries both succeed, one of them at the second try; connections kept';
});

scenario(20, 'Serialization failures', { on: ['postgresql'] }, async (scene) => {
  const pool = await accounts(scene);
  let calls = 0;
  const bump = (): Promise<Error | undefined> =>
    failureOf(
      pool.transaction(
        async (transaction) => {
          calls += 1;
          const { data } = await transaction.execute('SELECT balance FROM account WHERE id = ?', [1], { fetchMode: 'one' });
          await transaction.execute('UPDATE account SET balance = ? WHERE id = ?', [Number(data!['balance']) + 1, 1]);
        },
        { isolation: 'serializable', retries: 20 },
      ),
    );
  const errors = await Promise.all(Array.from({ length: 12 }, bump));
  expect(errors.filter((error) => error !== undefined)).toEqual([]);
  expect((await pool.query('SELECT balance FROM account WHERE id = 1')).data).toEqual([{ balance: 112 }]);
  return `12 serializable transactions on one row: all succeed, none lost, ${calls - 12} retries of the whole function`;
});

scenario(20, 'A conflict of a single statement', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = await accounts(scene);
  const blocker = await pool.acquire();
  await blocker.execute('BEGIN');
  await blocker.execute('UPDATE account SET balance = 0 WHERE id = 1');
  const lease = await pool.acquire();
  await lease.execute(scene.kind === 'postgresql' ? "SET lock_timeout = '100ms'" : 'SET innodb_lock_wait_timeout = 1');
  await lease.execute('BEGIN');
  await lease.execute('UPDATE account SET balance = 50 WHERE id = 2');
  const error = await failureOf(lease.execute('UPDATE account SET balance = 1 WHERE id = 1'));
  expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'lock_timeout', retryable: false });
  // PostgreSQL: only ROLLBACK passes. MySQL: the statement alone is undone.
  const status = lease.transactionStatus;
  expect(status).toBe(scene.kind === 'postgresql' ? 'failed' : 'open');
  const next = await failureOf(lease.execute('SELECT 1'));
  if (scene.kind === 'postgresql') expect(next).toMatchObject({ kind: 'transaction_failed' });
  else expect(next).toBeUndefined();
  await lease.execute('ROLLBACK');
  expect(lease.transactionStatus).toBe('idle');
  await lease.execute(scene.kind === 'postgresql' ? "SET lock_timeout = '100ms'" : 'SET innodb_lock_wait_timeout = 1');
  const single = await failureOf(lease.execute('UPDATE account SET balance = 1 WHERE id = 1'));
  expect(single).toMatchObject({ kind: 'lock_timeout', retryable: true });
  expect(pool.getPoolStatistics().comprehensiveMetrics.counters.retries).toBe(0);
  await pool.release(lease);
  await pool.release(blocker);
  expect(await total(pool)).toBe(200);
  return `lock_timeout, never tried again by the pool; in a transaction not retryable, and the transaction is ${status}`;
});

scenario(20, 'The file is locked by another connection', { on: ['sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 2, busyTimeoutMs: 50 });
  const other = openPool(scene, { name: 'other', maxConnections: 1, busyTimeoutMs: 5000 });
  await pool.query('CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)');
  const blocker = await other.acquire();
  await blocker.execute('BEGIN IMMEDIATE');
  await blocker.execute('INSERT INTO account (id, balance) VALUES (1, 1)');
  const error = await failureOf(pool.query('INSERT INTO account (id, balance) VALUES (2, 2)'));
  expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'busy', retryable: true });
  const begin = await failureOf(pool.transaction((transaction) => transaction.execute('SELECT 1')));
  expect(begin).toMatchObject({ kind: 'busy' });
  expect((await pool.query('SELECT count(*) AS n FROM account', [], { role: 'replica' })).data).toEqual([{ n: 0 }]);
  await blocker.execute('COMMIT');
  await other.release(blocker);
  await pool.query('INSERT INTO account (id, balance) VALUES (2, 2)');
  // What was acknowledged is there for everybody, and no lock stays behind.
  expect((await other.query('SELECT count(*) AS n FROM account')).data).toEqual([{ n: 2 }]);
  const patient = openPool(scene, { name: 'patient', maxConnections: 1, busyTimeoutMs: 5000 });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      failureOf(
        [other, patient][index % 2]!.transaction((transaction) =>
          transaction.execute('INSERT INTO account (id, balance) VALUES (?, 0)', [10 + index]),
        ),
      ),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome !== undefined).map(({ message }) => message);
  expect(failed).toEqual([]);
  expect((await pool.query('SELECT count(*) AS n FROM account')).data).toEqual([{ n: 42 }]);
  return `StatementError busy, retryable, after busyTimeoutMs, at BEGIN already; readers read on; two pools with patience write by turns: ${tallyText(outcomes.map(() => 'success'))}`;
});
