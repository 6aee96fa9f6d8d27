/** The router as a node. */
import { systemClock, type Clock, type Node, type NodeContext, type NodeHost, type RunInfo } from '@kailash-ts/core';
import type { ConnectionPool, Row } from '@kailash-ts/connection-pool/contract';
import type { Scope } from './call.ts';
import { Catalogs } from './catalogs.ts';
import { Classifications } from './classifications.ts';
import { Learning } from './learning.ts';
import { parseRouterConfig, parseSetting, type RouterOptions, type RouterSettings } from './config.ts';
import { RouterStoppedError, SessionEndedError } from './errors.ts';
import type { RoutingExplanation } from './explain.ts';
import { findPool } from './find-pool.ts';
import {
  parseRouterMessage,
  parseTables,
  parseTransactionOptions,
  requireFunction,
  routerMessageSchema,
  routerOutputSchema,
  type AnyData,
  type RouterMessage,
  type RouterResult,
  type TransactionCallOptions,
  type TransactionMessage,
  type TransactionResult,
} from './messages.ts';
import { RouterCounters, type RouterMetrics } from './metrics.ts';
import { isRoutingError, Router } from './router.ts';
import { Sessions } from './sessions.ts';
import { isTransaction, runStatements, type RouterTransaction } from './transaction-work.ts';

/** As an output of a workflow's node: what rows look like is known to the query alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows may feed any input; their consumer's schema checks them
export type RouterOutput = RouterResult<any>;

/** For tests: time. */
export interface RouterInternals {
  readonly clock?: Clock;
}

/**
 * Takes SQL, finds it a connection of its pool, and gives back rows: no acquire, no release. Register it beside its pool; it then
 * answers direct calls, messages and workflows.
 *
 * Modes: working -> (stop) -> stopped. Connections belong to the pool; the router holds them for sessions only, and gives them
 * back when the transaction is over, when the run that began it ends, or when it is stopped.
 *
 * @example
 * runtime.registerNode('db_pool', pool).registerNode('router', router);
 * const { data } = await router.process({ query: 'SELECT * FROM users WHERE active = ?', parameters: [true] });
 */
export class QueryRouterNode implements Node<RouterMessage, RouterOutput> {
  readonly name: string;
  readonly description = 'Runs SQL on the right connection of a pool: reads on replicas, writes on the primary, transactions by sessionId.';
  readonly input: NonNullable<Node['input']> = routerMessageSchema;
  readonly output: NonNullable<Node['output']> = routerOutputSchema;
  readonly needs: readonly string[];
  /** Name under which its pool is registered. */
  readonly connectionPool: string;
  readonly #settings: RouterSettings;
  readonly #counters = new RouterCounters();
  readonly #classifications: Classifications;
  readonly #sessions: Sessions;
  readonly #router: Router;
  readonly #learning: Learning;
  #host: NodeHost | undefined;
  #pool: ConnectionPool | undefined;
  #stopped = false;

