/** Classification with a catalog, against what a read-only server says. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { classify, loadSql, type Catalog } from '@kailash-ts/sql';
import { describeDatabases, freshDatabase, sharedCluster, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { loadCatalog } from './load-catalog.ts';
import { MYSQL_FIXTURE, MYSQL_STATEMENTS } from './testing/catalog-fixture-mysql.ts';
import { POSTGRES_FIXTURE, POSTGRES_STATEMENTS } from './testing/catalog-fixture-postgres.ts';

async function catalogOf(url: string): Promise<Catalog> {
  const pool = new WorkflowConnectionPool({ name: 'catalog', connectionString: url });
  try {
    return (await loadCatalog(pool))!;
  } finally {
    await pool.close();
  }
}

interface Verdict {
  readonly sql: string;
  /** The error of the read-only server; null when it ran. */
  readonly refusal: string | null;
}

/** Runs each statement on a hot standby. */
async function onStandby({ url, replicaUrl }: FreshDatabase, statements: readonly string[]): Promise<readonly Verdict[]> {
  const [primary, standby] = [new pg.Client(url), new pg.Client(replicaUrl)];
  await primary.connect();
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await primary.end();
  await standby.connect();
  const behind = async (): Promise<unknown> =>
    (await standby.query(`SELECT pg_last_wal_replay_lsn() >= '${rows[0]!.lsn}' AS done`)).rows[0];
  await vi.waitFor(async () => expect(await behind()).toEqual({ done: true }), { timeout: 20_000 });
  const verdicts: Verdict[] = [];
  for (const sql of statements) {
    const refusal = await standby.query(sql).then(
      () => null,
      (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
    );
    verdicts.push({ sql, refusal });
  }
  await standby.end();
  return verdicts;
}

/** Truly readable, and yet on the primary: nothing that the catalog could tell. */
const CAUTIOUS: readonly string[] = [];

describeDatabases('a catalog', ['postgresql'], () => {
  let database: FreshDatabase;
  let catalog: Catalog;
  let verdicts: readonly Verdict[];
  beforeAll(async () => {
    await loadSql();
    database = await freshDatabase('postgresql');
    const admin = new pg.Client(database.url);
    await admin.connect();
    await admin.query(POSTGRES_FIXTURE.replaceAll('@@', database.name));
    await admin.end();
    catalog = await catalogOf(database.url);
    verdicts = await onStandby(database, POSTGRES_STATEMENTS);
  });
  afterAll(async () => {
    const admin = new pg.Client(database.url);
    await admin.connect();
    await admin.query(`DROP OWNED BY reader_of_${database.name}; DROP ROLE reader_of_${database.name}`);
    await admin.end();
  });

  it('finds every statement of the fixture usable: it runs, or is refused because it writes', () => {
    expect(verdicts.filter(({ refusal }) => refusal !== null && !refusal.startsWith('25006'))).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(120);
  });

  it('sends nothing to a replica that writes, though the text alone would', () => {
    const unsafe = (known?: Catalog): string[] =>
      verdicts
        .filter(({ sql, refusal }) => refusal !== null && classify(sql, 'postgresql', known).target === 'replica')
        .map(({ sql }) => sql);
    expect(unsafe(catalog)).toEqual([]);
    expect(unsafe().length).toBeGreaterThan(5);
  });

  it('sends every statement to a replica that only reads', () => {
    const kept = verdicts.filter(({ sql, refusal }) => refusal === null && classify(sql, 'postgresql', catalog).target === 'primary');
    expect(kept.map(({ sql }) => `${sql}: ${classify(sql, 'postgresql', catalog).reasons.join('; ')}`)).toEqual(CAUTIOUS);
  });
});

/** Runs each statement on the replica, which is read-only for this user. */
async function onReadOnly({ url, replicaUrl }: FreshDatabase, statements: readonly string[]): Promise<readonly Verdict[]> {
  const [primary, replica] = [await mysql.createConnection(url), await mysql.createConnection(replicaUrl!)];
  const position = async (server: mysql.Connection): Promise<unknown> =>
    (await server.query<mysql.RowDataPacket[]>('SELECT @@gtid_current_pos AS position'))[0][0]!['position'];
  const wanted = await position(primary);
  await vi.waitFor(async () => expect(await position(replica)).toBe(wanted), { timeout: 20_000 });
  const verdicts: Verdict[] = [];
  for (const sql of statements) {
    const refusal = await replica.query(sql).then(
      () => null,
      (error: { errno?: number; message: string }) => `${error.errno}: ${error.message}`,
    );
    verdicts.push({ sql, refusal });
  }
  await Promise.all([primary.end(), replica.end()]);
  return verdicts;
}

/** The administrator creates it, since ordinary users may create no functions; all of it belongs to the ordinary user. */
async function createFixture({ url, name }: FreshDatabase): Promise<void> {
  const user = await mysql.createConnection(url);
  const [[definer]] = await user.query<mysql.RowDataPacket[]>("SELECT REPLACE(CURRENT_USER(), '@', \"'@'\") AS name");
  await user.end();
  const admin = await mysql.createConnection({ uri: (await sharedCluster('mysql')).adminUrl, database: name });
  try {
    for (const sql of ["SET sql_mode = 'STRICT_TRANS_TABLES'", ...MYSQL_FIXTURE])
      await admin.query(sql.replaceAll('@@', name).replace(/^CREATE (?=FUNCTION|VIEW)/, `CREATE DEFINER = '${definer!['name']}' `));
  } finally {
    await admin.end();
  }
}

/** Allowed by a replica, and yet at home on the primary: it locks rows. */
const LOCKING = ['SELECT * FROM t LOCK IN SHARE MODE'];

describeDatabases('a catalog', ['mysql'], () => {
  let catalog: Catalog;
  let verdicts: readonly Verdict[];
  beforeAll(async () => {
    const database = await freshDatabase('mysql');
    await createFixture(database);
    catalog = await catalogOf(database.url);
    verdicts = await onReadOnly(
      database,
      MYSQL_STATEMENTS.map((sql) => sql.replaceAll('@@', database.name)),
    );
  });

  it('finds every statement of the fixture usable: it runs, or is refused because it writes', () => {
    expect(verdicts.filter(({ refusal }) => refusal !== null && !/^(?:1290|1792|1836)/.test(refusal))).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(50);
  });

  it('sends nothing to a replica that writes, though the text alone would', () => {
    const unsafe = (known?: Catalog): string[] =>
      verdicts.filter(({ sql, refusal }) => refusal !== null && classify(sql, 'mysql', known).target === 'replica').map(({ sql }) => sql);
    expect(unsafe(catalog)).toEqual([]);
    expect(unsafe().length).toBeGreaterThan(5);
  });

  it('sends every statement to a replica that only reads', () => {
    const kept = verdicts.filter(({ sql, refusal }) => refusal === null && classify(sql, 'mysql', catalog).target === 'primary');
    expect(kept.map(({ sql }) => `${sql}: ${classify(sql, 'mysql', catalog).reasons.join('; ')}`)).toEqual(
      LOCKING.map((sql) => `${sql}: it locks rows`),
    );
  });
});
