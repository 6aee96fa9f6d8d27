/** Errors that a statement met only because of the server that it was sent to. */
import type { ConnectionRole } from '@kailash-ts/connection-pool/contract';

/**
 * `misroute`: it does not belong on a server that only reads. `recovery_conflict`: what it read was replayed away under it.
 * `replica_lost`: the replica broke under it, and another one, if there was one, as well.
 */
export type SecondChance = 'misroute' | 'recovery_conflict' | 'replica_lost';

/** "Recovery is in progress", and what a standby does not support. */
const ONLY_THERE = new Set(['55000', '0A000']);

/**
 * Whether a statement, sent alone, is worth running once more on the primary: it was refused, so nothing of it was carried out, or it
 * only read.
 * @param role what was asked of the pool
 */
export function secondChance(error: unknown, role: ConnectionRole): SecondChance | undefined {
  const { code, sqlState } = error as { code?: unknown; sqlState?: string };
  if (code === 'POOL_READ_ONLY_CONNECTION') return 'misroute';
  if (role === 'replica' && code === 'POOL_CONNECTION_LOST') return 'replica_lost';
  if (role !== 'replica' || code !== 'POOL_STATEMENT_FAILED' || sqlState === undefined) return undefined;
  if (sqlState === '40001') return 'recovery_conflict';
  return ONLY_THERE.has(sqlState) ? 'misroute' : undefined;
}

/**
 * Whether the primary then refused it in the same way: it was no matter of the server. These two classes are of mistakes, too
 * (`SELECT '0/1'::pg_lsn + 'NaN'` is one of 0A000 everywhere).
 */
export function isSameRefusal(first: unknown, again: unknown): boolean {
  const { code, sqlState } = first as { code?: unknown; sqlState?: string };
  if (code !== 'POOL_STATEMENT_FAILED' || sqlState === undefined || !ONLY_THERE.has(sqlState)) return false;
  const other = again as { code?: unknown; sqlState?: string };
  return other.code === code && other.sqlState === sqlState;
}
