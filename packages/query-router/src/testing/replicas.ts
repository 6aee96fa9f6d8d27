/** Connections to replicas that have caught up with their primary. The caller ends them. */
import type { FreshDatabase } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { expect, vi } from 'vitest';

const LONG = { timeout: 20_000 };

/** On the hot standby, which knows a new database a moment later than the primary. */
export async function connectToStandby({ url, replicaUrl }: FreshDatabase): Promise<pg.Client> {
  const primary = new pg.Client(url);
  await primary.connect();
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await primary.end();
  const standby = await vi.waitFor(async () => {
    const client = new pg.Client(replicaUrl);
    await client.connect();
    return client;
  }, LONG);
  const caughtUp = async (): Promise<unknown> =>
    (await standby.query(`SELECT pg_last_wal_replay_lsn() >= '${rows[0]!.lsn}' AS done`)).rows[0];
  await vi.waitFor(async () => expect(await caughtUp()).toEqual({ done: true }), LONG);
  return standby;
}

/** On MariaDB's replica, which is read-only for this user. */
export async function connectToReplica({ url, replicaUrl }: FreshDatabase): Promise<mysql.Connection> {
  const position = async (server: mysql.Connection): Promise<unknown> =>
    (await server.query<mysql.RowDataPacket[]>('SELECT @@gtid_current_pos AS position'))[0][0]!['position'];
  const primary = await mysql.createConnection(url);
  const wanted = await position(primary);
  await primary.end();
  const replica = await vi.waitFor(() => mysql.createConnection(replicaUrl!), LONG);
  await vi.waitFor(async () => expect(await position(replica)).toBe(wanted), LONG);
  return replica;
}

/** What a read-only server said to a statement: null when it ran it. */
export interface Verdict {
  readonly sql: string;
  readonly refusal: string | null;
}

/** Whether it was refused as a write. */
export function isReadOnlyRefusal(refusal: string | null): boolean {
  return refusal !== null && /^(?:25006|1290|1792|1836):|during recovery/.test(refusal);
}

export async function verdict(sql: string, run: (sql: string) => Promise<unknown>): Promise<Verdict> {
  const refusal = await run(sql).then(
    () => null,
    (error: { code?: string; errno?: number; message: string }) => `${error.errno ?? error.code}: ${error.message}`,
  );
  return { sql, refusal };
}
