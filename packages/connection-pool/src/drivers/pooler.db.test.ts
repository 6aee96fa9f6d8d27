/**
 * Behind a pooler that gives each transaction another connection. Played on PgBouncer where the machine has it; what the pool leaves out
 * for its sake is played on PostgreSQL itself.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { expect, it, onTestFinished } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';
import { failureOf } from '../testing/scenario-pool.ts';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find(existsSync);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** PgBouncer with two connections to the server. @returns the address that leads through it */
async function startPooler(url: string): Promise<string> {
  const { hostname, port, pathname, username, password } = new URL(url);
  const folder = mkdtempSync(join(tmpdir(), 'kailash-pgbouncer-'));
  const listen = await freePort();
  const database = pathname.slice(1);
  const login = `user=${username}${password === '' ? '' : ` password=${password}`}`;
  writeFileSync(join(folder, 'users.txt'), `"${username}" "${password}"\n`);
  const lines = [
    '[databases]',
    `${database} = host=${hostname} port=${port} dbname=${database} ${login}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listen}`,
    'unix_socket_dir =',
    'auth_type = any',
    `auth_file = ${join(folder, 'users.txt')}`,
    'pool_mode = transaction',
    'default_pool_size = 2',
  ];
  writeFileSync(join(folder, 'pgbouncer.ini'), `${lines.join('\n')}\n`);
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  chmodSync(folder, 0o755);
  const child = spawn(PGBOUNCER!, [join(folder, 'pgbouncer.ini')], { stdio: 'ignore', ...asNobody });
  onTestFinished(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const through = new URL(url);
  through.port = String(listen);
  return through.href;
}

describeDatabases('a pool behind a pooler', ['postgresql'], (kind) => {
  it('prepares nothing, sends no options, and refuses what would change a session that is not its own', async () => {
    const { url } = await freshDatabase(kind);
    await using pool = new WorkflowConnectionPool({
      connectionString: url,
      poolerMode: 'transaction',
      minConnections: 0,
      maxConnections: 1,
    });
    for (let use = 0; use < 5; use++) await pool.query('SELECT ? + 1 AS n', [use], { prepare: true });
    expect((await pool.query('SELECT count(*) AS n FROM pg_prepared_statements')).data).toEqual([{ n: 0 }]);
    expect(pool.stats().prepared).toEqual({ hits: 0, misses: 0, hitRate: null });
    for (const sql of ["SET work_mem = '1MB'", 'PREPARE p AS SELECT 1', '/* a */ RESET ALL', 'DISCARD ALL', 'LISTEN news'])
      expect((await failureOf(pool.query(sql)))?.code, sql).toMatch(/^POOL_(SESSION|NOTIFICATIONS)_UNSUPPORTED$/);
    const inside = await pool.transaction(async (tx) => {
      await tx.execute("SET LOCAL work_mem = '1MB'");
      return (await tx.execute('SHOW work_mem')).data;
    });
    expect(inside).toEqual([{ work_mem: '1MB' }]);
    expect((await pool.query('SHOW work_mem')).data).not.toEqual(inside);
  });

  const reason = PGBOUNCER ? '' : ' (skipped: PgBouncer is not installed)';
  it.skipIf(!PGBOUNCER)(`works through PgBouncer${reason}`, async () => {
    const { url } = await freshDatabase(kind);
    const through = await startPooler(url);
    await using pool = new WorkflowConnectionPool({ connectionString: through, poolerMode: 'transaction', maxConnections: 10 });
    await expect.poll(async () => (await failureOf(pool.query('SELECT 1')))?.message).toBeUndefined();
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY, at timestamptz)');
    await pool.executeMany("INSERT INTO item (id, at) VALUES (?, '2026-01-01T00:00:00Z')", Array.from({ length: 500 }, (_, id) => [id])); // prettier-ignore
    const reads = Array.from({ length: 300 }, (_, id) => pool.query('SELECT id, at FROM item WHERE id = ?', [id]));
    for (const [id, { data }] of (await Promise.all(reads)).entries()) expect(data).toEqual([{ id, at: new Date('2026-01-01') }]);
    await Promise.all(
      Array.from({ length: 20 }, (_, id) =>
        pool.transaction(async (tx) => {
          await tx.execute('UPDATE item SET at = NULL WHERE id = ?', [id]);
          await tx.execute('UPDATE item SET at = now() WHERE id = ?', [id + 100]);
        }),
      ),
    );
    let rows = 0;
    for await (const { id } of pool.stream('SELECT id FROM item ORDER BY id', [], { fetchSize: 50 })) expect(id).toBe(rows++);
    expect(rows).toBe(500);
    expect(await failureOf(pool.query('SELECT pg_sleep(20)', [], { timeoutMs: 100 }))).toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    expect((await pool.query('SELECT count(*) AS n FROM item WHERE at IS NULL')).data).toEqual([{ n: 20 }]);
  });
});
