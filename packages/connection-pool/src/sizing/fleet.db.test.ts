/** Several processes that size their pools on one server: together within 80 % of what it takes, in fair shares, also after a crash. */
import { openAdmin, startMariaDb, startPostgres, type Admin, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

const MOST = 50;
const child = fileURLToPath(new URL('../testing/fleet-child.ts', import.meta.url));

describeDatabases('a fleet', ['postgresql', 'mysql'], (kind) => {
  const isPostgres = kind === 'postgresql';
  // PostgreSQL keeps three of its fifty for administrators.
  const budget = isPostgres ? 37 : 40;
  let cluster: Cluster;
  let admin: Admin;
  const members = new Map<string, ChildProcess>();
  let most = 0;
  let watching: Promise<void>;
  let isOver = false;

  const counts = async (): Promise<Map<string, number>> => {
    const rows = await admin.query(isPostgres ? BY_NAME : BY_USER);
    return new Map(rows.map((row) => [String(row['name']), Number(row['count'])]));
  };
  const total = (byName: Map<string, number>): number => [...byName.values()].reduce((sum, count) => sum + count, 0);
  const start = (name: string): void => {
    const sleep = isPostgres ? 'SELECT pg_sleep(0.2)' : 'SELECT SLEEP(0.2)';
    const url = new URL(cluster.url);
    if (!isPostgres) {
      [url.username, url.password] = [name, ''];
      url.pathname = '';
    }
    const options = ['--import', 'tsx', '--conditions=@kailash-ts/source', child, url.href, name, sleep];
    members.set(name, spawn(process.execPath, options, { stdio: ['pipe', 'inherit', 'inherit'] }));
  };

  beforeAll(async () => {
    cluster = isPostgres ? await startPostgres({ maxConnections: MOST }) : await startMariaDb();
    admin = await openAdmin(cluster.adminUrl);
    if (!isPostgres) {
      await admin.query(`SET GLOBAL max_connections = ${MOST}`);
      // MariaDB tells no names of applications: each process is a user.
      for (let index = 0; index < 4; index++) await admin.query(`CREATE USER 'fleet-${index}'@'%'`);
    }
    watching = (async () => {
      while (!isOver) {
        most = Math.max(most, total(await counts()));
        await pause(20);
      }
    })();
  });
  afterEach(async () => {
    await Promise.all(
      [...members.values()].map(async (member) => {
        if (member.exitCode !== null || member.signalCode !== null) return;
        member.stdin!.end();
        await once(member, 'exit');
      }),
    );
    members.clear();
  });
  afterAll(async () => {
    isOver = true;
    await watching;
    await admin[Symbol.asyncDispose]();
    await cluster.stop();
  });

  // On a busy machine statements become slower as connections grow, and a pool then stays where it is for a minute.
  const name = 'of %i processes shares fairly, uses it all, and takes over the share of one that was killed';
  it.each([2, 4])(name, { timeout: 300_000 }, async (size) => {
    for (let index = 0; index < size; index++) start(`fleet-${index}`);
    const isSettled = (byName: Map<string, number>, parts: number): boolean => {
      const shares = [...byName.values()];
      return shares.length === parts && total(byName) >= budget - 3 && Math.max(...shares) - Math.min(...shares) <= 2;
    };
    await expect.poll(async () => isSettled(await counts(), size), { timeout: 200_000, interval: 100 }).toBe(true);
    const shared = await counts();

    members.get('fleet-0')!.kill('SIGKILL');
    const killedAt = performance.now();
    await expect.poll(async () => isSettled(await counts(), size - 1), { timeout: 30_000, interval: 100 }).toBe(true);
    const recoveredMs = Math.round(performance.now() - killedAt);

    expect(most).toBeLessThanOrEqual(budget);
    console.log(
      `${kind}: ${size} processes hold ${[...shared.values()].join(' + ')} = ${total(shared)} of ${budget}; never more than ${most}; ` +
        `${recoveredMs} ms after one was killed the others hold ${[...(await counts()).values()].join(' + ')}`,
    );
  });
});

const BY_NAME = `SELECT application_name AS name, count(*)::int AS count FROM pg_stat_activity
  WHERE application_name LIKE 'fleet-%' GROUP BY application_name`;
const BY_USER = "SELECT user AS name, count(*) AS count FROM information_schema.processlist WHERE user LIKE 'fleet-%' GROUP BY user";
