/** Each row of the table in docs/reference/values.md, on all databases. */
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { postgresArray } from '../parameters.ts';
import { Pool } from '../pool.ts';

interface ValueRow {
  readonly meaning: string;
  /** Column type on each database. */
  readonly type: Record<DatabaseKind, string>;
  readonly values: readonly unknown[];
  /** What comes back, if not what was sent. */
  readonly back?: (value: never, kind: DatabaseKind) => unknown;
}

const everywhere = (type: string): Record<DatabaseKind, string> => ({ postgresql: type, mysql: type, sqlite: type });

const table: readonly ValueRow[] = [
  { meaning: 'integers', type: everywhere('integer'), values: [0, -1, 2147483647, null] },
  {
    meaning: '64-bit integers: numbers up to 2^53, bigints beyond',
    type: everywhere('bigint'),
    values: [2 ** 53 - 1, 2n ** 53n, 9223372036854775807n, -9223372036854775808n],
  },
  { meaning: 'a bigint that a number holds comes back as a number', type: everywhere('bigint'), values: [5n], back: Number },
  { meaning: 'floats', type: everywhere('double precision'), values: [0.1, -1.5e300, 1 / 3, 3, 0] },
  { meaning: 'floats of 32 bits', type: { postgresql: 'real', mysql: 'float', sqlite: 'real' }, values: [0.1, -2.5, 3.14159] },
  { meaning: 'times of day as text', type: everywhere('time'), values: ['12:34:56', '00:00:00'] },
  { meaning: 'exact decimals as strings', type: everywhere('decimal(12,2)'), values: ['12.50', '-0.01', '3.00', '1234567890.12'] },
  { meaning: 'a number into an exact decimal', type: everywhere('decimal(12,2)'), values: [12.5], back: () => '12.50' },
  { meaning: 'booleans', type: everywhere('boolean'), values: [true, false, null] },
  {
    meaning: 'text of any script',
    type: everywhere('varchar(200)'),
    values: ['', 'Grüße 你好 😀 \u0301', 'it\'s \\ "quoted" ? :x $1', 'a\nb\t%_'],
  },
  { meaning: 'dates as text', type: everywhere('date'), values: ['2024-02-29', '1969-12-31', null] },
  {
    meaning: 'points in time as Date, UTC',
    type: { postgresql: 'timestamptz', mysql: 'datetime(3)', sqlite: 'timestamp' },
    values: [new Date('2024-02-29T12:34:56.789Z'), new Date('1969-12-31T23:59:59.000Z'), null],
  },
  {
    meaning: 'times without a zone as Date, taken as UTC',
    type: { postgresql: 'timestamp', mysql: 'datetime', sqlite: 'datetime' },
    values: ['2024-07-01 08:00:00'],
    back: () => new Date('2024-07-01T08:00:00.000Z'),
  },
  {
    meaning: 'JSON, parsed',
    type: everywhere('json'),
    values: [{ a: [1, null, 'ü'], b: { c: true } }, [1, 2, { x: 'y' }], []],
  },
  {
    meaning: 'binary as Uint8Array',
    type: { postgresql: 'bytea', mysql: 'blob', sqlite: 'blob' },
    values: [Uint8Array.from([0, 1, 254, 255]), new Uint8Array(0), Buffer.from('ab')],
    back: (value: Uint8Array) => Uint8Array.from(value),
  },
];

