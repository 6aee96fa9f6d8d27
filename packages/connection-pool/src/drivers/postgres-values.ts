/** What PostgreSQL's values mean, by type OID (`pg_type.dat`), and how parameters are written. Text format both ways. */
import { StatementParametersError } from '../errors.ts';
import { PostgresArray, type ParameterValue } from '../parameters.ts';

type Parse = (text: string) => unknown;

/** Name and parser of the types that are not plain text. */
const TYPES: Readonly<Record<number, readonly [name: string, parse: Parse]>> = {
  16: ['bool', (text) => text === 't'],
  17: ['bytea', parseBytea],
  20: ['int8', parseInteger],
  21: ['int2', Number],
  23: ['int4', Number],
  26: ['oid', Number],
  114: ['json', JSON.parse as Parse],
  700: ['float4', Number],
  701: ['float8', Number],
  1114: ['timestamp', parseTimestamp],
  1184: ['timestamptz', parseTimestamp],
  3802: ['jsonb', JSON.parse as Parse],
};

/** Types read as text, for their names. */
const TEXT_TYPES: Readonly<Record<number, string>> = {
  18: 'char',
  19: 'name',
  25: 'text',
  790: 'money',
  869: 'inet',
  1042: 'bpchar',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1186: 'interval',
  1266: 'timetz',
  1560: 'bit',
  1700: 'numeric',
  2950: 'uuid',
  142: 'xml',
  650: 'cidr',
  705: 'unknown',
  2278: 'void',
};

/** Array type -> element type. */
const ARRAYS: Readonly<Record<number, number>> = {
  199: 114,
  1000: 16,
  1001: 17,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1115: 1114,
  1182: 1082,
  1183: 1083,
  1185: 1184,
  1231: 1700,
  2951: 2950,
  3807: 3802,
};

const plain: Parse = (text) => text;

/** Reads a value from the bytes between two places. */
export type ReadColumn = (bytes: Buffer, start: number, end: number) => unknown;

const readText: ReadColumn = (bytes, start, end) => bytes.toString('utf8', start, end);

/** Types whose values need no text in between. */
const BYTE_READERS: Readonly<Record<number, ReadColumn>> = {
  16: (bytes, start) => bytes[start] === 0x74,
  20: (bytes, start, end) =>
    end - start > SHORT_INTEGER ? parseInteger(bytes.toString('latin1', start, end)) : readInteger(bytes, start, end),
  21: readInteger,
  23: readInteger,
  26: readInteger,
};

/** How to read a column of this type. */
export function readerFor(oid: number): ReadColumn {
  const direct = BYTE_READERS[oid];
  if (direct) return direct;
  const parse = parserFor(oid);
  return parse === plain ? readText : (bytes, start, end) => parse(bytes.toString('utf8', start, end));
}

function parserFor(oid: number): Parse {
  const element = ARRAYS[oid];
  if (element === undefined) return TYPES[oid]?.[1] ?? plain;
  const parse = TYPES[element]?.[1] ?? plain;
  return (text) => parseArray(text, parse);
}

/** Digits, sign included, that a number holds exactly for sure. */
const SHORT_INTEGER = 15;
const MINUS = 0x2d;
const ZERO = 0x30;

function readInteger(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + (bytes[at]! - ZERO);
  return negative ? -value : value;
}

/** The type's name: `int8`, `text[]`; `oid 16385` for a type of the user's own. */
export function typeName(oid: number): string {
  const element = ARRAYS[oid];
  if (element !== undefined) return `${typeName(element)}[]`;
  return TYPES[oid]?.[0] ?? TEXT_TYPES[oid] ?? `oid ${oid}`;
}

/** A value as the wire wants it: text, or bytes, or null. */
export function toWire(value: ParameterValue): string | Buffer | null {
  if (value === null) return null;
  if (typeof value === 'string') return value;
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof PostgresArray) return arrayText(value.values);
  return String(value);
}

function parseInteger(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function parseBytea(text: string): Uint8Array {
  // `\x` and hexadecimal digits, the default since PostgreSQL 9.0.
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'));
}

const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?( BC)?$/;

/** A Date to the millisecond; without an offset it is UTC. `infinity` is the number Infinity: no Date can be that. */
function parseTimestamp(text: string): unknown {
  const match = TIMESTAMP.exec(text);
  if (!match) return text === 'infinity' ? Infinity : text === '-infinity' ? -Infinity : text;
  const [, year, month, day, hour, minute, second, fraction = '', sign, hours = '0', minutes = '0', seconds = '0', before] = match;
  const date = new Date(0);
  date.setUTCFullYear(before ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')));
  if (!sign) return date;
  const offsetMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return new Date(date.getTime() - (sign === '+' ? offsetMs : -offsetMs));
}

function timestampText(date: Date): string {
  const year = date.getUTCFullYear();
  const rest = date.toISOString().slice(-20); // -MM-DDTHH:MM:SS.sssZ
  return year > 0 ? `${String(year).padStart(4, '0')}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}

/** The array syntax of PostgreSQL's manual, section 8.15.6: `{1,NULL,"a \"b\"",{2,3}}`. */
function parseArray(text: string, parse: Parse): unknown[] {
  let at = text.indexOf('{'); // bounds such as `[0:1]=` may stand before it
  const readArray = (): unknown[] => {
    const items: unknown[] = [];
    at += 1;
    while (text[at] !== '}') {
      if (text[at] === ',') at += 1;
      items.push(text[at] === '{' ? readArray() : readItem());
    }
    at += 1;
    return items;
  };
  const readItem = (): unknown => {
    if (text[at] !== '"') {
      const end = at + text.slice(at).search(/[,}]/);
      const item = text.slice(at, end);
      at = end;
      return item === 'NULL' ? null : parse(item);
    }
    let item = '';
    for (at += 1; text[at] !== '"'; at += 1) {
      if (text[at] === '\\') at += 1;
      item += text[at];
    }
    at += 1;
    return parse(item);
  };
  return readArray();
}

function arrayText(values: readonly unknown[]): string {
  return `{${values.map((value) => arrayItem(value)).join(',')}}`;
}

function arrayItem(value: unknown): string {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return arrayText(value);
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol' || Number.isNaN(value)) {
    throw new StatementParametersError(
      `A PostgreSQL array holds ${Number.isNaN(value) ? 'NaN' : `a ${typeof value}`}. Use null for SQL NULL.`,
    );
  }
  const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : itemText(value);
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function itemText(value: unknown): string {
  if (value instanceof Date) return timestampText(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
