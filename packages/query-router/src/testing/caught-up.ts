import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { setTimeout as pause } from 'node:timers/promises';

const TRIES = 600;

/**
 * Waits until all replicas of a pool show what had been written when it was called, and may serve a caller without a past.
 * @returns false when they do not get there in some 12 s
 */
export async function catchUp(pool: ConnectionPool): Promise<boolean> {
  const now = pool.moment();
  for (let tries = 0; tries < TRIES; tries++) {
    const hosts = await pool.hosts();
    if (hosts.every(({ freshAsOf, lagMs }) => freshAsOf >= now && lagMs !== null)) return true;
    pool.checkReplicas();
    await pause(20);
  }
  return false;
}
