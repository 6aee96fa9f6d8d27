/**
 * Random texts, against the servers: what the classifier sends to a replica is never refused there as a write; where the lexer sees one
 * string, the server does; and placeholders carry the values that they are given. `campaign classifier-fuzz` takes its time.
 */
import { bindPlaceholders, classify, lex, loadSql, type Catalog, type Dialect } from '@kailash-ts/sql';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMysqlFixture } from './testing/catalog-fixture-mysql.ts';
import { createPostgresFixture } from './testing/catalog-fixture-postgres.ts';
import { catalogOf } from './testing/catalog-of.ts';
import { connectToReplica, connectToStandby, isReadOnlyRefusal, verdict } from './testing/replicas.ts';
import { MYSQL_VOCABULARY, POSTGRES_VOCABULARY, statementsOf } from './testing/sql-grammar.ts';

const isCampaign = process.env['KAILASH_CAMPAIGN'] === 'classifier-fuzz';
const RUNS = isCampaign ? 30_000 : 150;

/** A read-only server and what is known of its database. */
interface Server {
  readonly catalog: Catalog;
  run(sql: string): Promise<unknown>;
  /** The first row's values. */
  first(sql: string, values: readonly unknown[]): Promise<readonly unknown[]>;
  end(): Promise<void>;
}

async function postgres(): Promise<Server> {
  const database = await freshDatabase('postgresql');
  await createPostgresFixture(database);
  const standby = await connectToStandby(database);
  await standby.query("SET statement_timeout = '2s'");
  return {
    catalog: await catalogOf(database.url),
    run: (sql) => standby.query(sql).finally(() => standby.query('ROLLBACK')),
    first: async (sql, values) => (await standby.query<unknown[]>({ text: sql, values: [...values], rowMode: 'array' })).rows[0]!,
    end: () => standby.end(),
  };
}

async function mariaDb(): Promise<Server> {
  const database = await freshDatabase('mysql');
  await createMysqlFixture(database);
  const replica = await connectToReplica(database);
  await replica.query('SET max_statement_time = 2');
  return {
    catalog: await catalogOf(database.url),
    run: (sql) => replica.query(sql),
    first: async (sql, values) => {
      const [rows] = await replica.execute({ sql, values: [...values] as number[], rowsAsArray: true });
      return (rows as unknown[][])[0]!;
    },
    end: () => replica.end(),
  };
}

const PIECES = [
  "'",
  "''",
  '"',
  '\\\\',
  '$',
  '$$',
  '$a$',
  '/*',
  '*/',
  '--',
  '-- ',
  '#',
  '\n',
  '`',
  ';',
  ' ',
  'a',
  '1',
  '?',
  ':a',
  '@',
  '!',
  '\u00e9',
  '[',
  ']',
];
const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(''));

/** Texts with placeholders where `?` and `:` are code, and none where they are not. */
const NOISE: Readonly<Record<string, readonly string[]>> = {
  postgresql: [
    "'?'",
    "'a''?'",
    "E'\\'?'",
    '$$?$$',
    '$q$ ? :a $q$',
    "'{\"a\": 1}'::jsonb ?? 'a'",
    '(ARRAY[1,2,3])[1:2]',
    "'a'::text",
    '1 /* ? */',
    '1 -- ?\n',
  ],
  mysql: ["'?'", "'a''?'", "'\\'?'", '"?"', '1 /* ? */', '1 -- ?\n', '1 # ?\n', '1 /*!99999 ? */'],
};

describeDatabases('random SQL', ['postgresql', 'mysql'], (kind) => {
  const dialect = kind as Exclude<Dialect, 'sqlite'>;
  let server: Server;
  beforeAll(async () => {
    await loadSql();
    server = await (dialect === 'postgresql' ? postgres() : mariaDb());
  });
  afterAll(() => server.end());

  it('is never refused as a write by the replica that the classifier sends it to', async () => {
    const seen = { replica: 0, refused: 0, cautious: 0, broken: 0 };
    const statements = statementsOf(dialect === 'postgresql' ? POSTGRES_VOCABULARY : MYSQL_VOCABULARY);
    await fc.assert(
      fc.asyncProperty(statements, async (sql) => {
        const { target } = classify(sql, dialect, server.catalog);
        const { refusal } = await verdict(sql, server.run);
        if (target === 'replica') seen.replica++;
        else if (refusal === null) seen.cautious++;
        if (isReadOnlyRefusal(refusal)) seen.refused++;
        else if (refusal !== null) seen.broken++;
        if (target === 'replica') expect(isReadOnlyRefusal(refusal), `${sql}: ${refusal}`).toBe(false);
      }),
      { numRuns: RUNS },
    );
    console.info(`random SQL, ${dialect}: ${JSON.stringify(seen)}`);
    expect(Math.min(seen.replica, seen.refused)).toBeGreaterThan(RUNS / 20);
  });

  it('holds one string for the lexer where the server reads one string', async () => {
    let accepted = 0;
    const quotes = dialect === 'postgresql' ? ["'", "E'", '$$', '$a$'] : ["'", '"', "N'"];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...quotes), soup, async (open, body) => {
        const sql = `SELECT ${open}${body}${open.at(-1) === '$' ? open : open.at(-1)} AS a`;
        if ((await verdict(sql, server.run)).refusal !== null) return;
        const lexed = lex(sql, dialect);
        accepted++;
        expect(lexed.problem, sql).toBeNull();
        expect(classify(sql, dialect).statementCount, sql).toBe(1);
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });

  it('carries values to its placeholders, and to nothing that looks like one', async () => {
    const value = dialect === 'postgresql' ? '::int' : ' + 0';
    const item = fc.oneof(fc.record({ value: fc.nat(1000) }), fc.record({ noise: fc.constantFrom(...NOISE[dialect]!) }));
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 8 }), fc.constantFrom('?', '$', ':'), async (items, style) => {
        const values = items.flatMap((each) => ('value' in each ? [each.value] : []));
        let n = 0;
        const placeholder = (): string => (++n, style === '?' ? '?' : style === '$' ? `$${n}` : `:p${n}`);
        const sql = `SELECT ${items.map((each) => ('value' in each ? `${placeholder()}${value}` : `(${each.noise})`)).join(', ')}`;
        const named = Object.fromEntries(values.map((each, i) => [`p${i + 1}`, each]));
        const bound = bindPlaceholders(sql, style === ':' ? named : values, dialect);
        const row = await server.first(bound.text, bound.values);
        expect(items.flatMap((each, i) => ('value' in each ? [Number(row[i])] : []))).toEqual(values);
      }),
      { numRuns: RUNS },
    );
  });
});