  /** @throws RouterConfigError listing every problem */
  constructor(options: RouterOptions, internals: RouterInternals = {}) {
    const { name, connectionPool, catalogMaxAgeMs, idleTransactionTimeoutMs, ...settings } = parseRouterConfig(options);
    const clock = internals.clock ?? systemClock;
    this.name = name;
    this.connectionPool = connectionPool;
    this.needs = Object.freeze([connectionPool]);
    this.#settings = settings;
    this.#classifications = new Classifications(settings.cacheSize, this.#counters);
    this.#sessions = new Sessions(clock, idleTransactionTimeoutMs === 'never' ? Infinity : idleTransactionTimeoutMs);
    this.#learning = new Learning(name, options.patternLearning === true);
    this.#router = new Router({
      settings,
      learning: this.#learning,
      classifications: this.#classifications,
      catalogs: new Catalogs({ clock, maxAgeMs: catalogMaxAgeMs }),
      sessions: this.#sessions,
      counters: this.#counters,
      clock,
    });
  }

  attach(host: NodeHost): void {
    this.#host = host;
    this.#pool = undefined;
  }

  detach(): void {
    this.#host = undefined;
    this.#pool = undefined;
  }

  /**
   * Runs one statement.
   * @throws RouterError, SqlError when the router refuses it; PoolError when the pool or the database does
   */
  process(message: RouterMessage & { readonly fetchMode: 'one' }): Promise<RouterResult<Row | null>>;
  process(message: RouterMessage & { readonly fetchMode?: 'all' | undefined }): Promise<RouterResult<readonly Row[]>>;
  process(message: TransactionMessage): Promise<TransactionResult>;
  process(message: RouterMessage | TransactionMessage, context?: NodeContext): Promise<RouterOutput>;
  async process(message: RouterMessage | TransactionMessage, context?: NodeContext): Promise<RouterResult<AnyData> | TransactionResult> {
    try {
      const checked = context ? message : parseRouterMessage(message, this.name);
      const scope: Scope = { runId: context?.runId, signal: context?.signal };
      const pool = this.#pool ?? (await this.#findPool());
      return await (isTransaction(checked) ? runStatements(this.#router, pool, checked, scope) : this.#router.run(pool, checked, scope));
    } catch (error) {
      if (isRoutingError(error)) this.#counters.routingErrors += 1;
      throw error;
    }
  }

  /**
   * Runs `work` in a transaction: commits what it returns, rolls back what it throws. When the database reports a serialization failure
   * or a deadlock all of it is run again, `retries` times (default 3), so it must bear being run more than once.
   * @throws what `work` throws; RouterError, PoolError
   */
  async transaction<T>(work: (transaction: RouterTransaction) => Promise<T>, options: TransactionCallOptions = {}): Promise<T> {
    requireFunction(work);
    const { signal, runId, ...checked } = parseTransactionOptions(options);
    return this.#router.transaction(this.#pool ?? (await this.#findPool()), work, checked, { runId, signal });
  }

  /** Where the statement would go now, without running it. @throws PoolMissingError, RouterMessageError */
  async explain(query: string, options: Omit<RouterMessage, 'query'> = {}): Promise<RoutingExplanation> {
    const { sessionId, hint } = parseRouterMessage({ ...options, query }, this.name) as RouterMessage;
    const pool = this.#pool ?? (await this.#findPool());
    const session = sessionId === undefined ? undefined : this.#sessions.find(sessionId, undefined);
    return this.#router.explain(pool, query, { sessionId, hint, session });
  }

  /** Forgets what texts that name these tables do, or all texts: they are looked at anew. @throws RouterMessageError */
  invalidateCache(tables?: readonly string[]): { readonly invalidated: true; readonly tables: readonly string[] | 'all' } {
    if (tables !== undefined) parseTables(tables);
    this.#router.invalidate(tables, this.#pool);
    return { invalidated: true, tables: tables ?? 'all' };
  }

  /** Ends a session that was begun outside of a run: stops what runs in it, rolls back, gives its connection back. Unknown ids are fine. */
  async endSession(sessionId: string): Promise<void> {
    const session = this.#sessions.find(sessionId, undefined);
    if (session) await this.#sessions.end([session], this.#pool, () => new SessionEndedError(sessionId, 'endSession was called'));
  }

  getMetrics(): RouterMetrics {
    return this.#counters.snapshot(this.#classifications, this.#sessions.activeTransactions);
  }

  get enableReadWriteSplit(): boolean {
    return this.#settings.enableReadWriteSplit;
  }

  set enableReadWriteSplit(value: boolean) {
    this.#settings.enableReadWriteSplit = parseSetting('enableReadWriteSplit', value);
  }

  get cacheSize(): number {
    return this.#settings.cacheSize;
  }

  set cacheSize(value: number) {
    this.#settings.cacheSize = parseSetting('cacheSize', value);
    this.#classifications.resize(this.#settings.cacheSize);
  }

  get patternLearning(): boolean {
    return this.#settings.patternLearning;
  }

  set patternLearning(value: boolean) {
    this.#settings.patternLearning = parseSetting('patternLearning', value);
    this.#learning.switched(this.#settings.patternLearning);
  }

  get healthThreshold(): number {
    return this.#settings.healthThreshold;
  }

  set healthThreshold(value: number) {
    this.#settings.healthThreshold = parseSetting('healthThreshold', value);
  }

  /** Milliseconds that a replica may be behind to serve reads; `'never'` for any lag that is known. */
  get maxReplicaLagMs(): number | 'never' {
    return this.#settings.maxReplicaLagMs;
  }

  set maxReplicaLagMs(value: number | 'never') {
    this.#settings.maxReplicaLagMs = parseSetting('maxReplicaLagMs', value);
  }

  onRunStarted({ runId, workflow }: RunInfo): void {
    this.#learning.runStarted(runId, workflow);
  }

  /** Rolls back and frees what the run left open. */
  async onRunFinished({ runId }: Pick<RunInfo, 'runId'>): Promise<void> {
    this.#router.forgetRun(runId);
    this.#learning.runFinished(runId);
    // The pool takes the run's leases back by itself, at the same moment, and stops what still runs on them.
    await this.#sessions.end(this.#sessions.ofRun(runId), undefined, ({ id }) => new SessionEndedError(id, `run "${runId}" is over`));
  }

  async stop(): Promise<void> {
    const pool = this.#pool;
    this.#stopped = true;
    this.#pool = undefined;
    this.#router.stop();
    await this.#sessions.end(this.#sessions.all(), pool, ({ id }) => new SessionEndedError(id, `router "${this.name}" was stopped`));
  }

  async #findPool(): Promise<ConnectionPool> {
    if (this.#stopped) throw new RouterStoppedError(this.name);
    const host = this.#host;
    const pool = await findPool(this.name, this.connectionPool, host);
    if (host === this.#host) this.#pool = pool;
    return pool;
  }
}
