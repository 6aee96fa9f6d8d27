import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { openAdmin, startMariaDb } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { expect, it, onTestFinished } from 'vitest';
import { QueryRouterNode } from './index.ts';

async function setUp(kind: DatabaseKind, options: Partial<PoolOptions> = {}) {
  const { url } = await freshDatabase(kind);
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    connectionString: url,
    minConnections: 0,
    maxConnections: 1,
    closeGraceMs: 200,
    ...options,
  });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
  const runtime = new Runtime({ nodes: { db_pool: pool, router } });
  onTestFinished(() => runtime.close());
  for (const table of ['users', 'orders']) {
    await router.process({ query: `CREATE TABLE ${table} (id integer PRIMARY KEY, note varchar(20))` });
    await router.process({ query: `INSERT INTO ${table} (id, note) VALUES (?, 'a')`, parameterSets: [[1], [2]] });
  }
  /** Hits and misses of so many uses of it. */
  const use = async (query: string, times = 1): Promise<{ hits: number; misses: number }> => {
    const before = pool.stats().prepared;
    for (let time = 0; time < times; time++) await router.process({ query, parameters: [1] });
    const after = pool.stats().prepared;
    return { hits: after.hits - before.hits, misses: after.misses - before.misses };
  };
  /** Texts that the server holds prepared for this connection, ours of this question aside. */
  const held = async (): Promise<string[]> => {
    const { data } = await pool.query(
      "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%FROM users%' OR statement LIKE '%FROM orders%' ORDER BY prepare_time",
      [],
      { prepare: false },
    );
    return data.map(({ statement }) => String(statement));
  };
  return { pool, router, runtime, use, held };
}

const user = 'SELECT note FROM users WHERE id = ?';
const order = 'SELECT note FROM orders WHERE id = ?';
const HIT = { hits: 1, misses: 0 };
const MISS = { hits: 0, misses: 1 };

describeDatabases('prepared statements of a router', ['postgresql', 'mysql'], (kind) => {
  it('conformance 54: what is prepared of a table is dropped on demand, all of it without a table, and with a definition', async () => {
    const { router, use, held } = await setUp(kind);
    await use(user, 3);
    await use(order, 3);
    expect([await use(user), await use(order)]).toEqual([HIT, HIT]);
    expect(router.invalidateCache(['users'])).toEqual({ invalidated: true, tables: ['users'] });
    expect([await use(user), await use(order)]).toEqual([MISS, HIT]);
    await use(user, 2);
    expect(router.invalidateCache()).toEqual({ invalidated: true, tables: 'all' });
    expect([await use(user), await use(order)]).toEqual([MISS, MISS]);
    await use(user, 2);
    await use(order, 2);
    await router.process({ query: 'ALTER TABLE users ADD COLUMN more integer' });
    expect([await use(user), await use(order)]).toEqual([MISS, HIT]);
    // The servers have been told, too.
    if (kind === 'postgresql') expect(await held()).toEqual(['SELECT note FROM orders WHERE id = $1']);
  });

  it('conformance 55: of three statements in a cache of two the one that is longest unused is closed', async () => {
    const { use, held } = await setUp(kind, { prepareCacheSize: 2 });
    const third = 'SELECT id, note FROM users WHERE id = ?';
    for (const query of [user, order, user, third]) await use(query, 2);
    expect(await use(user)).toEqual(HIT);
    if (kind === 'postgresql')
      expect(await held()).toEqual(['SELECT note FROM users WHERE id = $1', 'SELECT id, note FROM users WHERE id = $1']);
    expect(await use(order)).toEqual(MISS);
  });

  it('conformance 56: what was prepared on a connection is gone with it', async () => {
    const { pool, use } = await setUp(kind);
    await use(user, 3);
    expect(await use(user)).toEqual(HIT);
    pool.healthThreshold = 100;
    await pool.query('SELECT 1', [], { timeoutMs: 5000 });
    const before = pool.stats().connections.created;
    await pool.withConnection(async (lease) => {
      await lease.execute(kind === 'postgresql' ? 'SELECT pg_terminate_backend(pg_backend_pid())' : 'KILL CONNECTION_ID()').catch(() => {});
    });
    pool.healthThreshold = 0;
    expect(await use(user)).toEqual(MISS);
    expect(pool.stats().connections.created).toBe(before + 1);
  });

  it('a hit rate is hits of all uses, and what is not to be prepared is no use', async () => {
    const { pool, use } = await setUp(kind);
    const { hits, misses } = pool.stats().prepared;
    await use(user, 20);
    await pool.query('SELECT 1 + ?', [1], { prepare: false });
    const after = pool.stats().prepared;
    expect(after.hits - hits + (after.misses - misses)).toBe(20);
    expect(after.hitRate).toBe(after.hits / (after.hits + after.misses));
  });
});

describeDatabases('the limit of prepared statements', ['mysql'], () => {
  it('is no reason to fail while this pool holds some of them itself', async () => {
    const cluster = await startMariaDb();
    onTestFinished(() => cluster.stop());
    await using admin = await openAdmin(cluster.adminUrl);
    await admin.query('SET GLOBAL max_prepared_stmt_count = 3');
    await using pool = new WorkflowConnectionPool({ connectionString: cluster.url, minConnections: 0, maxConnections: 1 });
    for (let number = 0; number < 10; number++)
      expect((await pool.query(`SELECT ? + ${number} AS n`, [1])).data.map(({ n }) => Number(n))).toEqual([1 + number]);
    expect(pool.stats().prepared).toEqual({ hits: 0, misses: 10, hitRate: 0 });
  });
});
