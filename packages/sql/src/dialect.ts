import { nearest, SqlError } from './errors.ts';

/** The dialects understood. `mysql` covers MariaDB: where the two differ, the stricter rule wins. */
export type Dialect = 'postgresql' | 'mysql' | 'sqlite';

/** All dialects, for option lists and messages. */
export const DIALECTS: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];

const ALIASES: Readonly<Record<string, Dialect>> = { postgres: 'postgresql', pg: 'postgresql', mariadb: 'mysql', sqlite3: 'sqlite' };

/**
 * The dialect of that name; usual other names (`postgres`, `mariadb`, `sqlite3`) are understood.
 * @throws SqlError `SQL_DIALECT_UNKNOWN`
 */
export function parseDialect(name: string): Dialect {
  const folded = String(name).toLowerCase();
  const dialect = DIALECTS.find((known) => known === folded) ?? (Object.hasOwn(ALIASES, folded) ? ALIASES[folded] : undefined);
  if (dialect) return dialect;
  const meant = nearest(folded, [...DIALECTS, ...Object.keys(ALIASES)]);
  const hint = meant ? `Did you mean "${meant}"?` : `Known: ${DIALECTS.join(', ')}.`;
  throw new SqlError('SQL_DIALECT_UNKNOWN', `SQL dialect ${JSON.stringify(folded.slice(0, 40))} is unknown. ${hint}`, { known: DIALECTS });
}
