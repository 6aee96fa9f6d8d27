import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { setTimeout as pause } from 'node:timers/promises';

const TRIES = 600;

/** Waits until all replicas of a pool may serve a caller without a past. @returns false when they do not get there in some 12 s */
export async function catchUp(pool: ConnectionPool): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const hosts = await pool.hosts();
    if (hosts.every(({ lagMs, missing }) => lagMs !== null && missing === 0)) return true;
    pool.checkReplicas();
    await pause(20);
  }
  return false;
}
