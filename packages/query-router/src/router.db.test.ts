import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase, sharedCluster, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import type { RouterOptions } from './config.ts';
import {
  NoTransactionError,
  PoolMissingError,
  QueryRouterNode,
  RouterMessageError,
  RouterStoppedError,
  SessionBusyError,
  SessionEndedError,
  SessionLostError,
  SessionRequiredError,
  SeveralStatementsError,
  TransactionOpenError,
  TransactionRolledBackError,
} from './index.ts';

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

/** A fresh database with a table of users, and a pool and router that nobody has initialised. */
async function setUp(kind: DatabaseKind, options: Partial<PoolOptions> & { router?: Partial<RouterOptions> } = {}) {
  const { router: routerOptions, ...poolOptions } = options;
  const database = await freshDatabase(kind);
  const seed = new WorkflowConnectionPool({ name: 'seed', connectionString: database.url });
  await seed.query('CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(50) NOT NULL, active BOOLEAN NOT NULL)');
  await seed.executeMany('INSERT INTO users (id, name, active) VALUES (?, ?, ?)', [
    [1, 'Ada', true],
    [2, 'Grace', true],
    [3, 'Alan', false],
  ]);
  await seed.close();
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: database.url, closeGraceMs: 200, ...poolOptions });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...routerOptions });
  const runtime = new Runtime();
  open.push(runtime);
  runtime.registerNode('db_pool', pool).registerNode('router', router);
  const count = async (): Promise<number> => {
    const { data } = await router.process({ query: 'SELECT COUNT(*) AS n FROM users', fetchMode: 'one' });
    return Number(data!['n']);
  };
  const active = (): number => pool.stats().currentState.activeConnections;
  return { database, pool, router, runtime, count, active };
}

const insert = 'INSERT INTO users (id, name, active) VALUES (?, ?, ?)';

