/** What is sent to mysql2, and what it answers to a statement, in the words of the port. */
import type { FieldPacket, ResultSetHeader } from 'mysql2';
import type { Field } from '../contract.ts';
import type { DriverResult } from '../driver.ts';
import { nameOf, toRows, typeName } from './mysql-values.ts';

/** Callback of mysql2. */
export type Done = (error?: unknown, data?: unknown, fields?: readonly FieldPacket[]) => void;

/** A statement on its way. */
export interface Sending {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly prepare?: boolean | undefined;
  readonly inTransaction: boolean;
  /** Which row of a batch it is. */
  readonly row?: number | undefined;
}

/** Rows as arrays, or a header, or a list of both with a list of lists of fields. */
export interface Answer {
  readonly data: unknown;
  readonly fields: readonly FieldPacket[] | undefined;
}

/** The answer to a statement without rows. */
export type Header = ResultSetHeader & { readonly serverStatus?: number };

/** Of a CALL that returns rows, the header is the last of several results. */
export function lastHeader({ data, fields }: Answer): Header | undefined {
  const last: unknown = isSeveral(fields) ? (data as unknown[]).at(-1) : data;
  return isHeader(last) ? last : undefined;
}

export function isHeader(data: unknown): data is Header {
  return data !== null && typeof data === 'object' && 'serverStatus' in data && 'affectedRows' in data;
}

/** @param maxRows how many rows to keep */
export function toResult({ data, fields }: Answer, maxRows = Infinity): DriverResult {
  if (isSeveral(fields)) return rowsResult((data as unknown[][][])[0]!, (fields as unknown as FieldPacket[][])[0] ?? [], maxRows);
  if (Array.isArray(data)) return rowsResult(data as unknown[][], fields ?? [], maxRows);
  const { affectedRows, insertId } = data as ResultSetHeader;
  const lastInsertId = typeof insertId === 'string' ? BigInt(insertId) : insertId;
  return { rows: [], rowCount: affectedRows, fields: [], ...(lastInsertId !== 0 && { lastInsertId }) };
}

export function toFields(fields: readonly FieldPacket[]): Field[] {
  return fields.map((field) => ({ name: nameOf(field), type: typeName(field) }));
}

/** mysql2 gives one list of fields for each of several results. */
function isSeveral(fields: Answer['fields']): boolean {
  return Array.isArray(fields) && (Array.isArray(fields[0]) || fields.at(-1) === undefined);
}

function rowsResult(arrays: readonly unknown[][], fields: readonly FieldPacket[], maxRows: number): DriverResult {
  const rows = toRows(arrays.length > maxRows ? arrays.slice(0, maxRows) : arrays, fields);
  return { rows, rowCount: rows.length, fields: toFields(fields) };
}
