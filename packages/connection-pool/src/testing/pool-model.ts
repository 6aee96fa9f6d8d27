/** What a pool owes its callers, told by books that know nothing of how it works: who asked, who holds what, who is to be next. */
import type { SimulatedClock } from '@kailash-ts/core/testing';
import type { PoolOptions } from '../config.ts';
import type { ConnectionRole } from '../contract.ts';
import type { CloseReason } from '../events.ts';
import type { PoolLease } from '../lease.ts';
import type { Pool } from '../pool.ts';
import { ModelServer, type ModelConnection } from './model-server.ts';
import { scriptedPool } from './scripted-pool.ts';

export type Settings = PoolOptions & {
  readonly minConnections: number;
  readonly maxConnections: number;
  readonly hosts: 1 | 2;
};

/** A caller: of `acquire` until it is served or refused, of `query` until its end. */
export interface Ask {
  readonly number: number;
  readonly kind: 'acquire' | 'query';
  readonly runId: string | undefined;
  readonly role: ConnectionRole;
  readonly askedAt: number;
  /** When it may be told that its time is over, and when it must have been told. */
  readonly deadline: number;
  latest: number;
  /** How many waited when it came. */
  readonly before: number;
  readonly abort: AbortController;
  state: 'waiting' | 'granted' | 'over';
  grantedAt: number;
  connection: ModelConnection | undefined;
  /** Of a query: the statement, whose start shows that it was served. */
  text: string | undefined;
  /** Of a query that promises to read only: it was done once more, as it may be after a loss. */
  isRetried: boolean;
  /** Its run ended after it had asked, or before. */
  isRunOver: boolean;
  /** Its place in line is not known any more: it was served with a connection that turned out to be dead. */
  isExempt: boolean;
}

/** A lease, with what the model knows beside it. */
export interface Held {
  readonly ask: Ask;
  readonly lease: PoolLease;
  readonly connection: ModelConnection;
  readonly grantedAt: number;
}

/** A promise that the pool must settle by a certain time. */
interface Promised {
  readonly what: string;
  readonly due: number;
}

/** What the pool broke. The message says what, and when. */
export class PoolModelViolation extends Error {
  override readonly name = 'PoolModelViolation';
}

/** What happened, so that a campaign can tell what it has seen: commands, and how callers were answered. */
export interface Tally {
  commands: number;
  readonly answers: Map<string, number>;
}

/** Limits of the modelled pool that are the same in every run. */
export const LIMITS = {
  acquireTimeoutMs: 20_000,
  connectTimeoutMs: 1000,
  validateAfterIdleMs: 500,
  validateTimeoutMs: 300,
  resetTimeoutMs: 400,
  cancelGraceMs: 200,
  closeGraceMs: 500,
  circuitBreaker: { recoveryTimeoutMs: 10_000 },
} as const;

/** How long after the last trouble the pool must have found back: the longest pause of its supervisor and breaker, and two ticks. */
export const CALM_MS = 12_000;

export class PoolModel {
  readonly settings: Settings;
  readonly tally: Tally;
  readonly clock: SimulatedClock;
  readonly pool: Pool;
  readonly server: ModelServer;
  readonly hosts: readonly string[];
  readonly asks = new Set<Ask>();
  readonly held = new Set<Held>();
  /** Leases that are over, for those who use them all the same. */
  readonly ended: PoolLease[] = [];
  /** Those whose holder gave them back, or ended their run. */
  readonly endedByCaller = new Set<PoolLease>();
  /** Of statements on leases that run or wait. */
  readonly statements = new Set<AbortController>();
  readonly promised = new Set<Promised>();
  readonly finishedRuns = new Set<string>();
  /** Since the last check. */
  readonly grants: Ask[] = [];
  /** How often a run was passed over by another one, for the turns. */
  readonly passes = new Map<string, Map<string, number>>();
  /** Who waited at the last check and might have been served. */
  waitedBefore = new Set<Ask>();
  size: number;
  isClosing = false;
  isClosed = false;
  readonly #closed = new Set<string>();
  #lost = 0;
  #asked = 0;
  #texts = 0;

