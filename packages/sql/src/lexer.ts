/**
 * One pass over SQL text, for all dialects: where strings, comments, identifiers and placeholders begin and end.
 *
 * Never throws on text and never backtracks: what is unterminated becomes one `error` token up to the text's end, so that any text takes
 * linear time. Rules are those of the servers' own scanners (PostgreSQL 15-18 `scan.l`, MySQL 8 and MariaDB 10-12 `sql_lex.cc`, SQLite 3
 * `tokenize.c`); where MySQL and MariaDB differ, more text counts as code.
 */
import { isDigit, isOperator, isPunctuation, isSpace, isWordPart, isWordStart } from './characters.ts';
import { dollarTag, endOfComment, endOfDoubled, endOfEscaped, endOfLine, hasBackslashQuote } from './delimited.ts';
import { DIALECTS, type Dialect } from './dialect.ts';
import { SqlError } from './errors.ts';
import { BEFORE_EXPRESSION } from './keywords.ts';
import { upperWord } from './words.ts';
import type { Comment, LexOptions, Lexed, Token, TokenKind } from './tokens.ts';

const EXECUTABLE = /\/\*(?:M!|!)(\d{5,6})?/y;
const MYSQL_NUMBER = /^(?:\d+|\d+[eE]\d*|0[xX][\dA-Fa-f]+|0[bB][01]+)$/;
const NUMBER = /0[xX][\dA-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const MYSQL_FRACTION = /(?:\.\d*)?(?:[eE][+-]?\d+)?/y;
const VARIABLE = /@@?[A-Za-z0-9_.$\u0080-\uffff]*/y;
const LONGEST_OPERATOR = /<=>|->>|<<|>>|<>|<=|>=|!=|==|\|\||&&|->|[^]/y;
const ESCAPED_QUESTION = /\|\||-\||[|&#]|/y;
const PREFIX = { postgresql: 'eEbBxXnN', mysql: 'bBxXnN', sqlite: 'xX' } as const;
/** PostgreSQL refuses longer operators; without a limit, a long run of signs would take quadratic time. */
const MAX_OPERATOR = 64;
/** Versions from this on are read by no released server: such comments are comments. */
const NO_SERVER_VERSION = 99_999;

/**
 * Lexes a text. Linear in its length; never throws on the text itself.
 * @throws SqlError `SQL_DIALECT_UNKNOWN`, `SQL_TEXT_INVALID` when `sql` is no string
 */
export function lex(sql: string, dialect: Dialect, options: LexOptions = {}): Lexed {
  if (typeof sql !== 'string') throw new SqlError('SQL_TEXT_INVALID', `SQL must be a string, got ${sql === null ? 'null' : typeof sql}.`);
  if (!DIALECTS.includes(dialect)) throw new SqlError('SQL_DIALECT_UNKNOWN', `SQL dialect is unknown. Known: ${DIALECTS.join(', ')}.`);
  return new Lexer(sql, dialect, options).run();
}

class Lexer implements Lexed {
  readonly sql: string;
  readonly dialect: Dialect;
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  problem: string | null = null;
  backslashQuote = false;
  versionedComment = false;
  commentDepth = 0;
  #at = 0;
  /** Open `[` of PostgreSQL: a colon behind an operand in them is a slice. */
  #brackets = 0;
  #executable = 0;
  /** Up to here stand signs, each an operator of its own. */
  #signsEnd = 0;
  /** The next backslash at or behind the last place asked for; each stretch of text is searched once. */
  #backslash = -1;
  readonly #escapes: boolean;
  readonly #versioned: boolean;
  readonly #maxTokens: number;

  constructor(sql: string, dialect: Dialect, options: LexOptions) {
    this.sql = sql;
    this.dialect = dialect;
    this.#escapes = options.backslashEscapes ?? dialect === 'mysql';
    this.#maxTokens = options.maxTokens ?? Infinity;
    this.#versioned = options.versionedComments !== 'comment';
  }

  run(): Lexed {
    const { sql } = this;
    const { length } = sql;
    while (this.#at < length) {
      const code = sql.charCodeAt(this.#at);
      if (isSpace(code)) this.#at++;
      else if (this.tokens.length + this.comments.length >= this.#maxTokens) this.#error(length, `more than ${this.#maxTokens} tokens`);
      else this.#next(code, sql.charCodeAt(this.#at + 1));
    }
    if (this.#executable > 0) this.problem ??= 'unterminated executable comment';
    return this;
  }

  #next(code: number, following: number): void {
    if (isWordStart(code)) return this.#word(code, following);
    if (isDigit(code)) return this.#number();
    switch (code) {
      case 39: // '
        return this.#string(this.#at, this.#at + 1, "'", this.#escapes);
      case 34: // "
        return this.dialect === 'mysql' ? this.#string(this.#at, this.#at + 1, '"', this.#escapes) : this.#quoted('"');
      case 96: // `
        return this.dialect === 'postgresql' ? this.#operator() : this.#quoted('`');
      case 91: // [
        if (this.dialect === 'sqlite') return this.#quoted(']');
        this.#brackets++;
        return this.#push('punctuation', this.#at + 1);
      case 93: // ]
        this.#brackets--;
        return this.#push('punctuation', this.#at + 1);
      case 45: // -
        return following === 45 && this.#dashesComment() ? this.#comment(this.#lineEnd()) : this.#operator();
      case 35: // #
        return this.dialect === 'mysql' ? this.#comment(this.#lineEnd()) : this.#operator();
      case 47: // /
        return following === 42 ? this.#blockComment() : this.#operator();
      case 42: // *
        return this.#executable > 0 && following === 47 ? this.#closeExecutable() : this.#operator();
      case 46: // .
        return isDigit(following) && !this.#behindName() ? this.#number() : this.#push('punctuation', this.#at + 1);
      case 63: // ?
        return this.#question(following);
      case 36: // $
        return this.#dollar(following);
      case 58: // :
        return this.#colon(following);
      case 64: // @
        return this.#ampersat(following);
      default:
        if (isPunctuation(code)) return this.#push('punctuation', this.#at + 1);
        return isOperator(code) ? this.#operator() : this.#error(this.#at + 1, 'a character that no SQL has');
    }
  }

  #push(kind: TokenKind, end: number): void {
    const start = this.#at;
    const unnamed = kind === 'string' || kind === 'number' || kind === 'quoted' || kind === 'error';
    const text = unnamed ? '' : end === start + 1 ? this.sql[start]! : this.sql.slice(start, end);
    if (this.dialect === 'postgresql' && (kind === 'string' || kind === 'placeholder')) this.#settleQuestion();
    this.tokens.push({ kind, start, end, text });
    this.#at = end;
  }

  #error(end: number, problem: string): void {
    this.problem ??= problem;
    this.#push('error', end);
  }

  #comment(end: number): void {
    this.comments.push({ start: this.#at, end });
    this.#at = end;
  }

  #lineEnd(): number {
    return endOfLine(this.sql, this.#at, this.dialect === 'postgresql');
  }

  /** In MySQL, `--` begins a comment only before white space or a control character. */
  #dashesComment(): boolean {
    if (this.dialect !== 'mysql') return true;
    const code = this.sql.charCodeAt(this.#at + 2);
    return Number.isNaN(code) || code <= 32 || code === 127;
  }

  #blockComment(): void {
    if (this.dialect === 'mysql') {
      EXECUTABLE.lastIndex = this.#at;
      const mark = EXECUTABLE.exec(this.sql);
      if (mark) return this.#executableComment(mark);
    }
    const { end, depth } = endOfComment(this.sql, this.#at + 2, this.dialect === 'postgresql' ? Infinity : 1);
    this.commentDepth = Math.max(this.commentDepth, depth);
    if (end >= 0) this.#comment(end);
    // SQLite takes the text's end for the comment's.
    else if (this.dialect === 'sqlite') this.#comment(this.sql.length);
    else this.#error(this.sql.length, 'unterminated comment');
  }

  #executableComment(mark: RegExpExecArray): void {
    const version = mark[1] === undefined ? undefined : Number(mark[1]);
    const possible = version === undefined || version < NO_SERVER_VERSION || (version > NO_SERVER_VERSION && version < 999_999);
    if (version !== undefined && possible) this.versionedComment = true;
    if (possible && (version === undefined || this.#versioned)) {
      this.#executable++;
      return this.#push('executable', this.#at + mark[0].length);
    }
    const { end } = endOfComment(this.sql, this.#at + 2, 2);
    if (end >= 0) this.#comment(end);
    else this.#error(this.sql.length, 'unterminated comment');
  }

  #closeExecutable(): void {
    this.#executable--;
    this.#push('executable', this.#at + 2);
  }

  #string(start: number, from: number, quote: string, escapes: boolean): void {
    const { sql } = this;
    const end = escapes ? endOfEscaped(sql, from, quote) : endOfDoubled(sql, from, quote);
    if (end < 0) return this.#error(sql.length, 'unterminated string');
    // E'' escapes under every setting; plain strings do by the server's.
    if (!this.backslashQuote && (start === from - 1 || (sql[start] !== 'E' && sql[start] !== 'e'))) {
      this.backslashQuote = this.dialect !== 'sqlite' && this.#nextBackslash(from) < end && hasBackslashQuote(sql, from, end, quote);
    }
    this.#push('string', end);
  }

  #nextBackslash(from: number): number {
    if (this.#backslash < from) {
      const found = this.sql.indexOf('\\', from);
      this.#backslash = found < 0 ? Infinity : found;
    }
    return this.#backslash;
  }

  #quoted(close: string): void {
    const end = close === ']' ? this.sql.indexOf(']', this.#at) + 1 || -1 : endOfDoubled(this.sql, this.#at + 1, close);
    if (end < 0) return this.#error(this.sql.length, 'unterminated quoted identifier');
    this.#push('quoted', end);
  }

  #word(code: number, following: number): void {
    const { sql, dialect } = this;
    if (following === 39 && PREFIX[dialect].includes(String.fromCharCode(code))) {
      const escapes = dialect === 'postgresql' && (code === 69 || code === 101) ? true : this.#escapes;
      return this.#string(this.#at, this.#at + 2, "'", escapes);
    }
    if (dialect === 'postgresql' && following === 38 && (code === 85 || code === 117)) {
      const quote = sql[this.#at + 2];
      if (quote === "'") return this.#string(this.#at, this.#at + 3, "'", false);
      if (quote === '"') return this.#unicodeIdentifier();
    }
    this.#plainWord();
  }

  #plainWord(): void {
    const { sql } = this;
    const start = this.#at;
    let hash = 0;
    let end = start;
    for (; end < sql.length; end++) {
      const code = sql.charCodeAt(end);
      if (!isWordPart(code)) break;
      hash = (Math.imul(hash, 31) + (code | 32)) | 0;
    }
    this.tokens.push({ kind: 'word', start, end, text: upperWord(sql, start, end, hash) });
    this.#at = end;
  }

  #unicodeIdentifier(): void {
    const end = endOfDoubled(this.sql, this.#at + 3, '"');
    if (end < 0) this.#error(this.sql.length, 'unterminated quoted identifier');
    else this.#push('quoted', end);
  }

  #number(): void {
    const { sql } = this;
    let digits = this.#at;
    while (isDigit(sql.charCodeAt(digits))) digits++;
    // Most numbers are digits and nothing else.
    const code = sql.charCodeAt(digits);
    if (digits > this.#at && code !== 46 && !isWordPart(code)) return this.#push('number', digits);
    if (this.dialect === 'mysql' && isDigit(sql.charCodeAt(this.#at))) return this.#mysqlNumber();
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(sql)?.[0].length ?? 1;
    this.#push('number', this.#at + found);
  }

  /** In MySQL an identifier may begin with a digit: `1a` is a name, `1e5` and `0x1a` are numbers. */
  #mysqlNumber(): void {
    const { sql } = this;
    let end = this.#at + 1;
    while (end < sql.length && isWordPart(sql.charCodeAt(end))) end++;
    const run = sql.slice(this.#at, Math.min(end, this.#at + 1024));
    if (!MYSQL_NUMBER.test(run) && end - this.#at <= 1024) {
      return this.#plainWord();
    }
    if (/[eE]$/.test(run) && !/^0[xX]/.test(run)) end--;
    if (/^\d+[eE]?$/.test(run)) {
      MYSQL_FRACTION.lastIndex = end;
      end += MYSQL_FRACTION.exec(sql)?.[0].length ?? 0;
    }
    this.#push('number', end);
  }

  #behindName(): boolean {
    const last = this.tokens.at(-1);
    return (
      last !== undefined &&
      last.end === this.#at &&
      (last.kind === 'word' || last.kind === 'quoted' || last.text === ']' || last.text === ')')
    );
  }

  /** The longest operator; PostgreSQL's own rule cuts it before a comment, and before a sign that belongs to the next operand. */
  #operator(): void {
    const { sql, dialect } = this;
    if (this.#at < this.#signsEnd) return this.#push('operator', this.#at + 1);
    let end = this.#at + 1;
    if (dialect === 'postgresql') {
      while (end < sql.length && end - this.#at < MAX_OPERATOR && this.#operatorGoesOn(end)) end++;
      if (sql[this.#at] === '@' && end === this.#at + 1 && sql[end] === '?') end += sql[end + 1] === '?' ? 2 : 1;
      end = this.#withoutSigns(end);
      return this.#push('operator', end);
    }
    LONGEST_OPERATOR.lastIndex = this.#at;
    this.#push('operator', this.#at + (LONGEST_OPERATOR.exec(sql)?.[0].length ?? 1));
  }

  /** An operator may end with a sign only if it holds one of the characters that standard SQL has no operators of. */
  #withoutSigns(end: number): number {
    const { sql } = this;
    for (let at = this.#at; at < end; at++) if ('~!@#%^&|`?'.includes(sql[at]!)) return end;
    let last = end;
    while (last - this.#at > 1 && (sql.charCodeAt(last - 1) === 43 || sql.charCodeAt(last - 1) === 45)) last--;
    this.#signsEnd = end;
    return last;
  }

  #operatorGoesOn(at: number): boolean {
    const code = this.sql.charCodeAt(at);
    if (!isOperator(code)) return false;
    const following = this.sql.charCodeAt(at + 1);
    return !((code === 45 && following === 45) || (code === 47 && following === 42));
  }

  /** `?` is a placeholder; in PostgreSQL `??`, `?|` and `?&` are operators (`?||` is a placeholder and a concatenation). */
  #question(following: number): void {
    const { sql, dialect } = this;
    const start = this.#at;
    if (dialect === 'sqlite' && isDigit(following)) {
      let end = start + 1;
      while (isDigit(sql.charCodeAt(end))) end++;
      return this.#push('placeholder', end);
    }
    if (dialect !== 'postgresql') return this.#push('placeholder', start + 1);
    if (following === 63) {
      ESCAPED_QUESTION.lastIndex = start + 2;
      return this.#push('operator', start + 2 + (ESCAPED_QUESTION.exec(sql)?.[0].length ?? 0));
    }
    const second = sql.charCodeAt(start + 2);
    if ((following === 124 && second !== 124) || (following === 38 && second !== 38)) return this.#push('operator', start + 2);
    this.#push('placeholder', start + 1);
  }

  /** A `?` between an operand and a string or another placeholder can only be PostgreSQL's operator: `data ? 'key'`. */
  #settleQuestion(): void {
    const question = this.tokens.at(-1);
    if (question?.kind !== 'placeholder' || question.text !== '?') return;
    if (isOperand(this.tokens.at(-2))) question.kind = 'operator';
  }

  #dollar(following: number): void {
    const { sql, dialect } = this;
    if (isDigit(following) || (dialect === 'sqlite' && isWordStart(following)))
      return this.#push('placeholder', this.#nameEnd(isDigit(following)));
    if (dialect === 'mysql' && isWordPart(following)) return this.#plainWord();
    const tag = dialect === 'postgresql' ? dollarTag(sql, this.#at) : null;
    if (tag === null) return this.#error(this.#at + 1, 'a dollar sign that begins nothing');
    const close = sql.indexOf(tag, this.#at + tag.length);
    if (close < 0) return this.#error(sql.length, 'unterminated dollar-quoted string');
    this.#push('string', close + tag.length);
  }

  #nameEnd(digits: boolean): number {
    let end = this.#at + 1;
    while (end < this.sql.length && (digits ? isDigit : isNamePart)(this.sql.charCodeAt(end))) end++;
    return end;
  }

  #colon(following: number): void {
    if (following === 58 || following === 61) return this.#push('operator', this.#at + 2);
    if (isWordStart(following) && !(this.#brackets > 0 && isOperand(this.tokens.at(-1))))
      return this.#push('placeholder', this.#nameEnd(false));
    this.#push('punctuation', this.#at + 1);
  }

  #ampersat(following: number): void {
    if (this.dialect === 'postgresql') return this.#operator();
    if (this.dialect === 'sqlite') {
      return isWordStart(following)
        ? this.#push('placeholder', this.#nameEnd(false))
        : this.#error(this.#at + 1, 'an @ that begins nothing');
    }
    VARIABLE.lastIndex = this.#at;
    let end = this.#at + (VARIABLE.exec(this.sql)?.[0].length ?? 1);
    const quote = this.sql[end];
    if ((end - this.#at === 1 || this.sql[end - 1] === '.') && (quote === '`' || quote === "'" || quote === '"')) {
      end = quote !== '`' && this.#escapes ? endOfEscaped(this.sql, end + 1, quote) : endOfDoubled(this.sql, end + 1, quote);
      if (end < 0) return this.#error(this.sql.length, 'unterminated quoted variable');
    }
    this.#push('variable', end);
  }
}

/** Whether a value may end with this token, so that what follows is a binary operator. */
export function isOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === 'word') return !BEFORE_EXPRESSION.has(token.text);
  if (token.kind === 'punctuation') return token.text === ')' || token.text === ']';
  return (
    token.kind === 'quoted' ||
    token.kind === 'string' ||
    token.kind === 'number' ||
    token.kind === 'placeholder' ||
    token.kind === 'variable'
  );
}

function isNamePart(code: number): boolean {
  return code !== 36 && isWordPart(code);
}
