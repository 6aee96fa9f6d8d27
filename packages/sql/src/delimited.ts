/**
 * Where delimited text ends. Every function takes the offset behind the opening delimiter and answers the offset behind the closing one,
 * or -1 when there is none. All are linear.
 */

/** Text in which a doubled quote stands for one. */
export function endOfDoubled(sql: string, from: number, quote: string): number {
  for (let at = from; ;) {
    const found = sql.indexOf(quote, at);
    if (found < 0) return -1;
    if (sql[found + 1] !== quote) return found + 1;
    at = found + 2;
  }
}

/** Text in which a backslash escapes the next character, and a doubled quote stands for one. */
export function endOfEscaped(sql: string, from: number, quote: string): number {
  for (let at = from; at < sql.length; at++) {
    const c = sql[at];
    if (c === '\\') at++;
    else if (c === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return -1;
}

/** Whether a backslash stands right before a quote in `sql[from, to)`: where the text ends then depends on the server's settings. */
export function hasBackslashQuote(sql: string, from: number, to: number, quote: string): boolean {
  for (let at = sql.indexOf('\\', from); at >= 0 && at < to - 1; at = sql.indexOf('\\', at + 1)) {
    if (sql[at + 1] === quote) return true;
  }
  return false;
}

/** A comment in which comments nest up to `maxDepth` deep; deeper openings are text. */
export function endOfComment(sql: string, from: number, maxDepth: number): { end: number; depth: number } {
  let depth = 1;
  let deepest = 1;
  for (let at = from; ;) {
    const close = sql.indexOf('*/', at);
    if (close < 0) return { end: -1, depth: deepest };
    for (let open = nextOpen(sql, at, close); open >= 0 && depth < maxDepth; open = nextOpen(sql, at, close)) {
      deepest = Math.max(deepest, ++depth);
      at = open + 2;
    }
    // An opening may have taken the star of what looked like the end: `/*/`.
    if (at > close) continue;
    at = close + 2;
    if (--depth === 0) return { end: at, depth: deepest };
  }
}

function nextOpen(sql: string, from: number, before: number): number {
  for (let at = from; at < before; at++) {
    if (sql.charCodeAt(at) === 47 && sql.charCodeAt(at + 1) === 42) return at;
  }
  return -1;
}

const TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** The dollar-quote delimiter that begins at `at`, or null. */
export function dollarTag(sql: string, at: number): string | null {
  TAG.lastIndex = at;
  return TAG.exec(sql)?.[0] ?? null;
}

/** The offset behind the next line end (the text's end if there is none). */
export function endOfLine(sql: string, from: number, carriageReturnEnds: boolean): number {
  for (let at = from; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === 10 || (code === 13 && carriageReturnEnds)) return at;
  }
  return sql.length;
}
