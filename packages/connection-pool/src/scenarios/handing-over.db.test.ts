import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool } from '../testing/scenario-pool.ts';

const value = async (pool: WorkflowConnectionPool, sql: string): Promise<unknown> =>
  Object.values((await pool.query(sql, [], { fetchMode: 'one' })).data ?? {})[0];

/** What a borrower leaves behind, and how the next one would notice: a statement, and what it gives on a clean connection. */
const traces: Record<
  Scene['kind'],
  { leave: readonly string[]; notice: readonly (readonly [what: string, sql: string, clean: unknown])[] }
> = {
  postgresql: {
    leave: [
      'CREATE SCHEMA evil',
      'SET search_path TO evil',
      'CREATE TEMP TABLE secret (id integer)',
      'SELECT pg_advisory_lock(42)',
      "SELECT set_config('work_mem', '1MB', false)",
      'DECLARE held CURSOR WITH HOLD FOR SELECT 1',
      'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    ],
    notice: [
      ['search_path', 'SHOW search_path', '"$user", public'],
      ['temporary table', "SELECT to_regclass('pg_temp.secret') IS NULL", true],
      ['advisory lock', "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", 0],
      ['setting', 'SHOW work_mem', '4MB'],
      ['cursor', "SELECT count(*)::int FROM pg_cursors WHERE name <> ''", 0],
      ['read-only session', 'SHOW default_transaction_read_only', 'off'],
    ],
  },
  mysql: {
    leave: [
      'CREATE TABLE item (id integer PRIMARY KEY)',
      'SET @secret = 42',
      "SET sql_mode = 'ANSI_QUOTES'",
      "SET time_zone = '+05:00'",
      'CREATE TEMPORARY TABLE secret (id integer)',
      "SELECT GET_LOCK('kailash', 1)",
      'SET autocommit = 0',
      'LOCK TABLES item WRITE',
    ],
    notice: [
      ['user variable', 'SELECT @secret IS NULL', 1],
      ['sql_mode', "SELECT @@sql_mode LIKE '%ANSI%'", 0],
      ['time zone', 'SELECT @@time_zone', '+00:00'],
      ['temporary table', "SELECT count(*) FROM information_schema.tables WHERE table_name = 'secret'", 0],
      ['lock', "SELECT IS_FREE_LOCK('kailash')", 1],
      ['autocommit', 'SELECT @@autocommit', 1],
      ['table lock', 'SELECT count(*) FROM information_schema.collations WHERE false', 0],
    ],
  },
  sqlite: {
    leave: ['CREATE TEMP TABLE secret (id integer)', 'PRAGMA case_sensitive_like = ON', "ATTACH ':memory:' AS other"],
    notice: [
      ['temporary table', "SELECT count(*) FROM sqlite_temp_master WHERE name = 'secret'", 0],
      ['pragma', "SELECT 'a' LIKE 'A'", 1],
      ['attached database', "SELECT count(*) FROM pragma_database_list WHERE name = 'other'", 0],
    ],
  },
};

scenario(15, 'A lease comes back with an open or a failed transaction', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  const left: string[] = [];
  for (const leave of ['open', 'failed', 'savepoint'] as const) {
    const lease = await pool.acquire();
    await lease.execute('BEGIN');
    await lease.execute('INSERT INTO item (id) VALUES (1)');
    if (leave === 'failed')
      expect(await failureOf(lease.execute('INSERT INTO item (id) VALUES (1)'))).toMatchObject({ kind: 'unique_violation' });
    if (leave === 'savepoint') await lease.execute('SAVEPOINT here');
    left.push(lease.transactionStatus);
    expect(await pool.release(lease)).toMatchObject({ status: 'released' });
    const next = await pool.acquire();
    expect(next.transactionStatus).toBe('idle');
    expect((await next.execute('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 0 }]);
    await pool.release(next);
  }
  if (scene.kind !== 'sqlite') {
    const sessions = await (await scene.admin()).sessions(scene.database);
    expect(sessions.filter(({ inTransaction }) => inTransaction)).toEqual([]);
  }
  const { created } = pool.stats().connections;
  expect(created).toBe(1);
  return `rolled back before the next borrower (left as: ${left.join(', ')}); it finds no row and no transaction, on the same connection`;
});

scenario(16, 'A lease comes back with a changed session', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  const { leave, notice } = traces[scene.kind];
  const lease = await pool.acquire();
  for (const sql of leave) await lease.execute(sql);
  const { status } = await pool.release(lease);
  const seen: string[] = [];
  for (const [what, sql, clean] of notice) if ((await value(pool, sql)) !== clean) seen.push(what);
  expect(seen).toEqual([]);
  // And it writes as before.
  await pool.query('CREATE TABLE written (id integer PRIMARY KEY)');
  await pool.query('INSERT INTO written (id) VALUES (?)', [1]);
  const { created } = pool.stats().connections;
  return `${status}; the next borrower finds none of: ${notice.map(([what]) => what).join(', ')} (${created === 1 ? 'same connection, reset' : `connection ${created}, a new one`})`;
});

scenario(16, 'A lease comes back in the middle of a statement', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  const lease = await pool.acquire();
  const running = failureOf(lease.execute(scene.kind === 'postgresql' ? 'SELECT pg_sleep(0.1), 1 AS n' : 'SELECT sleep(0.1), 1 AS n'));
  const released = pool.release(lease);
  const next = await pool.query('SELECT 2 AS n');
  expect(next.data).toEqual([{ n: 2 }]);
  const error = await running;
  await released;
  return `the next borrower waits until it has ended and gets its own rows; the statement ${error ? `fails with ${error.name}` : 'gives its result'}`;
});