  constructor(settings: Settings, tally: Tally) {
    this.settings = settings;
    this.tally = tally;
    const { hosts, ...options } = settings;
    const plans = [
      { name: 'primary', role: 'primary' as const },
      { name: 'replica', role: 'replica' as const },
    ].slice(0, hosts);
    this.hosts = plans.map(({ name }) => name);
    const { pool, clock, driver } = scriptedPool({ ...LIMITS, ...options }, plans);
    this.pool = pool;
    this.clock = clock;
    this.size = settings.maxConnections;
    this.server = new ModelServer(clock);
    driver.onConnect = (host, signal) => this.server.connect(host, signal);
    this.server.onStatement = (text, connection) => this.#onStatement(text, connection);
    pool.on('connection:closed', ({ connectionId, reason }) => this.#onClosed(connectionId, reason));
    this.server.onStatementLost = (text) => this.#onStatementLost(text);
    this.server.onSlowCheck = () => {
      this.server.trouble();
      this.exempt();
    };
  }

  fail(what: string): never {
    throw new PoolModelViolation(`at ${this.clock.now()} ms: ${what}`);
  }

  /** Notes what went wrong where nobody could be told. */
  note(what: string): void {
    this.server.violations.push(`at ${this.clock.now()} ms: ${what}`);
  }

  get waiting(): Ask[] {
    return [...this.asks].filter((ask) => ask.state === 'waiting');
  }

  /** Leases that are still good, in the order in which they were given. */
  get leases(): Held[] {
    return [...this.held].filter(({ lease }) => !lease.released);
  }

  heldBy(runId: string | undefined): number {
    if (runId === undefined) return 0;
    // The pool takes a query's connection back as soon as its statement is stopped.
    const isAtWork = ({ text, connection }: Ask): boolean => text !== undefined && connection?.statement === text;
    const queries = [...this.asks].filter((ask) => ask.runId === runId && isAtWork(ask)).length;
    return queries + this.leases.filter(({ lease }) => lease.runId === runId).length;
  }

  /** From now on nobody knows who is first in line. */
  exempt(): void {
    for (const ask of this.waiting) ask.isExempt = true;
  }

  /** A statement's text, by which the server finds its script. */
  text(script: Parameters<ModelServer['scripts']['set']>[1]): string {
    const text = `SELECT ${++this.#texts}`;
    this.server.scripts.set(text, script);
    return text;
  }

  newAsk(kind: Ask['kind'], runId: string | undefined, role: ConnectionRole, timeoutMs: number | undefined): Ask {
    const askedAt = this.clock.now();
    const deadline = askedAt + (timeoutMs ?? LIMITS.acquireTimeoutMs);
    const ask: Ask = {
      number: ++this.#asked,
      kind,
      runId,
      role,
      askedAt,
      deadline,
      // A query whose connection broke on its way to it takes another one, for which it may wait as long once more.
      latest: kind === 'query' && timeoutMs === undefined ? deadline + LIMITS.acquireTimeoutMs : deadline,
      before: this.waiting.length,
      abort: new AbortController(),
      state: 'waiting',
      grantedAt: Infinity,
      connection: undefined,
      text: undefined,
      isRetried: false,
      isRunOver: runId !== undefined && this.finishedRuns.has(runId),
      isExempt: false,
    };
    this.asks.add(ask);
    return ask;
  }

  granted(ask: Ask, lease: PoolLease): void {
    const connection = lease.entry.connection as ModelConnection;
    this.#serve(ask, connection);
    this.asks.delete(ask);
    if (lease.released) {
      this.ended.push(lease);
      return;
    }
    if (ask.runId !== undefined && this.finishedRuns.has(ask.runId)) this.note(`ask ${ask.number} was served although its run is over`);
    const other = this.leases.find((held) => held.connection === connection);
    if (other) this.note(`ask ${ask.number} was given the connection of ask ${other.ask.number}`);
    if (connection.fault) this.note(`ask ${ask.number} was given a connection that ${connection.fault}`);
    this.held.add({ ask, lease, connection, grantedAt: this.clock.now() });
    const { maxConnectionsPerRun: quota } = this.settings;
    const ofRun = this.leases.filter((held) => held.lease.runId === ask.runId).length;
    if (ask.runId !== undefined && typeof quota === 'number' && ofRun > quota)
      this.note(`run ${ask.runId} holds ${ofRun} connections, its quota is ${quota}`);
  }

  refused(ask: Ask, error: unknown): void {
    const wasWaiting = ask.state === 'waiting';
    ask.state = 'over';
    this.asks.delete(ask);
    const code = String((error as { code?: unknown } | undefined)?.code);
    this.#count(code);
    if (!wasWaiting || this.#mayRefuse(ask, code)) return;
    this.note(`ask ${ask.number} was refused without reason: ${String(error)}`);
  }

  /** Watches a promise that must settle within the time. */
  async expectSettled<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
    const promised: Promised = { what, due: this.clock.now() + withinMs };
    this.promised.add(promised);
    try {
      return await promise;
    } finally {
      this.promised.delete(promised);
    }
  }

  #onClosed(connectionId: string, reason: CloseReason): void {
    if (this.#closed.has(connectionId)) this.note(`connection ${connectionId} was closed twice`);
    this.#closed.add(connectionId);
    if (reason === 'lost' && ++this.#lost > this.server.breaks) this.note(`connection ${connectionId} counts as lost, but did not break`);
  }

  #onStatement(text: string, connection: ModelConnection): void {
    const ask = [...this.asks].find((one) => one.text === text);
    if (!ask) return;
    if (ask.state === 'waiting') this.#serve(ask, connection);
    if (ask.runId !== undefined && this.finishedRuns.has(ask.runId)) this.note(`query ${ask.number} runs although its run is over`);
    if (connection.fault) this.note(`query ${ask.number} runs on a connection that ${connection.fault}`);
    if (this.leases.some((held) => held.connection === connection)) this.note(`query ${ask.number} runs on a connection that is held`);
  }

  #onStatementLost(text: string): void {
    const ask = [...this.asks].find((one) => one.text === text);
    if (!ask || ask.role !== 'replica' || ask.isRetried) return;
    ask.isRetried = ask.isExempt = true;
    ask.state = 'waiting';
    // Its second connection may take as long as its first.
    ask.latest = Math.max(ask.deadline, this.clock.now() + LIMITS.acquireTimeoutMs);
  }

