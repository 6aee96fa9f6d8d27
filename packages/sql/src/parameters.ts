/** Which values may be bound, checked before anything is sent. The value itself never stands in a message. */
import { isWellFormed } from './characters.ts';
import { SqlError } from './errors.ts';

const MAX_DEPTH = 16;

/**
 * Refuses a value that drivers would bend silently or servers would refuse late. Arrays are checked element by element.
 * @param where the parameter's position from 1, or its name
 * @throws SqlError `SQL_PARAMETER_INVALID`
 */
export function checkParameter(value: unknown, where: number | string): void {
  const problem = readableProblemOf(value);
  if (problem !== null) refuse(where, problem);
}

/** What a getter or a proxy of the caller's throws may hold anything, and is not told. */
function readableProblemOf(value: unknown): string | null {
  try {
    return problemOf(value);
  } catch {
    return 'cannot be read: it throws; pass a plain value';
  }
}

function problemOf(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return problemOfText(value);
    case 'number':
      return Number.isSafeInteger(value) ? null : problemOfNumber(value);
    case 'undefined':
      return 'is undefined; pass null for NULL';
    case 'symbol':
      return 'is a symbol, which no database can store';
    case 'function':
      return 'is a function, which no database can store; did you mean to call it?';
    case 'object':
      return value === null ? null : problemOfObject(value, 0);
    default:
      return null;
  }
}

function problemOfText(value: string): string | null {
  if (value.includes('\0')) return 'holds a NUL character, which PostgreSQL cannot store in text; pass binary data as Uint8Array';
  return isWellFormed(value) ? null : 'holds a lone surrogate, which is no valid Unicode; use text.toWellFormed() if replacing it is right';
}

function problemOfNumber(value: number): string | null {
  if (Number.isNaN(value)) return 'is NaN; pass null, or a number';
  if (!Number.isFinite(value)) return 'is infinite; pass null, or a finite number';
  if (Number.isInteger(value) && Math.abs(value) < 1e21)
    return 'is an integer beyond 2^53, which a number cannot hold exactly; pass a bigint';
  return null;
}

function problemOfObject(value: object, depth: number): string | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'is an invalid Date' : null;
  if (ArrayBuffer.isView(value)) return problemOfBytes(value.buffer, value instanceof Uint8Array ? null : nameOf(value));
  if (value instanceof ArrayBuffer) return problemOfBytes(value, null);
  if (!Array.isArray(value)) return problemOfOther(value);
  if (depth >= MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} arrays`;
  for (let i = 0; i < value.length; i++) {
    const element: unknown = value[i];
    const problem = Array.isArray(element) ? problemOfObject(element, depth + 1) : problemOf(element);
    if (problem !== null) return `has an element [${i}] that ${problem}`;
  }
  return null;
}

/** Of bytes that nobody else writes to, and that are still there. */
function problemOfBytes(buffer: ArrayBufferLike, otherType: string | null): string | null {
  if (otherType !== null) return `is a ${otherType}; pass its bytes as Uint8Array, or its numbers as an array`;
  if (typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer)
    return 'is of a SharedArrayBuffer, which may change while it is sent; pass a copy';
  return buffer.byteLength === 0 && isDetached(buffer) ? 'is of a detached ArrayBuffer: its bytes were transferred away' : null;
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** What JSON would write as `{}`, or not at all. */
const WITHOUT_JSON: readonly (abstract new (...args: never[]) => object)[] = [Map, Set, WeakMap, WeakSet, RegExp, Error];

function problemOfOther(value: object): string | null {
  if (typeof (value as { then?: unknown }).then === 'function') return 'is a Promise; did you forget to await it?';
  if (typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer)
    return 'is a SharedArrayBuffer, which may change while it is sent; pass a copy';
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return null;
  return WITHOUT_JSON.some((type) => value instanceof type)
    ? `is a ${nameOf(value)}, of which JSON keeps nothing; pass what it holds`
    : null;
}

const nameOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

function refuse(where: number | string, problem: string): never {
  const name = typeof where === 'number' ? `Parameter ${where}` : `Parameter ":${where}"`;
  throw new SqlError('SQL_PARAMETER_INVALID', `${name} ${problem}.`, { parameter: where });
}
