import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { RouterOptions } from './config.ts';
import { QueryRouterNode, TransactionEndedError } from './index.ts';

async function setUp(kind: DatabaseKind, options: Partial<RouterOptions> = {}) {
  const { url } = await freshDatabase(kind);
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    connectionString: url,
    minConnections: 0,
    maxConnections: 4,
    closeGraceMs: 200,
  });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...options });
  const runtime = new Runtime({ nodes: { db_pool: pool, router } });
  onTestFinished(() => runtime.close());
  await router.process({ query: 'CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)' });
  await router.process({ query: 'INSERT INTO account (id, balance) VALUES (?, 100)', parameterSets: [[1], [2]] });
  const balances = async (): Promise<unknown[]> =>
    (await router.process({ query: 'SELECT balance FROM account ORDER BY id', hint: 'primary' })).data.map(({ balance }) => balance);
  const atRest = (): unknown => ({ active: pool.stats().currentState.activeConnections, open: router.getMetrics().activeTransactions });
  return { pool, router, runtime, balances, atRest };
}

const NOTHING_OPEN = { active: 0, open: 0 };
const take = 'UPDATE account SET balance = balance - ? WHERE id = ?';
const give = 'UPDATE account SET balance = balance + ? WHERE id = ?';

describeDatabases('transactions of a router', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('commit what their function returns, and roll back what it throws', async () => {
    const { router, balances, atRest } = await setUp(kind);
    const left = await router.transaction(async (tx) => {
      await tx.process({ query: take, parameters: [30, 1] });
      await tx.process({ query: give, parameters: [30, 2] });
      const { data, routingMetadata } = await tx.process({ query: 'SELECT balance FROM account WHERE id = 1', fetchMode: 'one' });
      expect(routingMetadata).toMatchObject({ role: 'primary', strategy: 'transaction_affinity', queryType: 'read_simple' });
      return data?.['balance'];
    });
    expect(left).toBe(70);
    const failing = router.transaction(async (tx) => {
      await tx.process({ query: take, parameters: [30, 1] });
      throw new RangeError('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await balances()).toEqual([70, 130]);
    expect(atRest()).toEqual(NOTHING_OPEN);
  });

  it('are a message, too: all of its statements or none', async () => {
    const { router, balances, atRest } = await setUp(kind);
    const statements = [
      { query: take, parameters: [10, 1] },
      { query: give, parameters: [10, 2] },
      { query: 'SELECT sum(balance) AS n FROM account', fetchMode: 'one' },
    ] as const;
    const { success, results } = await router.process({ transaction: statements });
    expect([success, results.map(({ rowCount }) => rowCount), Number((results[2]!.data as { n: unknown }).n)]).toEqual([
      true,
      [1, 1, 1],
      200,
    ]);
    const broken = router.process({ transaction: [...statements, { query: 'INSERT INTO account (id, balance) VALUES (1, 0)' }] });
    await expect(broken).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'unique_violation' });
    expect(await balances()).toEqual([90, 110]);
    expect(atRest()).toEqual(NOTHING_OPEN);
  });

  it('have no statements that would end them, and no keys that mean nothing to them', async () => {
    const { router, balances, atRest } = await setUp(kind);
    for (const query of ['COMMIT', 'ROLLBACK', 'BEGIN'])
      await expect(router.process({ transaction: [{ query: take, parameters: [1, 1] }, { query }] })).rejects.toMatchObject({
        code: 'ROUTER_MESSAGE_INVALID',
      });
    const wrong = [
      {},
      { transaction: [] },
      { transaction: [{ query: 'SELECT 1', sessionId: 'a' }] },
      { query: 'SELECT 1', transaction: [{ query: 'SELECT 1' }] },
      { query: 'SELECT 1', retries: 2 },
      { transaction: [{ query: 'SELECT 1' }], isolation: 'snapshot' },
    ];
    for (const message of wrong) await expect(router.process(message as never)).rejects.toMatchObject({ code: 'ROUTER_MESSAGE_INVALID' });
    await expect(router.transaction(async () => 1, { retrys: 1 } as never)).rejects.toThrow(/did you mean "retries"/);
    expect(await balances()).toEqual([100, 100]);
    expect(atRest()).toEqual(NOTHING_OPEN);
  });

  it('cannot write when they only read, and have savepoints', async () => {
    const { router, balances } = await setUp(kind);
    const writing = router.process({ transaction: [{ query: take, parameters: [1, 1] }], readOnly: true });
    await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/^POOL_/) as string });
    await router.transaction(async (tx) => {
      await tx.process({ query: take, parameters: [5, 1] });
      await tx.process({ query: 'SAVEPOINT a' });
      await tx.process({ query: take, parameters: [50, 1] });
      await tx.process({ query: 'ROLLBACK TO SAVEPOINT a' });
    });
    expect(await balances()).toEqual([95, 100]);
  });

  it('of a session are rolled back when nobody goes on with them, and their owner is told', async () => {
    const { router, balances, atRest } = await setUp(kind, { idleTransactionTimeoutMs: 200 });
    const sessionId = 's';
    const inSession = (query: string): Promise<unknown> => router.process({ query, sessionId });
    await inSession('BEGIN');
    for (let step = 0; step < 4; step++) {
      await pause(100);
      await inSession('UPDATE account SET balance = balance - 1 WHERE id = 1');
    }
    await expect.poll(atRest).toEqual(NOTHING_OPEN);
    await expect(inSession('UPDATE account SET balance = 0')).rejects.toMatchObject({ code: 'ROUTER_TRANSACTION_IDLE' });
    await expect(inSession('COMMIT')).rejects.toMatchObject({ code: 'ROUTER_TRANSACTION_IDLE' });
    expect(await balances()).toEqual([100, 100]);
    await inSession('BEGIN');
    await inSession('UPDATE account SET balance = 1 WHERE id = 1');
    await inSession('COMMIT');
    expect(await balances()).toEqual([1, 100]);
  });
});

