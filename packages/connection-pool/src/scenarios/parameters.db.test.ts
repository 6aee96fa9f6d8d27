import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool, stopwatch, tallyText } from '../testing/scenario-pool.ts';

const all = ['postgresql', 'mysql', 'sqlite'] as const;

async function withItems(scene: Scene): Promise<WorkflowConnectionPool> {
  const pool = openPool(scene, { maxConnections: 1 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY, name varchar(200), secret varchar(200))');
  await pool.query('INSERT INTO item (id, name, secret) VALUES (?, ?, ?)', [1, 'one', 'hush']);
  return pool;
}

const unharmed = async (pool: WorkflowConnectionPool): Promise<void> => {
  expect((await pool.query('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 1 }]);
  expect(pool.stats().currentState).toMatchObject({ activeConnections: 0 });
};

const HOSTILE_NAMES = [
  'x"; DROP TABLE item; --',
  'x`; DROP TABLE item; --',
  "x'; DROP TABLE item; --",
  'a b',
  'naïve ☃',
  'x'.repeat(200),
  '?',
  '$1',
  ':name',
];

scenario(24, 'Hostile names of tables and columns', { on: all }, async (scene) => {
  const pool = await withItems(scene);
  const quote = (name: string): string =>
    scene.kind === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
  const outcomes: string[] = [];
  for (const name of HOSTILE_NAMES) {
    // As a value in the place of a name: refused by the database or by us, never pasted.
    const error = await failureOf(pool.query('SELECT * FROM ?', [name]));
    expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
    // Quoted by the caller: the placeholders inside of the name are no placeholders.
    const created = await failureOf(pool.query(`CREATE TABLE ${quote(name)} (id integer)`));
    if (created) {
      expect(created).toMatchObject({ code: 'POOL_STATEMENT_FAILED' });
      outcomes.push('refused by the database');
    } else {
      expect(await pool.executeMany(`INSERT INTO ${quote(name)} (id) VALUES (?)`, [[1], [2]])).toMatchObject({ rowCount: 2 });
      expect((await pool.query(`SELECT count(*) AS n FROM ${quote(name)} WHERE id > ?`, [0])).data).toEqual([{ n: 2 }]);
      outcomes.push('used as it is');
    }
    await unharmed(pool);
  }
  const nul = await failureOf(pool.query(`SELECT 1 AS ${quote('a\0b')}`));
  expect(nul?.code).toMatch(/^POOL_(STATEMENT_FAILED|PARAMETERS_INVALID)$/);
  await unharmed(pool);
  return `${HOSTILE_NAMES.length} names: as a value refused, quoted ${tallyText(outcomes)}; a NUL is refused (${nul!.name})`;
});

scenario(25, 'An object where a value is expected', { on: all }, async (scene) => {
  const pool = await withItems(scene);
  const login = 'SELECT id FROM item WHERE name = ? AND secret = ?';
  const rows: number[] = [];
  for (const given of [{ secret: 1 }, { secret: { secret: 1 } }, [['x', 1]], { toString: () => 'hush' }, ['hush'], true]) {
    const result = await pool.query(login, ['one', given]).then(
      ({ rowCount }) => rowCount,
      (error: { code?: string }) => error.code,
    );
    // A server may refuse to compare such types; what never happens is a match.
    if (typeof result === 'number') rows.push(result);
    else expect(result).toMatch(/^POOL_(STATEMENT_FAILED|PARAMETERS_INVALID)$/);
  }
  expect(rows.every((count) => count === 0)).toBe(true);
  await pool.query('UPDATE item SET secret = ? WHERE id = ?', [{ secret: 1 }, 1]);
  expect((await pool.query('SELECT secret FROM item')).data).toEqual([{ secret: '{"secret":1}' }]);
  await unharmed(pool);
  return 'it arrives as JSON text: no condition is widened, no SQL is made of it';
});

scenario(26, 'Too many parameters, and long SQL', { on: all }, async (scene) => {
  const pool = await withItems(scene);
  const outcomes: string[] = [];
  for (const count of [30_000, 65_535, 65_536, 70_000]) {
    const marks = Array.from({ length: count }, () => '?').join(',');
    const values = Array.from({ length: count }, (_, index) => index);
    const error = await failureOf(pool.query(`SELECT count(*) AS n FROM item WHERE id IN (${marks})`, values));
    if (count === 30_000) expect(error).toBeUndefined();
    if (count > 65_535) expect(error?.code).toMatch(/^POOL_(STATEMENT_FAILED|PARAMETERS_INVALID)$/);
    outcomes.push(`${count}: ${error ? error.name : 'works'}`);
    await unharmed(pool);
  }
  const long = await pool.query(`SELECT length('${'x'.repeat(1_000_000)}') AS n`);
  expect(long.data).toEqual([{ n: 1_000_000 }]);
  expect(pool.stats().connections.created).toBe(1);
  return `${outcomes.join('; ')}; SQL of 1 MB works; one connection all along`;
});

scenario(26, 'A value larger than the server takes', { on: ['mysql'] }, async (scene) => {
  const pool = await withItems(scene);
  const elapsed = stopwatch();
  const error = await failureOf(pool.query('SELECT length(?) AS n', [new Uint8Array(17 << 20)]));
  const tookMs = elapsed();
  expect(error?.code).toMatch(/^POOL_(PARAMETERS_INVALID|STATEMENT_FAILED|CONNECTION_LOST)$/);
  await unharmed(pool);
  return `17 MB, of 16 MB that it takes: ${error!.name} after ${tookMs} ms; the next borrower is not harmed`;
});

scenario(26, 'A value of several megabytes', { on: all }, async (scene) => {
  const pool = await withItems(scene);
  const length = scene.kind === 'postgresql' ? 'length(?::bytea)' : 'length(?)';
  const elapsed = stopwatch();
  const { data } = await pool.query(`SELECT ${length} AS n`, [new Uint8Array(8 << 20)]);
  expect(Number(data[0]!['n'])).toBe(8 << 20);
  return `8 MB arrive whole, after ${elapsed()} ms`;
});

const REFUSED: readonly (readonly [name: string, value: unknown])[] = [
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['2 ** 53 + 1', 2 ** 53 + 2],
  ['an invalid Date', new Date(Number.NaN)],
  ['a NUL in text', 'a\0b'],
  ['a lone surrogate', 'a\ud800'],
  ['a symbol', Symbol('x')],
  ['a function', () => 1],
  ['an integer of 70 bits', 2n ** 70n],
  ['undefined in an array', [1, undefined]],
];

scenario(27, 'Values that no database can store', { on: all }, async (scene) => {
  const pool = await withItems(scene);
  const { executed } = pool.stats().queries;
  for (const [name, value] of REFUSED) {
    const error = await failureOf(pool.query('INSERT INTO item (id, name) VALUES (?, ?)', [2, value]));
    expect(error, name).toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    expect(error!.message, name).toContain('2');
    const many = await failureOf(pool.executeMany('INSERT INTO item (id, name) VALUES (?, ?)', [[2, 'a'], [3, value]])); // prettier-ignore
    expect(many, name).toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    expect(many!.message, name).toContain('Row 1');
  }
  expect(pool.stats().queries.executed).toBe(executed);
  const text = scene.kind === 'mysql' ? 'char' : 'text';
  const same = async (value: unknown, type = text): Promise<unknown> =>
    (await pool.query(`SELECT CAST(? AS ${type}) AS v`, [value])).data[0]!['v'];
  expect(await same('naïve ☃ 𝄞 \\ \' "')).toBe('naïve ☃ 𝄞 \\ \' "');
  expect(await same(null)).toBeNull();
  expect(Number(await same(-0, scene.kind === 'mysql' ? 'double' : scene.kind === 'sqlite' ? 'real' : 'float8'))).toBe(0);
  expect(String(await same(2n ** 53n + 1n, scene.kind === 'mysql' ? 'signed' : 'bigint'))).toBe('9007199254740993');
  await unharmed(pool);
  return `${REFUSED.length} of them refused before anything is sent, with the place of the value, in executeMany with the row; bigint, -0, null and all of Unicode arrive as they are`;
});
