/**
 * From `INSERT ... VALUES (?, ?)` to the same statement with many rows, for databases whose protocol has no batches. Told from
 * tokens, so that nothing in strings or comments misleads; what does not fit the pattern is left alone.
 */
import { lex, type Dialect } from '@kailash-ts/sql';

/** An INSERT that takes as many rows as wanted. */
export interface MultiRowInsert {
  readonly parametersPerRow: number;
  textFor(rows: number): string;
}

/** @param text with `?` placeholders. Undefined if it is not INSERT or REPLACE with one VALUES row that holds all placeholders. */
export function multiRowInsert(text: string, dialect: Dialect): MultiRowInsert | undefined {
  const { tokens } = lex(text, dialect);
  if (tokens[0]?.text !== 'INSERT' && tokens[0]?.text !== 'REPLACE') return undefined;
  const values = tokens.findIndex((token) => token.kind === 'word' && (token.text === 'VALUES' || token.text === 'VALUE'));
  const open = tokens[values + 1];
  if (values < 0 || open?.text !== '(') return undefined;
  const close = closing(tokens, values + 1);
  if (close === undefined) return undefined;
  const inside = tokens.slice(values + 2, close).filter((token) => token.kind === 'placeholder').length;
  const all = tokens.filter((token) => token.kind === 'placeholder').length;
  if (inside === 0 || inside !== all || tokens[close + 1]?.text === ',') return undefined;
  const end = tokens[close]!.end;
  const head = text.slice(0, open.start);
  const row = text.slice(open.start, end);
  const tail = text.slice(end);
  return { parametersPerRow: inside, textFor: (rows) => head + Array.from({ length: rows }, () => row).join(', ') + tail };
}

function closing(tokens: readonly { readonly text: string; readonly kind: string }[], open: number): number | undefined {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const { kind, text } = tokens[index]!;
    if (kind !== 'punctuation') continue;
    if (text === '(') depth += 1;
    else if (text === ')' && --depth === 0) return index;
  }
  return undefined;
}
