import { setTimeout as pause } from 'node:timers/promises';
import { openAdmin, startFaultProxy, type Admin } from '@kailash-ts/test-databases';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect, vi } from 'vitest';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool, stopwatch, tallyText } from '../testing/scenario-pool.ts';

const servers = ['postgresql', 'mysql'] as const;
const EXPECTED = /^POOL_(CONNECTION_LOST|CONNECT_FAILED|CIRCUIT_OPEN|ACQUIRE_TIMEOUT|READ_ONLY_CONNECTION)$/;

/** A pool of both servers, and a table that both have. */
async function bothServers(scene: Scene): Promise<WorkflowConnectionPool> {
  const { replica } = scene.cluster;
  const pool = openPool(scene, {
    replicas: [`127.0.0.1:${replica.port}`],
    minConnections: 1,
    maxConnections: 4,
    acquireTimeoutMs: 2000,
    connectTimeoutMs: 1000,
    healthCheckIntervalMs: 200,
    circuitBreaker: { failureThreshold: 3, recoveryTimeoutMs: 200, successThreshold: 1 },
  });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  await expect
    .poll(async () => (await failureOf(pool.query('SELECT count(*) FROM item', [], { role: 'replica' })))?.code, { timeout: 30_000 })
    .toBeUndefined();
  return pool;
}

/** Callers that go on writing; each row is written once, and known when it was acknowledged. */
class Writers {
  readonly acknowledged: number[] = [];
  readonly codes: string[] = [];
  #next = 0;
  #stopped = false;
  readonly #callers: Promise<void>[];

  constructor(pool: WorkflowConnectionPool) {
    this.#callers = Array.from({ length: 4 }, async () => {
      while (!this.#stopped) {
        const id = this.#next++;
        const error = await failureOf(pool.query('INSERT INTO item (id) VALUES (?)', [id]));
        if (error) this.codes.push(String(error.code));
        else this.acknowledged.push(id);
        await pause(error ? 10 : 2);
      }
    });
  }

  async untilSuccess(): Promise<number> {
    const elapsed = stopwatch();
    const before = this.acknowledged.length;
    await expect.poll(() => this.acknowledged.length, { timeout: 45_000, interval: 10 }).toBeGreaterThan(before + 20);
    return elapsed();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
    for (const code of this.codes) expect(code).toMatch(EXPECTED);
  }
}

/** An administrator of one of both servers, in the scenario's database. */
async function adminAt(scene: Scene, which: 'primary' | 'replica'): Promise<Admin> {
  const url = new URL(scene.cluster.adminUrl);
  url.port = String(scene.cluster[which].port);
  url.pathname = `/${scene.database}`;
  // A new database takes a moment to arrive at the replica.
  const admin = await vi.waitFor(() => openAdmin(url.href), { timeout: 20_000 });
  scene.defer(() => admin[Symbol.asyncDispose]());
  return admin;
}

const idsAt = async (admin: Admin): Promise<number[]> => (await admin.query('SELECT id FROM item ORDER BY id')).map(({ id }) => Number(id));

/** Stops the primary when its replica has everything. */
async function stopPrimary(scene: Scene): Promise<void> {
  if (scene.kind === 'postgresql') return scene.cluster.primary.kill('SIGINT');
  const admin = await adminAt(scene, 'primary');
  await admin.query('SHUTDOWN WAIT FOR ALL SLAVES').catch(() => {});
  await expect.poll(() => scene.cluster.primary.running, { timeout: 30_000 }).toBe(false);
}

async function promote(replica: Admin, kind: Scene['kind']): Promise<void> {
  if (kind === 'postgresql') await replica.query('SELECT pg_promote(true)');
  else for (const sql of ['STOP SLAVE', 'RESET SLAVE ALL', 'SET GLOBAL read_only = 0']) await replica.query(sql);
}

scenario(
  17,
  'The primary dies, its replica is promoted, the old one comes back believing itself primary',
  { on: servers, servers: 'own' },
  async (scene) => {
    const pool = await bothServers(scene);
    const roles: string[] = [];
    pool.on('host:role-changed', ({ host, to }) => void roles.push(`${host} is ${to}`));
    const replica = await adminAt(scene, 'replica');
    const writers = new Writers(pool);
    await writers.untilSuccess();
    await stopPrimary(scene);
    await promote(replica, scene.kind);
    const failedOverMs = await writers.untilSuccess();
    await scene.cluster.primary.start();
    const old = await adminAt(scene, 'primary');
    const atReturn = await idsAt(old);
    await pause(700); // some rounds of checks
    await writers.untilSuccess();
    await writers.stop();
    expect(await idsAt(old)).toEqual(atReturn);
    const written = new Set(await idsAt(replica));
    expect(writers.acknowledged.filter((id) => !written.has(id))).toEqual([]);
    expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
    return `${writers.acknowledged.length} writes acknowledged, all of them on the new primary, ${failedOverMs} ms after its promotion; errors of 4 callers: ${tallyText(writers.codes)}; 0 writes to the old one after its return (${roles.join(', ')})`;
  },
);

