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
