import { startFaultProxy } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, sharedCluster, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeContext } from '@kailash-ts/core';
import { WorkflowConnectionPool } from './node.ts';
import { Pool } from './pool.ts';

/** Statements that take long enough to be interrupted. */
const slow: Record<DatabaseKind, string> = {
  postgresql: 'SELECT pg_sleep(20)',
  mysql: 'SELECT sleep(20)',
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT count(*) AS n FROM c',
};

describeDatabases('the pool', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let url = '';
  let pool: WorkflowConnectionPool;
  const size = (): number => pool.stats().currentState.totalConnections;
  const active = (): number => pool.stats().currentState.activeConnections;
  const items = async (): Promise<number> => (await pool.query('SELECT count(*) AS n FROM item')).data[0]!['n'] as number;

  beforeEach(async () => {
    ({ url } = await freshDatabase(kind));
    pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: url, minConnections: 1, maxConnections: 3 });
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY, name varchar(50))');
  });
  afterEach(() => pool.close());

  it('works on first use without initialize, and leaves nothing leased', async () => {
    await using fresh = new Pool({ connectionString: url });
    await fresh.query('INSERT INTO item (id, name) VALUES (?, ?)', [1, 'one']);
    expect((await fresh.query('SELECT name FROM item WHERE id = :id', { id: 1 })).data).toEqual([{ name: 'one' }]);
    expect(fresh.stats().currentState.activeConnections).toBe(0);
  });

  it('answers query with rows, their number, fields and the connection', async () => {
    await pool.query("INSERT INTO item (id, name) VALUES (1, 'one'), (2, 'two')");
    const result = await pool.query('SELECT id FROM item ORDER BY id');
    expect(result).toMatchObject({ success: true, data: [{ id: 1 }, { id: 2 }], rowCount: 2, connectionId: 'primary-1' });
    expect(result.fields[0]!.name).toBe('id');
    expect((await pool.query('SELECT id FROM item WHERE id = ?', [2], { fetchMode: 'one' })).data).toEqual({ id: 2 });
    expect((await pool.query('SELECT id FROM item WHERE id = ?', [9], { fetchMode: 'one' })).data).toBeNull();
  });

  it('refuses several statements in one text, wherever they stand', async () => {
    await expect(pool.query("SELECT 1; DROP TABLE item -- '")).rejects.toMatchObject({
      code: 'POOL_STATEMENT_FAILED',
      kind: 'syntax_error',
    });
    await expect(pool.query("SELECT ';' AS semicolon;")).resolves.toMatchObject({ data: [{ semicolon: ';' }] });
    await expect(pool.query('-- nothing')).rejects.toMatchObject({ kind: 'syntax_error' });
  });

  it('runs a transaction on a lease', async () => {
    await using lease = await pool.acquire();
    await pool.execute(lease, 'BEGIN');
    await pool.execute(lease, 'INSERT INTO item (id, name) VALUES (?, ?)', [1, 'a']);
    expect(lease.transactionStatus).toBe('open');
    await pool.execute(lease.id, 'COMMIT');
    expect(lease.transactionStatus).toBe('idle');
    expect(active()).toBe(1);
    await pool.release(lease);
    expect(active()).toBe(0);
    expect(await items()).toBe(1);
  });

  it('rolls back what a released lease left open, and the next borrower sees none of it', async () => {
    const lease = await pool.acquire();
    await pool.execute(lease, 'BEGIN');
    await pool.execute(lease, "INSERT INTO item (id, name) VALUES (1, 'a')");
    expect(await pool.release(lease)).toEqual({ status: 'released', connectionId: lease.id });
    expect(await items()).toBe(0);
  });

  it('gives no session changes to the next borrower', async () => {
    const change = {
      postgresql: ['SET search_path TO pg_catalog', 'SHOW search_path', { search_path: '"$user", public' }],
      mysql: ['SET @mine = 1, SESSION sql_mode = ""', 'SELECT @mine AS mine, length(@@sql_mode) > 0 AS strict', { mine: null, strict: 1 }],
      sqlite: ['PRAGMA foreign_keys = OFF', 'PRAGMA foreign_keys', { foreign_keys: 1 }],
    }[kind] as [string, string, object];
    await pool.withConnection((lease) => pool.execute(lease, change[0]));
    expect((await pool.query(change[1])).data).toEqual([change[2]]);
  });

  it('says no to a lease after its release, and twice', async () => {
    const lease = await pool.acquire();
    await pool.release(lease);
    await expect(pool.execute(lease, 'SELECT 1')).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
    await expect(pool.release(lease)).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
    await expect(pool.release(lease.id)).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
    await expect(pool.release('primary-1#999')).rejects.toMatchObject({ code: 'POOL_LEASE_UNKNOWN' });
    expect(active()).toBe(0);
  });

  it('does not let an old lease reach the connection of its next borrower', async () => {
    const old = await pool.acquire();
    await pool.release(old);
    await using next = await pool.acquire();
    expect(next.connectionId).toBe(old.connectionId);
    await expect(pool.execute(old.id, 'SELECT 1')).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
  });

  it('keeps the connection after errors of statements', async () => {
    await pool.query("INSERT INTO item (id, name) VALUES (1, 'a')");
    const before = pool.stats().connections.created;
    for (let round = 0; round < 50; round++) {
      await expect(pool.query("INSERT INTO item (id, name) VALUES (1, 'b')")).rejects.toMatchObject({ kind: 'unique_violation' });
    }
    expect(pool.stats().connections.created).toBe(before);
    expect(pool.stats().queries.errors).toBe(50);
  });

  it('tells a caller of its abort at once, and has a working connection afterwards', async () => {
    const controller = new AbortController();
    const running = pool.query(slow[kind], [], { signal: controller.signal, role: 'replica' });
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(running).rejects.toMatchObject({ code: 'POOL_ABORTED', cause: { message: 'enough' } });
    await expect.poll(active).toBe(0);
    for (let round = 0; round < 10; round++) expect(await items()).toBe(0);
  });

  it('cancels a statement that takes longer than its timeoutMs', async () => {
    const running = pool.query(slow[kind], [], { timeoutMs: 100 });
    await expect(running).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT', mayHaveExecuted: true });
    expect(await items()).toBe(0);
  });

  it('serves waiters in their order and bounds the connections', async () => {
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        pool.withConnection(async (lease) => void (await pool.execute(lease, 'SELECT 1'), order.push(index))),
      ),
    );
    expect(order).toHaveLength(30);
    expect(size()).toBeLessThanOrEqual(3);
    expect(active()).toBe(0);
  });

  it('tells a waiter whose time is over how the pool stands', async () => {
    await using small = new Pool({ name: 'small', connectionString: url, minConnections: 0, maxConnections: 1 });
    await using lease = await small.acquire();
    expect(lease.released).toBe(false);
    await expect(small.acquire({ timeoutMs: 20 })).rejects.toMatchObject({
      code: 'POOL_ACQUIRE_TIMEOUT',
      retryable: true,
      facts: { total: 1, idle: 0, active: 1, max: 1 },
    });
  });

  it('ends only the leases of a run that is over, cancels what they run, and rolls back', async () => {
    const mine = await pool.acquire({ runId: 'mine' });
    const others = kind === 'sqlite' ? await pool.acquire({ runId: 'other', role: 'replica' }) : await pool.acquire({ runId: 'other' });
    await pool.execute(mine, 'BEGIN');
    await pool.execute(mine, "INSERT INTO item (id, name) VALUES (1, 'a')");
    const running = pool.execute(mine, slow[kind]).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await pool.onRunFinished({ runId: 'mine' });
    expect(await running).toMatchObject({ code: 'POOL_ABORTED' });
    expect(mine.released).toBe(true);
    expect(others.released).toBe(false);
    await pool.execute(others, 'SELECT 1');
    await pool.release(others);
    expect(await items()).toBe(0);
    await expect(pool.acquire({ runId: 'mine' })).rejects.toMatchObject({ code: 'POOL_RUN_FINISHED' });
    await expect(pool.execute(mine, 'SELECT 1')).rejects.toMatchObject({ code: 'POOL_LEASE_RELEASED' });
  });

  it('writes many rows, also on a lease inside of its transaction', async () => {
    const rows = Array.from({ length: 3000 }, (_, id) => ({ id, name: `n${id}` }));
    const result = await pool.executeMany('INSERT INTO item (id, name) VALUES (:id, :name)', rows);
    expect(result).toMatchObject({ success: true, rowCount: 3000 });
    await pool.withConnection(async (lease) => {
      await pool.execute(lease, 'BEGIN');
      await pool.executeMany(
        'DELETE FROM item WHERE id = ?',
        rows.map(({ id }) => [id]),
        { lease },
      );
      expect(lease.transactionStatus).toBe('open');
    });
    expect(await items()).toBe(3000);
    expect((await pool.executeMany('INSERT INTO item (id) VALUES (?)', [])).rowCount).toBe(0);
    await expect(pool.executeMany('INSERT INTO item (id) VALUES (?)', [[5000], [1, 2]])).rejects.toThrow('Row 1');
  });

  it('speaks messages: acquire, execute, release, stats, get_status', async () => {
    expect(await pool.process({ operation: 'initialize' })).toMatchObject({ status: 'already_initialized', maxConnections: 3 });
    const { connectionId } = await pool.process({ operation: 'acquire' });
    const done = await pool.process({
      operation: 'execute',
      connectionId,
      query: 'INSERT INTO item (id, name) VALUES (?, ?)',
      params: [1, 'a'],
    });
    expect(done).toMatchObject({ success: true, rowCount: 1, connectionId });
    const read = await pool.process({ operation: 'execute', connectionId, query: 'SELECT name FROM item WHERE id = ?', parameters: [1] });
    expect(read.data).toEqual([{ name: 'a' }]);
    const failed = await pool.process({ operation: 'execute', connectionId, query: 'SELEKT' });
    expect(failed).toMatchObject({ success: false, data: [], error: { code: 'POOL_STATEMENT_FAILED' } });
    expect((await pool.process({ operation: 'get_status' })).connections[connectionId]).toMatchObject({ state: 'active' });
    expect(await pool.process({ operation: 'release', connectionId })).toEqual({ status: 'released', connectionId });
    await expect(pool.process({ operation: 'execute', connectionId, query: 'SELECT 1' })).rejects.toMatchObject({
      code: 'POOL_LEASE_RELEASED',
    });
    expect(await pool.process({ operation: 'stats' })).toMatchObject({ poolName: 'db_pool', currentState: { activeConnections: 0 } });
  });

  it('hides the leases of other runs from messages', async () => {
    const context = (runId: string): NodeContext => ({ runId, signal: new AbortController().signal }) as NodeContext;
    const { connectionId } = await pool.process({ operation: 'acquire' }, context('one'));
    const steal = pool.process({ operation: 'execute', connectionId, query: 'SELECT 1' }, context('two'));
    await expect(steal).rejects.toMatchObject({ code: 'POOL_LEASE_UNKNOWN' });
    await pool.onRunFinished({ runId: 'one' });
    expect(active()).toBe(0);
  });

  it('closes once: waiters are rejected at once, a lease after its grace, and nothing works afterwards', async () => {
    const small = new Pool({ connectionString: url, minConnections: 0, maxConnections: 1, closeGraceMs: 50 });
    const lease = await small.acquire();
    const waiting = small.acquire().catch((error: unknown) => error);
    const closing = small.close();
    expect(await waiting).toMatchObject({ code: 'POOL_CLOSED' });
    expect(small.close()).toBe(closing);
    await closing;
    expect(lease.released).toBe(true);
    await expect(small.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CLOSED' });
    expect(small.stats().currentState.totalConnections).toBe(0);
  });

  it('initializes once', async () => {
    await using fresh = new Pool({ connectionString: url, minConnections: 2, maxConnections: 4 });
    expect(await fresh.initialize()).toMatchObject({ status: 'initialized', minConnections: 2 });
    expect(await fresh.initialize()).toMatchObject({ status: 'already_initialized' });
    expect(fresh.stats().currentState).toMatchObject({ totalConnections: 2, availableConnections: 2 });
  });
});