describeDatabases('a router', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it("conformance 49: the guide's query works on a fresh pool without initialise, acquire or release, and leaves no active connection", async () => {
    const { router, active } = await setUp(kind);
    const result = await router.process({ query: 'SELECT * FROM users WHERE active = ? ORDER BY id', parameters: [true] });
    expect(result.success).toBe(true);
    expect(result.rowCount).toBe(2);
    expect(result.data.map((row) => row['name'])).toEqual(['Ada', 'Grace']);
    expect(active()).toBe(0);
  });

  it('conformance 50: parameters reach the database, by position and by name', async () => {
    const { router } = await setUp(kind);
    const byPosition = await router.process({ query: 'SELECT name FROM users WHERE id = ?', parameters: [1], fetchMode: 'one' });
    const byName = await router.process({ query: 'SELECT name FROM users WHERE id = :id', parameters: { id: 3 }, fetchMode: 'one' });
    expect([byPosition.data, byName.data]).toEqual([{ name: 'Ada' }, { name: 'Alan' }]);
  });

  it('conformance 51: a missing query is an error and counts as a routing error', async () => {
    const { router } = await setUp(kind);
    await expect(router.process({} as never)).rejects.toThrow(RouterMessageError);
    await expect(router.process({ query: 'SELECT 1', paramaters: [1] } as never)).rejects.toThrow(
      /paramaters: unknown key.*did you mean "parameters"/,
    );
    expect(router.getMetrics().routerMetrics).toMatchObject({ routingErrors: 2, queriesRouted: 0 });
  });

  it('a text that no server could take is refused as a wrong message, in a session too', async () => {
    const { router, active } = await setUp(kind);
    for (const query of ['SELECT 1\0', "SELECT '\ud800'"])
      for (const sessionId of [undefined, 's']) await expect(router.process({ query, sessionId })).rejects.toThrow(RouterMessageError);
    expect(active()).toBe(0);
  });

  it('conformance 52: the routing metadata has its fields, and the routing time excludes waiting and execution', async () => {
    const { pool, router } = await setUp(kind);
    const { routingMetadata, connectionId } = await router.process({ query: 'SELECT name FROM users WHERE id = ?', parameters: [1] });
    expect(routingMetadata).toEqual({
      connectionId,
      role: pool.hasReplicas ? 'replica' : 'primary',
      host: pool.hasReplicas ? 'replica' : 'primary',
      queryType: 'read_simple',
      complexityScore: 0.1,
      routingConfidence: pool.hasReplicas ? 0.5 : 0.9,
      cacheHit: false,
      routingTimeMs: expect.any(Number) as number,
      strategy: pool.hasReplicas ? 'replica_read' : 'primary_read',
      reasons: expect.arrayContaining([expect.any(String)]) as string[],
    });
  });

  it('conformance 53: the same query twice is one miss and one hit; four times give a hit rate of .75', async () => {
    const { router } = await setUp(kind);
    const run = (): Promise<unknown> => router.process({ query: 'SELECT name FROM users WHERE id = ?', parameters: [1] });
    await run();
    await run();
    expect(router.getMetrics().routerMetrics).toMatchObject({ cacheMisses: 1, cacheHits: 1 });
    expect(router.getMetrics().cacheStats).toMatchObject({ hitRate: 0.5, totalEntries: 1 });
    await run();
    await run();
    expect(router.getMetrics().cacheStats.hitRate).toBe(0.75);
    expect(router.getMetrics().routerMetrics.queriesRouted).toBe(4);
    expect(router.getMetrics().routerMetrics.avgRoutingTimeMs).toBeGreaterThan(0);
  });

  it('conformance 57: BEGIN needs a sessionId, and COMMIT a transaction', async () => {
    const { router, active } = await setUp(kind);
    await expect(router.process({ query: 'BEGIN' })).rejects.toThrow(SessionRequiredError);
    for (const query of ['COMMIT', 'ROLLBACK', 'SAVEPOINT a'])
      for (const sessionId of ['s', undefined]) await expect(router.process({ query, sessionId })).rejects.toThrow(NoTransactionError);
    expect(router.getMetrics().routerMetrics.routingErrors).toBe(7);
    expect(active()).toBe(0);
  });

  it('conformance 58: BEGIN pins a connection, COMMIT gives it back', async () => {
    const { router, active } = await setUp(kind);
    const begun = await router.process({ query: '/* work */ BEGIN', sessionId: 's' });
    expect(begun).toMatchObject({ transactionStarted: true, connectionId: expect.stringContaining('primary') as string });
    expect([router.getMetrics().activeTransactions, active()]).toEqual([1, 1]);
    const inside = await router.process({ query: 'SELECT name FROM users', sessionId: 's' });
    expect(inside.routingMetadata).toMatchObject({
      strategy: 'transaction_affinity',
      routingConfidence: 1,
      connectionId: begun.connectionId,
    });
    const ended = await router.process({ query: 'COMMIT', sessionId: 's' });
    expect(ended).toMatchObject({ transactionEnded: true, connectionId: begun.connectionId });
    expect([router.getMetrics().activeTransactions, active()]).toEqual([0, 0]);
  });

  it('conformance 59: what is rolled back is absent, what is committed is there', async () => {
    const { router, count } = await setUp(kind);
    for (const [id, end, expected] of [
      [10, 'ROLLBACK', 3],
      [11, 'COMMIT', 4],
    ] as const) {
      await router.process({ query: 'BEGIN', sessionId: 's' });
      await router.process({ query: insert, parameters: [id, 'new', true], sessionId: 's' });
      await router.process({ query: end, sessionId: 's' });
      expect(await count()).toBe(expected);
    }
  });

  it('conformance 60: nobody else gets the connection of an open transaction', async () => {
    const { router, active } = await setUp(kind, { maxConnections: 2, acquireTimeoutMs: 5000 });
    const { connectionId } = await router.process({ query: 'BEGIN', sessionId: 'a' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 'a' });
    const pinned = connectionId.split('#')[0];
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        router.process({ query: 'SELECT COUNT(*) AS n FROM users', sessionId: index % 2 ? 'b' : undefined }),
      ),
    );
    expect(others.map((other) => other.connectionId)).not.toContain(pinned);
    expect(others.map(({ data }) => Number(data[0]!['n']))).toEqual(others.map(() => 3));
    await router.process({ query: 'ROLLBACK', sessionId: 'a' });
    expect(active()).toBe(0);
  });

  it('conformance 61: a failed BEGIN leaves no session; a second BEGIN is refused; savepoints keep the pin', async () => {
    const { router, count, active, pool } = await setUp(kind, { minConnections: 1, maxConnections: 1 });
    const holder = await pool.acquire({ role: 'primary' });
    await expect(router.process({ query: 'BEGIN', sessionId: 's', timeoutMs: 50 })).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' });
    await expect(router.process({ query: 'COMMIT', sessionId: 's' })).rejects.toThrow(NoTransactionError);
    await pool.release(holder);

    const begun = await router.process({ query: kind === 'sqlite' ? 'BEGIN IMMEDIATE' : 'START TRANSACTION', sessionId: 's' });
    await expect(router.process({ query: 'BEGIN', sessionId: 's' })).rejects.toThrow(TransactionOpenError);
    await router.process({ query: insert, parameters: [10, 'kept', true], sessionId: 's' });
    await router.process({ query: 'SAVEPOINT a', sessionId: 's' });
    await router.process({ query: insert, parameters: [11, 'undone', true], sessionId: 's' });
    const undone = await router.process({ query: 'ROLLBACK TO a', sessionId: 's' });
    expect(undone).not.toHaveProperty('transactionEnded');
    expect(undone.connectionId).toBe(begun.connectionId);
    await router.process({ query: kind === 'sqlite' ? 'RELEASE a' : 'RELEASE SAVEPOINT a', sessionId: 's' });
    expect(router.getMetrics().activeTransactions).toBe(1);
    await router.process({ query: 'COMMIT', sessionId: 's' });
    expect(await count()).toBe(4);
    expect(active()).toBe(0);
  });

  it('conformance 63: works as a node of a workflow, through the runtime, and directly', async () => {
    const { router, runtime } = await setUp(kind);
    const query = 'SELECT name FROM users WHERE id = ?';
    const sent = (await runtime.process('router', { query, parameters: [2] })) as { data: unknown };
    const direct = await router.process({ query, parameters: [2] });
    expect(sent.data).toEqual(direct.data);
  });

  it('runs one statement for many sets of parameters, all or nothing, alone and in a transaction', async () => {
    const { router, count, active } = await setUp(kind);
    const sets = (from: number): unknown[][] => Array.from({ length: 500 }, (_, index) => [from + index, `n${index}`, true]);
    const result = await router.process({ query: insert, parameterSets: sets(1000) });
    expect(result).toMatchObject({ rowCount: 500, data: [], routingMetadata: { role: 'primary', strategy: 'primary_write' } });
    await expect(router.process({ query: insert, parameterSets: [...sets(5000), [1, 'again', true]] })).rejects.toMatchObject({
      kind: 'unique_violation',
    });
    expect(await count()).toBe(503);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameterSets: sets(2000), sessionId: 's' });
    await router.process({ query: 'ROLLBACK', sessionId: 's' });
    expect(await count()).toBe(503);
    expect(active()).toBe(0);
    await expect(router.process({ query: insert, parameterSets: [], parameters: [] })).rejects.toThrow(
      /parameters: stands beside parameterSets/,
    );
    await expect(router.process({ query: 'BEGIN', parameterSets: [[]], sessionId: 's' })).rejects.toThrow(RouterMessageError);
  });

  it('runs calls of one session one after the other, in the order in which they were made', async () => {
    const { router, count } = await setUp(kind);
    await Promise.all([
      router.process({ query: 'BEGIN', sessionId: 's' }),
      ...Array.from({ length: 10 }, (_, index) => router.process({ query: insert, parameters: [10 + index, 'x', true], sessionId: 's' })),
      router.process({ query: 'COMMIT', sessionId: 's' }),
    ]);
    expect(await count()).toBe(13);
    expect(router.getMetrics().activeTransactions).toBe(0);
  });

  it('gives up waiting for its turn in a session when the time is over', async () => {
    const { router, pool } = await setUp(kind, { minConnections: 1, maxConnections: 1 });
    const holder = await pool.acquire({ role: 'primary' });
    const first = router.process({ query: 'BEGIN', sessionId: 's' });
    await expect(router.process({ query: 'SELECT 1', sessionId: 's', timeoutMs: 30 })).rejects.toThrow(SessionBusyError);
    await pool.release(holder);
    await first;
    await router.process({ query: 'ROLLBACK', sessionId: 's' });
  });

  it('a statement that runs out of time leaves a transaction that ROLLBACK ends, and nothing of it', async () => {
    const { router, count, active } = await setUp(kind);
    const slow = {
      postgresql: 'SELECT pg_sleep(20)',
      mysql: 'SELECT BENCHMARK(2000000000, MD5(1))',
      sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT COUNT(*) AS n FROM c',
    }[kind];
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    await expect(router.process({ query: slow, sessionId: 's', timeoutMs: 50 })).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    expect(await router.process({ query: 'ROLLBACK', sessionId: 's' })).toMatchObject({ transactionEnded: true });
    expect([active(), router.getMetrics().activeTransactions]).toEqual([0, 0]);
    expect(await count()).toBe(3);
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    expect(await count()).toBe(4);
  });

  it('reports COMMIT of a transaction in which a statement failed as what it was', async () => {
    const { router, count, active } = await setUp(kind);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    await expect(router.process({ query: insert, parameters: [1, 'twice', true], sessionId: 's' })).rejects.toMatchObject({
      kind: 'unique_violation',
    });
    const commit = router.process({ query: 'COMMIT', sessionId: 's' });
    if (kind === 'postgresql') {
      await expect(commit).rejects.toThrow(TransactionRolledBackError);
      // As in a `catch`: there is nothing left to roll back, which is no mistake.
      expect(await router.process({ query: 'ROLLBACK', sessionId: 's' })).toMatchObject({ transactionEnded: true });
    } else expect(await commit).toMatchObject({ transactionEnded: true }); // there, a statement fails alone
    expect(await count()).toBe(kind === 'postgresql' ? 3 : 4);
    expect([router.getMetrics().activeTransactions, active()]).toEqual([0, 0]);
  });

  it('refuses several statements with parameters, and several at all', async () => {
    const { router, count, active } = await setUp(kind);
    const query = 'DELETE FROM users WHERE id = ?; DELETE FROM users';
    await expect(router.process({ query, parameters: [1] })).rejects.toThrow(SeveralStatementsError);
    await expect(router.process({ query: 'SELECT 1; DELETE FROM users' })).rejects.toMatchObject({ kind: 'syntax_error' });
    expect(await count()).toBe(3);
    expect(active()).toBe(0);
  });

  it('keeps a connection for a session whose state a statement changes, and refuses such a statement without a session', async () => {
    const { router, active } = await setUp(kind);
    const query =
      kind === 'sqlite' ? 'CREATE TEMP TABLE mine (a INTEGER)' : kind === 'mysql' ? 'SET @a = 7' : "SET application_name = 'mine'";
    await expect(router.process({ query })).rejects.toThrow(SessionRequiredError);
    expect(active()).toBe(0);
    await router.process({ query, sessionId: 's' });
    const read =
      kind === 'sqlite'
        ? 'SELECT COUNT(*) AS v FROM mine'
        : kind === 'mysql'
          ? 'SELECT @a AS v'
          : "SELECT current_setting('application_name') AS v";
    const { data } = await router.process({ query: read, sessionId: 's', fetchMode: 'one' });
    expect(String(data!['v'])).toBe(kind === 'sqlite' ? '0' : kind === 'mysql' ? '7' : 'mine');
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: 'COMMIT', sessionId: 's' });
    expect([active(), router.getMetrics().activeTransactions]).toEqual([1, 0]);
    await router.endSession('s');
    expect(active()).toBe(0);
  });

  it.runIf(kind === 'mysql')('keeps the connection for what a procedure leaves in a variable', async () => {
    const { router, active } = await setUp(kind);
    await router.process({ query: 'CREATE PROCEDURE count_users(OUT n INTEGER) SELECT COUNT(*) INTO n FROM users' });
    await router.process({ query: 'CALL count_users(@n)', sessionId: 's' });
    const { data } = await router.process({ query: 'SELECT @n AS n', sessionId: 's', fetchMode: 'one' });
    expect(data).toEqual({ n: 3 });
    expect(active()).toBe(1);
    await router.endSession('s');
    expect(active()).toBe(0);
  });

  it('ends what is open when it is stopped', async () => {
    const { router, active, pool } = await setUp(kind);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    await router.stop();
    expect([active(), router.getMetrics().activeTransactions]).toEqual([0, 0]);
    expect(Number((await pool.query('SELECT COUNT(*) AS n FROM users')).data[0]!['n'])).toBe(3);
    await expect(router.process({ query: 'SELECT 1' })).rejects.toThrow(RouterStoppedError);
  });

  it('ends a session in which a call waits for a connection', async () => {
    const { router, active, pool } = await setUp(kind, { minConnections: 1, maxConnections: 1 });
    const holder = await pool.acquire({ role: 'primary' });
    const begin = expect(router.process({ query: 'BEGIN', sessionId: 's' })).rejects.toThrow(SessionEndedError);
    const next = expect(router.process({ query: insert, parameters: [1, 'x', true], sessionId: 's' })).rejects.toThrow(SessionEndedError);
    while (pool.getStatus().queueDepth === 0) await new Promise((resolve) => setImmediate(resolve));
    await router.endSession('s');
    await Promise.all([begin, next]);
    await pool.release(holder);
    expect(active()).toBe(0);
  });

  it('conformance 44: tells that there is no connection to be had, as the pool knows why', async () => {
    const nowhere = new WorkflowConnectionPool({
      name: 'db_pool',
      ...(kind === 'sqlite' ? { connectionString: 'sqlite:/nowhere/at/all.db' } : { databaseType: kind, host: '127.0.0.1', port: 1 }),
      acquireTimeoutMs: 5000,
    });
    const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
    const runtime = new Runtime();
    open.push(runtime);
    runtime.registerNode('db_pool', nowhere).registerNode('router', router);
    await expect(router.process({ query: 'SELECT 1' })).rejects.toMatchObject({
      code: expect.stringMatching(/^POOL_(?:CONNECT_FAILED|CIRCUIT_OPEN)$/) as string,
    });
  });

  it('forgets what it knows of texts when it is told to, of some tables or of all', async () => {
    const { router } = await setUp(kind);
    const texts = ['SELECT * FROM users', 'SELECT 1 AS one', 'SELECT name FROM users WHERE id = 1'];
    const hits = async (): Promise<boolean[]> => {
      const found: boolean[] = [];
      for (const query of texts) found.push((await router.process({ query })).routingMetadata.cacheHit);
      return found;
    };
    await hits();
    expect(router.invalidateCache(['users'])).toEqual({ invalidated: true, tables: ['users'] });
    expect(await hits()).toEqual([false, true, false]);
    expect(router.invalidateCache()).toEqual({ invalidated: true, tables: 'all' });
    expect(await hits()).toEqual([false, false, false]);
    expect(await hits()).toEqual([true, true, true]);
  });

  it('counts what ran where', async () => {
    const { router, pool } = await setUp(kind);
    await router.process({ query: insert, parameters: [10, 'new', true] });
    for (let count = 0; count < 3; count++) await router.process({ query: 'SELECT * FROM users' });
    const { byRole, byHost, readsOnReplicas } = router.getMetrics().shares;
    const replica = pool.hasReplicas ? 3 : 0;
    expect(byRole).toEqual({
      primary: { statements: 4 - replica, share: (4 - replica) / 4 },
      replica: { statements: replica, share: replica / 4 },
    });
    expect(byHost['primary']).toEqual(byRole.primary);
    expect(readsOnReplicas).toEqual({ statements: replica, share: replica / 3 });
  });

  it('sends reads to the primary once the split is off, at once', async () => {
    const { router, pool } = await setUp(kind);
    expect((await router.explain('SELECT * FROM users')).role).toBe(pool.hasReplicas ? 'replica' : 'primary');
    router.enableReadWriteSplit = false;
    const { routingMetadata } = await router.process({ query: 'SELECT * FROM users' });
    expect(routingMetadata).toMatchObject({
      role: 'primary',
      strategy: 'primary_read',
      connectionId: expect.stringContaining('primary') as string,
    });
    expect(await router.explain('DELETE FROM users')).toMatchObject({
      queryType: 'write_simple',
      role: 'primary',
      tables: ['users'],
      pinsSession: false,
    });
  });

  it('passes on what the database says of a statement', async () => {
    const { router, active } = await setUp(kind);
    await expect(router.process({ query: 'SELEC 1' })).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'syntax_error' });
    await expect(router.process({ query: 'SELECT * FROM nowhere' })).rejects.toMatchObject({ kind: 'unknown_object' });
    expect(router.getMetrics().routerMetrics).toMatchObject({ routingErrors: 0, queriesRouted: 2 });
    expect(active()).toBe(0);
  });

  it('conformance 51: names the pool that it cannot find', async () => {
    const runtime = new Runtime();
    open.push(runtime);
    const alone = new QueryRouterNode({ name: 'router', connectionPool: 'db_pol' });
    await expect(alone.process({ query: 'SELECT 1' })).rejects.toThrow(/db_pol.*not registered with a runtime/);
    const other = new QueryRouterNode({ name: 'router', connectionPool: 'db_pol' });
    const pool = new WorkflowConnectionPool({ connectionString: 'sqlite::memory:' });
    runtime.registerNode('db_pool', pool).registerNode('router', other);
    const missing = other.process({ query: 'SELECT 1' });
    await expect(missing).rejects.toThrow(PoolMissingError);
    await expect(missing).rejects.toThrow(/"db_pol".*did you mean "db_pool"/);
    expect(other.getMetrics().routerMetrics.routingErrors).toBe(1);
    const wrong = new QueryRouterNode({ name: 'wrong', connectionPool: 'router' });
    runtime.registerNode('wrong', wrong);
    await expect(wrong.process({ query: 'SELECT 1' })).rejects.toThrow(/"router" is no connection pool/);
  });
});

