/**
 * From SQL with `?`, `$1` or `:name` and the caller's values to what a driver sends; the same meaning on all databases.
 *
 * Values: null, boolean, number, bigint, string, Date, Uint8Array. Arrays and plain objects become JSON text. What no database
 * can take (undefined, NaN, an integer beyond 2^53 as a number) is refused by `@kailash-ts/sql`, which names its place.
 */
import { bindPlaceholders, compilePlaceholders, type Dialect } from '@kailash-ts/sql';
import type { Params } from './contract.ts';
import type { BoundBatch, BoundStatement } from './driver.ts';
import { StatementParametersError, StatementError } from './errors.ts';

export type ParameterValue = null | boolean | number | bigint | string | Date | Uint8Array | PostgresArray;

/** An array that PostgreSQL shall get as an array (`= ANY($1)`, `unnest($1)`), not as JSON. Other databases refuse it. */
export class PostgresArray {
  readonly values: readonly unknown[];

  /** Use `postgresArray`. @internal */
  constructor(values: readonly unknown[]) {
    this.values = values;
  }
}

/** Marks an array as a PostgreSQL array: `pool.query('SELECT * FROM t WHERE id = ANY(?)', [postgresArray([1, 2])])`. */
export function postgresArray(values: readonly unknown[]): PostgresArray {
  return new PostgresArray(values);
}

/** @throws StatementParametersError for values that do not fit, StatementError for text that holds several statements or none. */
export function bindStatement(sql: string, params: Params | undefined, dialect: Dialect, prepare: boolean | undefined): BoundStatement {
  const { text, values } = bound(sql, params, dialect);
  return {
    text,
    values: values.length === 0 ? values : values.map((value, index) => toParameter(value, `parameter ${index + 1}`)),
    prepare,
  };
}

/** The same for many rows of values. @throws StatementParametersError naming the row */
export function bindBatch(sql: string, rows: readonly Params[], dialect: Dialect): BoundBatch {
  const text = bound(sql, rows[0], dialect).text;
  return { text, rows: rows.map((row, index) => bindRow(sql, row, index, dialect)) };
}

function bindRow(sql: string, row: Params, index: number, dialect: Dialect): readonly ParameterValue[] {
  try {
    return bindPlaceholders(sql, row, dialect).values.map((value, position) => toParameter(value, `parameter ${position + 1}`));
  } catch (error) {
    throw parametersError(error, `Row ${index}: `);
  }
}

/** What is prepared of a statement that is run with values; undefined where it is not prepared, or no statement. */
export function textToPrepare(sql: string, dialect: Dialect): string | undefined {
  try {
    const { text, count, statementCount } = compilePlaceholders(sql, dialect);
    // MySQL gets a statement without values as text.
    return statementCount !== 1 || (dialect === 'mysql' && count === 0) ? undefined : text;
  } catch {
    return undefined;
  }
}

function bound(sql: string, params: Params | undefined, dialect: Dialect): { readonly text: string; readonly values: readonly unknown[] } {
  try {
    const { statementCount } = compilePlaceholders(sql, dialect);
    if (statementCount !== 1) throw statementCountError(statementCount);
    return bindPlaceholders(sql, params, dialect);
  } catch (error) {
    throw error instanceof StatementError ? error : parametersError(error, '');
  }
}

function statementCountError(count: number): StatementError {
  const what =
    count === 0
      ? 'The SQL holds no statement.'
      : `The SQL holds ${count} statements; one call runs one. Send them one by one, on one lease or in a transaction.`;
  return new StatementError(what, { kind: 'syntax_error' });
}

/** Errors of `@kailash-ts/sql` are no errors of this package: told into one, once. */
function parametersError(error: unknown, prefix: string): StatementParametersError {
  const { message, code, facts } = error as { message: string; code?: string; facts?: Readonly<Record<string, unknown>> };
  return new StatementParametersError(prefix + message, { facts: { ...facts, reason: code } });
}

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

function toParameter(value: unknown, place: string): ParameterValue {
  if (typeof value === 'bigint' && (value < INT64_MIN || value > UINT64_MAX)) {
    throw refused(place, 'is an integer of more than 64 bits. Send it as a string to a NUMERIC column.');
  }
  if (typeof value !== 'object' || value === null) return value as ParameterValue;
  if (value instanceof Date || value instanceof Uint8Array || value instanceof PostgresArray) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return jsonText(value, place);
}

function jsonText(value: object, place: string): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch {
    throw refused(place, 'is an object that JSON cannot hold (it has a bigint or a cycle, or throws).');
  }
  if (json === undefined) throw refused(place, 'is an object of which JSON keeps nothing (its toJSON gives undefined).');
  return json;
}

function refused(place: string, what: string): StatementParametersError {
  return new StatementParametersError(`P${place.slice(1)} ${what}`, { facts: { place } });
}
