import type { Catalog, CatalogRows } from './catalog.ts';
export const MYSQL_CATALOG_QUERIES = {} as const;
export class MysqlCatalog implements Catalog {
  readonly dialect = 'mysql';
  constructor(_rows: CatalogRows) {}
  objections(): readonly string[] {
    return [];
  }
}
