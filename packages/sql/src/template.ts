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
  const template = new Template();
  let previous: Token | undefined;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === 'executable') continue;
    if (isValue(token)) {
      // Adjacent strings are one string; a sign in front of a value belongs to it: `= -5` is one value, `a - 5` is two.
      if (token.kind === 'string' && previous?.kind === 'string') continue;
      if (isSign(previous) && !isOperand(tokens[i - 2])) template.dropLast();
      template.add('?', previous);
    } else {
      if (token.text === ')' || token.text === ']') template.collapseList();
      template.add(shown(lexed, token), previous);
    }
    previous = token;
  }
  return template.toString();
}

function isValue({ kind }: Token): boolean {
  return kind === 'string' || kind === 'number' || kind === 'placeholder' || kind === 'error';
}

function isSign(token: Token | undefined): boolean {
  return token?.kind === 'operator' && (token.text === '-' || token.text === '+');
}

function shown(lexed: Lexed, token: Token): string {
  if (token.kind === 'word' || token.kind === 'quoted') return lexed.sql.slice(token.start, token.end);
  return token.kind === 'operator' && token.text.includes('??') ? token.text.replace('??', '?') : token.text;
}

/** The parts of a template, and whether a space stands before each. */
class Template {
  readonly #parts: string[] = [];
  readonly #spaced: boolean[] = [];

  add(text: string, previous: Token | undefined): void {
    const last = this.#parts.length - 1;
    this.#spaced.push(last >= 0 && needsSpace(this.#parts[last]!, text, previous));
    this.#parts.push(text);
  }

  dropLast(): void {
    this.#parts.pop();
    this.#spaced.pop();
  }

  /** A list of nothing but values, as in `IN (1, 2, 3)`, becomes one value. The list's end has just been reached. */
  collapseList(): void {
    const parts = this.#parts;
    let first = parts.length - 1;
    while (parts[first] === '?' && parts[first - 1] === ',' && parts[first - 2] === '?') first -= 2;
    if (first < 2 || first === parts.length - 1 || !isList(parts[first - 2]!, parts[first - 1]!)) return;
    parts.length = this.#spaced.length = first + 1;
  }

  toString(): string {
    let text = '';
    let end = this.#parts.length;
    while (end > 0 && this.#parts[end - 1] === ';') end--;
    for (let i = 0; i < end; i++) text += this.#spaced[i] ? ` ${this.#parts[i]}` : this.#parts[i];
    return text;
  }
}

/** `IN (`, `ANY (`, `ALL (`, `SOME (` and `ARRAY[` hold lists; the arguments of a function and a row of VALUES don't. */
function isList(word: string, open: string): boolean {
  if (open === '(') return word.length < 5 && /^(?:IN|ANY|ALL|SOME)$/i.test(word);
  return open === '[' && /^ARRAY$/i.test(word);
}

function needsSpace(before: string, text: string, previous: Token | undefined): boolean {
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
      return previous?.kind === 'operator' || before === ',';
    case '(':
      if (previous?.kind === 'word') return BEFORE_PARENTHESIS.has(previous.text);
      return previous?.kind === 'operator' || before === ',' || before === ')';
    default:
      return before !== '(' && before !== '[' && before !== '.' && before !== ':' && before !== '::';
  }
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