/** By the administrator: ends every connection to the database. */
const killers = {
  async postgresql(database: string): Promise<void> {
    const admin = new pg.Client({ connectionString: (await sharedCluster('postgresql')).adminUrl });
    await admin.connect();
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
    await admin.end();
  },
  async mysql(database: string): Promise<void> {
    const admin = await mysql.createConnection((await sharedCluster('mysql')).adminUrl);
    const [rows] = await admin.query('SELECT id FROM information_schema.processlist WHERE db = ?', [database]);
    for (const { id } of rows as { id: number }[]) await admin.query(`KILL ${id}`);
    await admin.end();
  },
};

describeDatabases('a router whose connection breaks', ['postgresql', 'mysql'], (kind) => {
  // One connection: an idle one, killed too, would be found dead by whoever borrows it next.
  const one = { minConnections: 1, maxConnections: 1 };
  it('conformance 62: tells a lost transaction from others, and frees the session', async () => {
    const { router, count, active, database } = await setUp(kind, one);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    await killers[kind as 'mysql'](database.name);
    const lost = router.process({ query: insert, parameters: [11, 'new', true], sessionId: 's' });
    await expect(lost).rejects.toThrow(SessionLostError);
    await expect(lost).rejects.toMatchObject({ mayHaveCommitted: false, cause: { code: 'POOL_CONNECTION_LOST' } });
    expect([router.getMetrics().activeTransactions, active()]).toEqual([0, 0]);
    // The rest of the transaction must not be committed one by one.
    await expect(router.process({ query: insert, parameters: [12, 'new', true], sessionId: 's' })).rejects.toThrow(SessionLostError);
    await expect(router.process({ query: 'COMMIT', sessionId: 's' })).rejects.toThrow(SessionLostError);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [13, 'new', true], sessionId: 's' });
    await router.process({ query: 'COMMIT', sessionId: 's' });
    expect(await count()).toBe(4);
  });

  it('a ROLLBACK of a transaction that is gone with its connection succeeds', async () => {
    const { router, active, count, database } = await setUp(kind, one);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await killers[kind as 'mysql'](database.name);
    expect(await router.process({ query: 'ROLLBACK', sessionId: 's' })).toMatchObject({ transactionEnded: true });
    expect(active()).toBe(0);
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    expect(await count()).toBe(4);
  });
});

