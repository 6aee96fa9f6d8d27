import { serializeError } from '@kailash-ts/core';

/** Deeper structures are cut: JSON.stringify itself would overflow the stack at a few thousand levels. */
const MAX_DEPTH = 500;

/**
 * Any value as one line of JSON; never throws. NaN, infinities and invalid dates become null; what else JSON cannot say becomes text: bigint
 * as its digits, dates as ISO 8601, binary as base64, Map and Set as arrays, errors without their stacks. A value inside itself
 * becomes "[circular]".
 *
 * @param indent spaces a level, for people; 0 for one line
 */
export function toJson(value: unknown, indent = 0): string {
  try {
    return JSON.stringify(toPlain(value, []), undefined, indent) ?? 'null';
  } catch (error) {
    return JSON.stringify(unwritable(error));
  }
}

/** The same for an object whose fields shall stand even if one of them cannot be written. */
export function toJsonLine(fields: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `{${parts.map(([key, value]) => `${JSON.stringify(key)}:${toJson(value)}`).join(',')}}`;
}

const unwritable = (error: unknown): string => `[not writable as JSON: ${error instanceof Error ? error.message : String(error)}]`;

function toPlain(value: unknown, ancestors: object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'function':
    case 'symbol':
      return undefined;
    case 'object':
      return value === null ? null : objectToPlain(value, ancestors);
    default:
      return value;
  }
}

function objectToPlain(value: object, ancestors: object[]): unknown {
  if (ancestors.includes(value)) return '[circular]';
  if (ancestors.length >= MAX_DEPTH) return '[too deep]';
  ancestors.push(value);
  try {
    return convert(value, ancestors);
  } catch (error) {
    return unwritable(error);
  } finally {
    ancestors.pop();
  }
}

function convert(value: object, ancestors: object[]): unknown {
  if (Array.isArray(value)) return value.map((item) => toPlain(item, ancestors) ?? null);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (value instanceof Map || value instanceof Set)
    return [...(value as Iterable<unknown>)].map((item) => toPlain(item, ancestors) ?? null);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return toPlain((value as { toJSON(): unknown }).toJSON(), ancestors);
  if (value instanceof Error) return toPlain(serializeError(value), ancestors);
  // No prototype, so that a key called "__proto__" stays a key.
  const plain = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(value)) plain[key] = toPlain((value as Record<string, unknown>)[key], ancestors);
  return plain;
}
