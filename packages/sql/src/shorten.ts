/** Long lists of values, cut short for a parser that does not need to see each of them. */
import type { Lexed, Token } from './tokens.ts';

const isValue = (token: Token | undefined): boolean =>
  token?.kind === 'number' || token?.kind === 'string' || token?.kind === 'placeholder';
const isMark = (token: Token | undefined, text: string): boolean => token?.kind === 'punctuation' && token.text === text;

/**
 * The tokens without the middle of long lists of literals and placeholders (`1, 2, ..., 999`), and without the middle of long lists of such
 * rows. What the statement does, to which objects, stays the same; its values don't. Linear.
 */
export function shortenLists(tokens: readonly Token[]): Token[] {
  return shortenRows(shortenValues(tokens));
}

function shortenValues(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    kept.push(token);
    if (!isValue(token)) continue;
    let last = i;
    while (isMark(tokens[last + 1], ',') && isValue(tokens[last + 2])) last += 2;
    if (last - i < 4) continue;
    kept.push(tokens[last - 1]!, tokens[last]!);
    i = last;
  }
  return kept;
}

/** The token behind the row of values that begins at `at`, or -1. */
function rowEnd(tokens: readonly Token[], at: number): number {
  if (!isMark(tokens[at], '(') || !isValue(tokens[at + 1])) return -1;
  let end = at + 2;
  while (isMark(tokens[end], ',') && isValue(tokens[end + 1])) end += 2;
  return isMark(tokens[end], ')') ? end + 1 : -1;
}

function shortenRows(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const first = rowEnd(tokens, i);
    let last = -1;
    for (let end = first; end > 0 && isMark(tokens[end], ',');) {
      const next = rowEnd(tokens, end + 1);
      if (next > 0) last = end;
      end = next;
    }
    if (first < 0 || last < 0) kept.push(tokens[i]!);
    else {
      for (let at = i; at < first; at++) kept.push(tokens[at]!);
      i = last - 1;
    }
  }
  return kept;
}

/** The text of tokens, one space between each two, long strings emptied. */
export function textOf(lexed: Lexed, tokens: readonly Token[]): string {
  return tokens
    .map((token) => (token.kind === 'string' && token.end - token.start > 256 ? "''" : lexed.sql.slice(token.start, token.end)))
    .join(' ');
}
