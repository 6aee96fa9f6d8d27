/** What is asked of a pool, and how its process is told. */

/** How a pool is opened. The same everywhere, as far as a pool has it. */
export interface OpenOptions {
  readonly url: string;
  /** Most connections. */
  readonly connections: number;
  /** Idle connections to begin with; a pool that cannot fill itself is filled by queries. */
  readonly minConnections?: number;
  /** Addresses of replicas, for subjects that read from them. */
  readonly replicas?: readonly string[];
  /** Limit for a call, from asking to answer. Pools that have only limits for parts get it for each of them. */
  readonly timeoutMs?: number;
  /** Which way of using the subject: `named`, `lease`. Its own words. */
  readonly variant?: string;
}

/** A pool, as far as the bench knows it. Methods return the subject's own promise: no layer of ours is measured. */
export interface OpenedPool {
  /** Takes a connection and gives it back. */
  cycle(): Promise<unknown>;
  /** Runs a statement as the variant says. */
  run(sql: string, params: readonly unknown[]): Promise<unknown>;
  /** The rows in what `run` gave. */
  rows(result: unknown): readonly unknown[];
  /** Which part of the reads replicas served since it was opened, 0 to 1; of subjects that know. */
  readsOnReplicas?(): number;
  close(): Promise<unknown>;
}

/** What a subject's module exports as `subject`. */
export interface PoolSubject {
  open(options: OpenOptions): OpenedPool | Promise<OpenedPool>;
}

/** For pools of resources that are no connections. */
export function withoutStatements(cycle: () => Promise<unknown>, close: () => Promise<unknown>): OpenedPool {
  return { cycle, close, run: () => Promise.reject(new Error('No statements here.')), rows: () => [] };
}

/** Jobs of a subject's process. Each is done on a pool opened with `open`, which stays open for the next job with the same. */
export type Job = { readonly open: OpenOptions } & (
  | { readonly kind: 'cycles'; readonly callers: number; readonly minMs: number }
  /** Reads one row by its key, over and over. */
  | { readonly kind: 'selects'; readonly sql: string; readonly callers: number; readonly minMs: number }
  /**
   * What an application does: reads by key, joins and updates, in these shares (0 to 1; the rest reads by key), at random. The tables are
   * those of `createShop`.
   */
  | { readonly kind: 'mixed'; readonly joins: number; readonly writes: number; readonly callers: number; readonly minMs: number }
  /** Statements that break a unique constraint, one after the other. */
  | { readonly kind: 'violations'; readonly sql: string; readonly count: number }
  /** Callers that all come at once, when only the idle connections are open. */
  | { readonly kind: 'spike'; readonly callers: number }
  /** A call every so often, whatever became of the ones before. */
  | { readonly kind: 'calls'; readonly everyMs: number; readonly count: number; readonly giveUpMs: number }
  /** Opens a pool that no job before had, and fills it. */
  | { readonly kind: 'fill' }
  | { readonly kind: 'close' }
);

/** Answer of a subject's process; each kind of job fills its own part. */
export interface JobResult {
  readonly count?: number;
  readonly totalMs?: number;
  /** CPU time of the process meanwhile, all threads: what other work on the machine hardly changes. */
  readonly cpuMs?: number;
  /** Microseconds of one cycle or statement, waiting included. */
  readonly p50Us?: number;
  readonly p95Us?: number;
  readonly p99Us?: number;
  /** Which part of the reads replicas served so far, 0 to 1. */
  readonly readsOnReplicas?: number;
  /** Longest call, and how many had no answer when the bench gave up on them. */
  readonly longestMs?: number;
  readonly unanswered?: number;
  readonly failed?: number;
  /** What the failures said, each once. */
  readonly reasons?: readonly string[];
}

/** Rows of the table `account`. */
export const ACCOUNTS = 10_000;
