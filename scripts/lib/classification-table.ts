/** Which statement goes where: the table of the guide to the router. A test classifies every row; a script writes them into the page. */
import type { Classification } from '@kailash-ts/sql';
import { replaceBetween } from './marked.ts';

export const CLASSIFICATION_PAGE = 'docs/guide/route-queries.md';
export const BEGIN = '<!-- classification: written by `pnpm classification --update` -->';
export const END = '<!-- end of classification -->';

/** The type; `session` where the statement needs a session. */
type Cell = Classification['queryType'] | `${Classification['queryType']} session`;

export interface ClassificationRow {
  readonly sql: string;
  /** Left out: no statement of this database. */
  readonly postgresql?: Cell;
  readonly mysql?: Cell;
  readonly sqlite?: Cell;
}

const everywhere = (cell: Cell, ...statements: readonly string[]): ClassificationRow[] =>
  statements.map((sql) => ({ sql, postgresql: cell, mysql: cell, sqlite: cell }));

export const CLASSIFICATION_ROWS: readonly ClassificationRow[] = [
  ...everywhere(
    'read_simple',
    'SELECT id, name FROM users WHERE id = ?',
    'SELECT lower(name), coalesce(city, ?) FROM users ORDER BY id LIMIT 10',
    'SELECT name FROM users WHERE id IN (SELECT user_id FROM orders)',
    'VALUES (1), (2)',
  ),
  ...everywhere(
    'read_complex',
    'SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id',
    'SELECT region, count(*) FROM sales GROUP BY region',
    'SELECT id FROM orders UNION SELECT id FROM archived_orders',
    'WITH recent AS (SELECT * FROM orders) SELECT * FROM recent',
  ),
  { sql: 'SELECT now()', postgresql: 'read_simple', mysql: 'read_simple' },
  { sql: 'EXPLAIN SELECT * FROM users', postgresql: 'read_simple', mysql: 'read_simple', sqlite: 'read_simple' },
  { sql: 'EXPLAIN ANALYZE DELETE FROM users', postgresql: 'write_simple', mysql: 'write_simple' },
  { sql: 'SHOW server_version', postgresql: 'read_simple' },
  { sql: 'SHOW TABLES', mysql: 'read_simple' },
  { sql: 'PRAGMA table_info(users)', sqlite: 'read_simple' },
  ...everywhere('unknown', 'SELECT my_function(id) FROM users'),
  { sql: 'SELECT * FROM users WHERE id = ? FOR UPDATE', postgresql: 'write_simple', mysql: 'write_simple' },
  { sql: "SELECT nextval('order_ids')", postgresql: 'write_simple' },
  { sql: 'SELECT txid_current()', postgresql: 'write_simple' },
  { sql: 'SELECT pg_advisory_lock(1)', postgresql: 'write_simple session' },
  { sql: "SELECT GET_LOCK('jobs', 1)", mysql: 'write_simple session' },
  { sql: 'SELECT LAST_INSERT_ID()', mysql: 'write_simple session' },
  { sql: 'SELECT last_insert_rowid()', sqlite: 'unknown session' },
  { sql: 'SELECT @n := 1', mysql: 'write_simple session' },
  { sql: 'SELECT * INTO copies FROM users', postgresql: 'ddl' },
  { sql: "SELECT name FROM users INTO OUTFILE '/tmp/names'", mysql: 'write_simple' },
  { sql: 'WITH gone AS (DELETE FROM logs RETURNING id) SELECT id FROM gone', postgresql: 'write_simple' },
  { sql: '/*! DELETE FROM users */', mysql: 'write_simple' },
  ...everywhere('write_simple', 'SELECT 1; DELETE FROM users'),
  ...everywhere(
    'write_simple',
    'INSERT INTO users (name) VALUES (?)',
    'UPDATE users SET name = ? WHERE id = ?',
    'DELETE FROM logs WHERE id = ?',
  ),
  { sql: 'REPLACE INTO users (id, name) VALUES (?, ?)', mysql: 'write_simple', sqlite: 'write_simple' },
  { sql: 'MERGE INTO stock USING news ON stock.id = news.id WHEN MATCHED THEN DELETE', postgresql: 'write_simple' },
  ...everywhere('write_bulk', 'INSERT INTO users (name) VALUES (?), (?)', 'INSERT INTO archive SELECT * FROM orders'),
  { sql: "COPY users FROM '/tmp/users.csv'", postgresql: 'write_bulk' },
  ...everywhere('ddl', 'CREATE TABLE t (id integer)', 'ALTER TABLE t ADD COLUMN n integer', 'DROP TABLE t'),
  ...everywhere('ddl session', 'CREATE TEMPORARY TABLE t (id integer)'),
  { sql: 'TRUNCATE TABLE t', postgresql: 'ddl', mysql: 'ddl' },
  { sql: 'GRANT SELECT ON users TO ada', postgresql: 'ddl', mysql: 'ddl' },
  ...everywhere('transaction session', 'BEGIN', 'SAVEPOINT a', 'COMMIT', 'ROLLBACK'),
  { sql: 'START TRANSACTION READ ONLY', postgresql: 'transaction session', mysql: 'transaction session' },
  { sql: 'SET search_path = sales', postgresql: 'unknown session' },
  { sql: 'SET @x = 1', mysql: 'unknown session' },
  { sql: 'PRAGMA journal_mode = WAL', sqlite: 'unknown session' },
  { sql: 'PREPARE p AS SELECT 1', postgresql: 'unknown session' },
  { sql: 'LISTEN news', postgresql: 'unknown session' },
  { sql: 'LOCK TABLE users', postgresql: 'unknown session' },
  { sql: 'LOCK TABLES users WRITE', mysql: 'unknown session' },
  { sql: 'CALL close_month()', postgresql: 'unknown session', mysql: 'unknown session' },
  { sql: 'DO $$ BEGIN DELETE FROM logs; END $$', postgresql: 'unknown session' },
  { sql: 'SELECT FROM WHERE', postgresql: 'unknown' },
];

/** What the row of a classification would say. */
export function cellOf({ queryType, pinsSession }: Pick<Classification, 'queryType' | 'pinsSession'>): Cell {
  return pinsSession ? `${queryType} session` : queryType;
}

/** As a table in Markdown, one column a database. */
export function classificationTable(rows: readonly ClassificationRow[]): string {
  const lines = rows.map(({ sql, postgresql, mysql, sqlite }) => `| \`${sql}\` | ${[postgresql, mysql, sqlite].map(shown).join(' | ')} |`);
  return ['| statement | PostgreSQL | MySQL, MariaDB | SQLite |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function shown(cell: Cell | undefined): string {
  if (cell === undefined) return '–';
  const [type, session] = cell.split(' ') as [string, string?];
  return `${type.startsWith('read') ? 'replica' : 'primary'}, ${type}${session === undefined ? '' : ', in a session'}`;
}

export function withClassification(page: string): string {
  return replaceBetween(page, BEGIN, END, classificationTable(CLASSIFICATION_ROWS));
}
