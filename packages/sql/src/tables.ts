/** Tables that a statement names, from its tokens: for MySQL and SQLite, and for texts too long to parse. Never used to prove anything. */
import { unique } from './classification.ts';
import type { Lexed, Token } from './tokens.ts';

/** Where in a clause the scan stands, per level of parentheses. */
interface Frame {
  /** In a FROM clause: a comma brings the next table. */
  from: boolean;
  /** The next name is a table. */
  expect: boolean;
  /** Inside `EXTRACT(... FROM ...)` and the like, where FROM names no table. */
  readonly call: boolean;
}

const ENDS_FROM = new Set(
  'WHERE GROUP HAVING ORDER LIMIT WINDOW UNION INTERSECT EXCEPT SELECT SET VALUES RETURNING FETCH FOR PROCEDURE'.split(' '),
);
/** Every word that `clause` looks at. */
const CLAUSE = new Set([...ENDS_FROM, ...'FROM JOIN STRAIGHT_JOIN TABLE LATERAL ONLY'.split(' ')]);
const FROM_ARGUMENT = new Set('EXTRACT TRIM SUBSTRING SUBSTR MID POSITION OVERLAY'.split(' '));
/** What may stand before `TABLE t` as a query. */
const BEFORE_QUERY = new Set('( UNION ALL DISTINCT EXCEPT INTERSECT EXPLAIN'.split(' '));
const MODIFIERS = new Set(
  'LOW_PRIORITY HIGH_PRIORITY DELAYED QUICK IGNORE INTO FROM TABLE ONLY OR ABORT FAIL REPLACE ROLLBACK IF NOT EXISTS'.split(' '),
);
const DEFINED = new Set('TABLE TABLES VIEW ON INTO'.split(' '));

interface Found {
  readonly name: string;
  readonly at: number;
}

const NONE: readonly string[] = Object.freeze([]);

/** Tables read and written, unquoted; CTE names left out. PostgreSQL and SQLite fold unquoted names to lower case; MySQL keeps them. */
export function tablesOf(lexed: Lexed, statement: readonly Token[]): { read: readonly string[]; written: readonly string[] } {
  const target = targetAt(statement);
  const found = readTables(lexed, statement);
  const written = target < 0 ? NONE : writtenTables(lexed, statement, target);
  if (found.length === 0) return { read: NONE, written };
  const ctes = commonTables(lexed, statement);
  const names = ctes.size === 0 ? null : new Set(ctes.values());
  const read: string[] = [];
  for (const { name, at } of found) if (at !== target && !(names?.has(name.toLowerCase()) ?? false)) read.push(name);
  return { read: unique(read), written };
}

function writtenTables(lexed: Lexed, statement: readonly Token[], target: number): readonly string[] {
  const written: string[] = [];
  for (let found = qualifiedName(lexed, statement, target); found.name !== '';) {
    written.push(found.name);
    if (statement[found.end]?.text !== ',') break;
    found = qualifiedName(lexed, statement, found.end + 1);
  }
  return unique(written);
}

function readTables(lexed: Lexed, statement: readonly Token[]): Found[] {
  const found: Found[] = [];
  let frame: Frame = { from: false, expect: false, call: false };
  const outer: Frame[] = [];
  let before: Token | undefined;
  for (let i = 0; i < statement.length; i++) {
    const token = statement[i]!;
    const { text, kind } = token;
    const previous = before;
    before = token;
    if (text === '(') {
      outer.push(frame);
      const inside = { from: frame.expect, expect: frame.expect, call: FROM_ARGUMENT.has(previous?.text ?? '') };
      frame.expect = false;
      frame = inside;
    } else if (text === ')') frame = outer.pop() ?? frame;
    else if (text === ',') frame.expect = frame.from;
    else if (kind === 'word' && previous?.text !== '.' && clause(text, frame, previous?.text)) continue;
    else if (frame.expect && (kind === 'word' || kind === 'quoted')) {
      const { name, end } = qualifiedName(lexed, statement, i);
      if (statement[end]?.text !== '(') found.push({ name, at: i });
      frame.expect = false;
      before = statement[end - 1];
      i = end - 1;
    }
  }
  return found;
}

/** Whether the word is one that begins or ends a place for tables. */
function clause(word: string, frame: Frame, before: string | undefined): boolean {
  if (!CLAUSE.has(word)) return false;
  if (word === 'FROM' && !frame.call && before !== 'DISTINCT') return (frame.from = frame.expect = true);
  if (word === 'JOIN' || word === 'STRAIGHT_JOIN') return (frame.expect = true);
  if (word === 'TABLE' && (before === undefined || BEFORE_QUERY.has(before))) return (frame.expect = true);
  if (word === 'LATERAL' || word === 'ONLY') return frame.expect;
  if (!ENDS_FROM.has(word)) return false;
  frame.from = frame.expect = false;
  return true;
}

