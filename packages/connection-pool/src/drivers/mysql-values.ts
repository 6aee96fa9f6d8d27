/** What MySQL's and MariaDB's values mean, beyond what mysql2 already does, and how parameters are written. */
import type { FieldPacket } from 'mysql2';
import type { Row } from '../contract.ts';
import { StatementParametersError } from '../errors.ts';
import { PostgresArray, type ParameterValue } from '../parameters.ts';

/** Column types by their number in the protocol (MySQL source, `field_types.h`). */
const NAMES: Readonly<Record<number, string>> = {
  0: 'decimal',
  1: 'tinyint',
  2: 'smallint',
  3: 'int',
  4: 'float',
  5: 'double',
  6: 'null',
  7: 'timestamp',
  8: 'bigint',
  9: 'mediumint',
  10: 'date',
  11: 'time',
  12: 'datetime',
  13: 'year',
  15: 'varchar',
  16: 'bit',
  245: 'json',
  246: 'decimal',
  247: 'enum',
  248: 'set',
  249: 'tinyblob',
  250: 'mediumblob',
  251: 'longblob',
  252: 'blob',
  253: 'varchar',
  254: 'char',
  255: 'geometry',
};

const TINY = 1;
const FLOAT = 4;
const LONGLONG = 8;

export function typeName(field: FieldPacket): string {
  if ((field as { extendedFormat?: string }).extendedFormat === 'json') return 'json';
  const type = field.columnType ?? field.type ?? -1;
  return NAMES[type] ?? `type ${type}`;
}

/** Names of columns that mysql2 refuses, in the middle of an answer and with the loss of the connection. */
const REFUSED = new Set(['__proto__', '__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__']);
/** No name of a column begins so. */
const DISGUISE = '\0';

interface NamedCommand {
  on(event: 'fields', listener: (fields: readonly FieldPacket[] | undefined) => void): unknown;
}

/** Lets a command read columns of every name: mysql2 sees them in disguise, of which `nameOf` knows. */
export function readingAllNames<Command extends object>(command: Command): Command {
  (command as NamedCommand).on('fields', (fields) => {
    for (const field of fields ?? []) {
      const { name } = field;
      if (REFUSED.has(name)) Object.defineProperty(field, 'name', { value: DISGUISE + name });
    }
  });
  return command;
}

/** The name of a column as the server told it. */
export function nameOf({ name }: FieldPacket): string {
  return name.startsWith(DISGUISE) ? name.slice(DISGUISE.length) : name;
}

/** Rows as objects, from the arrays that mysql2 gives (as objects it refuses some names of columns). */
export function toRows(arrays: readonly unknown[][], fields: readonly FieldPacket[]): Row[] {
  const names = fields.map(nameOf);
  const corrections = fields.map(correctionFor);
  const rows: Row[] = [];
  for (const values of arrays) {
    const row: Row = {};
    for (let index = 0; index < names.length; index++) {
      const raw = values[index];
      const value = raw === null ? null : corrections[index]!(raw);
      if (names[index] === '__proto__')
        Object.defineProperty(row, '__proto__', { value, enumerable: true, configurable: true, writable: true });
      else row[names[index]!] = value;
    }
    rows.push(row);
  }
  return rows;
}

function correctionFor(field: FieldPacket): (value: unknown) => unknown {
  switch (field.columnType) {
    case LONGLONG:
      return toBigInt;
    case TINY:
      // TINYINT(1) is what BOOLEAN is another word for.
      return field.columnLength === 1 ? toBoolean : asIs;
    case FLOAT:
      return shortestFloat as (value: unknown) => unknown;
    default:
      return toBytes;
  }
}

const asIs = (value: unknown): unknown => value;
const toBigInt = (value: unknown): unknown => (typeof value === 'string' ? BigInt(value) : value);
const toBoolean = (value: unknown): unknown => (value === 1 ? true : value === 0 ? false : value);
const toBytes = (value: unknown): unknown => (typeof value === 'object' && Buffer.isBuffer(value) ? Uint8Array.from(value) : value);

/** The shortest decimal that means the same 32-bit float: 0.1 instead of 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

/** The typed integers of mysql2, which the caller passes in because mysql2 is loaded lazily. */
export interface TypedIntegers {
  LONGLONG: { (value: bigint | number): unknown; unsigned(value: bigint | number): unknown };
}

const INT64_MAX = 2n ** 63n - 1n;

/** A value as mysql2's `execute` wants it. Integers as integers: sent as DOUBLE, LIMIT refuses them and 64 bits lose digits. */
export function toWire(value: ParameterValue, typed: TypedIntegers): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? typed.LONGLONG(value) : value;
  if (typeof value === 'bigint') return value > INT64_MAX ? typed.LONGLONG.unsigned(value) : typed.LONGLONG(value);
  if (value instanceof PostgresArray)
    throw new StatementParametersError('A PostgreSQL array cannot be sent to MySQL. Send a plain array: it arrives as JSON.');
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
}
