/** What a database is asked for its catalog, and what is made of the answers. */
import type { Catalog, CatalogRow } from './catalog.ts';
import type { Dialect } from './dialect.ts';
import { MYSQL_CATALOG_QUERIES, MysqlCatalog } from './mysql-catalog.ts';
import { POSTGRES_CATALOG_QUERIES } from './postgres-catalog-queries.ts';
import { PostgresCatalog } from './postgres-catalog.ts';
import { PostgresInquiry } from './postgres-inquiry.ts';
import { loadSql } from './postgres-parser.ts';

/** The questions by name, in their order. Those named `set...` give no rows that matter. */
const QUERIES: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgresql: POSTGRES_CATALOG_QUERIES,
  mysql: MYSQL_CATALOG_QUERIES,
  sqlite: {},
};

/**
 * Asks a database for its catalog, and loads what is needed to read it (as `loadSql`). Null for SQLite, which needs none: its views cannot
 * write, and its driver tells a write from the program of the prepared statement.
 * @param run runs one statement on the primary and gives its rows; all of them in one transaction, which may be read-only
 * @throws what `run` throws
 */
export async function loadCatalog(dialect: Dialect, run: (sql: string) => Promise<readonly CatalogRow[]>): Promise<Catalog | null> {
  if (dialect === 'sqlite') return null;
  await loadSql();
  const rows: Record<string, readonly CatalogRow[]> = {};
  for (const [name, sql] of Object.entries(QUERIES[dialect])) rows[name] = await run(sql);
  return dialect === 'postgresql' ? inquirer(new PostgresCatalog(rows)) : new MysqlCatalog(rows);
}

function inquirer(catalog: PostgresCatalog): Catalog {
  return { dialect: 'postgresql', objections: (_sql, { dependsOn }) => new PostgresInquiry(catalog).ask(dependsOn) };
}