describeDatabases('values', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let pool: Pool;
  let tables = 0;

  beforeAll(async () => {
    const { url } = await freshDatabase(kind);
    pool = new Pool({ connectionString: url, maxConnections: 2 });
  });
  afterAll(() => pool.close());

  it.each(table)('keeps $meaning', async ({ type, values, back }) => {
    const name = `t${tables++}`;
    await pool.query(`CREATE TABLE ${name} (id integer, v ${type[kind]})`);
    const expected = values.map((value) => (back ? back(value as never, kind) : value));
    for (const [id, value] of values.entries()) await pool.query(`INSERT INTO ${name} (id, v) VALUES (?, ?)`, [id, value]);
    // With and without parameters: the drivers read two formats.
    const { data } = await pool.query(`SELECT v FROM ${name} ORDER BY id`);
    expect(data.map((row) => row['v'])).toStrictEqual(expected);
    const bound = await pool.query(`SELECT v FROM ${name} WHERE id >= ? ORDER BY id`, [0]);
    expect(bound.data.map((row) => row['v'])).toStrictEqual(expected);
  });

  it.each(table)('keeps $meaning through executeMany', async ({ type, values, back }) => {
    const name = `t${tables++}`;
    await pool.query(`CREATE TABLE ${name} (id integer, v ${type[kind]})`);
    await pool.executeMany(`INSERT INTO ${name} (id, v) VALUES (?, ?)`, [...values.entries()]);
    const { data } = await pool.query(`SELECT v FROM ${name} ORDER BY id`);
    expect(data.map((row) => row['v'])).toStrictEqual(values.map((value) => (back ? back(value as never, kind) : value)));
  });

  it('compares with 64-bit integers exactly', async () => {
    await pool.query('CREATE TABLE huge (v bigint)');
    await pool.executeMany('INSERT INTO huge (v) VALUES (?)', [[9007199254740993n], [9007199254740992n]]);
    const { data } = await pool.query('SELECT v FROM huge WHERE v = ?', [9007199254740993n]);
    expect(data).toEqual([{ v: 9007199254740993n }]);
  });

  it('takes a boolean in a condition', async () => {
    await pool.query('CREATE TABLE flags (active boolean)');
    await pool.executeMany('INSERT INTO flags (active) VALUES (?)', [[true], [false], [true]]);
    expect((await pool.query('SELECT active FROM flags WHERE active = ?', [true])).data).toEqual([{ active: true }, { active: true }]);
  });

  it('takes an integer in LIMIT', async () => {
    expect((await pool.query('SELECT 1 AS one LIMIT ?', [1])).data).toEqual([{ one: 1 }]);
  });

  it('gives the key of an inserted row where the database tells it', async () => {
    const id = { postgresql: 'serial', mysql: 'integer AUTO_INCREMENT', sqlite: 'integer' }[kind];
    await pool.query(`CREATE TABLE keyed (id ${id} PRIMARY KEY, v integer)`);
    await pool.query('INSERT INTO keyed (v) VALUES (?)', [1]);
    const { lastInsertId } = await pool.query('INSERT INTO keyed (v) VALUES (?)', [2]);
    expect(lastInsertId).toBe(kind === 'postgresql' ? undefined : 2);
  });

  it('takes a PostgreSQL array only on PostgreSQL', async () => {
    const query = pool.query('SELECT ? AS v', [postgresArray([1, 2])]);
    if (kind !== 'postgresql') return expect(query).rejects.toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    await query;
    const ids = [1, 3, null];
    const { data } = await pool.query('SELECT CAST(? AS int[]) AS ids, 3 = ANY(?) AS found', [postgresArray(ids), postgresArray(ids)]);
    expect(data).toEqual([{ ids, found: true }]);
    const texts = ['a"b', 'c\\d', 'e,f', '{}', null, 'NULL', ''];
    expect((await pool.query('SELECT CAST(? AS text[]) AS texts', [postgresArray(texts)])).data).toEqual([{ texts }]);
  });

  it('refuses values that no database can take, and says which', async () => {
    for (const bad of [undefined, Number.NaN, 2 ** 53 + 2, Symbol('x'), () => 1]) {
      await expect(pool.query('SELECT ? AS a, ? AS b', ['fine', bad])).rejects.toMatchObject({
        code: 'POOL_PARAMETERS_INVALID',
        message: expect.stringContaining('2') as string,
      });
    }
    await expect(pool.query('SELECT ? AS a', [{ big: 1n }])).rejects.toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
  });
});
