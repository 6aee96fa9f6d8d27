/** What the body of a stored function of MySQL or MariaDB does. */
import type { Effect } from './classification.ts';
import { NO_DEPENDENCIES, unproved } from './classification.ts';
import { doubtsOf, nameAt } from './mysql-rules.ts';
import { splitStatements, type Statement } from './statements.ts';
import type { Lexed, Token } from './tokens.ts';

/** Modes under which a body reads differently. */
const OTHER_READING = /ORACLE|ANSI|MSSQL|DB2|NO_BACKSLASH_ESCAPES|PIPES_AS_CONCAT/;
/** Words that no body may hold, beside those that no query may hold: most of them the server refuses in a function anyway. */
const FORBIDDEN = new Set(
  `ANALYZE OPTIMIZE REPAIR RESET CHANGE START STOP COMMIT ROLLBACK SAVEPOINT INSTALL UNINSTALL BINLOG XA CACHE CHECKSUM IMMEDIATE USE
  TRUNCATE OUTFILE DUMPFILE HELP SHOW EXPLAIN DESCRIBE`.split(/\s+/),
);
/** Words of control that may stand before a parenthesis and are no functions. */
const CONTROL = new Set('RETURN UNTIL ELSEIF WHILE THEN DO BEGIN ELSE LOOP END ENUM DECLARE'.split(' '));
const TYPE_OR_DEFAULT = new Set(['CONDITION', 'CURSOR', 'HANDLER', 'CONTINUE', 'EXIT', 'UNDO']);

/**
 * The effect of a call: provable when the body computes, sets local variables and reads. Written bodies are not split into statements by
 * their grammar; every word of them has to be harmless.
 */
export function routineEffect(lexed: Lexed, parameters: readonly string[], mode = ''): Effect {
  if (lexed.tokens.length === 0) return unproved('its definition is not shown');
  if (lexed.problem !== null || lexed.versionedComment || lexed.backslashQuote || OTHER_READING.test(mode))
    return unproved("what it does depends on the server's version or settings");
  const local = new Set(parameters.map((name) => name.toLowerCase()));
  const statements = splitStatements(lexed);
  for (const statement of statements) declare(lexed, statement, local);
  const tokens: Token[] = [];
  for (const statement of statements) {
    const problem = reduce(lexed, statement, local, tokens);
    if (problem !== null) return unproved(problem);
  }
  const doubts = doubtsOf(lexed, tokens);
  if (doubts.certain) return unproved(doubts.reasons[0] ?? 'it writes');
  return {
    ...unproved('it is not known to be read-only'),
    provable: 'read_simple',
    dependsOn: { ...NO_DEPENDENCIES, functions: doubts.functions },
  };
}

/** `DECLARE a, b INT DEFAULT 0`. */
function declare(lexed: Lexed, statement: Statement, local: Set<string>): void {
  statement.forEach((token, at) => {
    if (token.text !== 'DECLARE') return;
    for (let i = at + 1; statement[i] !== undefined; i += 2) {
      const name = statement[i]!;
      if ((name.kind !== 'word' && name.kind !== 'quoted') || TYPE_OR_DEFAULT.has(name.text)) return;
      local.add(nameAt(lexed, name).toLowerCase());
      if (statement[i + 1]?.text !== ',') return;
    }
  });
}

/** Takes out the words that are harmless in a body and would not be in a query: `INTO variable`, `SET variable =`, and the like. */
function reduce(lexed: Lexed, statement: Statement, local: ReadonlySet<string>, tokens: Token[]): string | null {
  const isLocal = (token: Token | undefined): boolean =>
    token !== undefined && (token.kind === 'word' || token.kind === 'quoted') && local.has(nameAt(lexed, token).toLowerCase());
  for (let i = 0; i < statement.length; i++) {
    const token = statement[i]!;
    const { text, kind } = token;
    if (text === ':=' && isLocal(statement[i - 1])) continue;
    if (kind !== 'word' || statement[i - 1]?.text === '.') tokens.push(token);
    else if (text === 'INTO') {
      i = endOfVariables(statement, i, isLocal);
      if (i < 0) return 'INTO is no part of a read';
    } else if (text === 'SET') {
      if (!setsLocals(statement, i, isLocal)) return 'SET changes a setting';
    } else if (text === 'DO' ? !isLoop(statement) : FORBIDDEN.has(text) && statement[i + 1]?.text !== '(')
      return `${text} is no part of a read`;
    else if (!CONTROL.has(text) && !(text === 'HANDLER' && statement[i - 2]?.text === 'DECLARE')) tokens.push(token);
  }
  tokens.push(SEPARATOR);
  return null;
}

/** The place of the last variable behind INTO; -1 when something else stands there. */
function endOfVariables(statement: Statement, at: number, isLocal: (token: Token | undefined) => boolean): number {
  let last = at + 1;
  while (isLocal(statement[last]) && statement[last + 1]?.text === ',') last += 2;
  return isLocal(statement[last]) ? last : -1;
}

/** Keeps the last word of one statement and the first of the next from being read as one phrase. */
const SEPARATOR: Token = Object.freeze({ kind: 'punctuation', start: 0, end: 0, text: ';' });

const isLoop = (statement: Statement): boolean => statement.some(({ text }) => text === 'WHILE' || text === 'FOR');

function setsLocals(statement: Statement, at: number, isLocal: (token: Token | undefined) => boolean): boolean {
  let depth = 0;
  let expectsName = true;
  for (let i = at + 1; i < statement.length; i++) {
    const token = statement[i]!;
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    else if (depth === 0 && token.text === ',') expectsName = true;
    else if (expectsName) {
      if (!isLocal(token) || !/^:?=$/.test(statement[i + 1]?.text ?? '')) return false;
      expectsName = false;
    }
  }
  return true;
}
