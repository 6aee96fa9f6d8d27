/** The pool: lends connections, runs statements on them, takes them back clean. */
import { systemClock, type Clock } from '@kailash-ts/core';
import { milliseconds, parsePoolConfig, type PoolConfig, type PoolOptions } from './config.ts';
import type {
  AcquireOptions,
  ConnectionPool,
  Dialect,
  ExecuteManyOptions,
  ExecuteManyResult,
  ExecuteOptions,
  ExecuteResult,
  InitializeResult,
  Lease,
  Params,
  QueryConstraints,
  ReleaseResult,
  Row,
} from './contract.ts';
import type { Driver, DriverResult } from './driver.ts';
import { loadDriver, planHosts } from './drivers/select.ts';
import type { Entry } from './entry.ts';
import { LeaseReleasedError, LeaseUnknownError, PoolAbortedError, PoolClosedError, RunFinishedError } from './errors.ts';
import { Host } from './host.ts';
import { PoolLease } from './lease.ts';
import { bindBatch, bindStatement } from './parameters.ts';
import { Runs } from './runs.ts';
import { poolStats, poolStatus } from './snapshot.ts';
import { PoolCounters, type PoolStats, type PoolStatus } from './stats.ts';

/** For tests: time, and another driver. */
export interface PoolInternals {
  readonly clock?: Clock;
  readonly loadDriver?: (config: PoolConfig) => Driver | Promise<Driver>;
}

type AnyResult = ExecuteResult<readonly Row[] | Row | null>;

/**
 * A pool of connections to one database. Modes: new -> (first use) -> running -> (close) -> closed.
 *
 * Loads its driver and opens connections at first use. Owned by whoever made it, who closes it: `await using`, `close()`, or the
 * runtime that it is registered with.
 */
export class Pool implements ConnectionPool, AsyncDisposable {
  readonly name: string;
  readonly dialect: Dialect;
  readonly hasReplicas: boolean;
  /** The checked configuration; printing it shows no secret. */
  readonly config: PoolConfig;
  readonly #clock: Clock;
  readonly #loadDriver: (config: PoolConfig) => Driver | Promise<Driver>;
  readonly #counters = new PoolCounters();
  readonly #leases = new Map<string, PoolLease>();
  readonly #runs = new Runs();
  readonly #startedAt: number;
  #issuedLeases = 0;
  #hosts: readonly Host[] = [];
  #driver: Promise<Driver> | undefined;
  #initialized = false;
  #closing: Promise<void> | undefined;

  /** @throws PoolConfigError listing every problem. */
  constructor(options: PoolOptions, internals: PoolInternals = {}) {
    this.config = parsePoolConfig(options);
    this.name = this.config.name;
    this.dialect = this.config.databaseType;
    this.hasReplicas = planHosts(this.config).some((host) => host.role === 'replica');
    this.#clock = internals.clock ?? systemClock;
    this.#loadDriver = internals.loadDriver ?? loadDriver;
    this.#startedAt = this.#clock.now();
  }

  async initialize(): Promise<InitializeResult> {
    const { minConnections, maxConnections, adaptiveSizing, enableQueryRouting } = this.config;
    const status = this.#initialized ? 'already_initialized' : 'initialized';
    if (!this.#initialized) await this.#openFirst();
    return { status, minConnections, maxConnections, adaptiveSizing, queryRouting: enableQueryRouting };
  }

  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    return this.#acquire(options);
  }

  async execute(
    lease: Lease | string,
    sql: string,
    params: Params | undefined,
    options: ExecuteOptions & { fetchMode: 'one' },
  ): Promise<ExecuteResult<Row | null>>;
  async execute(
    lease: Lease | string,
    sql: string,
    params?: Params,
    options?: ExecuteOptions & { fetchMode?: 'all' },
  ): Promise<ExecuteResult>;
  async execute(lease: Lease | string, sql: string, params?: Params, options?: ExecuteOptions): Promise<AnyResult>;
  async execute(lease: Lease | string, sql: string, params?: Params, options: ExecuteOptions = {}): Promise<AnyResult> {
    return this.#execute(this.#held(lease), sql, params, options, 0);
  }

  async release(lease: Lease | string): Promise<ReleaseResult> {
    return this.#release(this.#held(lease), 'it was released');
  }

  async query(
    sql: string,
    params: Params | undefined,
    constraints: QueryConstraints & { fetchMode: 'one' },
  ): Promise<ExecuteResult<Row | null>>;
  async query(sql: string, params?: Params, constraints?: QueryConstraints & { fetchMode?: 'all' }): Promise<ExecuteResult>;
  async query(sql: string, params?: Params, constraints?: QueryConstraints): Promise<AnyResult>;
  async query(sql: string, params?: Params, constraints: QueryConstraints = {}): Promise<AnyResult> {
    const startedAt = this.#clock.now();
    const lease = await this.#acquire(constraints);
    try {
      const result = await this.#execute(lease, sql, params, this.#restOf(constraints, startedAt), lease.waitTimeMs);
      return { ...result, connectionId: lease.connectionId };
    } finally {
      await this.#releaseAfterUse(lease);
    }
  }

