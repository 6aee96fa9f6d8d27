/** `kailash classify --connection`, as a child process in this package's folder, where it finds the pool. */
import { fileURLToPath } from 'node:url';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { Project } from '../../cli/src/testing/kailash.ts';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const project = new Project();
afterAll(() => project.remove());

const VIEWS = {
  postgresql: ['CREATE SEQUENCE s', "CREATE VIEW writes AS SELECT nextval('s') AS n", 'CREATE VIEW reads AS SELECT 1 AS n'],
  mysql: ['CREATE SEQUENCE s', 'CREATE VIEW writes AS SELECT NEXTVAL(s) AS n', 'CREATE VIEW `reads` AS SELECT 1 AS n'],
} as const;

async function create(kind: keyof typeof VIEWS, url: string): Promise<void> {
  if (kind === 'postgresql') {
    const client = new pg.Client(url);
    await client.connect();
    for (const sql of VIEWS[kind]) await client.query(sql);
    await client.end();
  } else {
    const connection = await mysql.createConnection(url);
    for (const sql of VIEWS[kind]) await connection.query(sql);
    await connection.end();
  }
}

describeDatabases('kailash classify --connection', ['postgresql', 'mysql'], (kind) => {
  it('asks the database what a view does, and says that the dialect is another', async () => {
    const { url } = await freshDatabase(kind);
    await create(kind as keyof typeof VIEWS, url);
    const stdin = ['reads', 'writes', 'nothing'].map((view) => JSON.stringify({ sql: `SELECT * FROM \`${view}\`` })).join('\n');
    const lines = kind === 'mysql' ? stdin : stdin.replaceAll('`', '');
    const args = ['classify', '--dialect', kind, '--jsonl'];
    const targets = async (...more: string[]): Promise<string[]> => {
      const { stdout, stderr } = await project.kailash([...args, ...more], { stdin: lines, cwd });
      expect(stderr).toBe('');
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { target: string }).target);
    };
    expect(await targets()).toEqual(['replica', 'replica', 'replica']);
    expect(await targets('--connection', url)).toEqual(['replica', 'primary', 'primary']);
    const other = await project.kailash(['classify', '--dialect', 'sqlite', 'SELECT 1', '--connection', url], { cwd });
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining(`a database of ${kind}, --dialect says sqlite`)]);
  });
});
