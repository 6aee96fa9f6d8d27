/** The driver for a configuration. Its module, and so its client library, is loaded when the pool is first used. */
import { fileTarget, serverAddresses, serverTarget, type PoolConfig } from '../config.ts';
import type { Driver, HostPlan } from '../driver.ts';

export async function loadDriver(config: PoolConfig): Promise<Driver> {
  const hosts = planHosts(config);
  switch (config.databaseType) {
    case 'postgresql':
      return new (await import('./postgres.ts')).PostgresDriver(serverTarget(config), hosts);
    case 'mysql':
      return new (await import('./mysql.ts')).MysqlDriver(serverTarget(config), hosts);
    case 'sqlite':
      return new (await import('./sqlite.ts')).SqliteDriver(fileTarget(config), hosts);
  }
}

/** One server is one host. A file of SQLite has one writer, and readers as far as `maxConnections` goes; memory has no second connection. */
export function planHosts(config: PoolConfig): readonly HostPlan[] {
  const { databaseType, database = ':memory:', minConnections: min, maxConnections: max } = config;
  if (databaseType !== 'sqlite') {
    return Object.entries(serverAddresses(config)).map(([name, { host, port }], index) => ({
      name,
      role: index === 0 ? 'primary' : 'replica',
      address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      min,
      max,
    }));
  }
  const writer: HostPlan = { name: 'primary', role: 'primary', address: database, min: Math.min(1, min), max: 1 };
  if (database === ':memory:') return [{ ...writer, permanent: true }];
  if (max === 1) return [writer];
  return [writer, { name: 'replica', role: 'replica', address: database, min: Math.max(0, min - 1), max: max - 1 }];
}