describeDatabases('a router over a database that ends transactions by itself', ['mysql'], (kind) => {
  it('sees the implicit commit of DDL that fails, and says nothing of a rollback', async () => {
    const { router, count, active } = await setUp('mysql');
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    await expect(router.process({ query: 'DROP TABLE nowhere', sessionId: 's' })).rejects.toMatchObject({ kind: 'unknown_object' });
    expect(await count()).toBe(4);
    expect([active(), router.getMetrics().activeTransactions]).toEqual([0, 0]);
    await router.process({ query: insert, parameters: [11, 'newer', true], sessionId: 's' });
    expect(await count()).toBe(5);
  });

  it('sees the implicit commit of DDL', async () => {
    const { router, active, count } = await setUp(kind);
    await router.process({ query: 'BEGIN', sessionId: 's' });
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    const ddl = await router.process({ query: 'CREATE TABLE other (id INTEGER)', sessionId: 's' });
    expect(ddl.transactionEnded).toBe(true);
    await expect(router.process({ query: 'ROLLBACK', sessionId: 's' })).rejects.toThrow(NoTransactionError);
    expect([active(), await count()]).toEqual([0, 4]);
  });

  it('knows a transaction that autocommit=0 opens, and COMMIT AND CHAIN', async () => {
    const { router, count } = await setUp(kind);
    const run = (query: string): Promise<unknown> => router.process({ query, sessionId: 's' });
    await run('SET autocommit = 0');
    expect(router.getMetrics().activeTransactions).toBe(0);
    await router.process({ query: insert, parameters: [10, 'new', true], sessionId: 's' });
    expect(router.getMetrics().activeTransactions).toBe(1);
    await run('ROLLBACK');
    await run('BEGIN');
    expect(await run('COMMIT AND CHAIN')).not.toHaveProperty('transactionEnded');
    expect(router.getMetrics().activeTransactions).toBe(1);
    await router.endSession('s');
    expect(await count()).toBe(3);
  });

  it('refuses the rest of a transaction that a deadlock rolled back', async () => {
    const { router, count, active } = await setUp(kind);
    for (const sessionId of ['a', 'b']) await router.process({ query: 'BEGIN', sessionId });
    const update = (id: number, sessionId: string): Promise<unknown> =>
      router.process({ query: "UPDATE users SET name = 'x' WHERE id = ?", parameters: [id], sessionId });
    await update(1, 'a');
    await update(2, 'b');
    const outcomes = await Promise.allSettled([update(2, 'a'), update(1, 'b')]);
    const victim = outcomes[0].status === 'rejected' ? 'a' : 'b';
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(router.process({ query: insert, parameters: [10, 'lonely', true], sessionId: victim })).rejects.toThrow(
      TransactionRolledBackError,
    );
    await expect(router.process({ query: 'COMMIT', sessionId: victim })).rejects.toThrow(TransactionRolledBackError);
    await router.process({ query: 'COMMIT', sessionId: victim === 'a' ? 'b' : 'a' });
    expect([active(), await count()]).toEqual([0, 3]);
  });
});