describeDatabases('transactions that a statement of theirs ends', ['mysql', 'sqlite'], (kind) => {
  it('send nothing more, which would be committed by itself', async () => {
    const { router, balances, atRest } = await setUp(kind);
    const ending = kind === 'mysql' ? 'CREATE TABLE note (id integer)' : 'INSERT OR ROLLBACK INTO account (id, balance) VALUES (1, 0)';
    const work = router.transaction(async (tx) => {
      await tx.process({ query: take, parameters: [30, 1] });
      await tx.process({ query: ending }).catch(() => {});
      await tx.process({ query: give, parameters: [30, 2] });
    });
    await expect(work).rejects.toThrow(TransactionEndedError);
    // MySQL commits before a definition.
    expect(await balances()).toEqual([kind === 'mysql' ? 70 : 100, 100]);
    expect(atRest()).toEqual(NOTHING_OPEN);
  });
});

describeDatabases('transactions that meet each other', ['postgresql', 'mysql'], (kind) => {
  it('are run again after a deadlock, until all of them are done', async () => {
    const { router, pool, balances, atRest } = await setUp(kind);
    const move = (from: number, to: number): Promise<unknown> =>
      router.transaction(
        async (tx) => {
          await tx.process({ query: take, parameters: [1, from] });
          await pause(10);
          await tx.process({ query: give, parameters: [1, to] });
        },
        { retries: 50 },
      );
    await Promise.all(Array.from({ length: 8 }, (_, number) => (number % 2 === 0 ? move(1, 2) : move(2, 1))));
    expect(await balances()).toEqual([100, 100]);
    expect((await pool.exportMetrics()).prometheusMetrics).toMatch(/connection_pool_retries_total\{[^}]*\} [1-9]/);
    expect(atRest()).toEqual(NOTHING_OPEN);
  });
});