scenario(17, 'The roles are exchanged as planned', { on: servers, servers: 'own' }, async (scene) => {
  const pool = await bothServers(scene);
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  const old = await adminAt(scene, 'primary');
  const replica = await adminAt(scene, 'replica');
  const writers = new Writers(pool);
  await writers.untilSuccess();
  await (scene.kind === 'postgresql' ? exchangePostgres(scene, old, replica) : exchangeMariaDb(scene, old, replica));
  const atDemotion = scene.kind === 'mysql' ? await idsAt(old) : [];
  const switchedMs = await writers.untilSuccess();
  await writers.stop();
  const written = new Set(await idsAt(replica));
  expect(writers.acknowledged.filter((id) => !written.has(id))).toEqual([]);
  // The old one is a replica now: reads go there, and get what has been written since.
  const last = writers.acknowledged.at(-1)!;
  const onReplica = async () => {
    const result = await pool.query('SELECT id FROM item WHERE id = ?', [last], { role: 'replica' });
    return { rows: result.rowCount, host: pool.getStatus().connections[result.connectionId]?.host };
  };
  await expect.poll(onReplica, { timeout: 30_000 }).toEqual({ rows: 1, host: 'primary' });
  // Nothing was written at the old one itself: what it has came from the new one.
  expect(atDemotion.filter((id) => !written.has(id))).toEqual([]);
  return `works again ${switchedMs} ms after the exchange; errors of 4 callers: ${tallyText(writers.codes)}; connections closed: ${tallyText(closed)}; the old primary serves reads as a replica`;
});

/** The connections stand while the server becomes read-only under them: error 1290. */
async function exchangeMariaDb(scene: Scene, old: Admin, replica: Admin): Promise<void> {
  await old.query('SET GLOBAL read_only = 1');
  const [position] = await old.query('SELECT @@gtid_binlog_pos AS gtid');
  await replica.query(`SELECT MASTER_GTID_WAIT('${String(position!['gtid'])}', 10)`);
  await promote(replica, 'mysql');
  const { username, password } = new URL(scene.cluster.adminUrl);
  await old.query(
    `CHANGE MASTER TO master_host='127.0.0.1', master_port=${scene.cluster.replica.port}, master_user='${username}', master_password='${password}', master_use_gtid=current_pos`,
  );
  await old.query('START SLAVE');
}

/** PostgreSQL becomes a standby only by a restart. */
async function exchangePostgres(scene: Scene, old: Admin, replica: Admin): Promise<void> {
  const [folder] = await old.query('SHOW data_directory');
  await old.query(`ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=${scene.cluster.replica.port} user=postgres'`);
  await old.query(`COPY (SELECT '') TO '${String(folder!['data_directory'])}/standby.signal'`);
  await stopPrimary(scene);
  await promote(replica, 'postgresql');
  await scene.cluster.primary.start();
}

scenario(
  17,
  'A statement that writes meets a read-only server, and there is no other',
  { on: servers, servers: 'private' },
  async (scene) => {
    const admin = await scene.admin();
    const pool = openPool(scene, { maxConnections: 2 });
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
    const readOnly = (on: boolean): string[] =>
      scene.kind === 'postgresql'
        ? [`ALTER SYSTEM SET default_transaction_read_only = ${on ? 'on' : 'off'}`, 'SELECT pg_reload_conf()']
        : [`SET GLOBAL read_only = ${on ? 1 : 0}`];
    for (const sql of readOnly(true)) await admin.query(sql);
    scene.defer(async () => {
      if (scene.kind === 'postgresql') await admin.query('SET default_transaction_read_only = off');
      for (const sql of readOnly(false)) await admin.query(sql);
    });
    const insert = 'INSERT INTO item (id) VALUES (1)';
    await expect.poll(async () => (await failureOf(pool.query(insert)))?.code).toBe('POOL_READ_ONLY_CONNECTION');
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    if (scene.kind === 'postgresql') await admin.query('SET default_transaction_read_only = off');
    for (const sql of readOnly(false)) await admin.query(sql);
    await expect.poll(async () => (await failureOf(pool.query('DELETE FROM item')))?.code).toBeUndefined();
    expect((await failureOf(pool.query(insert)))?.code).toBeUndefined();
    return 'ReadOnlyConnectionError, reads work, and writes again when it takes them';
  },
);

scenario(5, 'One of two replicas becomes slow', { on: servers }, async (scene) => {
  const port = Number(new URL(scene.replicaUrl!).port);
  // A database that is not there yet would count as a wrong configuration.
  const there = openPool({ url: scene.replicaUrl!, defer: scene.defer.bind(scene) }, { circuitBreaker: { recoveryTimeoutMs: 20 } });
  await expect.poll(async () => (await failureOf(there.query('SELECT 1')))?.code, { timeout: 30_000 }).toBeUndefined();
  await using slow = await startFaultProxy({ targetPort: port });
  await using fast = await startFaultProxy({ targetPort: port });
  const pool = openPool(scene, {
    replicas: [slow, fast].map((proxy) => `127.0.0.1:${proxy.port}`),
    minConnections: 1,
    maxConnections: 4,
    slowCheckMs: 20,
    healthCheckIntervalMs: 50,
  });
  await pool.initialize();
  await expect
    .poll(async () => (await failureOf(pool.query('SELECT 1', [], { role: 'replica' })))?.code, { timeout: 30_000 })
    .toBeUndefined();
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  slow.delay(40);
  const scores = (host: string): number[] =>
    Object.values(pool.getStatus().connections)
      .filter((connection) => connection.host === host)
      .map(({ healthScore }) => healthScore);
  await expect.poll(() => Math.min(...scores('replica')), { timeout: 30_000 }).toBeLessThanOrEqual(85);
  const hosts: string[] = [];
  for (let read = 0; read < 60; read++) {
    const { connectionId } = await pool.query('SELECT 1', [], { role: 'replica' });
    hosts.push(pool.getStatus().connections[connectionId]!.host);
  }
  const onSlow = hosts.filter((host) => host === 'replica').length;
  await pool.close();
  expect(closed.filter((reason) => reason !== 'pool_closed')).toEqual([]);
  expect(onSlow).toBeLessThan(20);
  return `80 ms more per round trip: its score falls, ${onSlow} of 60 reads go there, the rest to the other; 0 connections closed`;
});
