/** PostgreSQL, by its own parser (libpg-query) and an allow-list walk over the tree. */
import type { Effect, QueryType, TransactionControl } from './classification.ts';
import { isRead, strongest, unproved } from './classification.ts';
import { SqlError } from './errors.ts';
import { lex } from './lexer.ts';
import { compileLexed } from './placeholders.ts';
import { DDL_STATEMENT, RUN_WHILE_PLANNED, SESSION_STATEMENTS } from './postgres-nodes.ts';
import { parseStatements, requireParser } from './postgres-parser.ts';
import { PostgresWalk, type Fields } from './postgres-walk.ts';
import { isComplexRead, shapeOf } from './shape.ts';
import { shortenLists, textOf } from './shorten.ts';
import { splitStatements } from './statements.ts';
import { headEffect } from './head.ts';
import type { Lexed } from './tokens.ts';

/** Beyond this estimate a text is not parsed: units are about a microsecond on a slow machine; see `parseCost`. */
const MAX_PARSE_COST = 1500;
/** The parser is quadratic in the depth of comments. */
const MAX_COMMENT_DEPTH = 8;

/**
 * What a text does, by its tree.
 * @throws SqlError `SQL_NOT_LOADED`
 */
export function classifyPostgres(lexed: Lexed): Effect {
  requireParser();
  if (lexed.problem !== null) return strongest(splitStatements(lexed).map((statement) => headEffect(lexed, statement)));
  if (lexed.commentDepth > MAX_COMMENT_DEPTH) return unproved('comments are nested too deeply', true);
  const effect = readText(lexed);
  if (!lexed.backslashQuote || effect.provable === undefined) return effect;
  const other = otherReading(lexed);
  if (other === null) return effect;
  return isRead(effect.type) && isRead(other.type) ? strongest([effect, other]) : { ...effect, ...OTHERWISE };
}

const OTHERWISE = {
  ...unproved('where a string ends depends on standard_conforming_strings', true),
  provable: undefined,
  dependsOn: undefined,
};

/**
 * With `standard_conforming_strings` off, a backslash would escape the quote behind it. If the text makes sense that way as well, both
 * readings have to be reads. Null when it makes none.
 */
function otherReading(lexed: Lexed): Effect | null {
  const other = lex(lexed.sql, 'postgresql', { backslashEscapes: true });
  if (other.problem !== null) return null;
  const escaped = other.tokens.map((token) => {
    const text = lexed.sql.slice(token.start, token.end);
    return token.kind === 'string' && text.startsWith("'") ? `E${text}` : text;
  });
  const effect = readText(lex(escaped.join(' '), 'postgresql'));
  return effect.reasons[0]?.startsWith('syntax error') ? null : effect;
}

function readText(lexed: Lexed): Effect {
  let source = lexed;
  if (parseCost(lexed) > MAX_PARSE_COST) {
    source = lex(textOf(lexed, shortenLists(lexed.tokens)), 'postgresql');
    if (parseCost(source) > MAX_PARSE_COST) return strongest(splitStatements(lexed).map((statement) => headEffect(lexed, statement)));
  }
  try {
    return strongest(parseStatements(compileLexed(source, 1).text).map((statement) => statementEffect(statement, source)));
  } catch (error) {
    if (error instanceof SqlError) return unproved(error.message);
    return unproved(syntaxReason(error));
  }
}

/**
 * An estimate, by measurement: a word becomes a node or two, an operator a nested node; values, punctuation and mere length are cheap.
 * Comments that follow each other (`/**\//**\/`) are to the parser one run of operator characters, which it reads anew for each of them.
 */
function parseCost({ sql, tokens, comments }: Lexed): number {
  let cost = sql.length / 25 + (comments.length * sql.length) / 1000;
  for (const token of tokens) {
    if (token.kind === 'word' || token.kind === 'quoted') cost += 2;
    else if (token.kind === 'operator' || token.text === '[') cost += 3;
    else cost += token.kind === 'punctuation' ? 0.5 : 1;
  }
  return cost;
}

/** The parser's message quotes the text, values included: only its place is told. */
function syntaxReason(error: unknown): string {
  const at = (error as { sqlDetails?: { cursorPosition?: number } }).sqlDetails?.cursorPosition;
  return at === undefined ? 'syntax error' : `syntax error at offset ${at}`;
}

