/** Which databases this machine can give to tests; cheap, nothing is started. */
import { findMariaDb, findPostgres } from './binaries.ts';
import { mariaDbMissingReason } from './mariadb.ts';
import { postgresMissingReason } from './postgres.ts';

/** Names as in a pool's `databaseType`; `mysql` is MariaDB here. */
export type DatabaseKind = 'postgresql' | 'mysql' | 'sqlite';

export const databaseLabels: Readonly<Record<DatabaseKind, string>> = { postgresql: 'PostgreSQL', mysql: 'MariaDB', sqlite: 'SQLite' };

/** In the name of a suite that is skipped because its database is missing; the count at the end of a run goes by it. @internal */
export const didNotRun = (kind: DatabaseKind): string => `did not run, ${databaseLabels[kind]} is missing`;

/** Why a database is missing, by kind; one that is there has no entry. SQLite comes from npm and is always there. */
export type MissingDatabases = Partial<Record<DatabaseKind, string>>;

/** Looks once. `KAILASH_WITHOUT_DATABASES=mysql,postgresql` pretends that some are missing, to see what a bare machine sees. */
export function findMissingDatabases(): MissingDatabases {
  const without = (process.env['KAILASH_WITHOUT_DATABASES'] ?? '').split(',');
  const missing: MissingDatabases = {};
  for (const kind of ['postgresql', 'mysql'] as const) {
    if (without.includes(kind)) missing[kind] = 'KAILASH_WITHOUT_DATABASES says so.';
    else if (kind === 'postgresql' && !findPostgres()) missing[kind] = postgresMissingReason;
    else if (kind === 'mysql' && !findMariaDb()) missing[kind] = mariaDbMissingReason;
  }
  return missing;
}

/** In CI a missing database is a failure, elsewhere its tests are skipped and counted. */
export function databasesAreRequired(): boolean {
  const { CI, KAILASH_REQUIRE_DATABASES } = process.env;
  return isOn(KAILASH_REQUIRE_DATABASES ?? CI);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
