import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool } from '../testing/scenario-pool.ts';

function folderFor(scene: Scene): string {
  const folder = mkdtempSync(join(tmpdir(), 'kailash-scenario-'));
  scene.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const at = (scene: Scene, file: string) => ({ url: `sqlite:${file}`, defer: (action: () => unknown) => scene.defer(action) });

scenario(35, 'The disk is full', { on: ['sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 2 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY, data blob)');
  const lease = await pool.acquire();
  await lease.execute('PRAGMA max_page_count = 20'); // as if the disk ended there
  let written = 0;
  let error: Awaited<ReturnType<typeof failureOf>>;
  while (!error && written < 100)
    error = await failureOf(lease.execute('INSERT INTO item (data) VALUES (?)', [new Uint8Array(4000)]).then(() => (written += 1)));
  expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED', facts: { codeName: 'SQLITE_FULL' } });
  expect((await lease.execute('SELECT count(*) AS n FROM item')).data).toEqual([{ n: written }]);
  await lease.execute('DELETE FROM item');
  await pool.release(lease);
  await pool.query('INSERT INTO item (data) VALUES (?)', [new Uint8Array(200_000)]);
  return `StatementError (SQLITE_FULL) after ${written} rows; what was written stays, the connection goes on, and the next borrower has the whole disk again`;
});

scenario(35, 'The file is corrupt, or no database', { on: ['sqlite'] }, async (scene) => {
  const folder = folderFor(scene);
  const text = join(folder, 'text.db');
  writeFileSync(text, 'this is a text and no database, '.repeat(300));
  const before = readFileSync(text);
  const none = await failureOf(openPool(at(scene, text)).query('SELECT 1 FROM sqlite_master'));
  expect(none?.code).toMatch(/^POOL_(CONNECT_FAILED|CONNECTION_LOST|STATEMENT_FAILED|CIRCUIT_OPEN)$/);
  expect(readFileSync(text).equals(before)).toBe(true);

  const broken = join(folder, 'broken.db');
  const writer = openPool(at(scene, broken));
  await writer.query('CREATE TABLE item (id integer PRIMARY KEY, name text)');
  await writer.executeMany('INSERT INTO item (id, name) VALUES (?, ?)', Array.from({ length: 5000 }, (_, id) => [id, `name ${id}`])); // prettier-ignore
  await writer.close();
  const bytes = readFileSync(broken);
  bytes.fill(0xa5, 4096 * 3, 4096 * 10);
  writeFileSync(broken, bytes);
  const pool = openPool(at(scene, broken), { acquireTimeoutMs: 2000 });
  const error = await failureOf(pool.query('SELECT count(*), max(name) FROM item'));
  expect(error?.code).toMatch(/^POOL_(CONNECTION_LOST|STATEMENT_FAILED)$/);
  expect(error!.message).toContain('SQLITE_CORRUPT');
  expect(pool.stats().currentState.activeConnections).toBe(0);
  return `no database: ${none!.name}, the file is not touched; damaged pages: ${error!.name} (SQLITE_CORRUPT)`;
});

scenario(35, 'The folder is missing, a folder in its place, or cannot be written', { on: ['sqlite'] }, async (scene) => {
  const folder = folderFor(scene);
  mkdirSync(join(folder, 'is-a-folder'));
  const told: string[] = [];
  for (const file of [join(folder, 'missing', 'a.db'), join(folder, 'is-a-folder'), '/proc/kailash.db']) {
    const pool = openPool(at(scene, file), { acquireTimeoutMs: 2000 });
    const error = await failureOf(pool.query('CREATE TABLE item (id integer)'));
    expect(error, file).toMatchObject({ code: 'POOL_CONNECT_FAILED' });
    expect(error!.message).toContain(file);
    told.push(error!.name);
  }
  expect(existsSync(join(folder, 'missing'))).toBe(false);
  return `${told[0]} with the reason for all three; no folder is made`;
});

scenario(35, 'Paths that lead elsewhere, and names that look like addresses', { on: ['sqlite'] }, async (scene) => {
  const folder = folderFor(scene);
  mkdirSync(join(folder, 'inner'));
  // The file is what the configuration says, as for every program: dots are followed, nothing is decoded or expanded.
  await openPool(at(scene, join(folder, 'inner', '..', 'outer.db'))).query('CREATE TABLE item (id integer)');
  expect(existsSync(join(folder, 'outer.db'))).toBe(true);
  await openPool(at(scene, join(folder, '%2e%2e', 'decoded.db')), { acquireTimeoutMs: 1000 })
    .query('CREATE TABLE item (id integer)')
    .catch(() => {});
  expect(existsSync(join(dirname(folder), 'decoded.db'))).toBe(false);
  const told: string[] = [];
  for (const name of ['http://127.0.0.1:1/x.db', 'libsql://127.0.0.1:1/x.db', 'file:x.db?mode=memory']) {
    const error = await failureOf((async () => openPool(at(scene, name), { acquireTimeoutMs: 2000, connectTimeoutMs: 1000 }))());
    expect(error?.code).toBe('POOL_CONFIG_INVALID');
    told.push(error!.name);
  }
  return `a path is taken as it stands; names like http://, libsql://, file:?mode=memory: ${told.join(', ')}`;
});

scenario(35, 'ATTACH', { on: ['sqlite'] }, async (scene) => {
  const folder = folderFor(scene);
  const pool = openPool(scene, { maxConnections: 2 });
  await pool.query('CREATE TABLE item (id integer)');
  const other = join(folder, 'other.db');
  const lease = await pool.acquire();
  await lease.execute('ATTACH ? AS other', [other]);
  await lease.execute('CREATE TABLE other.item (id integer)');
  await lease.execute('INSERT INTO other.item (id) VALUES (1)');
  const { status } = await pool.release(lease);
  expect(await failureOf(pool.query('SELECT * FROM other.item'))).toMatchObject({ kind: 'unknown_object' });
  // Readers cannot write through it.
  const reader = await pool.acquire({ role: 'replica' });
  await reader.execute('ATTACH ? AS other', [other]);
  const refused = await failureOf(reader.execute('INSERT INTO other.item (id) VALUES (2)'));
  expect(refused?.code).toMatch(/^POOL_(READ_ONLY_CONNECTION|STATEMENT_FAILED)$/);
  await pool.release(reader);
  return `it lasts as long as the lease (${status} at release), the next borrower does not see it; a reader cannot write through it (${refused!.name})`;
});

const child = (url: string): string => `
  import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
  const pool = new WorkflowConnectionPool({ connectionString: ${JSON.stringify(url)}, minConnections: 0, maxConnections: 2 });
  for (let i = 0; i < 100; i++) await pool.query('INSERT INTO item (who) VALUES (?)', ['child']);
  await pool.close();
`;

scenario(35, 'Another process writes to the same file', { on: ['sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 2 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY, who text)');
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const process_ = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=@kailash-ts/source', '--input-type=module', '-e', child(scene.url)],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  process_.stderr.on('data', (data) => (output += String(data)));
  const ended = once(process_, 'close');
  let running = true;
  void ended.then(() => (running = false));
  let mine = 0;
  while (running) {
    await pool.query('INSERT INTO item (who) VALUES (?)', ['parent']);
    mine += 1;
  }
  const [exitCode] = (await ended) as [number | null];
  expect(`${exitCode} ${output}`).toBe('0 ');
  expect((await pool.query("SELECT count(*) AS n FROM item WHERE who = 'child'")).data).toEqual([{ n: 100 }]);
  expect((await pool.query("SELECT count(*) AS n FROM item WHERE who = 'parent'")).data).toEqual([{ n: mine }]);
  return `100 rows of the other process and ${mine} of ours, none lost, no error`;
});
