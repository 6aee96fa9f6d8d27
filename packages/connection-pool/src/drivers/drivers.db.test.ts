import { describeDatabases, freshDatabase, sharedCluster, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { expect, it } from 'vitest';
import { parsePoolConfig } from '../config.ts';
import type { DriverConnection } from '../driver.ts';
import { driverContract, type ContractSubject } from './driver-contract.ts';
import { loadDriver } from './select.ts';

const slow: Record<DatabaseKind, string> = {
  postgresql: 'SELECT pg_sleep(20)',
  mysql: 'SELECT sleep(20)',
  // About a second of counting: SQLite has no sleep, and a statement of it cannot be interrupted.
  sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT count(*) AS n FROM c',
};

/** By the administrator; the connection itself may be busy, so it is found by what is known of all: there is one other. */
const killers: Record<'postgresql' | 'mysql', (database: string, connection: DriverConnection) => Promise<void>> = {
  async postgresql(database) {
    const { adminUrl } = await sharedCluster('postgresql');
    const admin = new pg.Client({ connectionString: adminUrl });
    await admin.connect();
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
    await admin.end();
  },
  async mysql(database) {
    const { adminUrl } = await sharedCluster('mysql');
    const admin = await mysql.createConnection(adminUrl);
    const [rows] = await admin.query('SELECT id FROM information_schema.processlist WHERE db = ?', [database]);
    for (const { id } of rows as { id: number }[]) await admin.query(`KILL ${id}`);
    await admin.end();
  },
};

describeDatabases('the driver contract', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  let name = '';
  const subject: ContractSubject = {
    slowStatement: slow[kind],
    async open() {
      const database = await freshDatabase(kind);
      name = database.name;
      return loadDriver(parsePoolConfig({ connectionString: database.url }));
    },
    ...(kind !== 'sqlite' && { kill: (connection: DriverConnection) => killers[kind](name, connection) }),
  };
  driverContract(kind, subject);
});

describeDatabases('notifications', ['postgresql'], (kind) => {
  it('are refused before anything is sent, and may be sent to others', async () => {
    const driver = await loadDriver(parsePoolConfig({ connectionString: (await freshDatabase(kind)).url }));
    const connection = await driver.connect(driver.hosts[0]!, new AbortController().signal);
    const listen = { text: 'LISTEN c', values: [], prepare: undefined };
    const refusal = { code: 'POOL_NOTIFICATIONS_UNSUPPORTED' };
    await expect(connection.execute(listen)).rejects.toMatchObject(refusal);
    await expect(connection.stream(listen, 10).next()).rejects.toMatchObject(refusal);
    await expect(connection.executeMany({ text: 'LISTEN c', rows: [[]] })).rejects.toMatchObject(refusal);
    expect(connection.clean).toBe(true);
    await connection.execute({ text: "NOTIFY c, 'hello'", values: [], prepare: undefined });
    await connection.execute({ text: "SELECT pg_notify('c', $1)", values: ['hello'], prepare: undefined });
    await connection.close();
  });
});