describeDatabases('conflicts', ['postgresql', 'mysql'], (kind) => {
  it('tells a deadlock from other errors, and that the statement alone must not be tried again', async () => {
    const { url } = await freshDatabase(kind);
    await using pool = new Pool({ connectionString: url });
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY, n integer)');
    await pool.executeMany('INSERT INTO item (id, n) VALUES (?, ?)', [
      [1, 0],
      [2, 0],
    ]);
    const leases = await Promise.all([pool.acquire(), pool.acquire()]);
    for (const [index, lease] of leases.entries()) {
      await pool.execute(lease, 'BEGIN');
      await pool.execute(lease, 'UPDATE item SET n = 1 WHERE id = ?', [index + 1]);
    }
    const crossed = await Promise.allSettled(
      leases.map((lease, index) => pool.execute(lease, 'UPDATE item SET n = 1 WHERE id = ?', [2 - index])),
    );
    const failed = crossed.filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(1);
    expect(failed[0]!.reason).toMatchObject({ kind: 'deadlock', retryable: false });
    const victim = leases[crossed.findIndex((result) => result.status === 'rejected')]!;
    expect(victim.transactionStatus).toBe(kind === 'postgresql' ? 'failed' : 'idle');
    for (const lease of leases) await pool.release(lease);
  });

  it('tells that COMMIT of a failed transaction did nothing', async () => {
    const { url } = await freshDatabase(kind);
    await using pool = new Pool({ connectionString: url });
    await using lease = await pool.acquire();
    await pool.execute(lease, 'BEGIN');
    await expect(pool.execute(lease, 'SELECT * FROM nothing')).rejects.toMatchObject({ kind: 'unknown_object' });
    const commit = pool.execute(lease, 'COMMIT');
    if (kind === 'postgresql') await expect(commit).rejects.toMatchObject({ kind: 'transaction_rolled_back' });
    else await commit;
    expect(lease.transactionStatus).toBe('idle');
  });
});

