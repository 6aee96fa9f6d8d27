/** Classification with a catalog, against what a read-only server says. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { classify, loadSql, type Catalog } from '@kailash-ts/sql';
import { describeDatabases, freshDatabase, sharedCluster, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadPoolCatalog } from './pool-catalog.ts';
import { MYSQL_FIXTURE, MYSQL_STATEMENTS } from './testing/catalog-fixture-mysql.ts';
import { POSTGRES_FIXTURE, POSTGRES_STATEMENTS } from './testing/catalog-fixture-postgres.ts';
import { connectToReplica, connectToStandby, isReadOnlyRefusal, verdict, type Verdict } from './testing/replicas.ts';

async function catalogOf(url: string): Promise<Catalog> {
  const pool = new WorkflowConnectionPool({ name: 'catalog', connectionString: url });
  try {
    return (await loadPoolCatalog(pool))!;
  } finally {
    await pool.close();
  }
}

/** Truly readable, and yet on the primary: nothing that the catalog could tell. */
const CAUTIOUS: readonly string[] = [];

describeDatabases('a catalog', ['postgresql'], () => {
  let database: FreshDatabase;
  let catalog: Catalog;
  let verdicts: Verdict[];
  beforeAll(async () => {
    await loadSql();
    database = await freshDatabase('postgresql');
    const admin = new pg.Client(database.url);
    await admin.connect();
    await admin.query(POSTGRES_FIXTURE.replaceAll('@@', database.name));
    await admin.end();
    catalog = await catalogOf(database.url);
    const standby = await connectToStandby(database);
    verdicts = [];
    for (const sql of POSTGRES_STATEMENTS) verdicts.push(await verdict(sql, (text) => standby.query(text)));
    await standby.end();
  });
  afterAll(async () => {
    const admin = new pg.Client(database.url);
    await admin.connect();
    await admin.query(`DROP OWNED BY reader_of_${database.name}; DROP ROLE reader_of_${database.name}`);
    await admin.end();
  });

  it('finds every statement of the fixture usable: it runs, or is refused because it writes', () => {
    expect(verdicts.filter(({ refusal }) => refusal !== null && !isReadOnlyRefusal(refusal))).toEqual([]);
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
  let verdicts: Verdict[];
  beforeAll(async () => {
    const database = await freshDatabase('mysql');
    await createFixture(database);
    catalog = await catalogOf(database.url);
    const replica = await connectToReplica(database);
    verdicts = [];
    for (const sql of MYSQL_STATEMENTS) verdicts.push(await verdict(sql.replaceAll('@@', database.name), (text) => replica.query(text)));
    await replica.end();
  });

  it('finds every statement of the fixture usable: it runs, or is refused because it writes', () => {
    expect(verdicts.filter(({ refusal }) => refusal !== null && !isReadOnlyRefusal(refusal))).toEqual([]);
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
