/**
 * Whether a statement may leave something behind in its session: settings, temporary tables, locks, listeners. Told from the
 * text and on the safe side: a reset too many costs one round trip, one too few gives a dirty connection to the next borrower.
 */
import { lex } from '@kailash-ts/sql';

/**
 * Finds nothing where databases read a text differently: comments in comments (PostgreSQL nests them), a comment that ends at a
 * bare carriage return. What is not found counts as a change.
 */
const FIRST_WORD = /^(?:[\s;(]+|(?:--|#)[^\r\n]*\r?\n|\/\*(?:(?!\/\*|\*\/)[\s\S])*\*\/)*([a-z]+)/i;

/** Statements whose whole point is a change of the session, or that can hide one. */
const CHANGERS = new Set(
  'SET RESET LISTEN UNLISTEN PREPARE DEALLOCATE EXECUTE DECLARE LOAD DISCARD LOCK UNLOCK USE BACKUP HANDLER FLUSH PRAGMA ATTACH DETACH DO CALL'.split(
    ' ',
  ),
);

// Session functions, user variables of MySQL, temporary objects; and executable comments of MySQL, in which anything may stand.
const HIDDEN =
  /\b(?:set_config|pg_(?:try_)?advisory\w*|get_lock|release_lock|setseed|temp|temporary|pg_temp|pg_settings)\b|\bu&"|@|\/\*M?!/i;

/** Remembers its answers for short texts, as programs run few of them, many times. */
const known = new Map<string, boolean>();

export function mayChangeSession(sql: string): boolean {
  const remembered = known.get(sql);
  if (remembered !== undefined) return remembered;
  const word = FIRST_WORD.exec(sql)?.[1];
  const changes = word === undefined || CHANGERS.has(word.toUpperCase()) || HIDDEN.test(sql);
  if (sql.length <= 1000) {
    if (known.size >= 2000) known.clear();
    known.set(sql, changes);
  }
  return changes;
}

/** Whether changing the session is all that it does, beyond the transaction that it is in. */
export function setsSession(sql: string): boolean {
  const [first = '', second = ''] = lex(sql, 'postgresql').tokens.map(({ text }) => text.toUpperCase());
  if (first === 'SET') return second !== 'LOCAL' && second !== 'TRANSACTION';
  return ['RESET', 'PREPARE', 'EXECUTE', 'DEALLOCATE', 'LISTEN', 'UNLISTEN', 'LOAD', 'DISCARD'].includes(first) && second !== 'TRANSACTION';
}

/** Whether it is a LISTEN of PostgreSQL. A text that begins in an unusual way is read token by token. */
export function isListen(sql: string): boolean {
  if (!/listen/i.test(sql)) return false;
  const word = FIRST_WORD.exec(sql)?.[1] ?? lex(sql, 'postgresql').tokens[0]?.text;
  return word?.toUpperCase() === 'LISTEN';
}