describeDatabases('a pool and its server', ['postgresql', 'mysql'], (kind) => {
  it('fails at once with the cause when nothing listens, and says nothing of the password', async () => {
    const url = kind === 'postgresql' ? 'postgres://me:hush-hush@127.0.0.1:1/db' : 'mysql://me:hush-hush@127.0.0.1:1/db';
    await using pool = new Pool({ connectionString: url });
    const error = (await pool.initialize().catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'POOL_CONNECT_FAILED', retryable: true });
    expect(error.message).toContain('127.0.0.1:1');
    expect(JSON.stringify([error, pool.config])).not.toContain('hush');
  });

  it('fails within its time when the server does not answer', async () => {
    const { url } = await freshDatabase(kind);
    await using proxy = await startFaultProxy({ targetPort: Number(new URL(url).port) });
    proxy.blackhole();
    await using pool = new Pool({ connectionString: proxy.through(url), acquireTimeoutMs: 200 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' });
    await using hasty = new Pool({ connectionString: proxy.through(url), connectTimeoutMs: 200 });
    await expect(hasty.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CONNECT_FAILED', reason: 'ETIMEDOUT' });
  });

  it('calls a wrong login an authentication error, which is not retried', async () => {
    const { url } = await freshDatabase(kind);
    const wrong = new URL(url);
    wrong.username = kind === 'postgresql' ? 'secured' : 'app';
    wrong.password = 'hush-hush';
    await using pool = new Pool({ connectionString: wrong.href });
    const error = await pool.query('SELECT 1').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'POOL_AUTHENTICATION_FAILED', retryable: false });
    expect(JSON.stringify(error)).not.toContain('hush');
  });

  it('survives that the server ends its idle connections, and opens others', async () => {
    const { url, name } = await freshDatabase(kind);
    await using pool = new Pool({ connectionString: url, minConnections: 2, maxConnections: 4 });
    await pool.initialize();
    await endConnections(kind, name);
    await expect.poll(() => pool.stats().connections).toMatchObject({ failed: 2, created: 4 });
    expect(pool.stats().currentState.totalConnections).toBe(2);
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  });

  it('tells the borrower when the server ends its connection, and recycles it', async () => {
    const { url, name } = await freshDatabase(kind);
    await using pool = new Pool({ connectionString: url, minConnections: 0 });
    const lease = await pool.acquire();
    const running = pool.execute(lease, slow[kind]).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await endConnections(kind, name);
    expect(await running).toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: true, retryable: false });
    expect(await pool.release(lease)).toMatchObject({ status: 'recycled' });
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  });

  it('destroys a connection that gives no sign after a cancel, and its borrower does not wait for that', async () => {
    const { url } = await freshDatabase(kind);
    await using proxy = await startFaultProxy({ targetPort: Number(new URL(url).port) });
    await using pool = new Pool({ connectionString: proxy.through(url), minConnections: 0, cancelGraceMs: 100, resetTimeoutMs: 500 });
    const lease = await pool.acquire();
    proxy.blackhole();
    await expect(pool.execute(lease, 'SELECT 1', [], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    // Its end is not waited for: it is destroyed behind the borrower's back.
    await pool.release(lease);
    await expect.poll(() => pool.stats().currentState.totalConnections).toBe(0);
    proxy.restore();
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  });
});

