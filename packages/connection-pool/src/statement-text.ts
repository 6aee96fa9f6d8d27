/** What may be told about a statement's text: never a value in it. */
import { lex, splitStatements, templateOf, type Dialect } from '@kailash-ts/sql';

type Statement = ReturnType<typeof splitStatements>[number];
type Token = Statement[number];

/** What traces call a statement. */
export interface StatementText {
  /** First keyword, upper case, of a known set; undefined for anything else. */
  readonly operation: string | undefined;
  /** Operation and tables in order of appearance, at most 255 characters: `INSERT audit SELECT users`. */
  readonly summary: string | undefined;
  /** The text with its values taken out, at most 4096 characters; `?` where that cannot be done for sure. */
  readonly template: string;
}

/** A statement of more tokens is read up to there. */
const MAX_TOKENS = 2000;
const MAX_TEMPLATE = 4096;
const UNTOLD = '?';
const MAX_SUMMARY = 255;
/** Texts remembered, and how long one may be to be remembered. */
const REMEMBERED = 500;
const MAX_REMEMBERED_LENGTH = 4096;

const MAIN = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'VALUES', 'TABLE']);
/** Words that may name an operation: whatever else a text begins with may be anything, also a secret sent by mistake. */
const OPERATIONS = new Set([
  ...MAIN,
  ...['ABORT', 'ALTER', 'ANALYZE', 'ATTACH', 'BEGIN', 'CALL', 'CHECKPOINT', 'CLOSE', 'CLUSTER', 'COMMENT', 'COMMIT', 'COPY', 'CREATE'],
  ...['DEALLOCATE', 'DECLARE', 'DESCRIBE', 'DETACH', 'DISCARD', 'DO', 'DROP', 'END', 'EXECUTE', 'EXPLAIN', 'FETCH', 'FLUSH', 'GRANT'],
  ...['KILL', 'LISTEN', 'LOAD', 'LOCK', 'MOVE', 'NOTIFY', 'OPTIMIZE', 'PRAGMA', 'PREPARE', 'REFRESH', 'REINDEX', 'RELEASE', 'RENAME'],
  ...['RESET', 'REVOKE', 'ROLLBACK', 'SAVEPOINT', 'SET', 'SHOW', 'START', 'TRUNCATE', 'UNLISTEN', 'UNLOCK', 'USE', 'VACUUM', 'XA'],
]);
/** What a table's name follows. */
const BEFORE_TABLE = new Set(['FROM', 'JOIN', 'INTO', 'UPDATE', 'TABLE']);
const OPENS_QUERY = new Set(['SELECT', 'WITH', 'VALUES', 'INSERT', 'UPDATE', 'DELETE', '(']);
/** What may stand before a table's name. */
const BETWEEN = new Set(['ONLY', 'IF', 'NOT', 'EXISTS', 'OR', 'IGNORE', 'LATERAL', 'LOW_PRIORITY']);

/** Describes statements of one dialect; remembers the last ones. */
export class StatementTexts {
  readonly #dialect: Dialect;
  readonly #known = new Map<string, StatementText>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  describe(sql: string): StatementText {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    const described = describe(sql, this.#dialect);
    if (sql.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(sql, described);
    }
    return described;
  }
}

function describe(sql: string, dialect: Dialect): StatementText {
  const lexed = lex(sql, dialect, { maxTokens: MAX_TOKENS });
  const statements = splitStatements(lexed);
  const operations = statements.map(operationOf);
  const [operation] = operations;
  if (operation === undefined || !isCertain(lexed)) return { operation, summary: operation, template: UNTOLD };
  const summary = statements.map((statement) => summaryOf(statement, sql)).join('; ');
  return {
    operation,
    summary: summary.slice(0, MAX_SUMMARY),
    template: operations.every(isTellable) ? redact(templateOf(lexed), dialect).slice(0, MAX_TEMPLATE) : UNTOLD,
  };
}

