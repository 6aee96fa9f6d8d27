/** A router over a primary and its replicas, whose replay a test can stop. */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';
import {
  openAdmin,
  ReplayControl,
  startMariaDb,
  startPostgres,
  TestDatabaseError,
  type Admin,
  type Cluster,
} from '@kailash-ts/test-databases';
import { setTimeout as pause } from 'node:timers/promises';
import type { RouterOptions } from '../config.ts';
import { QueryRouterNode } from '../node.ts';
import { catchUp } from './caught-up.ts';

/**
 * Commits wait for the log, which is not forced to the disk: replicas follow within milliseconds, as in production.
 * @param more settings of PostgreSQL
 */
export async function startCluster(kind: Cluster['kind'], replicas: number, more: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const settings = { synchronous_commit: 'local', ...more };
  const cluster = await (kind === 'postgresql' ? startPostgres({ replicas, settings }) : startMariaDb({ replicas }));
  await untilReplicasAreThere(cluster);
  return cluster;
}

/** To a pool, a database that is not there yet would be a wrong configuration. */
export async function untilReplicasAreThere({ url, replicas }: Cluster): Promise<void> {
  for (const { port } of replicas) await untilThere(url, port);
}

/** Longer than a replica is ever behind. */
const LATEST_MS = 60_000;

async function untilThere(primaryUrl: string, port: number): Promise<void> {
  const url = new URL(primaryUrl);
  url.port = String(port);
  const giveUpAt = performance.now() + LATEST_MS;
  for (;;) {
    try {
      return await (await openAdmin(url.href))[Symbol.asyncDispose]();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await pause(20);
  }
}

export interface ReplicatedOptions {
  readonly pool?: Partial<PoolOptions>;
  readonly router?: Partial<RouterOptions>;
}

/** What a statement fails with; undefined when it does not fail. */
export async function failureOf(work: Promise<unknown>): Promise<(Error & { readonly code?: string }) | undefined> {
  return work.then(
    () => undefined,
    (error: Error) => error,
  );
}

/** `3 x lost, 1 x idle`. */
export function tallyText(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts.size === 0 ? 'none' : [...counts].map(([word, count]) => `${count} x ${word}`).join(', ');
}

/** Measures in whole milliseconds. */
export function stopwatch(): () => number {
  const startedAt = performance.now();
  return () => Math.round(performance.now() - startedAt);
}

/** Owned by the test, which closes it. */
export class Replicated implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly pool: WorkflowConnectionPool;
  readonly router: QueryRouterNode;
  readonly runtime = new Runtime();
  readonly replay: ReplayControl;

  constructor(cluster: Cluster, { pool, router }: ReplicatedOptions = {}) {
    this.cluster = cluster;
    this.replay = new ReplayControl(cluster);
    this.pool = new WorkflowConnectionPool({
      name: 'db_pool',
      connectionString: cluster.url,
      replicas: cluster.replicas.map(({ port }) => `127.0.0.1:${port}`),
      minConnections: 1,
      maxConnections: 4,
      closeGraceMs: 200,
      lagCheckIntervalMs: 50,
      ...pool,
    });
    this.router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...router });
    this.runtime.registerNode('db_pool', this.pool).registerNode('router', this.router);
  }

  admin(replica: number): Promise<Admin> {
    return this.replay.admin(replica);
  }

  pauseReplay(replica: number): Promise<void> {
    return this.replay.pause(replica);
  }

  resumeReplay(replica: number): Promise<void> {
    return this.replay.resume(replica);
  }

  /** Which server reads for this session now, and what it sees. */
  async read(query: string, sessionId?: string): Promise<{ readonly host: string; readonly row: Record<string, unknown> | null }> {
    const { data, routingMetadata } = await this.router.process({ query, fetchMode: 'one', sessionId });
    return { host: routingMetadata.host, row: data };
  }

  /** Waits until all replicas may serve a caller without a past. */
  async untilCaughtUp(): Promise<void> {
    if (!(await catchUp(this.pool)))
      throw new TestDatabaseError('TEST_DATABASE_UNREACHABLE', 'The replicas do not catch up with their primary.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime.close();
    await this.replay[Symbol.asyncDispose]();
  }
}
