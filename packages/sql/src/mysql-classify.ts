/**
 * MySQL and MariaDB, by fail-closed rules over tokens: a statement is a read only when its first words, every word that may write or lock,
 * and every function it calls are known to be harmless. No parser on npm is right for either server.
 */
import type { Dependencies, Effect, QueryType } from './classification.ts';
import { isRead, NO_DEPENDENCIES, strongest, unproved } from './classification.ts';
import { lex } from './lexer.ts';
import { doubtsOf, usesSession, type Doubts } from './mysql-rules.ts';
import { isComplexRead, shapeOf } from './shape.ts';
import { splitStatements, type Statement } from './statements.ts';
import { mainVerbAt, tablesOf } from './tables.ts';
import type { Lexed } from './tokens.ts';
import { transactionEffect } from './transaction-words.ts';

/** What a text does. Texts whose reading depends on the server's version or settings have to be reads in every reading. */
export function classifyMysql(lexed: Lexed): Effect {
  const effect = readText(lexed);
  if (!isRead(effect.type) || !(lexed.versionedComment || lexed.backslashQuote)) return effect;
  for (const versionedComments of lexed.versionedComment ? (['code', 'comment'] as const) : (['code'] as const)) {
    for (const backslashEscapes of lexed.backslashQuote ? [true, false] : [true]) {
      const other = lex(lexed.sql, 'mysql', { versionedComments, backslashEscapes });
      // What does not lex, no server runs.
      if (other.problem !== null) continue;
      const otherEffect = readText(other);
      if (!isRead(otherEffect.type) && otherEffect.reasons[0] !== NOTHING) {
        return {
          ...otherEffect,
          pins: true,
          reasons: ["what it does depends on the server's version or settings", ...otherEffect.reasons],
        };
      }
    }
  }
  return effect;
}

const NOTHING = 'there is no statement';

function readText(lexed: Lexed): Effect {
  const statements = splitStatements(lexed);
  return statements.length === 0 ? unproved(NOTHING) : strongest(statements.map((statement) => statementEffect(lexed, statement)));
}

/** Statements that define things. */
const DDL = new Set('CREATE ALTER DROP TRUNCATE RENAME GRANT REVOKE INSTALL UNINSTALL IMPORT'.split(' '));
/** Statements that change or need the session. `CALL` and `DO` may do anything. */
const SESSION = new Set(
  'SET USE PREPARE EXECUTE DEALLOCATE HANDLER LOCK UNLOCK CALL DO FLUSH SIGNAL RESIGNAL GET DECLARE IF CASE FOR BACKUP LOOP WHILE REPEAT'.split(
    ' ',
  ),
);

function statementEffect(lexed: Lexed, full: Statement): Effect {
  const statement = full.some((token) => token.kind === 'executable') ? full.filter((token) => token.kind !== 'executable') : full;
  let start = 0;
  while (statement[start]?.text === '(') start++;
  const first = statement[start];
  const word = first?.kind === 'word' ? first.text : '';
  switch (word) {
    case 'SELECT':
    case 'VALUES':
    case 'TABLE':
      return queryEffect(lexed, statement);
    case 'WITH':
      return withEffect(lexed, statement);
    case 'SHOW':
      return showEffect(lexed, statement);
    case 'EXPLAIN':
    case 'DESCRIBE':
    case 'DESC':
    case 'ANALYZE':
      return explainEffect(lexed, statement);
    case 'HELP':
      return { type: 'read_simple', pins: false, read: [], written: [], reasons: ['HELP reads'] };
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
      return writeEffect(lexed, statement, word);
    case 'LOAD':
      return { ...tablesOf(lexed, statement), type: 'write_bulk', pins: usesSession(statement), reasons: ['LOAD writes'] };
    default:
      return transactionEffect(lexed, statement) ?? otherEffect(lexed, statement, word);
  }
}

function queryEffect(lexed: Lexed, statement: Statement): Effect {
  const doubts = doubtsOf(lexed, statement);
  const { read } = tablesOf(lexed, statement);
  const { pins, certain, reasons } = doubts;
  const proved = isComplexRead(shapeOf(statement), read.length) ? 'read_complex' : 'read_simple';
  const type = reasons.length === 0 ? proved : certain ? 'write_simple' : 'unknown';
  const provable = certain ? undefined : proved;
  const dependsOn = certain ? undefined : dependenciesOf(doubts, read);
  return { type, pins, read, written: NONE, reasons: reasons.length === 0 ? PROVED : reasons, provable, dependsOn };
}

const NONE: readonly string[] = Object.freeze([]);
const PROVED: readonly string[] = Object.freeze(['every word and function of the statement is read-only']);

function dependenciesOf({ functions }: Doubts, read: readonly string[]): Dependencies {
  if (functions.length === 0 && read.length === 0) return NO_DEPENDENCIES;
  const { fields, columns, operators, types } = NO_DEPENDENCIES;
  return { functions, fields, columns, operators, types, relations: read.map((name) => ({ name })) };
}

function withEffect(lexed: Lexed, statement: Statement): Effect {
  const verb = statement[mainVerbAt(statement)]?.text ?? '';
  return verb === 'SELECT' || verb === 'VALUES' || verb === 'TABLE' || verb === '('
    ? queryEffect(lexed, statement)
    : writeEffect(lexed, statement, verb);
}

/** Writes of rows: in bulk when more than one row is named, or the rows come from a query. */
function writeEffect(lexed: Lexed, statement: Statement, verb: string): Effect {
  const { read, written } = tablesOf(lexed, statement);
  const pins = usesSession(statement);
  const bulk = (verb === 'INSERT' || verb === 'REPLACE') && isBulkInsert(statement);
  const known = verb === 'INSERT' || verb === 'REPLACE' || verb === 'UPDATE' || verb === 'DELETE';
  if (!known) return { type: 'unknown', pins, read, written, reasons: ['the statement behind WITH is not known'] };
  return { type: bulk ? 'write_bulk' : 'write_simple', pins, read, written, reasons: [`${verb} writes`] };
}

