/** One message on its way through the router. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionPool, ExecuteResult, Lease, PoolHost } from '@kailash-ts/connection-pool/contract';
import type { Classification } from '@kailash-ts/sql';
import type { Choice } from './choose.ts';
import type { Mark } from './freshness.ts';
import type { AnyData, RouterMessage, RouterResult } from './messages.ts';

/** On whose behalf a message is processed. */
export interface Scope {
  readonly runId: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface CallFacts {
  readonly pool: ConnectionPool;
  readonly hosts: readonly PoolHost[];
  readonly message: RouterMessage;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly classification: Classification;
  readonly cacheHit: boolean;
}

type PoolResult = Omit<ExecuteResult<AnyData>, 'error'>;

/** A classified statement, its limits, and the time spent on deciding. */
export class Call implements CallFacts {
  readonly pool: ConnectionPool;
  readonly hosts: readonly PoolHost[];
  readonly message: RouterMessage;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly classification: Classification;
  readonly cacheHit: boolean;
  routingTimeMs = 0;
  /** Set while it writes, as far as its session or run is concerned. */
  write: Mark | undefined;
  readonly startedAt: number;
  readonly #deadline: number;

  constructor(facts: CallFacts) {
    this.pool = facts.pool;
    this.hosts = facts.hosts;
    this.message = facts.message;
    this.scope = facts.scope;
    this.clock = facts.clock;
    this.classification = facts.classification;
    this.cacheHit = facts.cacheHit;
    this.startedAt = this.clock.now();
    this.#deadline = facts.message.timeoutMs === undefined ? Infinity : this.startedAt + facts.message.timeoutMs;
  }

  /** The statement of an earlier call, within the limits of this one. */
  insteadOf({ message, classification }: Call): Call {
    const { sessionId } = this.message;
    return new Call({ ...this, classification, message: { query: message.query, sessionId, timeoutMs: this.#timeoutMs } });
  }

  /** Of the caller's `timeoutMs`; Infinity without one, never less than 1. */
  get remainingMs(): number {
    return Math.max(1, this.#deadline - this.clock.now());
  }

  /** On any connection of the role, or of the hosts; the pool lends and takes back. */
  runAnywhere({ role, hosts }: Pick<Choice, 'role' | 'hosts'>): Promise<PoolResult> {
    const { query, parameters, parameterSets, fetchMode } = this.message;
    const { runId, signal } = this.scope;
    const timeoutMs = this.#timeoutMs;
    if (parameterSets !== undefined) return this.pool.executeMany(query, parameterSets, { runId, signal, timeoutMs }).then(withoutRows);
    return this.pool.query(query, parameters, { runId, signal, timeoutMs, fetchMode, role, hosts });
  }

  /** On a connection that is held. */
  async runOn(lease: Lease, signal: AbortSignal | undefined): Promise<PoolResult> {
    const { query, parameters, parameterSets, fetchMode } = this.message;
    const limits = { signal, timeoutMs: this.#timeoutMs };
    if (parameterSets !== undefined) return withoutRows(await this.pool.executeMany(query, parameterSets, { ...limits, lease }));
    return this.pool.execute(lease, query, parameters, { ...limits, fetchMode });
  }

  acquire({ role, hosts }: Pick<Choice, 'role' | 'hosts'>, signal: AbortSignal): Promise<Lease> {
    return this.pool.acquire({ role, hosts, runId: this.scope.runId, signal, timeoutMs: this.#timeoutMs });
  }

  answer(
    result: PoolResult,
    choice: Choice,
    transaction?: Pick<RouterResult<AnyData>, 'transactionStarted' | 'transactionEnded'>,
  ): RouterResult<AnyData> {
    const { queryType, complexityScore, reasons } = this.classification;
    const host = this.pool.hostOf(result.connectionId);
    const routingMetadata = {
      connectionId: result.connectionId,
      // Where it ran: the pool may have found no replica.
      role: host?.role ?? choice.role,
      host: host?.name ?? '',
      queryType,
      complexityScore,
      routingConfidence: choice.confidence,
      cacheHit: this.cacheHit,
      routingTimeMs: this.routingTimeMs,
      strategy: choice.strategy,
      reasons: [choice.reason, ...reasons],
    };
    // Most statements are none of a transaction's: copying is what costs here.
    return transaction === undefined ? { ...result, routingMetadata } : { ...result, ...transaction, routingMetadata };
  }

  get #timeoutMs(): number | undefined {
    return this.#deadline === Infinity ? undefined : Math.ceil(this.remainingMs);
  }
}

const withoutRows = (result: Omit<PoolResult, 'data' | 'fields'>): PoolResult => ({ ...result, data: [], fields: [] });
