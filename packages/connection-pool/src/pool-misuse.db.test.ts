/** What goes in wrong comes out as an error that says so, and leaves nothing half done. */
import { describeDatabases, freshDatabase, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import { beforeAll, expect, it } from 'vitest';
import { inspect } from 'node:util';
import { WorkflowConnectionPool } from './node.ts';
import { slowRead } from './testing/scenario-pool.ts';

describeDatabases('misuse of a pool', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let database: FreshDatabase;
  const make = (): WorkflowConnectionPool =>
    new WorkflowConnectionPool({ connectionString: database.url, minConnections: 0, maxConnections: kind === 'sqlite' ? 2 : 1 });

  beforeAll(async () => {
    database = await freshDatabase(kind);
    await using pool = make();
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  });

  it('wrong options are refused with all their problems, and the pool works on', async () => {
    await using pool = make();
    const wrong = { signal: new AbortController(), timeoutMs: Number.NaN, role: 'Replica', fetchMod: 'one' } as never;
    const calls: [string, () => Promise<unknown>][] = [
      ['acquire', () => pool.acquire(wrong)],
      ['query', () => pool.query('SELECT 1', [], wrong)],
      ['executeMany', () => pool.executeMany('INSERT INTO item (id) VALUES (?)', [[1]], wrong)],
      ['stream', () => pool.stream('SELECT 1', [], wrong).next()],
      ['withConnection', () => pool.withConnection(async () => 1, wrong)],
      ['transaction', () => pool.transaction(async () => 1, wrong)],
    ];
    for (const [method, call] of calls) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'POOL_OPTIONS_INVALID', facts: { method } });
      expect((error as Error).message).toContain('controller.signal');
      expect((error as { facts: { problems: string[] } }).facts.problems).toHaveLength(4);
      expect((error as Error).message).toContain('did you mean "fetchMode"?');
    }
    await expect(pool.transaction(async () => 1, { retries: Number.NaN })).rejects.toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
    await expect(pool.acquire(null as never)).rejects.toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
    expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  });

  it('a lease of another pool is no lease of this one', async () => {
    await using one = make();
    await using two = make();
    const mine = await one.acquire();
    const other = await two.acquire();
    expect(mine.id).toBe(other.id);
    const error: unknown = await two.release(mine).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'POOL_LEASE_UNKNOWN' });
    expect((await two.execute(other, 'SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    expect((await one.execute(mine, 'SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    await one.release(mine);
    await two.release(other);
  });

  it('a transaction that only reads cannot write, and the next one can', async () => {
    await using pool = make();
    const writing = pool.transaction((tx) => tx.execute('INSERT INTO item (id) VALUES (1)'), { readOnly: true });
    await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/^POOL_(?:READ_ONLY_CONNECTION|STATEMENT_FAILED)$/) });
    await pool.transaction((tx) => tx.execute('INSERT INTO item (id) VALUES (2)'));
    expect((await pool.query('SELECT id FROM item ORDER BY id')).data).toEqual([{ id: 2 }]);
  });

  it('a transaction that was ended from within is no success', async () => {
    await using pool = make();
    await expect(pool.transaction((tx) => tx.execute('ROLLBACK'))).rejects.toMatchObject({ kind: 'transaction_rolled_back' });
    expect(pool.stats().currentState.activeConnections).toBe(0);
  });

  it('a size beyond what the database can have is held to that', async () => {
    await using pool = new WorkflowConnectionPool({ connectionString: database.url, minConnections: 1, maxConnections: 5 });
    await pool.initialize();
    pool.adjustPoolSize(5);
    const most = kind === 'sqlite' ? 1 : 5;
    await expect.poll(() => pool.getComprehensiveStatus().hosts['primary']?.total).toBe(most);
  });

  it('streams are counted, and one that is left lying is a leak', async () => {
    await using pool = new WorkflowConnectionPool({ connectionString: database.url, maxConnections: 2, leakThresholdMs: 50 });
    let rows = 0;
    for await (const _ of pool.stream('SELECT 1 AS one UNION SELECT 2')) rows += 1;
    expect(rows).toBe(2);
    await expect(pool.stream('SELEKT 1').next()).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
    expect(pool.stats().queries).toEqual({ executed: 2, errors: 1, errorRate: 0.5 });
    const leaks: string[] = [];
    pool.on('lease:leaked', ({ leaseId }) => leaks.push(leaseId));
    const left = pool.stream('SELECT 1 AS one UNION SELECT 2', [], { fetchSize: 1 });
    await left.next();
    await expect.poll(() => leaks).toHaveLength(1);
    await left.return();
  });

  it('values of parameters are not in the messages of the server', async () => {
    await using pool = make();
    const secret = 'hunter2 & |';
    const statements: Record<typeof kind, string[]> = {
      postgresql: ['SELECT to_tsquery(?)', 'SELECT ?::text::regclass', 'SELECT CAST(?::text AS integer)', 'SELECT ?::text::regconfig'],
      mysql: ['SELECT CAST(? AS JSON)', "SELECT json_extract('{}', ?)", 'SELECT regexp_substr("a", concat("(", ?))'],
      sqlite: ["SELECT json_extract('{}', ?)", 'SELECT json(?)', "SELECT json_set('{}', ?, 1)"],
    };
    let failed = 0;
    for (const sql of statements[kind]) {
      const error = await pool.query(sql, [secret]).then(() => undefined, (reason: Error) => reason); // prettier-ignore
      if (error === undefined) continue;
      failed += 1;
      expect(inspect(error, { depth: 9 })).not.toContain('hunter');
    }
    expect(failed).toBeGreaterThan(1);
  });

  it('a signal stops what runs in a transaction, and nothing is committed', async () => {
    await using pool = make();
    const abort = new AbortController();
    const slow = { postgresql: 'SELECT pg_sleep(20)', mysql: 'SELECT sleep(20)', sqlite: slowRead.sqlite }[kind];
    const work = pool.transaction(
      async (tx) => {
        await tx.execute('INSERT INTO item (id) VALUES (77)');
        setTimeout(() => abort.abort(new RangeError('enough')), 50);
        await tx.execute(slow);
      },
      { signal: abort.signal },
    );
    await expect(work).rejects.toMatchObject({ code: 'POOL_ABORTED', cause: { message: 'enough' } });
    expect((await pool.query('SELECT count(*) AS n FROM item WHERE id = 77')).data.map(({ n }) => Number(n))).toEqual([0]);
  });
});
