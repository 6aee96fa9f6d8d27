/** SQLite, by fail-closed rules over tokens. The driver may confirm the answer from the opcodes of the prepared statement. */
import type { Effect, QueryType } from './classification.ts';
import { strongest, unproved } from './classification.ts';
import { isBulkInsert } from './mysql-classify.ts';
import { isComplexRead, shapeOf } from './shape.ts';
import {
  SQLITE_NO_FUNCTIONS,
  SQLITE_READ_FUNCTIONS,
  SQLITE_READ_PRAGMAS,
  SQLITE_SESSION_FUNCTIONS,
  SQLITE_SETTING_PRAGMAS,
} from './sqlite-functions.ts';
import { splitStatements, type Statement } from './statements.ts';
import { commonTables, mainVerbAt, tablesOf } from './tables.ts';
import type { Lexed } from './tokens.ts';
import { transactionEffect } from './transaction-words.ts';

/** What a text does. */
export function classifySqlite(lexed: Lexed): Effect {
  const statements = splitStatements(lexed);
  return statements.length === 0
    ? unproved('there is no statement')
    : strongest(statements.map((statement) => statementEffect(lexed, statement)));
}

const WRITES = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE']);
const DDL = new Set(['CREATE', 'ALTER', 'DROP']);

function statementEffect(lexed: Lexed, statement: Statement): Effect {
  const verb = statement[mainVerbAt(statement)];
  const word = verb?.kind === 'word' ? verb.text : '';
  if (word === 'EXPLAIN') return explainEffect(lexed, statement);
  if (word === 'SELECT' || word === 'VALUES') return queryEffect(lexed, statement);
  if (WRITES.has(word)) return writeEffect(lexed, statement, word);
  if (word === 'PRAGMA') return pragmaEffect(statement);
  return transactionEffect(lexed, statement) ?? otherEffect(lexed, statement, word);
}

function queryEffect(lexed: Lexed, statement: Statement): Effect {
  const reasons: string[] = [];
  const pins = judgeCalls(lexed, statement, reasons);
  const { read } = tablesOf(lexed, statement);
  if (reasons.length > 0) return { type: 'unknown', pins, read, written: [], reasons };
  const type = isComplexRead(shapeOf(statement), read.length) ? 'read_complex' : 'read_simple';
  return { type, pins: false, read, written: [], reasons: ['every word and function of the statement is read-only'] };
}

/** Adds a reason for each function that is not known to be harmless; true when one tells of the session. */
function judgeCalls(lexed: Lexed, statement: Statement, reasons: string[]): boolean {
  let pins = false;
  let ctes: ReadonlyMap<number, string> | undefined;
  for (let i = 0; i + 1 < statement.length; i++) {
    const token = statement[i]!;
    if (statement[i + 1]!.text !== '(' || (token.kind !== 'word' && token.kind !== 'quoted')) continue;
    const name = token.kind === 'word' ? token.text : lexed.sql.slice(token.start + 1, token.end - 1).toUpperCase();
    if (SQLITE_SESSION_FUNCTIONS.has(name)) pins = true;
    else if (SQLITE_READ_FUNCTIONS.has(name) || (token.kind === 'word' && SQLITE_NO_FUNCTIONS.has(name))) continue;
    else if (name.startsWith('PRAGMA_') && SQLITE_READ_PRAGMAS.has(name.slice(7))) continue;
    else if ((ctes ??= commonTables(lexed, statement)).has(i)) continue;
    const what = token.kind === 'word' ? `function ${name}()` : 'a function with a quoted name';
    if (reasons.length < 12)
      reasons.push(pins ? `${what} tells of the connection's own statements` : `${what} is not known to be read-only`);
  }
  return pins;
}

function writeEffect(lexed: Lexed, statement: Statement, verb: string): Effect {
  const { read, written } = tablesOf(lexed, statement);
  const bulk = (verb === 'INSERT' || verb === 'REPLACE') && isBulkInsert(statement);
  return { type: bulk ? 'write_bulk' : 'write_simple', pins: false, read, written, reasons: [`${verb} writes`] };
}

/** EXPLAIN shows the program and does not run it. */
function explainEffect(lexed: Lexed, statement: Statement): Effect {
  const inner = statement.slice(statement[1]?.text === 'QUERY' ? 3 : 1);
  if (inner.length === 0) return unproved('EXPLAIN of nothing');
  const { read, written } = tablesOf(lexed, inner);
  // A pragma takes effect while it is compiled, even under EXPLAIN.
  if (inner[0]!.text === 'PRAGMA') return pragmaEffect(inner);
  return { type: 'read_simple', pins: false, read: [...read, ...written], written: [], reasons: ['EXPLAIN does not run the statement'] };
}

/** `PRAGMA [schema.]name`, `name = value`, `name(argument)`. */
function pragmaEffect(statement: Statement): Effect {
  const at = statement[2]?.text === '.' ? 3 : 1;
  const name = statement[at]?.kind === 'word' ? statement[at].text : '';
  const behind = statement[at + 1]?.text;
  const reads =
    (SQLITE_READ_PRAGMAS.has(name) && (behind === undefined || behind === '(')) ||
    (SQLITE_SETTING_PRAGMAS.has(name) && behind === undefined);
  if (reads) return { type: 'read_simple', pins: false, read: [], written: [], reasons: [`PRAGMA ${name} reads`] };
  return unproved(`PRAGMA ${name || 'of something unknown'} may change the connection or the database`, true);
}

function otherEffect(lexed: Lexed, statement: Statement, word: string): Effect {
  const type: QueryType = DDL.has(word) ? 'ddl' : 'unknown';
  const temporary = type === 'ddl' && /^(?:TEMP|TEMPORARY)$/.test(statement[1]?.text ?? '');
  const { read, written } = type === 'ddl' ? tablesOf(lexed, statement) : { read: [], written: [] };
  return {
    type,
    pins: temporary || word === 'ATTACH' || word === 'DETACH',
    read,
    written,
    reasons: [`${word || 'the statement'} is not known to be read-only`],
  };
}