/** What one statement of the tree does. */
function statementEffect(node: Fields, lexed: Lexed): Effect {
  const type = Object.keys(node)[0] ?? '';
  const fields = (node[type] ?? {}) as Fields;
  switch (type) {
    case 'SelectStmt':
      return selectEffect(node, fields, lexed);
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return effectOf(new PostgresWalk().walk(node), isBulk(type, fields) ? 'write_bulk' : 'write_simple');
    case 'ExplainStmt':
      return explainEffect(fields, lexed);
    case 'VariableShowStmt':
      return { type: 'read_simple', pins: false, read: [], written: [], reasons: ['SHOW reads a setting'], provable: 'read_simple' };
    case 'TransactionStmt':
      return transactionEffect(fields);
    case 'CopyStmt':
      return copyEffect(fields);
    case 'CreateTableAsStmt':
      return definitionEffect(type, fields['into'] as Fields, fields);
    default:
      return definitionEffect(type, fields, fields);
  }
}

function effectOf(walk: PostgresWalk, type: QueryType): Effect {
  return { type, pins: walk.pins, read: walk.read, written: walk.written, reasons: walk.doubts };
}

function selectEffect(node: Fields, fields: Fields, lexed: Lexed): Effect {
  const walk = new PostgresWalk().walk(node);
  if (fields['intoClause'] !== undefined) return effectOf(walk, 'ddl');
  const complex = isComplexRead(shapeOf(lexed.tokens), ((fields['fromClause'] ?? []) as readonly unknown[]).length);
  const type = complex ? 'read_complex' : 'read_simple';
  const provable = walk.provable ? ({ provable: type, dependsOn: walk.dependsOn() } as const) : {};
  if (walk.doubts.length > 0) {
    const unsure = walk.writes || !walk.doubts.some((doubt) => doubt.includes('not known')) ? 'write_simple' : 'unknown';
    return { ...effectOf(walk, unsure), ...provable };
  }
  return { ...effectOf(walk, type), reasons: ['every part of the statement is read-only'], ...provable };
}

/** More than one row of values, or rows from a query. */
function isBulk(type: string, fields: Fields): boolean {
  const source = (fields['selectStmt'] as { SelectStmt?: { valuesLists?: readonly unknown[] } } | undefined)?.SelectStmt;
  return type === 'InsertStmt' && source !== undefined && (source.valuesLists === undefined || source.valuesLists.length > 1);
}

/** EXPLAIN alone plans and does not run; with ANALYZE it does what the statement does. */
function explainEffect(fields: Fields, lexed: Lexed): Effect {
  const inner = statementEffect((fields['query'] ?? {}) as Fields, lexed);
  if (isAnalyze(fields['options'] as readonly Fields[] | undefined))
    return { ...inner, reasons: ['EXPLAIN ANALYZE runs the statement', ...inner.reasons] };
  if (inner.pins) return { ...inner, type: 'unknown' };
  const tables = [...inner.read, ...inner.written];
  const walk = new PostgresWalk().walk(fields['query'] ?? {});
  const dependsOn = walk.dependsOn(true);
  // The planner runs functions that are declared stable, for its estimates.
  const run = walk.doubts.filter((doubt) => RUN_WHILE_PLANNED.test(doubt));
  if (run.length > 0) return { ...inner, type: 'unknown', provable: undefined, reasons: run };
  return {
    type: 'read_simple',
    pins: false,
    read: tables,
    written: [],
    reasons: ['EXPLAIN plans and does not run'],
    provable: 'read_simple',
    dependsOn,
  };
}

function isAnalyze(options: readonly Fields[] | undefined): boolean {
  let analyze = false;
  for (const option of options ?? []) {
    const element = option['DefElem'] as
      { defname?: string; arg?: { String?: { sval?: string }; Integer?: { ival?: number } } } | undefined;
    if (element?.defname !== 'analyze') continue;
    const { arg } = element;
    const off =
      arg !== undefined &&
      (/^(?:false|off)$/i.test(arg.String?.sval ?? '') || (arg.Integer !== undefined && (arg.Integer.ival ?? 0) === 0));
    analyze = !off;
  }
  return analyze;
}

