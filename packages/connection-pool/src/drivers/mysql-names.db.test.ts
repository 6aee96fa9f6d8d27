/** Columns whose names mysql2 itself refuses. */
import { describeDatabases, freshDatabase, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import { beforeAll, expect, it } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';

describeDatabases('a column of any name', ['mysql'], (kind) => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase(kind);
  });

  it.each(['__proto__', '__defineGetter__', '__lookupSetter__', 'constructor'])(
    '%s gives its row, and keeps the connection',
    async (name) => {
      await using pool = new WorkflowConnectionPool({ connectionString: database.url, minConnections: 0, maxConnections: 1 });
      const sql = `SELECT ? AS \`${name}\`, 2 AS other`;
      const rows: unknown[] = [];
      for (const options of [{}, { prepare: true }, { prepare: false }]) {
        const { data, fields } = await pool.query(sql, [1], options);
        expect(fields.map((field) => field.name)).toEqual([name, 'other']);
        rows.push(...data);
      }
      rows.push(...(await pool.query(sql.replace('?', '1'))).data);
      for await (const row of pool.stream(sql, [1])) rows.push(row);
      expect(rows.map((row) => Object.entries(row as object))).toEqual(
        rows.map(() => [
          [name, 1],
          ['other', 2],
        ]),
      );
      expect(rows).toHaveLength(5);
      expect(pool.stats().connections.created).toBe(1);
    },
  );
});
