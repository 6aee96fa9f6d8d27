/** PostgreSQL's own parser (libpg-query, WebAssembly): loaded once, then synchronous. */
import { SqlError } from './errors.ts';
import type { Fields } from './postgres-walk.ts';

interface Parser {
  parse(sql: string): { stmts?: readonly { readonly stmt?: Fields }[] };
  parsePlpgsql(definition: string): unknown;
}

let parser: Parser | undefined;

/**
 * Loads and warms PostgreSQL's parser (WebAssembly, 1.7 MB, some 50 ms, once). Needed before PostgreSQL is classified.
 */
export async function loadSql(): Promise<void> {
  if (parser !== undefined) return;
  const { loadModule, parseSync, parsePlPgSQLSync } = await import('libpg-query');
  await loadModule();
  // The first parses run unoptimised code and would cost a caller milliseconds.
  const warm = `SELECT ${Array.from({ length: 100 }, (_, i) => `a${i} + 1`).join(', ')} FROM t JOIN u ON t.a = u.a WHERE b IN (1, 2) OR c = 'x' GROUP BY 1`;
  for (let i = 0; i < 20; i++) parseSync(warm);
  parser = { parse: parseSync, parsePlpgsql: parsePlPgSQLSync };
}

/** Whether {@link loadSql} has finished. */
export function isSqlLoaded(): boolean {
  return parser !== undefined;
}

/** @throws SqlError `SQL_NOT_LOADED` */
export function requireParser(): Parser {
  if (parser !== undefined) return parser;
  throw new SqlError('SQL_NOT_LOADED', "PostgreSQL's parser is not loaded. Await loadSql() once before classifying PostgreSQL.");
}

/** The statements of a text, as trees. @throws SqlError `SQL_NOT_LOADED`; what the parser throws on a wrong text */
export function parseStatements(sql: string): readonly Fields[] {
  return (requireParser().parse(sql).stmts ?? []).map(({ stmt }) => stmt ?? {});
}