const ACTIONS: Readonly<Record<string, TransactionControl['action']>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release',
  TRANS_STMT_ROLLBACK_TO: 'rollback_to',
  TRANS_STMT_PREPARE: 'prepare',
  TRANS_STMT_COMMIT_PREPARED: 'commit_prepared',
  TRANS_STMT_ROLLBACK_PREPARED: 'rollback_prepared',
};

function transactionEffect(fields: Fields): Effect {
  const action = ACTIONS[String(fields['kind'])];
  if (action === undefined) return unproved('unknown transaction statement', true);
  const chain = fields['chain'] === true;
  const name = (fields['savepoint_name'] ?? fields['gid']) as string | undefined;
  const transaction: TransactionControl = {
    action,
    ...(chain ? { chain } : {}),
    ...(name === undefined ? {} : { name }),
    ...transactionOptions(fields['options'] as readonly Fields[] | undefined),
  };
  // A COMMIT on another connection than that of its BEGIN would do nothing, silently. Prepared transactions belong to no session.
  return { type: 'transaction', pins: !action.endsWith('_prepared'), transaction, read: [], written: [], reasons: ['transaction control'] };
}

function transactionOptions(options: readonly Fields[] | undefined): Pick<TransactionControl, 'readOnly' | 'isolation'> {
  const found: { readOnly?: boolean; isolation?: string } = {};
  for (const option of options ?? []) {
    const element = option['DefElem'] as
      { defname?: string; arg?: { A_Const?: { ival?: { ival?: number }; sval?: { sval?: string } } } } | undefined;
    if (element?.defname === 'transaction_read_only') found.readOnly = element.arg?.A_Const?.ival?.ival === 1;
    if (element?.defname === 'transaction_isolation' && element.arg?.A_Const?.sval?.sval) found.isolation = element.arg.A_Const.sval.sval;
  }
  return found;
}

/** COPY runs on the primary in both directions: it needs a protocol of its own, may run a program, and may hold any statement. */
function copyEffect(fields: Fields): Effect {
  const walk = new PostgresWalk();
  const from = fields['is_from'] === true;
  if (from) walk.write(fields['relation']);
  else walk.walk(fields['query'] ?? (fields['relation'] === undefined ? {} : { RangeVar: fields['relation'] }));
  return { ...effectOf(walk, 'write_bulk'), reasons: [from ? 'COPY FROM writes' : 'COPY runs on the primary', ...walk.doubts] };
}

/** All other statements: by their name, they define something, change the session, or are unknown. */
function definitionEffect(type: string, target: Fields, fields: Fields): Effect {
  const walk = new PostgresWalk();
  for (const key of ['relation', 'rel', 'view', 'sequence', 'typevar']) walk.write(target[key]);
  const { relations, objects, query } = fields as { relations?: readonly Fields[]; objects?: readonly Fields[]; query?: Fields };
  for (const relation of relations ?? []) walk.write(relation['RangeVar'] ?? {});
  if (query !== undefined) walk.walk(query);
  const name = type.replace(/Stmt$/, '');
  const dropped = type === 'DropStmt' ? droppedNames(fields, objects) : [];
  return {
    type: DDL_STATEMENT.test(type) ? 'ddl' : 'unknown',
    pins: walk.pins || SESSION_STATEMENTS.has(type) || query?.['ExecuteStmt'] !== undefined || namesTemporary(fields),
    read: walk.read,
    written: [...walk.written, ...dropped],
    reasons: [`${name} is not read-only`],
  };
}

/** A function, type or other object made in the session's own schema: `CREATE FUNCTION pg_temp.f()`. */
function namesTemporary(fields: Fields): boolean {
  return ['funcname', 'typeName', 'defnames', 'object'].some((key) => {
    const [schema] = Array.isArray(fields[key]) ? (fields[key] as { String?: { sval?: string } }[]) : [];
    return schema?.String?.sval?.startsWith('pg_temp') === true;
  });
}

function droppedNames(fields: Fields, objects: readonly Fields[] | undefined): string[] {
  if (!/^OBJECT_(?:TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE)$/.test(String(fields['removeType']))) return [];
  return (objects ?? []).map((object) => {
    const { items = [] } = (object['List'] ?? {}) as { items?: readonly { String?: { sval?: string } }[] };
    return items.map((item) => item.String?.sval ?? '').join('.');
  });
}