  #serve(ask: Ask, connection: ModelConnection): void {
    if (ask.state !== 'waiting') this.note(`ask ${ask.number} was served twice`);
    this.#count(ask.askedAt === this.clock.now() ? 'served at once' : 'served after a wait');
    ask.state = 'granted';
    ask.grantedAt = this.clock.now();
    ask.connection = connection;
    this.grants.push(ask);
  }

  #count(answer: string): void {
    const { answers } = this.tally;
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }

  #mayRefuse(ask: Ask, code: string): boolean {
    const now = this.clock.now();
    const { maxWaiting, deadlockAfterMs } = this.settings;
    switch (code) {
      case 'POOL_ACQUIRE_TIMEOUT':
      case 'POOL_STATEMENT_TIMEOUT':
        return now >= ask.deadline;
      case 'POOL_ABORTED':
        return ask.abort.signal.aborted;
      case 'POOL_CLOSED':
        return this.isClosing;
      case 'POOL_RUN_FINISHED':
        return ask.isRunOver;
      case 'POOL_QUEUE_FULL':
        return typeof maxWaiting === 'number' && (ask.isExempt || Math.max(ask.before, this.waiting.length) >= maxWaiting);
      case 'POOL_RUN_DEADLOCK':
        // All of a run are told so when one of them has waited for so long.
        return typeof deadlockAfterMs === 'number' && this.heldBy(ask.runId) > 0;
      case 'POOL_CIRCUIT_OPEN':
      case 'POOL_CONNECT_FAILED':
      case 'POOL_AUTHENTICATION_FAILED':
        return this.server.lastTrouble > -Infinity;
      case 'POOL_CONNECTION_LOST':
        return ask.kind === 'query' && this.server.lastTrouble > -Infinity;
      default:
        return false;
    }
  }
}
