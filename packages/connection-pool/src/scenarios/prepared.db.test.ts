import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool } from '../testing/scenario-pool.ts';

const prepared = { prepare: true } as const;

scenario(29, 'ALTER TABLE between two executions of a prepared statement', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 3 });
  const select = 'SELECT * FROM item WHERE id = ?';
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  await pool.query('INSERT INTO item (id) VALUES (1)');
  const leases = await Promise.all((scene.kind === 'sqlite' ? [1] : [1, 2, 3]).map(() => pool.acquire()));
  for (const lease of leases) for (let use = 0; use < 3; use++) await lease.execute(select, [1], prepared);
  await leases[0]!.execute('ALTER TABLE item ADD COLUMN extra integer DEFAULT 7');
  // Outside of a transaction: as if nothing had been.
  for (const lease of leases) expect((await lease.execute(select, [1], prepared)).data).toEqual([{ id: 1, extra: 7 }]);
  // Inside of one.
  const [lease] = leases;
  await lease!.execute('BEGIN');
  await lease!.execute('ALTER TABLE item ADD COLUMN more integer DEFAULT 8');
  const error = await failureOf(lease!.execute(select, [1], prepared));
  if (error) expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
  await lease!.execute('ROLLBACK');
  for (const one of leases) expect((await one.execute(select, [1], prepared)).success).toBe(true);
  for (const one of leases) await pool.release(one);
  expect(pool.stats().connections.created).toBe(leases.length);
  return `${leases.length} connections with it prepared: each gives the new column, no error; inside of a transaction ${error ? `${error.name}, to be rolled back` : 'likewise'}`;
});

scenario(29, 'Prepared statements are gone from the server', { on: ['postgresql', 'mysql'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  const statements = Array.from({ length: 5 }, (_, index) => `SELECT ? AS n${index}`);
  const lease = await pool.acquire();
  const useAll = async (): Promise<void> => {
    for (const [index, sql] of statements.entries())
      for (let use = 0; use < 2; use++)
        expect(
          Number(
            (await lease.execute(scene.kind === 'postgresql' ? sql.replace('?', '?::int') : sql, [use], prepared)).data[0]![`n${index}`],
          ),
        ).toBe(use);
  };
  await useAll();
  const removals = scene.kind === 'postgresql' ? ['DEALLOCATE ALL', 'DISCARD ALL', 'DISCARD PLANS'] : ['SET @x = 1'];
  for (const sql of removals) {
    await lease.execute(sql);
    await useAll();
  }
  await pool.release(lease); // MySQL: reset of the session, which ends them all
  const next = await pool.acquire();
  expect(next.connectionId).toBe(lease.connectionId);
  for (const sql of statements)
    expect((await next.execute(scene.kind === 'postgresql' ? sql.replace('?', '?::int') : sql, [1], prepared)).success).toBe(true);
  await pool.release(next);
  expect(pool.stats().connections.created).toBe(1);
  return `after ${removals.join(', ')} and the reset at release all of them work again, prepared anew, on the same connection`;
});

/** How many statements the session has prepared on its server. */
async function preparedNow(scene: Scene, run: (sql: string) => Promise<readonly Record<string, unknown>[]>): Promise<number> {
  if (scene.kind === 'postgresql') return Number((await run('SELECT count(*) AS n FROM pg_prepared_statements'))[0]!['n']);
  const rows = await run("SHOW SESSION STATUS WHERE Variable_name IN ('Com_stmt_prepare', 'Com_stmt_close')");
  const value = (name: string): number => Number(rows.find((row) => String(row['Variable_name']).toLowerCase() === name)?.['Value']);
  return value('com_stmt_prepare') - value('com_stmt_close');
}

scenario(29, 'Three hundred different prepared statements', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1, prepareCacheSize: 20 });
  const lease = await pool.acquire();
  const run = async (sql: string) => (await lease.execute(sql, [], { prepare: false })).data;
  let most = 0;
  for (let index = 0; index < 300; index++) {
    const sql = scene.kind === 'postgresql' ? `SELECT ?::int AS n${index}` : `SELECT ? AS n${index}`;
    for (let use = 0; use < 2; use++) await lease.execute(sql, [index], prepared);
    if (scene.kind !== 'sqlite' && index % 50 === 49) most = Math.max(most, await preparedNow(scene, run));
  }
  // Those that were pushed out work again.
  expect(
    Number((await lease.execute(scene.kind === 'postgresql' ? 'SELECT ?::int AS n0' : 'SELECT ? AS n0', [5], prepared)).data[0]!['n0']),
  ).toBe(5);
  await pool.release(lease);
  expect(most).toBeLessThanOrEqual(21);
  expect(pool.stats().connections.created).toBe(1);
  return scene.kind === 'sqlite' ? 'all work' : `all work; at most ${most} of them are prepared on the server at a time (limit 20)`;
});

scenario(29, 'Equal texts with different literals, one name', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  await pool.executeMany('INSERT INTO item (id) VALUES (?)', [[1], [2]]);
  for (let use = 0; use < 3; use++)
    for (const id of [1, 2]) expect((await pool.query(`SELECT id FROM item WHERE id = ${id}`, [], prepared)).data).toEqual([{ id }]);
  const long = (id: number): string => `SELECT id ${'/* the same beginning */ '.repeat(20)} FROM item WHERE id = ${id}`;
  for (let use = 0; use < 3; use++) for (const id of [1, 2]) expect((await pool.query(long(id), [], prepared)).data).toEqual([{ id }]);
  return 'each text is its own statement: 12 of 12 answers are right';
});