/** Whether strings end where they seem to: not where a setting of the server decides it, and not where a value was pasted in badly. */
function isCertain({ sql, tokens, problem, backslashQuote, versionedComment }: ReturnType<typeof lex>): boolean {
  if (backslashQuote || versionedComment || (problem !== null && problem !== `more than ${MAX_TOKENS} tokens`)) return false;
  return !tokens.some(({ kind, end, text }) => {
    // The rest of `'it's me'`: nobody writes a word onto the end of a string. And `$$...$$` is a string only of PostgreSQL.
    return kind === 'string' ? /[\p{L}\p{N}_"']/u.test(sql.charAt(end)) : kind === 'word' && text.includes('$$');
  });
}

/** The values of SET and the like need no quotes, and what is no statement may be anything: data that follows a COPY, a pasted secret. */
function isTellable(operation: string | undefined): boolean {
  return operation !== undefined && operation !== 'SET' && operation !== 'PRAGMA' && operation !== 'XA';
}

/**
 * SQLite takes a double-quoted name for a string where there is no such column (sqlite.org/quirks.html), and who comes from MySQL compares
 * with double-quoted strings: such may be values.
 */
function redact(template: string, dialect: Dialect): string {
  if (dialect === 'sqlite') return template.replace(/"(?:[^"]|"")*"/g, '?');
  const compared = template.replace(/([=<>~]|\bLIKE) "(?:[^"]|"")*"(?! ?\.)/gi, '$1 ?');
  return compared.replace(/(\bIN \()"(?:[^"]|"")*"(?:, "(?:[^"]|"")*")*\)/gi, '$1?)');
}

/** Of `WITH ... INSERT` it is INSERT. */
function operationOf(statement: Statement): string | undefined {
  const first = statement.find(({ kind }) => kind === 'word')?.text;
  if (first !== 'WITH') return first !== undefined && OPERATIONS.has(first) ? first : undefined;
  let depth = 0;
  for (const { kind, text } of statement) {
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    else if (depth === 0 && kind === 'word' && MAIN.has(text)) return text;
  }
  return undefined;
}

/** The words that do something, each with the tables that follow it. */
function summaryOf(statement: Statement, sql: string): string {
  const operation = operationOf(statement);
  if (operation === undefined || !isTellable(operation)) return operation ?? UNTOLD;
  const parts: string[] = [];
  /** For each parenthesis that is open: whether a query stands in it. The FROM of `EXTRACT(YEAR FROM t)` names no table. */
  const queries: boolean[] = [];
  statement.forEach(({ kind, text }, index) => {
    if (text === '(') queries.push(OPENS_QUERY.has(statement[index + 1]?.text ?? ''));
    else if (text === ')') queries.pop();
    else if (kind === 'word' && queries.at(-1) !== false) {
      if (text === 'SELECT' || (text === operation && !parts.includes(operation))) parts.push(text);
      const name = namesTable(text, statement[index - 1]?.text) ? tableAfter(statement, index, sql) : undefined;
      if (name !== undefined) parts.push(name);
    }
  });
  return parts.length === 0 ? operation : parts.join(' ');
}

/** Not `IS DISTINCT FROM`, `FOR UPDATE`, `DO UPDATE`. */
function namesTable(word: string, before: string | undefined): boolean {
  if (!BEFORE_TABLE.has(word)) return false;
  if (word === 'UPDATE') return before === undefined || before === '(' || before === ')';
  return before !== 'DISTINCT';
}

function tableAfter(statement: Statement, index: number, sql: string): string | undefined {
  let at = index + 1;
  while (statement[at]?.kind === 'word' && BETWEEN.has(statement[at]!.text)) at += 1;
  if (!isName(statement[at])) return undefined;
  const start = at;
  while (statement[at + 1]?.text === '.' && isName(statement[at + 2])) at += 2;
  // A function in FROM is no table.
  if (statement[at + 1]?.text === '(' && statement[index]!.text !== 'INTO' && statement[index]!.text !== 'TABLE') return undefined;
  const name = statement.slice(start, at + 1).map((token) => sql.slice(token.start, token.end));
  return name.join('');
}

function isName(token: Token | undefined): boolean {
  return token !== undefined && ((token.kind === 'word' && token.text !== 'SELECT') || token.kind === 'quoted');
}
