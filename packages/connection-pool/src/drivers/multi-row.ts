/**
 * From `INSERT ... VALUES (?, ?)` to the same statement with many rows, for databases whose protocol has no batches. Told from
 * tokens, so that nothing in strings or comments misleads; what does not fit the pattern is left alone.
 */
import { lex, type Dialect } from '@kailash-ts/sql';
import type { BoundBatch } from '../driver.ts';

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

/** Parameters of one statement: under the 65,535 of MySQL's protocol. */
const MOST_PARAMETERS = 5000;
/** Text and values of one statement, well under max_allowed_packet. */
const PIECE_BYTES = 1_000_000;

/**
 * Runs a batch, with as many rows a statement as fit where the text allows it.
 * @param one runs one statement and gives the rows affected; it is told the row's number where it has one row only
 */
export async function runBatch(
  { text, rows }: BoundBatch,
  one: (text: string, values: readonly unknown[], row: number | undefined) => Promise<number>,
): Promise<number> {
  const insert = multiRowInsert(text, 'mysql');
  const mostRows = insert ? Math.max(1, Math.floor(MOST_PARAMETERS / insert.parametersPerRow)) : 1;
  let affected = 0;
  for (let start = 0; start < rows.length;) {
    const end = endOfPiece(rows, start, mostRows);
    const count = end - start;
    affected += await one(insert ? insert.textFor(count) : text, rows.slice(start, end).flat(), count === 1 ? start : undefined);
    start = end;
  }
  return affected;
}

/** Where a piece of rows ends that begins at `start`: bounded by rows and by bytes, with at least one row. */
function endOfPiece(rows: readonly (readonly unknown[])[], start: number, mostRows: number): number {
  let end = start;
  let bytes = 0;
  while (end < rows.length && end - start < mostRows && (end === start || bytes < PIECE_BYTES)) {
    for (const value of rows[end]!)
      bytes += typeof value === 'string' ? value.length * 3 : value instanceof Uint8Array ? value.byteLength : 16;
    end += 1;
  }
  return end;
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