/** The administrator ends all connections to a database. */
async function endConnections(kind: DatabaseKind, database: string): Promise<void> {
  if (kind === 'postgresql') {
    const admin = new pg.Client({ connectionString: (await sharedCluster('postgresql')).adminUrl });
    await admin.connect();
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
    return admin.end();
  }
  const admin = await mysql.createConnection((await sharedCluster('mysql')).adminUrl);
  const [rows] = await admin.query('SELECT id FROM information_schema.processlist WHERE db = ?', [database]);
  for (const { id } of rows as { id: number }[]) await admin.query(`KILL ${id}`);
  await admin.end();
}

describeDatabases('a database in memory', ['sqlite'], () => {
  it.each(["INSERT INTO item VALUES ('a@b.c', 1)", 'SELECT temp FROM item', 'PRAGMA table_info(item)', 'CREATE TEMP TABLE other (a)'])(
    'outlives %s',
    async (sql) => {
      await using memory = new Pool({ connectionString: 'sqlite::memory:' });
      await memory.query('CREATE TABLE item (name text, temp real)');
      await memory.query(sql);
      expect((await memory.query('SELECT count(*) AS n FROM item')).data).toHaveLength(1);
    },
  );
});

describeDatabases('COPY', ['postgresql'], (kind) => {
  it('from the client is refused, and its connection works afterwards', async () => {
    await using pool = new Pool({ connectionString: (await freshDatabase(kind)).url, minConnections: 0, maxConnections: 1 });
    await pool.query('CREATE TABLE item (id int)');
    await expect(pool.query('COPY item FROM STDIN')).rejects.toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
    expect((await pool.query('SELECT 1 AS n')).data).toEqual([{ n: 1 }]);
    expect(pool.stats().connections.created).toBe(1);
  });
});

describeDatabases('a session that was reset', ['mysql'], (kind) => {
  it('has the sql_mode of a fresh one', async () => {
    await using pool = new Pool({ connectionString: (await freshDatabase(kind)).url, minConnections: 0, maxConnections: 1 });
    const mode = async (): Promise<unknown> => (await pool.query("SHOW VARIABLES LIKE 'sql_mode'")).data;
    const fresh = await mode();
    await pool.query("SET sql_mode = 'ANSI'");
    expect(await mode()).toEqual(fresh);
    expect(pool.stats().connections.created).toBe(1);
  });
});
