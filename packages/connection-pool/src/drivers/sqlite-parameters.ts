/** How parameters are written for libsql. */
import { StatementParametersError } from '../errors.ts';
import { PostgresArray, type ParameterValue } from '../parameters.ts';

/** libsql takes only these; numbers it stores as REAL, and a boolean would end the process. */
export function toWire(value: unknown): string | number | bigint | Uint8Array | null {
  const known = value as ParameterValue;
  if (typeof known === 'number') return Number.isSafeInteger(known) ? BigInt(known) : known;
  if (typeof known === 'boolean') return known ? 1n : 0n;
  if (typeof known === 'bigint') return checkedInteger(known);
  if (known instanceof Date) return known.toISOString().replace('T', ' ').slice(0, -1);
  if (known instanceof PostgresArray)
    throw new StatementParametersError('A PostgreSQL array cannot be sent to SQLite. Send a plain array: it arrives as JSON.');
  return known;
}

function checkedInteger(value: bigint): bigint {
  if (value <= 2n ** 63n - 1n) return value;
  throw new StatementParametersError('A parameter is an integer beyond 2^63, which SQLite cannot store. Send it as a string.');
}
