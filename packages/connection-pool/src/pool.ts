/** The pool: lends connections, runs statements on them, takes them back clean. */
import { systemClock, type Clock } from '@kailash-ts/core';
import { Ahead } from './ahead.ts';
import type { AdjustResult, ComprehensiveStatus, ExportedMetrics, PoolStatistics, PoolStats, PoolStatus } from './answers.ts';
import { milliseconds, parsePoolConfig, type PoolConfig, type PoolOptions } from './config.ts';
import type {
  AcquireOptions,
  ConnectionPool,
  Dialect,
  ExecuteManyOptions,
  ExecuteManyResult,
  ExecuteOptions,
  ExecuteResult,
  ExpectedStatement,
  InitializeResult,
  Lease,
  Params,
  PoolHost,
  QueryConstraints,
  ReleaseResult,
  Row,
  StreamOptions,
  TransactionOptions,
} from './contract.ts';
import type { Driver } from './driver.ts';
import { loadDriver, planHosts } from './drivers/select.ts';
import { PoolClosedError, PoolOptionsError, RunFinishedError } from './errors.ts';
import { checkEventName, PoolEventBus, type PoolEventName, type PoolEvents } from './events.ts';
import { holderHere } from './held-leases.ts';
import { Lending } from './lending.ts';
import type { PoolLease } from './lease.ts';
import { PoolMetrics } from './metrics.ts';
import { ownStatements, withShortLease } from './short-lease.ts';
import { textToPrepare } from './parameters.ts';
import { workUnder } from './leased-work.ts';
import { checkFunction, checkOptions } from './options.ts';
import { LiveSettings } from './live-settings.ts';
import type { PoolParts } from './parts.ts';
import { PrometheusExporter } from './prometheus.ts';
import { AdaptivePoolController, type LoadForecast } from './sizing/controller.ts';
import { comprehensiveStatus, gaugesOf, poolStatistics, poolStats, poolStatus, prometheusSource, type Subject } from './snapshot.ts';
import { Statements, type AnyResult } from './statements.ts';
import { streamRows } from './stream.ts';
import { PoolTelemetry, telemetryOptions } from './telemetry.ts';
import { leasesAhead } from './learning/leases-ahead.ts';
import { PatternsKept } from './learning/patterns-kept.ts';
import type { QueryPatternTracker } from './learning/query-pattern-tracker.ts';
import { runTransaction } from './transaction.ts';

/** For tests: time, chance, and another driver. */
export interface PoolInternals {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly loadDriver?: (config: PoolConfig) => Driver | Promise<Driver>;
}

const DEFAULT_FETCH_SIZE = 100;

/**
 * A pool of connections to one database. Modes: new -> (first use) -> running -> (close) -> closing -> closed.
 *
 * Loads its driver and opens connections at first use. Owned by whoever made it, who closes it: `await using`, `close()`, or the
 * runtime that it is registered with.
 */
export class Pool extends LiveSettings implements ConnectionPool, AsyncDisposable {
  readonly name: string;
  readonly dialect: Dialect;
  readonly hasReplicas: boolean;
  /** The checked configuration; printing it shows no secret. */
  readonly config: PoolConfig;
  readonly #parts: PoolParts;
  readonly #statements: Statements;
  readonly #lending: Lending;
  readonly #exporter: PrometheusExporter;
  readonly #forecast: LoadForecast;
  readonly #patterns: PatternsKept;
  #mode: Subject['mode'] = 'new';
  #closing: Promise<void> | undefined;