  async executeMany(
    sql: string,
    rows: readonly Params[],
    options: ExecuteManyOptions & { readonly lease?: Lease | string } = {},
  ): Promise<ExecuteManyResult> {
    const startedAt = this.#clock.now();
    if (options.lease !== undefined) return this.#executeMany(this.#held(options.lease), sql, rows, options, 0);
    const lease = await this.#acquire(options);
    try {
      const result = await this.#executeMany(lease, sql, rows, this.#restOf(options, startedAt), lease.waitTimeMs);
      return { ...result, connectionId: lease.connectionId };
    } finally {
      await this.#releaseAfterUse(lease);
    }
  }

  async withConnection<T>(use: (lease: Lease) => Promise<T>, options: AcquireOptions = {}): Promise<T> {
    const lease = await this.#acquire(options);
    try {
      return await use(lease);
    } finally {
      await this.#releaseAfterUse(lease);
    }
  }

  lease(id: string): Lease {
    return this.#held(id);
  }

  stats(): PoolStats {
    const uptimeSeconds = (this.#clock.now() - this.#startedAt) / 1000;
    return poolStats(this.name, uptimeSeconds, this.#counters, this.#hosts);
  }

  getStatus(): PoolStatus {
    return poolStatus(this.#hosts);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A run begins; its id may have been used before. */
  beginRun(runId: string): void {
    this.#runs.begin(runId);
  }

  /** A run is over: what it still runs is cancelled, what is open is rolled back, its leases and places in line are given up. */
  async endRun(runId: string): Promise<void> {
    const leases = this.#runs.finish(runId);
    for (const host of this.#hosts) host.dismiss(runId, () => new RunFinishedError(this.name, runId));
    await Promise.all(
      leases.map((lease) => {
        lease.entry.interrupt(new RunFinishedError(this.name, runId));
        return this.#release(lease, 'its run is over');
      }),
    );
  }

  async #acquire(options: AcquireOptions): Promise<PoolLease> {
    const startedAt = this.#clock.now();
    this.#refuseIfOver(options);
    if (this.#hosts.length === 0) await this.#start();
    this.#refuseIfOver(options);
    const host = this.#hostFor(options.role);
    const idle = host.take(options.prefer);
    const limit = options.timeoutMs ?? milliseconds(this.config.acquireTimeoutMs);
    const entry = idle ?? (await host.wait(options, Math.max(1, limit - (this.#clock.now() - startedAt))));
    const { runId } = options;
    if (runId !== undefined && this.#runs.isFinished(runId)) {
      host.giveBack(entry);
      throw new RunFinishedError(this.name, runId);
    }
    return this.#lend(entry, host, runId, this.#clock.now() - startedAt);
  }

  #lend(entry: Entry, host: Host, runId: string | undefined, waitTimeMs: number): PoolLease {
    this.#counters.waits.add(waitTimeMs);
    const id = `${entry.id}#${++this.#issuedLeases}`;
    const lease = new PoolLease(id, entry, host, runId, waitTimeMs, (held) => this.#release(held, 'it was released'));
    entry.usableId = id;
    this.#leases.set(id, lease);
    this.#runs.add(lease);
    return lease;
  }

  #refuseIfOver({ runId, signal }: AcquireOptions): void {
    if (this.#closing) throw new PoolClosedError(this.name);
    if (signal?.aborted) throw new PoolAbortedError(`Waiting for a connection of pool "${this.name}"`, false, signal.reason);
    if (runId !== undefined && this.#runs.isFinished(runId)) throw new RunFinishedError(this.name, runId);
  }

  #hostFor(role: AcquireOptions['role']): Host {
    return (role === 'replica' ? this.#hosts.find((host) => host.plan.role === 'replica') : undefined) ?? this.#hosts[0]!;
  }

  async #start(): Promise<void> {
    const driver = await (this.#driver ??= Promise.resolve(this.#loadDriver(this.config)));
    if (this.#hosts.length > 0 || this.#closing) return;
    const { config } = this;
    this.#hosts = driver.hosts.map((plan) => new Host({ plan, driver, config, clock: this.#clock, counters: this.#counters }));
    this.#initialized = true;
    for (const host of this.#hosts) host.fill(host.plan.min);
  }

  /** Opens `min` of each host, at least one in all, so that a database that is not there is found out. */
  async #openFirst(): Promise<void> {
    await this.#start();
    this.#initialized = false;
    const limit = milliseconds(this.config.acquireTimeoutMs);
    const wanted = this.#hosts.flatMap((host, index) => Array.from({ length: Math.max(host.plan.min, index === 0 ? 1 : 0) }, () => host));
    const opened = await Promise.allSettled(
      wanted.map(async (host) => ({ host, entry: host.take(undefined) ?? (await host.wait({}, limit)) })),
    );
    // Only when all are there: one that goes back at once would be the next one's.
    for (const result of opened) if (result.status === 'fulfilled') result.value.host.giveBack(result.value.entry);
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
    this.#initialized = true;
  }

  #held(lease: Lease | string): PoolLease {
    const id = typeof lease === 'string' ? lease : lease.id;
    const held = this.#leases.get(id);
    if (held) return held;
    const reason = lease instanceof PoolLease ? lease.overBecause : undefined;
    const number = Number(/#(\d+)$/.exec(id)?.[1] ?? Infinity);
    if (reason !== undefined || number <= this.#issuedLeases) throw new LeaseReleasedError(this.name, id, reason ?? 'it was released');
    throw new LeaseUnknownError(this.name, id);
  }

  async #execute(
    lease: PoolLease,
    sql: string,
    params: Params | undefined,
    options: ExecuteOptions,
    waitTimeMs: number,
  ): Promise<AnyResult> {
    const statement = bindStatement(sql, params, this.dialect, options.prepare);
    const { result, executionTimeMs } = await this.#measure(lease, () => lease.entry.execute(statement, this.#limits(options)));
    return { ...toResult(result, options.fetchMode), executionTimeMs, waitTimeMs, connectionId: lease.id };
  }

  async #executeMany(
    lease: PoolLease,
    sql: string,
    rows: readonly Params[],
    options: ExecuteManyOptions,
    waitTimeMs: number,
  ): Promise<ExecuteManyResult> {
    const done = { success: true, waitTimeMs, connectionId: lease.id };
    if (rows.length === 0) return { ...done, rowCount: 0, executionTimeMs: 0 };
    const batch = bindBatch(sql, rows, this.dialect);
    const { result, executionTimeMs } = await this.#measure(lease, () => lease.entry.executeMany(batch, this.#limits(options)));
    return { ...done, rowCount: result, executionTimeMs };
  }

  async #measure<T>(lease: PoolLease, work: () => Promise<T>): Promise<{ result: T; executionTimeMs: number }> {
    const startedAt = this.#clock.now();
    this.#counters.executed += 1;
    try {
      const result = await work();
      const executionTimeMs = this.#clock.now() - startedAt;
      this.#counters.queryTimes.add(executionTimeMs);
      lease.entry.latencies.add(executionTimeMs);
      return { result, executionTimeMs };
    } catch (error) {
      this.#counters.errors += 1;
      throw error;
    }
  }

  #limits({ signal, timeoutMs }: ExecuteOptions): { signal: AbortSignal | undefined; timeoutMs: number } {
    return { signal, timeoutMs: timeoutMs ?? milliseconds(this.config.statementTimeoutMs) };
  }

  /** A `timeoutMs` of `query` covers waiting and running: what is left of it. */
  #restOf<T extends ExecuteOptions>(options: T, startedAt: number): T {
    if (options.timeoutMs === undefined) return options;
    return { ...options, timeoutMs: Math.max(1, options.timeoutMs - (this.#clock.now() - startedAt)) };
  }

  /** The end of the run may have released it already. */
  async #releaseAfterUse(lease: PoolLease): Promise<void> {
    if (!lease.released) await this.#release(lease, 'it was released');
  }

  async #release(lease: PoolLease, reason: string): Promise<ReleaseResult> {
    const { entry, host } = lease;
    lease.overBecause = reason;
    this.#leases.delete(lease.id);
    this.#runs.remove(lease);
    const clean = await this.#clean(entry);
    if (clean) host.giveBack(entry);
    else {
      this.#counters.recycled += 1;
      host.discard(entry);
    }
    return { status: clean ? 'released' : 'recycled', connectionId: lease.id };
  }

  /** Within `resetTimeoutMs`, or not at all: a connection that does not answer must not hold up its borrower. */
  async #clean(entry: Entry): Promise<boolean> {
    if (!entry.connection.usable) return false;
    if (entry.isClean) return true;
    if (entry.state !== 'gone') entry.state = 'cleaning';
    const limit = milliseconds(this.config.resetTimeoutMs);
    let stopTimer: (() => void) | undefined;
    const overdue = new Promise<boolean>((resolve) => {
      if (Number.isFinite(limit)) stopTimer = this.#clock.setTimer(() => resolve(false), limit);
    });
    const cleaned = entry.reset().then(
      () => entry.connection.usable && entry.connection.clean,
      () => false,
    );
    const clean = await Promise.race([cleaned, overdue]);
    stopTimer?.();
    return clean;
  }

  async #close(): Promise<void> {
    const graceMs = milliseconds(this.config.closeGraceMs);
    const driver = await this.#driver?.catch(() => undefined);
    await Promise.all(this.#hosts.map((host) => host.close(graceMs)));
    for (const lease of this.#leases.values()) {
      lease.overBecause = 'its pool was closed';
      this.#runs.remove(lease);
    }
    this.#leases.clear();
    await driver?.close();
  }
}

function toResult(
  result: DriverResult,
  fetchMode: ExecuteOptions['fetchMode'],
): Omit<AnyResult, 'executionTimeMs' | 'waitTimeMs' | 'connectionId'> {
  const { rows, rowCount, fields, lastInsertId } = result;
  return {
    success: true,
    data: fetchMode === 'one' ? (rows[0] ?? null) : rows,
    rowCount,
    ...(lastInsertId !== undefined && { lastInsertId }),
    fields,
  };
}
