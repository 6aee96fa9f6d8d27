/**
 * The checker of stale reads: sessions write and read back what they wrote, while the replay of two replicas stops and goes on at random
 * moments. For `campaign stale-reads` and `bench router`, so that only types are imported here.
 */
import type { ConnectionPool, Row } from '@kailash-ts/connection-pool/contract';
import type { ReplayControl } from '@kailash-ts/test-databases';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueryRouterNode } from '../node.ts';
import type { RouterResult } from '../messages.ts';
import { catchUp } from './caught-up.ts';
import { randomFrom } from './random.ts';

const SESSIONS = 32;
const READS_PER_WRITE = 5;
/** How many of the reads are also done on any replica. */
const COMPARED = 20;
const REPLICAS = [0, 1] as const;

export interface StaleReadsOptions {
  readonly router: Pick<QueryRouterNode, 'process'>;
  /** With both replicas. */
  readonly pool: ConnectionPool;
  readonly replay: Pick<ReplayControl, 'pause' | 'resume'>;
  /** Reads to check. */
  readonly checks: number;
}

export interface StaleReads {
  readonly checks: number;
  readonly sessions: number;
  readonly writes: number;
  /** Reads that did not show the session's last write. */
  readonly stale: number;
  /** Reads by the name of the server that served them. */
  readonly byHost: Readonly<Record<string, number>>;
  readonly onReplicas: number;
  /** Of `compared` reads on any replica at the same moments. */
  readonly staleWithoutRouter: number;
  readonly compared: number;
  readonly elapsedMs: number;
  /** For which part of the time the replay of each replica stood, 0 to 1. */
  readonly stoodShares: readonly number[];
}

/** Creates a table `mine` in the empty database, and plays. */
export async function checkStaleReads(options: StaleReadsOptions): Promise<StaleReads> {
  await prepare(options);
  const play = new Play(options);
  const startedAt = performance.now();
  const disturbing = REPLICAS.map((replica) => play.disturb(replica));
  try {
    await Promise.all(Array.from({ length: SESSIONS }, (_, id) => play.session(id)));
  } finally {
    play.isOver = true;
  }
  const stood = await Promise.all(disturbing);
  const elapsedMs = performance.now() - startedAt;
  const { checks, writes, stale, byHost, staleWithoutRouter, compared } = play;
  const onReplicas = checks - (byHost['primary'] ?? 0);
  const stoodShares = stood.map((ms) => ms / elapsedMs);
  return { checks, sessions: SESSIONS, writes, stale, byHost, onReplicas, staleWithoutRouter, compared, elapsedMs, stoodShares };
}

/** Both replicas have caught up afterwards, if they ever do. */
async function prepare({ router, pool }: StaleReadsOptions): Promise<void> {
  await router.process({ query: 'CREATE TABLE mine (id integer PRIMARY KEY, n integer)' });
  const rows = Array.from({ length: SESSIONS }, (_, id) => [id]);
  await router.process({ query: 'INSERT INTO mine (id, n) VALUES (?, 0)', parameterSets: rows });
  await catchUp(pool);
}

class Play {
  readonly #options: StaleReadsOptions;
  readonly #random = randomFrom(20_261_124);
  readonly byHost: Record<string, number> = {};
  checks = 0;
  writes = 0;
  stale = 0;
  compared = 0;
  staleWithoutRouter = 0;
  isOver = false;

  constructor(options: StaleReadsOptions) {
    this.#options = options;
  }

  /** Stops and resumes the replay of one replica until the play is over. @returns how long it stood, in all */
  async disturb(replica: number): Promise<number> {
    const { replay } = this.#options;
    let stoodMs = 0;
    while (!this.isOver) {
      await pause(20 + this.#random() * 150);
      const startedAt = performance.now();
      await replay.pause(replica);
      await pause(this.#random() * 200);
      await replay.resume(replica);
      stoodMs += performance.now() - startedAt;
    }
    return stoodMs;
  }

  /** Every fourth write in a transaction, every fourth session as a run. */
  async session(id: number): Promise<void> {
    const { router, checks } = this.#options;
    const context =
      id % 4 === 3 ? ({ runId: `run-${id}`, nodeId: 'n', attempt: 1, signal: new AbortController().signal } as never) : undefined;
    const sessionId = context && id % 8 === 7 ? undefined : `session-${id}`;
    const run = (query: string, parameters?: unknown[]) => router.process({ query, parameters, sessionId }, context);
    for (let n = 1; this.checks < checks; n++) {
      const inTransaction = n % 4 === 0 && sessionId !== undefined;
      if (inTransaction) await run('BEGIN');
      await run('UPDATE mine SET n = ? WHERE id = ?', [n, id]);
      if (inTransaction) await run('COMMIT');
      this.writes += 1;
      for (let read = 0; read < READS_PER_WRITE && this.checks < checks; read++) {
        const check = (this.checks += 1);
        if (read > 0) await pause(this.#random() * 20);
        const { data, routingMetadata } = (await run('SELECT n FROM mine WHERE id = ?', [id])) as RouterResult<readonly Row[]>;
        this.byHost[routingMetadata.host] = (this.byHost[routingMetadata.host] ?? 0) + 1;
        if (data[0]!['n'] !== n) this.stale += 1;
        if (check % COMPARED === 0) await this.#compare(id, n);
      }
    }
  }

  async #compare(id: number, n: number): Promise<void> {
    this.compared += 1;
    const anywhere = await this.#options.pool.query('SELECT n FROM mine WHERE id = ?', [id], { role: 'replica' });
    if (anywhere.data[0]!['n'] !== n) this.staleWithoutRouter += 1;
  }
}
