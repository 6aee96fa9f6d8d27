import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';

it('a file of SQLite in a folder that is not there: the error says so, and what paths are relative to', async () => {
  const file = `${tmpdir()}/no-such-folder-${process.pid}/app.db`;
  expect(existsSync(file)).toBe(false);
  await using pool = new WorkflowConnectionPool({ connectionString: `sqlite:${file}` });
  await expect(pool.query('SELECT 1')).rejects.toThrow(
    `SQLite file ${file} cannot be opened: there is no such folder, it is a folder itself, or permission is lacking. Paths are relative to the working folder.`,
  );
});
