/** What a database is asked for its catalog, and what is made of the answers. */
import type { Catalog, CatalogRows } from './catalog.ts';
import type { Dialect } from './dialect.ts';
import { SqlError } from './errors.ts';
import { MYSQL_CATALOG_QUERIES, MysqlCatalog } from './mysql-catalog.ts';
import { POSTGRES_CATALOG_QUERIES } from './postgres-catalog-queries.ts';
import { PostgresCatalog } from './postgres-catalog.ts';

/**
 * What to ask the primary, by name, to be run in this order in one transaction. Those named `set...` give no rows that matter. SQLite needs
 * no catalog: its views cannot write, and its driver tells a write from the program of the prepared statement.
 */
export const CATALOG_QUERIES: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgresql: POSTGRES_CATALOG_QUERIES,
  mysql: MYSQL_CATALOG_QUERIES,
  sqlite: {},
};

/** Makes a catalog of the answers to {@link CATALOG_QUERIES}. @throws SqlError `SQL_DIALECT_UNKNOWN` for SQLite, which has none */
export function createCatalog(dialect: Dialect, rows: CatalogRows): Catalog {
  if (dialect === 'postgresql') return new PostgresCatalog(rows);
  if (dialect === 'mysql') return new MysqlCatalog(rows);
  throw new SqlError('SQL_DIALECT_UNKNOWN', `There is no catalog for ${dialect}.`);
}
