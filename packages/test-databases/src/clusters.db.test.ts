import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { missingReport } from './vitest-setup.ts';
import { describeDatabases, freshDatabase, sharedCluster } from './vitest.ts';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  if (url.startsWith('postgres')) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }
  const connection = await mysql.createConnection(url);
  try {
    return (await connection.query(sql))[0] as Record<string, unknown>[];
  } finally {
    await connection.end();
  }
}

describeDatabases('a test cluster', ['postgresql', 'mysql'], (kind) => {
  it('gives each caller an empty database of its own, which the replica follows', async () => {
    const [one, two] = await Promise.all([freshDatabase(kind), freshDatabase(kind)]);
    expect(one.name).not.toBe(two.name);
    await query(one.url, 'CREATE TABLE t (n integer)');
    await query(one.url, 'INSERT INTO t VALUES (7)');
    await expect.poll(() => query(one.replicaUrl!, 'SELECT n FROM t').catch(() => []), { timeout: 10_000 }).toEqual([{ n: 7 }]);
    await expect(query(two.url, 'SELECT n FROM t')).rejects.toThrow(/t["']? does not exist|doesn't exist/);
  });

  it('has a replica that refuses to write', async () => {
    const { replicaUrl } = await sharedCluster(kind as 'postgresql' | 'mysql');
    await expect(query(replicaUrl, 'CREATE TABLE refused (n integer)')).rejects.toThrow(/read-only/);
  });
});

describeDatabases('an abandoned cluster', ['postgresql', 'mysql'], (kind) => {
  it('leaves no process and no folder when its owner is killed', async () => {
    const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
    const module = join(dirname(fileURLToPath(import.meta.url)), 'index.ts');
    const start = kind === 'postgresql' ? 'startPostgres' : 'startMariaDb';
    const code = `import(${JSON.stringify(module)}).then(async (m) => { const c = await m.${start}();
      console.log(JSON.stringify([c.primary.pid, c.replica.pid])); setInterval(() => {}, 1000); })`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--conditions=@kailash-ts/source', '-e', code], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids.every(isAlive)).toBe(true);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await expect.poll(() => pids.some(isAlive), { timeout: 15_000 }).toBe(false);
  }, 60_000);
});

describe('a fresh SQLite database', () => {
  it('is a file in a folder that exists', async () => {
    const { url, name } = await freshDatabase('sqlite');
    expect(url).toBe(`sqlite:${name}`);
    expect(existsSync(dirname(name))).toBe(true);
  });
});

describe('the report of missing databases', () => {
  it('names each database with the number of tests that did not run', () => {
    expect(missingReport({ mysql: 'Install it.' }, new Map([['mysql', 31]]))).toEqual([
      'MariaDB is missing: 31 tests did not run (Install it.)',
    ]);
    expect(missingReport({}, new Map())).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