  /** @throws PoolConfigError listing every problem. */
  constructor(options: PoolOptions, internals: PoolInternals = {}) {
    const config = parsePoolConfig(options);
    super(config);
    this.config = config;
    this.name = config.name;
    this.dialect = config.databaseType;
    this.hasReplicas = planHosts(config).some((host) => host.role === 'replica');
    const clock = internals.clock ?? systemClock;
    const telemetry = new PoolTelemetry(telemetryOptions(config, () => gaugesOf(this.#subject)));
    const parts = {
      config,
      settings: this.settings,
      clock,
      random: internals.random ?? Math.random,
      metrics: new PoolMetrics(config.name, clock, telemetry),
      telemetry,
      events: new PoolEventBus(config.name),
    };
    this.#parts = { ...parts, ahead: new Ahead(parts) };
    this.#statements = new Statements(this.#parts);
    this.#exporter = new PrometheusExporter(prometheusSource(this.#parts, () => this.#subject));
    this.#forecast = (horizonMs) => leasesAhead(this.queryPatternTracker, this.#parts.metrics, horizonMs);
    this.#lending = new Lending(this.#parts, internals.loadDriver ?? loadDriver, this, this.#forecast);
    this.#patterns = new PatternsKept(this.#parts, ownStatements(this.#lending, this.#statements, this.#parts));
    this.sizingChanged();
    // A subclass has fields of its own to add.
    if (new.target === Pool) Object.freeze(this);
  }

  async initialize(): Promise<InitializeResult> {
    const { minConnections, maxConnections } = this.config;
    const { adaptiveSizing, enableQueryRouting } = this.settings;
    const status = this.#lending.isInitialized ? 'already_initialized' : 'initialized';
    this.#begin();
    await this.#lending.initialize();
    return { status, minConnections, maxConnections, adaptiveSizing, queryRouting: enableQueryRouting };
  }

  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    checkOptions('acquire', options);
    this.#begin();
    return this.#lend(options);
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
    options?: ExecuteOptions & { fetchMode?: 'all' | 'many' },
  ): Promise<ExecuteResult>;
  async execute(lease: Lease | string, sql: string, params?: Params, options?: ExecuteOptions): Promise<AnyResult>;
  async execute(lease: Lease | string, sql: string, params?: Params, options: ExecuteOptions = {}): Promise<AnyResult> {
    checkOptions('execute', options);
    const held = this.#lending.held(lease);
    const statement = this.#statements.bind(sql, params, options);
    return this.#statements.execute(held.entry, statement, options, this.#parts.clock.now(), 0, held.id);
  }

  async release(lease: Lease | string): Promise<ReleaseResult> {
    return this.#lending.release(this.#lending.held(lease), 'it was released');
  }

  query(sql: string, params: Params | undefined, constraints: QueryConstraints & { fetchMode: 'one' }): Promise<ExecuteResult<Row | null>>;
  query(sql: string, params?: Params, constraints?: QueryConstraints & { fetchMode?: 'all' | 'many' }): Promise<ExecuteResult>;
  query(sql: string, params?: Params, constraints?: QueryConstraints): Promise<AnyResult>;
  async query(sql: string, params?: Params, constraints: QueryConstraints = {}): Promise<AnyResult> {
    checkOptions('query', constraints);
    const statement = this.#statements.bind(sql, params, constraints);
    return await this.#withShortLease(constraints, (lease, startedAt) =>
      this.#statements.execute(lease.entry, statement, constraints, startedAt, lease.waitTimeMs, lease.connectionId),
    );
  }

  async executeMany(
    sql: string,
    rows: readonly Params[],
    options: ExecuteManyOptions & { readonly lease?: Lease | string } = {},
  ): Promise<ExecuteManyResult> {
    checkOptions('executeMany', options);
    if (!Array.isArray(rows)) throw new PoolOptionsError('executeMany', ['rows: must be a list of parameters, one for each row']);
    const held = options.lease === undefined ? undefined : this.#lending.held(options.lease);
    if (rows.length === 0) {
      if (!held) this.#begin();
      const connectionId = held?.id ?? '';
      return { success: true, rowCount: 0, executionTimeMs: 0, waitTimeMs: 0, connectionId };
    }
    const batch = this.#statements.bindMany(sql, rows);
    const run = (lease: PoolLease, startedAt: number, waitTimeMs: number, id: string): Promise<ExecuteManyResult> =>
      this.#statements.executeMany(lease.entry, batch, options, startedAt, waitTimeMs, id);
    if (held) return run(held, this.#parts.clock.now(), 0, held.id);
    return this.#withShortLease(options, (lease, startedAt) => run(lease, startedAt, lease.waitTimeMs, lease.connectionId));
  }

  async *stream(sql: string, params?: Params, options: StreamOptions = {}): AsyncGenerator<Row, void, undefined> {
    checkOptions('stream', options);
    const { fetchSize = DEFAULT_FETCH_SIZE, signal } = options;
    const statement = this.#statements.bind(sql, params, { prepare: options.prepare });
    if (options.lease === undefined) this.#begin();
    const held = options.lease === undefined ? undefined : this.#lending.held(options.lease);
    const lease = held ?? (await this.#lend(options));
    if (lease.released) throw new RunFinishedError(this.name, lease.runId ?? '');
    const { clock } = this.#parts;
    const limits = { signal, timeoutMs: options.timeoutMs ?? milliseconds(this.config.statementTimeoutMs) };
    const run = this.#statements.begin(lease.entry, statement);
    const giveUp = (): void => {
      if (lease.released) return;
      lease.entry.interrupt(signal!.reason);
      void this.#lending.release(lease, 'its stream was aborted');
    };
    if (!held) signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const coversTurn = options.timeoutMs !== undefined;
      const closeGraceMs = milliseconds(this.config.cancelGraceMs);
      yield* streamRows(lease.entry, statement, { ...limits, coversTurn, fetchSize, clock, closeGraceMs });
      run.succeeded();
    } catch (error) {
      throw run.failed(error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      if (!held) await this.#lending.releaseAfterUse(lease);
    }
  }

  async withConnection<T>(use: (lease: Lease) => Promise<T>, options: AcquireOptions = {}): Promise<T> {
    checkOptions('withConnection', options);
    checkFunction('withConnection', 'use', use);
    this.#begin();
    const lease = await this.#lend(options);
    try {
      return await workUnder(options.signal, lease, use, (reason) => this.#lending.release(lease, reason));
    } finally {
      await this.#lending.releaseAfterUse(lease);
    }
  }

  async transaction<T>(work: (transaction: Lease) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    checkOptions('transaction', options);
    checkFunction('transaction', 'work', work);
    const { clock, random, metrics } = this.#parts;
    const { isolation: _isolation, readOnly: _readOnly, retries: _retries, ...acquire } = options;
    return runTransaction(work, options, {
      dialect: this.dialect,
      clock,
      random,
      // A reader of SQLite refuses to write, as such a transaction should.
      lend: (use) =>
        this.withConnection(use, this.dialect === 'sqlite' && options.readOnly === true ? { ...acquire, role: 'replica' } : acquire),
      retried: () => metrics.retried(),
    });
  }

  hosts(): readonly PoolHost[] | Promise<readonly PoolHost[]> {
    this.#begin();
    const { topology } = this.#lending;
    if (!topology) return this.#lending.start().then(({ views }) => views);
    topology.monitor?.asked();
    return topology.views;
  }

  hostOf(connectionId: string): PoolHost | undefined {
    return this.#lending.topology?.viewOf(connectionId);
  }

  moment(): number {
    return this.#parts.clock.now();
  }

  checkReplicas(): void {
    this.#lending.topology?.monitor?.hurry();
  }

  lease(id: string): Lease {
    return this.#lending.held(id);
  }

  get preparesAhead(): boolean {
    return this.#parts.ahead.isOfUse;
  }

  prepareAhead(sql: string, expected: ExpectedStatement): boolean {
    checkOptions('prepareAhead', expected);
    const { topology } = this.#lending;
    if (!topology || this.#closing || !this.preparesAhead) return false;
    const { lease } = expected;
    if (lease?.released) return false;
    const entry = lease ? this.#lending.held(lease).entry : topology.lineFor(expected).spare(expected);
    const text = entry && textToPrepare(sql, this.dialect);
    return text !== undefined && this.#parts.ahead.prepare(entry!, text, expected, lease !== undefined);
  }

  forgetPrepared(matches: (text: string) => boolean): void {
    this.#parts.ahead.forgot();
    for (const host of this.#lending.topology?.hosts ?? []) for (const entry of host.entries) entry.connection.forgetPrepared(matches);
  }

  adjustPoolSize(newSize: number): AdjustResult {
    const { minConnections, maxConnections } = this.config;
    if (!Number.isSafeInteger(newSize) || newSize < minConnections || newSize > maxConnections) {
      const reason = `The new size must be a whole number from minConnections (${minConnections}) to maxConnections (${maxConnections}).`;
      return { success: false, reason };
    }
    this.#begin();
    return { success: true, previousSize: this.#lending.resize(newSize), newSize };
  }

  stats(): PoolStats {
    return poolStats(this.#subject);
  }

  getStatus(): PoolStatus {
    return poolStatus(this.#subject);
  }

  getPoolStatistics(): PoolStatistics {
    return poolStatistics(this.#subject);
  }

  getComprehensiveStatus(): ComprehensiveStatus {
    return comprehensiveStatus(this.#subject);
  }

  async exportMetrics(): Promise<ExportedMetrics> {
    return { prometheusMetrics: await this.#exporter.text() };
  }

  /** Lets a registry of prom-client collect this pool, too. @returns takes it out again @throws PoolConfigError on a clash of names */
  registerMetrics(registry: Parameters<PrometheusExporter['register']>[0]): () => void {
    return this.#exporter.register(registry);
  }

  on<Name extends PoolEventName>(name: Name, listener: (event: PoolEvents[Name]) => void): void {
    checkEventName('on', name);
    checkFunction('on', 'listener', listener);
    this.#parts.events.on(name, listener);
  }

  off<Name extends PoolEventName>(name: Name, listener: (event: PoolEvents[Name]) => void): void {
    this.#parts.events.off(name, listener);
  }

  /** Learns patterns of statements; null while `enableQueryRouting` is false. What was learnt is kept meanwhile. */
  get queryPatternTracker(): QueryPatternTracker | null {
    return this.settings.enableQueryRouting ? this.#patterns.tracker : null;
  }

  /** Sizes the pool by its load; null while `adaptiveSizingEnabled` is false. */
  get adaptiveController(): AdaptivePoolController | null {
    return this.#lending.sizing ?? null;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A run begins; its id may have been used before. What its workflow needed before is opened in the background. */
  beginRun(runId: string, workflow?: string): void {
    this.#lending.beginRun(runId, workflow);
  }

  /** A run is over: what it still runs is cancelled, what is open is rolled back, its leases and places in line are given up. */
  async endRun(runId: string): Promise<void> {
    await this.#lending.endRun(runId);
  }

  get #subject(): Subject {
    return {
      parts: this.#parts,
      topology: this.#lending.topology,
      mode: this.#mode,
      sizing: this.#lending.sizing,
      tracker: this.queryPatternTracker,
    };
  }

  protected override sizingChanged(): void {
    const { sizing } = this.#lending;
    if ((sizing !== undefined) === this.#parts.settings.adaptiveSizing || this.#closing) return;
    void sizing?.stop();
    this.#lending.sizing = sizing ? undefined : new AdaptivePoolController(this.#parts, this.#forecast);
    this.#lending.sizing?.start();
  }

  #lend(options: AcquireOptions): PoolLease | Promise<PoolLease> {
    return this.#lending.lend(options, holderHere(this.config.leakThresholdMs), this.#parts.clock.now());
  }

  #begin(): void {
    if (this.#closing) throw new PoolClosedError(this.name);
    this.#mode = 'running';
  }

  #withShortLease<T>(options: AcquireOptions, use: (lease: PoolLease, startedAt: number) => Promise<T>): Promise<T> {
    this.#begin();
    return withShortLease(this.#lending, this.#parts, options, use);
  }

  async #close(): Promise<void> {
    this.#mode = 'closing';
    if (this.config.patternStore) await this.#patterns.close();
    await this.#lending.close();
    this.#parts.telemetry.close();
    this.#mode = 'closed';
  }
}