/** The place of the name that a statement writes or defines; -1 when it writes none. */
function targetAt(statement: readonly Token[]): number {
  const main = mainVerbAt(statement);
  const verb = statement[main]?.text ?? '';
  if (verb === 'SELECT') return -1;
  let at = main + 1;
  if (DEFINES.has(verb)) {
    while (at < statement.length && at < main + 16 && !DEFINED.has(statement[at]!.text)) at++;
    if (verb === 'TRUNCATE' && statement[main + 1]?.text !== 'TABLE') at = main;
    else if (!DEFINED.has(statement[at]?.text ?? '')) return -1;
    at++;
  } else if (!WRITES.has(verb)) return -1;
  while (statement[at]?.kind === 'word' && MODIFIERS.has(statement[at]!.text)) at++;
  return at;
}

const DEFINES = new Set('CREATE ALTER DROP RENAME TRUNCATE LOAD ANALYZE OPTIMIZE REPAIR'.split(' '));
const WRITES = new Set('INSERT REPLACE UPDATE DELETE MERGE'.split(' '));
const MAIN_VERBS = new Set('SELECT VALUES TABLE INSERT REPLACE UPDATE DELETE MERGE'.split(' '));

/** The place of the verb (or of the parenthesis before it) behind the common table expressions, if any. */
export function mainVerbAt(statement: readonly Token[]): number {
  let at = 0;
  while (statement[at]?.text === '(' || statement[at]?.kind === 'executable') at++;
  if (statement[at]?.text !== 'WITH') return at;
  let depth = 0;
  for (let i = at + 1; i < statement.length; i++) {
    const { text, kind } = statement[i]!;
    if (text === '(') {
      if (depth++ === 0 && statement[i - 1]?.text === ')') return i;
    } else if (text === ')') depth--;
    else if (depth === 0 && kind === 'word' && MAIN_VERBS.has(text)) return i;
    else if (depth < 0) break;
  }
  return at;
}

const NO_COMMON_TABLES: ReadonlyMap<number, string> = new Map();

/** Common table expressions: name in lower case by the place of its definition, anywhere in the statement. Linear. */
export function commonTables(lexed: Lexed, statement: readonly Token[]): ReadonlyMap<number, string> {
  let first = 0;
  while (first < statement.length && statement[first]!.text !== 'WITH') first++;
  if (first === statement.length) return NO_COMMON_TABLES;
  const names = new Map<number, string>();
  const closing = closingParentheses(statement);
  for (let i = first; i < statement.length; i++) {
    if (statement[i]!.text !== 'WITH') continue;
    let at = statement[i + 1]?.text === 'RECURSIVE' ? i + 2 : i + 1;
    for (let end = endOfCommonTable(statement, at, closing); end > 0; end = endOfCommonTable(statement, at, closing)) {
      names.set(at, qualifiedName(lexed, statement, at).name.toLowerCase());
      if (statement[end]?.text !== ',') break;
      at = end + 1;
    }
  }
  return names;
}

/** For each opening parenthesis the place behind its closing one. */
function closingParentheses(statement: readonly Token[]): ReadonlyMap<number, number> {
  const closing = new Map<number, number>();
  const open: number[] = [];
  statement.forEach((token, at) => {
    if (token.text === '(') open.push(at);
    else if (token.text === ')' && open.length > 0) closing.set(open.pop()!, at + 1);
  });
  return closing;
}

/** The place behind `name [(columns)] AS [[NOT] MATERIALIZED] (query)`, or -1. */
function endOfCommonTable(statement: readonly Token[], at: number, closing: ReadonlyMap<number, number>): number {
  const name = statement[at];
  if (name === undefined || (name.kind !== 'word' && name.kind !== 'quoted')) return -1;
  let next = closing.get(at + 1) ?? at + 1;
  if (statement[next]?.text !== 'AS') return -1;
  next++;
  while (statement[next]?.text === 'NOT' || statement[next]?.text === 'MATERIALIZED') next++;
  return closing.get(next) ?? -1;
}

function qualifiedName(lexed: Lexed, statement: readonly Token[], at: number): { name: string; end: number } {
  let name = '';
  let end = at;
  for (;;) {
    const token = statement[end];
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) break;
    const text = lexed.sql.slice(token.start, token.end);
    const part = token.kind === 'quoted' ? unquote(text) : lexed.dialect === 'mysql' ? text : text.toLowerCase();
    name = end === at ? part : `${name}.${part}`;
    end++;
    if (statement[end]?.text !== '.') break;
    end++;
  }
  return { name, end };
}

function unquote(text: string): string {
  const quote = text.at(-1) ?? '';
  const inner = text.slice(text.indexOf(text[0] === '[' ? '[' : quote) + 1, -1);
  return quote === ']' ? inner : inner.replaceAll(quote + quote, quote);
}
