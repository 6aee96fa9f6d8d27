/** Which tokens keep a MySQL or MariaDB query from being proved read-only. */
import type { FunctionUse } from './classification.ts';
import { MYSQL_NO_FUNCTIONS, MYSQL_READ_FUNCTIONS, MYSQL_READ_PREFIX, MYSQL_SESSION_FUNCTIONS } from './mysql-functions.ts';
import { commonTables } from './tables.ts';
import type { Lexed, Token } from './tokens.ts';

/** What speaks against a query's being a read. */
export interface Doubts {
  readonly reasons: string[];
  /** It reads or changes the session's state. */
  pins: boolean;
  /** It certainly does more than read (as against: nothing is known). */
  certain: boolean;
  /** Functions that are not built in: a catalog may know them. Schemas and names as written, unquoted. */
  readonly functions: FunctionUse[];
}

/** Words that no query may hold, unless as a function's or an object's name. */
const WRITING = new Set(
  'UPDATE DELETE DROP ALTER CREATE CALL LOAD GRANT REVOKE RENAME HANDLER LOCK UNLOCK PREPARE EXECUTE DEALLOCATE KILL FLUSH PURGE SHUTDOWN INTO PROCEDURE'.split(
    ' ',
  ),
);
/** System variables that tell of the session's last statements; all others are settings. */
const SESSION_VARIABLE =
  /^@@(?:SESSION\.|LOCAL\.)?(?:LAST_INSERT_ID|IDENTITY|INSERT_ID|WARNING_COUNT|ERROR_COUNT|RAND_SEED[12]|LAST_GTID|IN_TRANSACTION|TIMESTAMP|PSEUDO_THREAD_ID|GTID_SEQ_NO|GTID_NEXT)$/i;

/** Whether the tokens use user variables, or functions that tell of the session. */
export function usesSession(statement: readonly Token[]): boolean {
  return statement.some((token, at) => {
    if (token.kind === 'variable') return !token.text.startsWith('@@') || SESSION_VARIABLE.test(token.text);
    return (
      token.kind === 'word' && MYSQL_SESSION_FUNCTIONS.has(token.text) && statement[at + 1]?.text === '(' && !token.text.endsWith('VAL')
    );
  });
}

/** Goes through the tokens of a query (`SELECT`, `WITH`, `VALUES`, `TABLE`, or the tail of `SHOW`). */
export function doubtsOf(lexed: Lexed, statement: readonly Token[]): Doubts {
  const doubts: Doubts = { reasons: [], pins: false, certain: false, functions: [] };
  let ctes: ReadonlyMap<number, string> | undefined;
  for (let i = 0; i < statement.length; i++) {
    const token = statement[i]!;
    if (token.kind === 'word') {
      judgeWord(doubts, lexed, statement, i, () => (ctes ??= commonTables(lexed, statement)));
    } else if (token.kind === 'variable') judgeVariable(doubts, token.text);
    else if (token.text === ':=') pin(doubts, 'a user variable is set');
    else if (token.kind === 'quoted' && statement[i + 1]?.text === '(' && !isAlias(statement[i - 1]?.text)) {
      if (!(ctes ??= commonTables(lexed, statement)).has(i)) ask(doubts, lexed, statement, i, 'a function with a quoted name may write');
    }
  }
  return doubts;
}

function judgeWord(doubts: Doubts, lexed: Lexed, statement: readonly Token[], at: number, ctes: () => ReadonlyMap<number, string>): void {
  const word = statement[at]!.text;
  const before = statement[at - 1]?.text;
  const after = statement[at + 1]?.text;
  if (after === '(' && !isAlias(before)) {
    if (isUnknownCall(doubts, word, before) && (before === '.' || !ctes().has(at)))
      ask(doubts, lexed, statement, at, `function ${word}() is not known to be read-only`);
    return;
  }
  if (word === 'NEXTVAL' || word === 'CURRVAL') return certain(doubts, `${word} uses a sequence`);
  if (before === '.') return;
  if ((word === 'NEXT' || word === 'PREVIOUS') && after === 'VALUE') return certain(doubts, `${word} VALUE FOR uses a sequence`);
  if (word === 'FOR' && (after === 'UPDATE' || after === 'SHARE')) return certain(doubts, 'it locks rows');
  if (word === 'LOCK' && after === 'IN') return certain(doubts, 'it locks rows');
  if (word === 'SQL_CALC_FOUND_ROWS') return pin(doubts, 'SQL_CALC_FOUND_ROWS leaves its count in the session');
  if (word === 'UPDATE' && before === 'FOR') return;
  if (WRITING.has(word) || (word === 'INSERT' || word === 'REPLACE' ? after !== '(' : false))
    certain(doubts, `${word} is no part of a read`);
}

function isUnknownCall(doubts: Doubts, word: string, before: string | undefined): boolean {
  if (before === '.') return true;
  if (!MYSQL_SESSION_FUNCTIONS.has(word))
    return !(MYSQL_READ_FUNCTIONS.has(word) || MYSQL_NO_FUNCTIONS.has(word) || MYSQL_READ_PREFIX.test(word));
  pin(doubts, `${word}() touches the session's own state`);
  return false;
}

/** A function that only a catalog can tell of. */
function ask(doubts: Doubts, lexed: Lexed, statement: readonly Token[], at: number, reason: string): void {
  const name = nameAt(lexed, statement[at]!);
  const schema = statement[at - 1]?.text === '.' ? statement[at - 2] : undefined;
  doubts.functions.push(schema === undefined ? { name, arguments: -1 } : { schema: nameAt(lexed, schema), name, arguments: -1 });
  doubt(doubts, reason);
}

/** A name as written, without its quotes. */
export function nameAt({ sql }: Lexed, { kind, start, end }: Token): string {
  const text = sql.slice(start, end);
  return kind === 'quoted' ? text.slice(1, -1).replaceAll('``', '`') : text;
}

/** A name behind `AS` or `)` names something: `CAST(a AS CHAR(1))`, `(SELECT ...) d(a, b)`. */
function isAlias(before: string | undefined): boolean {
  return before === 'AS' || before === ')';
}

function judgeVariable(doubts: Doubts, text: string): void {
  if (!text.startsWith('@@')) pin(doubts, 'a user variable is used');
  else if (SESSION_VARIABLE.test(text.replaceAll('`', ''))) pin(doubts, "a variable tells of the session's last statement");
}

function doubt(doubts: Doubts, reason: string): void {
  if (doubts.reasons.length < 12 && !doubts.reasons.includes(reason)) doubts.reasons.push(reason);
}

function certain(doubts: Doubts, reason: string): void {
  doubts.certain = true;
  doubt(doubts, reason);
}

function pin(doubts: Doubts, reason: string): void {
  doubts.pins = true;
  certain(doubts, reason);
}
