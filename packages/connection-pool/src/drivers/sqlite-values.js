/**
 * What SQLite's values mean. SQLite knows no dates, booleans or decimals, so a column's declared type decides; expressions have
 * none and give what SQLite stores. Plain JavaScript, as the worker needs it.
 */

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const SAFE_MIN = -SAFE_MAX;

/** Lower-case name of a declared type without its size: `decimal(10,2)` -> `decimal`. @param {string | null} declared */
export function fieldType(declared) {
  return declared === null
    ? 'any'
    : declared
        .replace(/\s*\(.*$/s, '')
        .trim()
        .toLowerCase() || 'any';
}

/**
 * How to read the values of a column.
 * @param {string | null} declared
 * @returns {(value: unknown) => unknown}
 */
export function columnReader(declared) {
  switch (fieldType(declared)) {
    case 'boolean':
    case 'bool':
      return readBoolean;
    case 'timestamp':
    case 'timestamptz':
    case 'datetime':
    case 'timestamp with time zone':
    case 'timestamp without time zone':
      return readTimestamp;
    case 'json':
    case 'jsonb':
      return readJson;
    case 'decimal':
    case 'numeric':
      return decimalReader(declared);
    case 'real':
    case 'float':
    case 'double':
    case 'double precision':
      return readReal;
    default:
      return readPlain;
  }
}

/** @param {unknown} value */
function readPlain(value) {
  if (typeof value === 'bigint') return value <= SAFE_MAX && value >= SAFE_MIN ? Number(value) : value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value;
}

/** @param {unknown} value */
function readReal(value) {
  return typeof value === 'bigint' ? Number(value) : readPlain(value);
}

/** @param {unknown} value */
function readBoolean(value) {
  return value === 1n ? true : value === 0n ? false : readPlain(value);
}

/** @param {unknown} value */
function readJson(value) {
  if (typeof value !== 'string') return readPlain(value);
  try {
    return JSON.parse(value);
  } catch {
    return value; // SQLite checks nothing on the way in: text that is no JSON stays text.
  }
}

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/;

/** Text of a point in time; without an offset it is UTC. @param {unknown} value */
function readTimestamp(value) {
  const match = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
  if (!match) return readPlain(value);
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset = 'Z'] = match;
  const zone = offset === 'Z' || offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${zone}`);
}

/** As text, with the declared scale where SQLite dropped zeros: 12.5 in DECIMAL(10,2) is '12.50'. @param {string | null} declared */
function decimalReader(declared) {
  const scale = Number(/\(\s*\d+\s*,\s*(\d+)\s*\)/.exec(declared ?? '')?.[1] ?? 0);
  return (/** @type {unknown} */ value) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return readPlain(value);
    const text = String(value);
    if (scale === 0 || text.includes('e')) return text;
    const [whole, fraction = ''] = text.split('.');
    return fraction.length >= scale ? text : `${whole}.${fraction.padEnd(scale, '0')}`;
  };
}
