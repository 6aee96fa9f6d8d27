/** Roles as servers tell them, on clusters of our own: a promotion would disturb other tests. */
import { startMariaDb, startPostgres, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { parsePoolConfig } from '../config.ts';
import type { ConnectionRole } from '../contract.ts';
import type { DriverConnection } from '../driver.ts';
import { ReadOnlyConnectionError } from '../errors.ts';
import { failure } from './stream-contract.ts';
import { loadDriver } from './select.ts';

const promote: Record<Cluster['kind'], (cluster: Cluster) => Promise<void>> = {
  async postgresql({ replicaUrl }) {
    const admin = new pg.Client({ connectionString: replicaUrl });
    await admin.connect();
    await admin.query('SELECT pg_promote()');
    await admin.end();
  },
  async mysql({ adminUrl, replica }) {
    const admin = await mysql.createConnection(Object.assign(new URL(adminUrl), { port: String(replica.port) }).href);
    await admin.query('SET GLOBAL read_only = 0');
    await admin.end();
  },
};

describeDatabases('roles', ['postgresql', 'mysql'], (kind) => {
  let cluster: Cluster;
  const connections: DriverConnection[] = [];

  const connect = async (url: string, role: ConnectionRole): Promise<DriverConnection> => {
    const driver = await loadDriver(parsePoolConfig({ connectionString: url }));
    const connection = await driver.connect({ ...driver.hosts[0]!, role }, new AbortController().signal);
    connections.push(connection);
    return connection;
  };
  const run = (connection: DriverConnection, text: string): Promise<unknown> =>
    connection.execute({ text, values: [], prepare: undefined });
  const insert = (connection: DriverConnection): Promise<unknown> => run(connection, 'INSERT INTO roles (id) VALUES (1)');

  beforeAll(async () => {
    cluster = kind === 'postgresql' ? await startPostgres() : await startMariaDb();
    const primary = await connect(cluster.url, 'primary');
    await run(primary, 'CREATE TABLE roles (id integer)');
    await primary.close();
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it('are what the server says, whatever was planned', async () => {
    for (const planned of ['primary', 'replica'] as const) {
      expect((await connect(cluster.url, planned)).role).toBe('primary');
      const replica = await connect(cluster.replicaUrl, planned);
      expect(replica.role).toBe('replica');
      // Until the table has arrived there, it is not known.
      await expect.poll(() => failure(insert(replica))).toBeInstanceOf(ReadOnlyConnectionError);
    }
  });

  it('belong to servers of one configuration, each with connections of its own', async () => {
    const { host } = new URL(cluster.replicaUrl);
    const driver = await loadDriver(parsePoolConfig({ connectionString: cluster.url, replicas: [host, host] }));
    expect(driver.hosts.map(({ name, address }) => [name, address])).toEqual([
      ['primary', new URL(cluster.url).host],
      ['replica', host],
      ['replica-2', host],
    ]);
    for (const plan of driver.hosts) {
      const connection = await driver.connect(plan, new AbortController().signal);
      connections.push(connection);
      expect(connection.role).toBe(plan.role);
    }
  });

  it('make a session writable on a primary that was planned as a replica, also after a reset', async () => {
    const connection = await connect(cluster.url, 'replica');
    for (let round = 0; round < 2; round++) {
      await insert(connection);
      expect(connection.clean).toBe(true);
      await run(connection, kind === 'postgresql' ? "SET work_mem = '1MB'" : 'SET @x = 1');
      await connection.reset();
    }
  });

  it('keep a session of a replica read-only after a reset, and make it writable after a promotion', async () => {
    const connection = await connect(cluster.replicaUrl, 'replica');
    const isReadOnly = async (): Promise<unknown> => {
      const text = kind === 'postgresql' ? 'SHOW default_transaction_read_only' : 'SELECT @@session.tx_read_only AS r';
      const { rows } = await connection.execute({ text, values: [], prepare: undefined });
      return Object.values(rows[0]!)[0];
    };
    expect(await isReadOnly()).toBe(kind === 'postgresql' ? 'on' : 1);
    await run(connection, kind === 'postgresql' ? "SET work_mem = '1MB'" : 'SET @x = 1');
    await connection.reset();
    expect(await isReadOnly()).toBe(kind === 'postgresql' ? 'on' : 1);
    await promote[cluster.kind](cluster);
    expect(await connection.probeRole()).toBe('primary');
    await run(connection, 'CREATE TABLE IF NOT EXISTS roles (id integer)');
    await insert(connection);
    expect(await isReadOnly()).toBe(kind === 'postgresql' ? 'off' : 0);
  });
});
