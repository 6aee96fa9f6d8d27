/** Classification with a catalog, against what a read-only server says. */
import { classify, loadSql, type Catalog } from '@kailash-ts/sql';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { beforeAll, expect, it } from 'vitest';
import { createMysqlFixture, MYSQL_STATEMENTS } from './testing/catalog-fixture-mysql.ts';
import { createPostgresFixture, POSTGRES_STATEMENTS } from './testing/catalog-fixture-postgres.ts';
import { catalogOf } from './testing/catalog-of.ts';
import { connectToReplica, connectToStandby, isReadOnlyRefusal, verdict, type Verdict } from './testing/replicas.ts';

/** Truly readable, and yet on the primary: nothing that the catalog could tell. */
const CAUTIOUS: readonly string[] = [];

describeDatabases('a catalog', ['postgresql'], () => {
  let catalog: Catalog;
  let verdicts: Verdict[];
  beforeAll(async () => {
    await loadSql();
    const database = await freshDatabase('postgresql');
    await createPostgresFixture(database);
    catalog = await catalogOf(database.url);
    const standby = await connectToStandby(database);
    verdicts = [];
    for (const sql of POSTGRES_STATEMENTS) verdicts.push(await verdict(sql, (text) => standby.query(text)));
    await standby.end();
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

/** Allowed by a replica, and yet at home on the primary: it locks rows. */
const LOCKING = ['SELECT * FROM t LOCK IN SHARE MODE'];

describeDatabases('a catalog', ['mysql'], () => {
  let catalog: Catalog;
  let verdicts: Verdict[];
  beforeAll(async () => {
    const database = await freshDatabase('mysql');
    await createMysqlFixture(database);
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
