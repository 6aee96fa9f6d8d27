/** The driver for a configuration. Its module, and so its client library, is loaded when the pool is first used. */
import { fileTarget, serverTarget, type PoolConfig } from '../config.ts';
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
export function planHosts({ databaseType, database, minConnections, maxConnections }: PoolConfig): readonly HostPlan[] {
  if (databaseType !== 'sqlite') return [{ name: 'primary', role: 'primary', min: minConnections, max: maxConnections }];
  const writer: HostPlan = { name: 'primary', role: 'primary', min: Math.min(1, minConnections), max: 1 };
  if (database === ':memory:' || maxConnections === 1) return [writer];
  return [writer, { name: 'replica', role: 'replica', min: Math.max(0, minConnections - 1), max: maxConnections - 1 }];
}
