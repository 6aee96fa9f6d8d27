/**
 * Fault scenarios: what goes wrong, on which databases, and in words what came of it. Each is an ordinary test; what it returns is
 * kept with the test's result, from which `scripts/scenario-table.ts` makes the table of the guide.
 */
import { afterAll, it } from 'vitest';
import { openAdmin, type Admin } from './admin.ts';
import { databaseLabels, type DatabaseKind } from './availability.ts';
import { createDatabase, describeCluster, type ClusterInfo } from './broker.ts';
import type { Cluster } from './cluster.ts';
import { TestDatabaseError } from './errors.ts';
import { startMariaDb } from './mariadb.ts';
import { startPostgres } from './postgres.ts';
import { describeDatabases, freshDatabase, sharedCluster } from './vitest.ts';

/** What a scenario's test leaves behind. */
export interface ScenarioRecord {
  readonly number: number;
  readonly title: string;
  /** Undefined for one that was left out. */
  readonly database?: string;
  readonly outcome: string;
}

declare module 'vitest' {
  interface TaskMeta {
    scenario?: ScenarioRecord;
  }
}

/** Where a scenario takes place: a database of its own, empty. */
export interface Scene {
  readonly kind: DatabaseKind;
  readonly url: string;
  /** Name on the server, or the file of SQLite. */
  readonly database: string;
  /** Undefined for SQLite. */
  readonly replicaUrl: string | undefined;
  /** The servers, to be broken; they run again for the next scenario. @throws TestDatabaseError without servers of its own */
  readonly cluster: Cluster;
  /** An administrator of the primary, closed afterwards. */
  admin(): Promise<Admin>;
  /** Done after the scenario, last one first, whatever its end. */
  defer(action: () => unknown): void;
}

export interface ScenarioOptions {
  readonly on: readonly DatabaseKind[];
  /**
   * `private`: servers of this test file alone, which run again for its next scenario whatever is done to them. `own`: of this scenario
   * alone, whose roles it may change. Default: those of the whole run.
   */
  readonly servers?: 'shared' | 'private' | 'own';
  /** With `own` servers; default 1. */
  readonly replicas?: number;
  /** Default 30 s, as every test with a database. */
  readonly timeoutMs?: number;
}

/**
 * Declares a scenario by its number in the list of scenarios. Number and title must be literals: they are also read from the text.
 * @param run returns the outcome in words, with the figures that were seen
 */
export function scenario(number: number, title: string, options: ScenarioOptions, run: (scene: Scene) => Promise<string>): void {
  describeDatabases('fault scenarios', options.on, (kind) => {
    const name = `scenario ${number}: ${title} on ${databaseLabels[kind]}`;
    it(name, { timeout: options.timeoutMs ?? 30_000 }, async ({ task }) => {
      const endings: (() => unknown)[] = [];
      try {
        const scene = await setScene(kind, options, endings);
        task.meta.scenario = { number, title, database: databaseLabels[kind], outcome: await run(scene) };
      } finally {
        for (const end of endings.reverse()) await end();
      }
    });
  });
}

/** A scenario that is not played, or not here: the reason stands in the table, and is printed. */
export function leftOut(number: number, title: string, reason: string): void {
  it(`scenario ${number}: ${title}`, ({ task, skip }) => {
    task.meta.scenario = { number, title, outcome: reason };
    skip(`left out: ${reason}`);
  });
}

async function setScene(kind: DatabaseKind, options: ScenarioOptions, endings: (() => unknown)[]): Promise<Scene> {
  const { servers = 'shared', replicas = 1 } = options;
  const cluster =
    kind === 'sqlite' || servers === 'shared' ? undefined : await (servers === 'own' ? startCluster(kind, replicas) : privateCluster(kind));
  if (cluster) endings.push(() => (servers === 'own' ? cluster.stop() : bothRunning(cluster)));
  const database = cluster ? { ...(await createDatabase(cluster)), kind } : await freshDatabase(kind);
  return {
    kind,
    url: database.url,
    database: database.name,
    replicaUrl: database.replicaUrl,
    get cluster() {
      if (cluster) return cluster;
      throw new TestDatabaseError(
        'TEST_DATABASE_MISSING',
        "This scenario has no servers of its own. Declare it with servers: 'private' or 'own'.",
      );
    },
    admin: async () => {
      const { adminUrl } = await infoOf(kind, cluster);
      const admin = await openAdmin(adminUrl);
      endings.push(() => admin[Symbol.asyncDispose]());
      return admin;
    },
    defer: (action) => void endings.push(action),
  };
}

async function infoOf(kind: DatabaseKind, cluster: Cluster | undefined): Promise<ClusterInfo> {
  if (cluster) return describeCluster(cluster);
  if (kind !== 'sqlite') return sharedCluster(kind);
  throw new TestDatabaseError('TEST_DATABASE_MISSING', 'SQLite has no administrator.');
}

/** Started by the file's first scenario that wants it. */
const privateClusters = new Map<DatabaseKind, Promise<Cluster>>();

function privateCluster(kind: 'postgresql' | 'mysql'): Promise<Cluster> {
  const known = privateClusters.get(kind);
  if (known) return known;
  const starting = startCluster(kind, 1);
  privateClusters.set(kind, starting);
  return starting;
}

function startCluster(kind: 'postgresql' | 'mysql', replicas: number): Promise<Cluster> {
  return kind === 'postgresql' ? startPostgres({ replicas }) : startMariaDb({ replicas });
}

async function bothRunning(cluster: Cluster): Promise<void> {
  for (const server of [cluster.primary, ...cluster.replicas]) {
    server.signal('SIGCONT');
    await server.start();
  }
}

afterAll(async () => {
  const started = await Promise.allSettled(privateClusters.values());
  await Promise.all(started.map(async (result) => result.status === 'fulfilled' && (await result.value.stop())));
});
