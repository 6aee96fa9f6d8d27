/**
 * Every error of this package, under one base class.
 *
 * The package imports nothing, so that its errors are told apart by a symbol marker and a stable `code`, across copies of the package too.
 * A message never holds a parameter's value, nor any text of the SQL but names of placeholders.
 */

const BRAND = Symbol.for('@kailash-ts/sql/error');

/** The stable codes of {@link SqlError}. */
export type SqlErrorCode =
  | 'SQL_NOT_LOADED'
  | 'SQL_DIALECT_UNKNOWN'
  | 'SQL_TEXT_INVALID'
  | 'SQL_PLACEHOLDERS_MIXED'
  | 'SQL_STATEMENTS_SEVERAL'
  | 'SQL_PARAMETERS_SHAPE'
  | 'SQL_PARAMETERS_COUNT'
  | 'SQL_PARAMETERS_LIMIT'
  | 'SQL_PARAMETER_UNKNOWN'
  | 'SQL_PARAMETER_MISSING'
  | 'SQL_PARAMETER_INVALID';

/** An error that this package throws on purpose. Never retryable: the same call fails again. */
export class SqlError extends Error {
  readonly code: SqlErrorCode;
  readonly retryable = false;
  /** Facts for programs: counts, limits, names and positions. Never values. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: SqlErrorCode, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.facts = facts;
    Object.defineProperty(this, 'name', { value: 'SqlError', configurable: true });
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** The candidate nearest to `name` by edit distance, when it is near enough to be a slip of the pen; else undefined. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = name.length < 3 ? 0 : Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > limit || candidate.length > 128) continue;
    const distance = editDistance(plain(name), plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Case and underscores are the usual slips: they cost nothing. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', '');
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? beforeLast[j - 2]! + 1 : Infinity;
      row.push(Math.min(substituted, swapped, last[j]! + 1, row[j - 1]! + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
