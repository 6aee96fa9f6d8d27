/**
 * The shape of a statement with its values taken out: for statistics and learning only. Two statements may share a template and still mean
 * different things, so it is never a key for anything that affects a result.
 */
import { BEFORE_PARENTHESIS } from './keywords.ts';
import { isOperand } from './lexer.ts';
import type { Lexed, Token } from './tokens.ts';

const CLOSING = new Set([')', ']', ',', ';', '.', ':']);
const OPENING = new Set(['(', '[', '.', ':']);

/**
 * The text with literals, numbers and placeholders as `?`, lists of values as one `?`, one space where SQL wants one, and no comments.
 * Identifiers keep their writing. What could not be lexed is `?` as well, so that no value shows.
 */
export function templateOf(lexed: Lexed): string {
  const parts: string[] = [];
  let previous: Token | undefined;
  let before = '';
  for (const token of lexed.tokens) {
    if (token.kind === 'executable') continue;
    const text = shown(lexed, token);
    if (text === '?' && token.kind !== 'operator') {
      dropSign(parts, previous, lexed.tokens);
      before = parts.at(-1)?.trimStart() ?? '';
      // Adjacent strings are one string.
      if (before !== '?' || previous?.kind !== 'string' || token.kind !== 'string') append(parts, before, text, previous);
    } else {
      if (text === ')' || text === ']') collapse(parts);
      append(parts, parts.at(-1)?.trimStart() ?? '', text, previous);
    }
    previous = token;
  }
  while (parts.at(-1) === ';') parts.pop();
  return parts.join('');
}

function shown(lexed: Lexed, token: Token): string {
  switch (token.kind) {
    case 'string':
    case 'number':
    case 'placeholder':
    case 'error':
      return '?';
    case 'operator':
      return token.text.includes('??') ? token.text.replace('??', '?') : token.text;
    case 'word':
    case 'quoted':
      return lexed.sql.slice(token.start, token.end);
    default:
      return token.text;
  }
}

/** Every part carries the space before it. */
function append(parts: string[], before: string, text: string, previous: Token | undefined): void {
  parts.push(needsSpace(before, text, previous) ? ` ${text}` : text);
}

function needsSpace(before: string, text: string, previous: Token | undefined): boolean {
  if (before === '' || OPENING.has(before) || CLOSING.has(text)) return false;
  if (text === '[') return previous?.kind === 'operator' || before === ',';
  if (text !== '(') return before !== '::' && text !== '::';
  return (
    previous?.kind === 'operator' ||
    before === ',' ||
    before === ')' ||
    (previous?.kind === 'word' && BEFORE_PARENTHESIS.has(previous.text))
  );
}

/** Takes out a sign that belongs to the number to come: `= -5` is one value, `a - 5` is two. */
function dropSign(parts: string[], previous: Token | undefined, tokens: readonly Token[]): void {
  if (previous?.kind !== 'operator' || (previous.text !== '-' && previous.text !== '+')) return;
  const index = lastIndexOf(tokens, previous);
  if (!isOperand(tokens[index - 1])) parts.pop();
}

/** Tokens lie in order of their start: found in logarithmic time. */
function lastIndexOf(tokens: readonly Token[], token: Token): number {
  let low = 0;
  let high = tokens.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.start ?? 0) < token.start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A list of nothing but values, as in `IN (1, 2, 3)`, becomes one value. The list's end has just been reached. */
function collapse(parts: string[]): void {
  let at = parts.length - 1;
  if (parts[at] !== '?' && parts[at] !== ' ?') return;
  let values = 1;
  while (at >= 2 && parts[at - 1] === ',' && (parts[at - 2] === ' ?' || parts[at - 2] === '?')) {
    at -= 2;
    values++;
  }
  const open = parts[at - 1]?.trimStart();
  if (values < 2 || (open !== '(' && open !== '[') || !isList(parts[at - 2], open)) return;
  parts.length = at + 1;
}

/** `IN (`, `ANY (`, `ALL (`, `SOME (` and `ARRAY[` hold lists; the arguments of a function and a row of VALUES don't. */
function isList(before: string | undefined, open: string): boolean {
  const word = before?.trimStart().toUpperCase() ?? '';
  return open === '[' ? word === 'ARRAY' : word === 'IN' || word === 'ANY' || word === 'ALL' || word === 'SOME';
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
