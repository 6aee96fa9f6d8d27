/** What test files use: suites per database, fresh databases, and the clusters behind them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { databaseLabels, databasesAreRequired, didNotRun, type DatabaseKind } from './availability.ts';
import type { ClusterInfo, DatabaseInfo } from './broker.ts';
import { TestDatabaseError } from './errors.ts';

export type { DatabaseKind } from './availability.ts';
export type { ClusterInfo } from './broker.ts';

export const allDatabases: readonly DatabaseKind[] = ['postgresql', 'mysql', 'sqlite'];

/** A new, empty database of its own for a test file or a test. */
export interface FreshDatabase {
  readonly kind: DatabaseKind;
  /** `postgres://`, `mysql://` or `sqlite:` with a file in a temporary folder. */
  readonly url: string;
  /** The replica's view of the same database; undefined for SQLite. */
  readonly replicaUrl: string | undefined;
  /** Name on the server, or the file of SQLite. */
  readonly name: string;
}

/** Whether tests may use this kind of database on this machine. */
export function databaseAvailable(kind: DatabaseKind): boolean {
  return missingReason(kind) === undefined;
}

/**
 * One suite per database, named `<name> on PostgreSQL` and so on. Where a database is missing, its suite is skipped and
 * counted at the end of the run; in CI (`CI=true` or `KAILASH_REQUIRE_DATABASES=1`) it fails.
 */
export function describeDatabases(name: string, kinds: readonly DatabaseKind[], suite: (kind: DatabaseKind) => void): void {
  for (const kind of kinds) {
    const title = `${name} on ${databaseLabels[kind]}`;
    const reason = missingReason(kind);
    if (reason === undefined) describe(title, () => suite(kind));
    else if (databasesAreRequired()) describeFailing(title, kind, reason, suite);
    else describe.skip(`${title}: ${didNotRun(kind)}`, () => suite(kind));
  }
}

function describeFailing(title: string, kind: DatabaseKind, reason: string, suite: (kind: DatabaseKind) => void): void {
  describe(title, () => {
    beforeAll(() => {
      throw new TestDatabaseError('TEST_DATABASE_MISSING', `${databaseLabels[kind]} is missing, and CI needs every database: ${reason}`);
    });
    suite(kind);
  });
}

/**
 * Makes an empty database on the run's cluster, which is started if this is the first call. Nobody needs to drop it: it ends
 * with the cluster. A SQLite file is removed after the test file's last test, so call it inside `beforeAll` or a test.
 */
export async function freshDatabase(kind: DatabaseKind): Promise<FreshDatabase> {
  if (kind === 'sqlite') return freshFile();
  const { name, url, replicaUrl } = (await ask(`${kind}/fresh`)) as DatabaseInfo;
  return { kind, name, url, replicaUrl };
}

/** The run's shared cluster. Do not stop or break it: start a private one (`startPostgres`, `startMariaDb`) for that. */
export async function sharedCluster(kind: 'postgresql' | 'mysql'): Promise<ClusterInfo> {
  return (await ask(`${kind}/cluster`)) as ClusterInfo;
}

const sqliteFolders: string[] = [];
afterAll(() => {
  for (const folder of sqliteFolders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFile(): FreshDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'kailash-sqlite-'));
  sqliteFolders.push(folder);
  const file = join(folder, 'test.db');
  return { kind: 'sqlite', url: `sqlite:${file}`, replicaUrl: undefined, name: file };
}

function missingReason(kind: DatabaseKind): string | undefined {
  return provided().missing[kind];
}

function provided(): { readonly brokerUrl: string; readonly missing: Partial<Record<DatabaseKind, string>> } {
  const offer = inject('testDatabases') as ReturnType<typeof provided> | undefined;
  if (offer) return offer;
  throw new TestDatabaseError(
    'TEST_DATABASE_SETUP_MISSING',
    "Database tests need globalSetup: ['packages/test-databases/src/vitest-setup.ts'] in vitest.config.ts.",
  );
}

async function ask(path: string): Promise<unknown> {
  const response = await fetch(`${provided().brokerUrl}/${path}`);
  const body = (await response.json()) as { message?: string };
  if (!response.ok) throw new TestDatabaseError('TEST_DATABASE_UNREACHABLE', body.message ?? 'The test databases gave no answer.');
  return body;
}
