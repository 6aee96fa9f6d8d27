/**
 * A MySQL or MariaDB server's views and stored functions. What MySQL declares of a function (`DETERMINISTIC`, `READS SQL DATA`) is not
 * checked by the server and proves nothing: bodies are read.
 *
 * A statement that so much as mentions the name of a view or function is answered for by all that have the name: no parse of ours has to
 * be trusted with telling a table from a column.
 */
import type { Catalog, CatalogRows } from './catalog.ts';
import type { Classification, Effect, FunctionUse } from './classification.ts';
import { unique } from './classification.ts';
import { lex } from './lexer.ts';
import { classifyMysql } from './mysql-classify.ts';
import { routineEffect } from './mysql-routines.ts';
import { nameAt } from './mysql-rules.ts';
import type { Lexed } from './tokens.ts';

/** Schemas whose tables and views only show what the server knows. */
const SYSTEM = new Set(['information_schema', 'performance_schema']);

/** By name, in the order in which they are to be run. */
export const MYSQL_CATALOG_QUERIES = {
  settings: 'SELECT database() AS db, @@sql_mode AS sql_mode',
  tables: `SELECT table_schema AS db, table_name AS name, table_type AS kind, engine AS engine FROM information_schema.tables
    WHERE table_schema NOT IN ('information_schema', 'performance_schema')`,
  views: `SELECT table_schema AS db, table_name AS name, view_definition AS definition FROM information_schema.views
    WHERE table_schema NOT IN ('information_schema', 'performance_schema')`,
  routines: `SELECT routine_schema AS db, routine_name AS name, routine_definition AS definition, sql_mode AS sql_mode
    FROM information_schema.routines WHERE routine_type = 'FUNCTION'`,
  parameters: `SELECT specific_schema AS db, specific_name AS routine, parameter_name AS name FROM information_schema.parameters
    WHERE routine_type = 'FUNCTION' AND parameter_name IS NOT NULL`,
} as const;

interface TableRow {
  readonly db: string;
  readonly name: string;
  readonly kind: string;
  readonly engine: string | null;
}

/** A view or a stored function. */
interface ObjectRow {
  readonly db: string;
  readonly name: string;
  /** Null or empty where the user may not see it. */
  readonly definition: string | null;
  /** Of functions. */
  readonly sql_mode?: string;
}

/** A piece of SQL, and the database in which its unqualified functions are looked for. */
interface Piece {
  readonly of: string;
  readonly effect: Effect;
  readonly lexed: Lexed;
  readonly db: string;
}

/** Tables on other servers. */
const REMOTE = /^(?:FEDERATED|CONNECT|SPIDER|S3)$/i;

/** Immutable. Definitions are read when they are first asked about, and remembered. */
export class MysqlCatalog implements Catalog {
  readonly dialect = 'mysql';
  readonly #db: string;
  readonly #tables: ReadonlyMap<string, TableRow>;
  readonly #views: ReadonlyMap<string, readonly ObjectRow[]>;
  readonly #functions: ReadonlyMap<string, readonly ObjectRow[]>;
  readonly #parameters: ReadonlyMap<string, readonly string[]>;
  readonly #pieces = new Map<ObjectRow, Piece>();

  constructor(rows: CatalogRows) {
    const of = <Row>(name: string): readonly Row[] => (rows[name] ?? []) as unknown as readonly Row[];
    this.#db = of<{ db: string | null }>('settings')[0]?.db ?? '';
    this.#tables = new Map(of<TableRow>('tables').map((row) => [keyOf(row.db, row.name), row]));
    this.#views = byName(of<ObjectRow>('views'));
    this.#functions = byName(of<ObjectRow>('routines'));
    const parameters = new Map<string, string[]>();
    const parameterRows = of<{ readonly db: string; readonly routine: string; readonly name: string }>('parameters');
    for (const { db, routine, name } of parameterRows) {
      const key = keyOf(db, routine);
      parameters.set(key, [...(parameters.get(key) ?? []), name]);
    }
    this.#parameters = parameters;
  }

  objections(sql: string, { dependsOn }: Classification): readonly string[] {
    const reasons: string[] = [];
    for (const { name } of dependsOn.relations) this.#judgeTable(name, reasons);
    const seen = new Set<ObjectRow>();
    const work: ObjectRow[] = [];
    for (const lexed of readings(sql)) this.#mentioned(lexed, this.#db, dependsOn.functions, '', reasons, work);
    for (let row = work.pop(); row !== undefined && reasons.length < 12; row = work.pop()) {
      if (seen.has(row)) continue;
      seen.add(row);
      const { of, effect, lexed, db } = this.#pieceOf(row);
      if (effect.provable === undefined) reasons.push(`${of}: ${effect.reasons[0] ?? 'it is not understood'}`);
      else this.#mentioned(lexed, db, effect.dependsOn?.functions ?? [], of, reasons, work);
    }
    return unique(reasons);
  }

  /** Puts the views and functions that a text names on the list. */
  #mentioned(lexed: Lexed, db: string, unknown: readonly FunctionUse[], of: string, reasons: string[], work: ObjectRow[]): void {
    for (const token of lexed.tokens) {
      if (token.kind !== 'word' && token.kind !== 'quoted') continue;
      const name = nameAt(lexed, token).toLowerCase();
      work.push(...(this.#views.get(name) ?? []));
      work.push(...(this.#functions.get(name)?.filter((row) => row.db === db) ?? []));
    }
    for (const { schema = db, name } of unknown) {
      const row = this.#functions.get(name.toLowerCase())?.find((each) => each.db === schema);
      if (row !== undefined) work.push(row);
      else reasons.push(`${of === '' ? '' : `${of}: `}function ${schema}.${name}() is not in the catalog`);
    }
  }

  #judgeTable(written: string, reasons: string[]): void {
    const at = written.indexOf('.');
    const db = at < 0 ? this.#db : written.slice(0, at);
    if (SYSTEM.has(db.toLowerCase()) || (at < 0 && written.toUpperCase() === 'DUAL')) return;
    const row = this.#tables.get(keyOf(db, at < 0 ? written : written.slice(at + 1)));
    if (row === undefined) reasons.push(`table ${written} is not in the catalog`);
    else if (REMOTE.test(row.engine ?? '')) reasons.push(`table ${written} is on another server`);
  }

  #pieceOf(row: ObjectRow): Piece {
    const known = this.#pieces.get(row);
    if (known !== undefined) return known;
    const routine = row.sql_mode !== undefined;
    const lexed = lex(row.definition ?? '', 'mysql');
    const parameters = this.#parameters.get(keyOf(row.db, row.name)) ?? [];
    const effect = routine ? routineEffect(lexed, parameters, row.sql_mode) : classifyMysql(lexed);
    const piece = { of: `${routine ? 'function' : 'view'} ${row.db}.${row.name}`, effect, lexed, db: row.db };
    this.#pieces.set(row, piece);
    return piece;
  }
}

/** What counts as code depends on the server's version and settings: names count in every reading. */
function readings(sql: string): readonly Lexed[] {
  const lexed = lex(sql, 'mysql');
  return lexed.backslashQuote ? [lexed, lex(sql, 'mysql', { backslashEscapes: false })] : [lexed];
}

/** Names of tables may differ in case only; then the server's file system decides, and the last one counts here. */
const keyOf = (db: string, name: string): string => `${db}\n${name}`.toLowerCase();

function byName(rows: readonly ObjectRow[]): ReadonlyMap<string, readonly ObjectRow[]> {
  const groups = new Map<string, ObjectRow[]>();
  for (const row of rows) {
    const key = row.name.toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}