/** Whether an INSERT holds more than one row of values, or a query. */
export function isBulkInsert(statement: Statement): boolean {
  let depth = 0;
  let rows = 0;
  let values = false;
  for (let i = mainVerbAt(statement) + 1; i < statement.length; i++) {
    const { text, kind } = statement[i]!;
    if (text === '(') {
      if (depth++ === 0 && values) rows++;
    } else if (text === ')') depth--;
    else if (kind !== 'word' || depth > 1) continue;
    else if (text === 'SELECT' && !(values && depth === 1)) return true;
    else if (depth === 1) continue;
    else if (text === 'TABLE') return true;
    else if (text === 'VALUES' || text === 'VALUE') values = true;
    // `ON DUPLICATE KEY UPDATE a = VALUES(a)` holds no row.
    else if (values && (text === 'ON' || text === 'RETURNING' || text === 'AS')) break;
  }
  return rows > 1;
}

/** What SHOW tells of one session or one server only. */
const SHOW_SESSION = new Set(['WARNINGS', 'ERRORS', 'COUNT', 'PROFILE', 'PROFILES', 'EXPLAIN', 'ANALYZE']);
/** What SHOW tells of the schema and its settings, alike on all servers; nothing else is proved to be a read. */
const SHOW_READ = new Set(
  (
    'TABLES TABLE COLUMNS FIELDS INDEX INDEXES KEYS CREATE DATABASES SCHEMAS STATUS VARIABLES GRANTS PROCEDURE FUNCTION PACKAGE TRIGGERS EVENTS ' +
    'ENGINE ENGINES STORAGE PLUGINS PRIVILEGES CHARACTER CHARSET COLLATION OPEN AUTHORS CONTRIBUTORS LOCALES SEQUENCES ' +
    'TABLE_STATISTICS INDEX_STATISTICS USER_STATISTICS CLIENT_STATISTICS QUERY_RESPONSE_TIME'
  ).split(' '),
);

function showEffect(lexed: Lexed, statement: Statement): Effect {
  const words = statement.slice(1, 3).map((token) => token.text);
  const subject = /^(?:FULL|GLOBAL|SESSION|LOCAL|EXTENDED)$/.test(words[0] ?? '') ? (words[1] ?? '') : (words[0] ?? '');
  if (SHOW_SESSION.has(subject)) return { ...unproved(`SHOW ${subject} tells of the session's last statements`, true) };
  if (!SHOW_READ.has(subject)) return unproved('SHOW of something that is not known to be alike on all servers');
  // `SHOW CREATE PROCEDURE p` names objects; only a WHERE can compute.
  const where = statement.findIndex((token) => token.text === 'WHERE' || token.text === 'LIKE');
  const doubts = doubtsOf(lexed, where < 0 ? [] : statement.slice(where));
  if (doubts.reasons.length > 0) return { type: 'unknown', pins: doubts.pins, read: [], written: [], reasons: doubts.reasons };
  return { type: 'read_simple', pins: false, read: [], written: [], reasons: ['SHOW reads'] };
}

/**
 * `EXPLAIN`, `DESCRIBE`, and MariaDB's `ANALYZE`: of a table it reads the catalog; of a statement it may run parts of it even without
 * ANALYZE, and MariaDB refuses it for writes on a read-only server. `ANALYZE TABLE` writes statistics.
 */
function explainEffect(lexed: Lexed, statement: Statement): Effect {
  const verb = statement[0]?.text ?? '';
  let at = 1;
  while (/^(?:EXTENDED|PARTITIONS|ANALYZE|FORMAT|=|TREE|JSON|TRADITIONAL)$/.test(statement[at]?.text ?? '') || isFormatName(statement, at))
    at++;
  const inner = statement.slice(at);
  const word = inner.find((token) => token.text !== '(')?.text ?? '';
  if (/^(?:SELECT|WITH|VALUES|INSERT|REPLACE|UPDATE|DELETE)$/.test(word) || (word === 'TABLE' && verb === 'EXPLAIN')) {
    const effect = statementEffect(lexed, inner);
    return isRead(effect.type) ? { ...effect, type: 'read_simple', reasons: ['it explains a read'] } : effect;
  }
  if (verb === 'ANALYZE') return { ...tablesOf(lexed, statement), type: 'unknown', pins: false, reasons: ['ANALYZE writes statistics'] };
  if (word === 'FOR' || inner.length === 0 || inner.length > 6 || doubtsOf(lexed, inner).reasons.length > 0)
    return unproved(`${verb} of something unknown`);
  return { type: 'read_simple', pins: false, read: [], written: [], reasons: [`${verb} of a table reads the catalog`] };
}

/** The name of a format may be a quoted string or any word behind `=`. */
function isFormatName(statement: Statement, at: number): boolean {
  return statement[at - 1]?.text === '=' && statement[at - 2]?.text === 'FORMAT';
}

function otherEffect(lexed: Lexed, statement: Statement, word: string): Effect {
  const type: QueryType = DDL.has(word) ? 'ddl' : 'unknown';
  const { read, written } =
    type === 'ddl' || word === 'OPTIMIZE' || word === 'REPAIR' ? tablesOf(lexed, statement) : { read: [], written: [] };
  const session = statement.slice(0, 5).some((token) => token.text === 'TEMPORARY' || token.text === 'PREPARE');
  return {
    type,
    pins: session || SESSION.has(word),
    read,
    written,
    reasons: [`${word || 'the statement'} is not known to be read-only`],
  };
}
