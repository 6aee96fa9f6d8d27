import { setTimeout as pause } from 'node:timers/promises';
import { openAdmin, type Admin } from './admin.ts';
import type { Cluster } from './cluster.ts';

/** Stops and resumes the replay of a cluster's replicas, counted from 0: injected lag. Owned by whoever made it, who closes it. */
export class ReplayControl implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #admins: Admin[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** An administrator of a replica, in the database `app`. */
  async admin(replica: number): Promise<Admin> {
    const url = new URL(this.#cluster.adminUrl);
    url.port = String(this.#cluster.replicas[replica]!.port);
    url.pathname = '/app';
    return (this.#admins[replica] ??= await openAdmin(url.href));
  }

  /** Returns when it stands. */
  async pause(replica: number): Promise<void> {
    const admin = await this.admin(replica);
    await admin.query(this.#cluster.kind === 'postgresql' ? 'SELECT pg_wal_replay_pause()' : 'STOP SLAVE SQL_THREAD');
    if (this.#cluster.kind === 'mysql') return;
    // It is only asked for at first.
    while ((await admin.query('SELECT pg_get_wal_replay_pause_state() AS state'))[0]!['state'] !== 'paused') await pause(5);
  }

  async resume(replica: number): Promise<void> {
    const sql = this.#cluster.kind === 'postgresql' ? 'SELECT pg_wal_replay_resume()' : 'START SLAVE SQL_THREAD';
    await (await this.admin(replica)).query(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#admins.map((admin) => admin[Symbol.asyncDispose]()));
  }
}
