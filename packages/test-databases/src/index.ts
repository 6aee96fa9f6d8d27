/** Real servers for tests, scripts and benches. `./vitest` has what test files use. */
export { startPostgres, SECURED_USER, type PostgresOptions } from './postgres.ts';
export { startMariaDb, type MariaDbOptions } from './mariadb.ts';
export type { Cluster, ServerCertificate } from './cluster.ts';
export type { ServerProcess } from './server-process.ts';
export { startFaultProxy, type FaultMode, type FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';
export { openAdmin, type Admin, type Session } from './admin.ts';
export { ReplayControl } from './replay-control.ts';
export { freePort } from './ports.ts';
export { databaseLabels, databasesAreRequired, findMissingDatabases, type DatabaseKind, type MissingDatabases } from './availability.ts';
export { TestDatabaseError, type TestDatabaseErrorCode } from './errors.ts';
