/**
 * The shape of a statement with its values taken out: for statistics and learning only. Two statements may share a template and still mean
 * different things, so it is never a key for anything that affects a result.
 */
import { BEFORE_PARENTHESIS } from './keywords.ts';
import { isOperand } from './lexer.ts';
import type { Lexed, Token } from './tokens.ts';

/**
 * The text with literals, numbers and placeholders as `?`, lists of values as one `?`, one space where SQL wants one, and no comments.
 * Identifiers keep their writing. What could not be lexed is `?` as well, so that no value shows.
 */
export function templateOf(lexed: Lexed): string {
  const { tokens } = lexed;
  const template = new Template(lexed.sql);
  let end = tokens.length;
  while (end > 0 && (tokens[end - 1]!.text === ';' || tokens[end - 1]!.kind === 'executable')) end--;
  for (let i = 0; i < end; i++) {
    const token = tokens[i]!;
    if (token.kind === 'executable') continue;
    if (isValue(token)) template.addValue(token);
    else if (!(isSign(token) && isValue(tokens[i + 1]) && !isOperand(tokens[i - 1]))) template.add(token);
    if ((token.text === '(' || token.text === '[') && isList(tokens[i - 1], token.text)) {
      const close = endOfValues(tokens, i + 1);
      if (close > 0) template.addValue(tokens[i + 1]!);
      if (close > 0) i = close - 1;
    }
  }
  return template.toString();
}

function isValue(token: Token | undefined): boolean {
  const kind = token?.kind;
  return kind === 'string' || kind === 'number' || kind === 'placeholder' || kind === 'error';
}

/** A sign in front of a value belongs to it: `= -5` is one value, `a - 5` is two. */
function isSign(token: Token): boolean {
  return token.kind === 'operator' && (token.text === '-' || token.text === '+');
}

/** The place of the bracket that closes a list of nothing but values, as in `IN (1, -2, 3)`; -1 when it holds anything else. */
function endOfValues(tokens: readonly Token[], from: number): number {
  for (let i = from; i < tokens.length; i += 2) {
    while (isSign(tokens[i]!) && i + 1 < tokens.length) i++;
    if (!isValue(tokens[i])) return -1;
    while (tokens[i]!.kind === 'string' && tokens[i + 1]?.kind === 'string') i++;
    const text = tokens[i + 1]?.text;
    if (text === ')' || text === ']') return i + 1;
    if (text !== ',') return -1;
  }
  return -1;
}

/** Copies the text in runs: as long as its own spacing is the template's, nothing is cut. */
class Template {
  readonly #sql: string;
  #text = '';
  #start = -1;
  #end = -1;
  /** What was added last. */
  #last: Token | undefined;

  constructor(sql: string) {
    this.#sql = sql;
  }

  add(token: Token): void {
    if (token.kind === 'operator' && token.text.includes('??')) return this.#insert(token, token.text.replace('??', '?'));
    const spaced = this.#last !== undefined && needsSpace(this.#last, token);
    const gap = token.start - this.#end;
    const fits = this.#end >= 0 && (spaced ? gap === 1 && this.#sql.charCodeAt(this.#end) === 32 : gap === 0);
    if (!fits) {
      this.#flush();
      if (spaced) this.#text += ' ';
      this.#start = token.start;
    }
    this.#end = token.end;
    this.#last = token;
  }

  /** Adjacent strings are one string. */
  addValue(token: Token): void {
    if (token.kind !== 'string' || this.#last?.kind !== 'string') this.#insert(token, '?');
  }

  #insert(token: Token, text: string): void {
    this.#flush();
    this.#text += this.#last !== undefined && needsSpace(this.#last, token) ? ` ${text}` : text;
    this.#last = token;
  }

  #flush(): void {
    if (this.#start >= 0) this.#text += this.#sql.slice(this.#start, this.#end);
    this.#start = this.#end = -1;
  }

  toString(): string {
    this.#flush();
    return this.#text;
  }
}

/** `IN (`, `ANY (`, `ALL (`, `SOME (` and `ARRAY[` hold lists; the arguments of a function and a row of VALUES don't. */
function isList(word: Token | undefined, open: string): boolean {
  if (word?.kind !== 'word') return false;
  const { text } = word;
  return open === '(' ? text === 'IN' || text === 'ANY' || text === 'ALL' || text === 'SOME' : text === 'ARRAY';
}

function needsSpace(last: Token, { kind, text }: Token): boolean {
  const before = last.text;
  if (kind === 'punctuation' || kind === 'operator') {
    switch (text) {
      case ')':
      case ']':
      case ',':
      case ';':
      case '.':
      case ':':
      case '::':
        return false;
      case '[':
        return last.kind === 'operator' || before === ',';
      case '(':
        if (last.kind === 'word') return BEFORE_PARENTHESIS.has(before);
        return last.kind === 'operator' || before === ',' || before === ')';
    }
  }
  return last.kind !== 'punctuation' && last.kind !== 'operator'
    ? true
    : before !== '(' && before !== '[' && before !== '.' && before !== ':' && before !== '::';
}

/**
 * A 64-bit hash of a template, as 16 hexadecimal digits: two FNV-1a lanes of 32 bits with different offsets, each finished by the mixer
 * of MurmurHash3 (public domain). Not cryptographic.
 */
export function hashTemplate(template: string): string {
  let a = 0x811c9dc5;
  let b = 0x9dc5811c;
  for (let i = 0; i < template.length; i++) {
    const code = template.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ (code + i), 0x01000197);
  }
  return hex(mix(a ^ b)) + hex(mix(b + a));
}

function mix(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
