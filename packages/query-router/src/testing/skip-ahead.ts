/** MariaDB's replica of the replay, which some of the labelled files keep busy for minutes, or break. */
import { openAdmin, type Admin, type Cluster } from '@kailash-ts/test-databases';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a file waits for what the files before it have left to the replica. */
const PATIENCE_MS = 10_000;

/**
 * Returns when the replicas have nothing left to replay. A row-based replica looks through the whole table for each row that was
 * changed in a table without a key, and stops at what it cannot replay: what it has not done in time it is told to leave out, which
 * harms no file but the one that is over.
 * @returns how many replicas left something out; 0 with PostgreSQL, whose replicas keep up
 */
export async function startAtTheEnd(cluster: Cluster, primary: Admin): Promise<number> {
  if (cluster.kind !== 'mysql') return 0;
  const end = String((await primary.query('SELECT @@gtid_binlog_pos AS position'))[0]!['position']);
  let skips = 0;
  for (const { port } of cluster.replicas) {
    const url = new URL(cluster.adminUrl);
    url.port = String(port);
    await using replica = await openAdmin(url.href);
    if (await reaches(replica, end)) continue;
    await skipTo(replica, end);
    skips += 1;
  }
  return skips;
}

async function reaches(replica: Admin, end: string): Promise<boolean> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (performance.now() < giveUpAt) {
    const [status] = await replica.query('SHOW SLAVE STATUS');
    const [row] = await replica.query('SELECT @@gtid_slave_pos AS position');
    if (row!['position'] === end) return true;
    if (status!['Slave_SQL_Running'] === 'No') return false;
    await pause(20);
  }
  return false;
}

async function skipTo(replica: Admin, end: string): Promise<void> {
  const threads = await replica.query(`SELECT id FROM information_schema.processlist WHERE command = 'Slave_SQL'`);
  for (const { id } of threads) await replica.query(`KILL HARD ${String(id)}`);
  await replica.query('STOP SLAVE');
  await replica.query(`SET GLOBAL gtid_slave_pos = '${end}'`);
  await replica.query('START SLAVE');
}
