/**
 * The figures of one pool. All are measured; what nobody reports stays 0, what cannot be told is null.
 *
 * The pool calls a method for each thing that happens, and knows nothing of who reads. Durations are in milliseconds.
 */
import type { Clock } from '@kailash-ts/core';
import type { AheadKind, AheadOutcome } from './ahead-kinds.ts';
import type { ErrorCategory, PoolErrorClass } from './error-classes.ts';
import { ErrorLog, type RecentError } from './error-log.ts';
import { Histogram, type HistogramSummary } from './histogram.ts';
import { SlidingRate } from './rate.ts';
import { SlidingSample } from './sliding-sample.ts';

/** What only grows. A reset to 0 happens with a new pool only. */
export interface PoolCounterValues {
  /** Leases given. */
  readonly connectionsAcquired: number;
  readonly connectionsReleased: number;
  /** Leases on a connection that had been lent before. */
  readonly connectionsReused: number;
  /** Destroyed because they broke, could not be cleaned or were not trusted any more. */
  readonly connectionsDiscarded: number;
  readonly connectionsCreated: number;
  /** Could not be opened, or broke. */
  readonly connectionsFailed: number;
  /** Replaced on purpose: age, idleness, health. */
  readonly connectionsRecycled: number;
  readonly queriesTotal: number;
  readonly queryErrors: number;
  /** Statements that their connection had prepared before, and those that it had not; statements that are never kept are in neither. */
  readonly preparedHits: number;
  readonly preparedMisses: number;
  /** Callers that had to wait because every connection was lent and no more could be opened. */
  readonly poolExhaustionEvents: number;
  /** Callers whose time ran out while they waited. */
  readonly acquireTimeouts: number;
  readonly healthChecksTotal: number;
  readonly healthChecksSuccess: number;
  readonly healthChecksFailed: number;
  /** Leases held longer than `leakThresholdMs`. */
  readonly leaksDetected: number;
  /** Statements or transactions that the pool did again by itself. */
  readonly retries: number;
  /** Connects given up because nobody waited for them any more. */
  readonly surplusConnectsCancelled: number;
  /** Connections opened before anybody asked; of these, those that saved somebody the wait for a connect within 30 s, and the others. */
  readonly prewarms: number;
  readonly prewarmsUseful: number;
  readonly prewarmsWasted: number;
  /** The same of statements that were prepared before they were run. */
  readonly preparesAhead: number;
  readonly preparesAheadUseful: number;
  readonly preparesAheadWasted: number;
}

/** How the pool stands; its owner knows. */
export interface PoolGauges {
  readonly active: number;
  readonly idle: number;
  readonly total: number;
  /** Connects under way. */
  readonly connecting: number;
  readonly waiting: number;
  readonly min: number;
  readonly max: number;
}

export type HistogramName = 'wait' | 'hold' | 'connect' | 'execute' | 'healthCheck' | 'reset';

/** Answer of `snapshot`: plain data. */
export interface MetricsSnapshot {
  readonly poolName: string;
  readonly uptimeSeconds: number;
  readonly counters: PoolCounterValues;
  readonly gauges: PoolGauges & {
    /** `active / max`. */
    readonly utilization: number;
    /** Null before the first check. */
    readonly healthCheckSuccessRate: number | null;
  };
  readonly histograms: Readonly<Record<HistogramName, HistogramSummary>>;
  readonly errors: {
    readonly totalErrors: number;
    readonly errorsByCategory: Readonly<Partial<Record<ErrorCategory, number>>>;
    readonly errorsByClass: Readonly<Partial<Record<PoolErrorClass, number>>>;
    /** `queryErrors / queriesTotal`, 0 without statements. */
    readonly errorRate: number;
    readonly recentErrors: readonly RecentError[];
  };
  /** Over the last 60 s. */
  readonly rates: {
    readonly queriesPerSecond: number;
    readonly errorsPerSecond: number;
    /** Leases given. */
    readonly connectionsPerSecond: number;
  };
}

/** Who else wants to know, as it happens: OpenTelemetry. Durations in milliseconds. Must not throw. */
export interface MetricsObserver {
  waited(ms: number): void;
  held(ms: number): void;
  connected(ms: number): void;
  timedOut(): void;
}

/** One a pool, for the pool's life. Fixed memory of about 120 KB; the hot methods allocate nothing. */
export class PoolMetrics {
  readonly poolName: string;
  readonly histograms: Readonly<Record<HistogramName, Histogram>>;
  readonly errors = new ErrorLog();
  /** The last 1000 waits and statements, for means and percentiles of now. */
  readonly recentWaits = new SlidingSample();
  readonly recentQueries = new SlidingSample();
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #queryRate: SlidingRate;
  readonly #errorRate: SlidingRate;
  readonly #acquireRate: SlidingRate;
  readonly #observer: MetricsObserver | undefined;
  readonly #counters = emptyCounters();

  /** @param observer told besides; leave it out where nobody listens */
  constructor(poolName: string, clock: Clock, observer?: MetricsObserver) {
    this.poolName = poolName;
    this.#clock = clock;
    this.#observer = observer;
    this.#startedAt = clock.now();
    this.#queryRate = new SlidingRate(clock);
    this.#errorRate = new SlidingRate(clock);
    this.#acquireRate = new SlidingRate(clock);
    this.histograms = {
      wait: new Histogram(),
      hold: new Histogram(),
      connect: new Histogram(),
      execute: new Histogram(),
      healthCheck: new Histogram(),
      reset: new Histogram(),
    };
  }

  get counters(): PoolCounterValues {
    return this.#counters;
  }

  /** A lease was given after `waitMs`. @param reused whether the connection was lent before @param now if the caller knows it */
  acquired(waitMs: number, reused: boolean, now = this.#clock.now()): void {
    this.#counters.connectionsAcquired += 1;
    if (reused) this.#counters.connectionsReused += 1;
    this.histograms.wait.record(waitMs);
    this.recentWaits.add(waitMs);
    this.#acquireRate.record(now);
    this.#observer?.waited(waitMs);
  }

  /** Nobody got a lease: time ran out, aborted, closed, no connection. */
  acquireFailed(error: unknown): void {
    const { code } = this.#count(error);
    if (code !== 'POOL_ACQUIRE_TIMEOUT') return;
    this.#counters.acquireTimeouts += 1;
    this.#observer?.timedOut();
  }

  /** A caller has to wait: every connection is lent, and no more may be opened. */
  exhausted(): void {
    this.#counters.poolExhaustionEvents += 1;
  }

  /** A lease came back after `holdMs`, whatever becomes of its connection. */
  released(holdMs: number): void {
    this.#counters.connectionsReleased += 1;
    this.histograms.hold.record(holdMs);
    this.#observer?.held(holdMs);
  }

  /** A released connection was cleaned, or could not be. */
  reset(ms: number): void {
    this.histograms.reset.record(ms);
  }

  connected(ms: number): void {
    this.#counters.connectionsCreated += 1;
    this.histograms.connect.record(ms);
    this.#observer?.connected(ms);
  }

  /** A connection could not be opened. */
  connectFailed(error: unknown): void {
    this.#counters.connectionsFailed += 1;
    this.#count(error);
  }

  /** A connection broke. @param error only if no statement or check reports it: else it would count twice */
  lost(error?: unknown): void {
    this.#counters.connectionsFailed += 1;
    if (error !== undefined) this.#count(error);
  }

  /** A connection was destroyed because it is of no use. */
  discarded(): void {
    this.#counters.connectionsDiscarded += 1;
  }

  /** A connection was replaced on purpose. */
  recycled(): void {
    this.#counters.connectionsRecycled += 1;
  }

  surplusConnectCancelled(): void {
    this.#counters.surplusConnectsCancelled += 1;
  }

  /** A connection was opened, or a statement prepared, before anybody asked. */
  actedAhead(kind: AheadKind): void {
    this.#counters[AHEAD[kind]] += 1;
  }

  /** What came of that. */
  judgedAhead(kind: AheadKind, outcome: AheadOutcome): void {
    this.#counters[`${AHEAD[kind]}${outcome === 'useful' ? 'Useful' : 'Wasted'}`] += 1;
  }

  /** A statement was carried out. */
  executed(ms: number, now = this.#clock.now()): void {
    this.#counters.queriesTotal += 1;
    this.histograms.execute.record(ms);
    this.recentQueries.add(ms);
    this.#queryRate.record(now);
  }

  /** A statement that is to be kept prepared was carried out. @param wasPrepared whether its connection had it already */
  prepared(wasPrepared: boolean): void {
    if (wasPrepared) this.#counters.preparedHits += 1;
    else this.#counters.preparedMisses += 1;
  }

  /** Of prepared statements; null without any. */
  get preparedHitRate(): number | null {
    const { preparedHits, preparedMisses } = this.#counters;
    const uses = preparedHits + preparedMisses;
    return uses === 0 ? null : preparedHits / uses;
  }

  /** A statement failed after `ms`. Its time counts too: without time-outs a histogram flatters. */
  failed(error: unknown, ms: number, now = this.#clock.now()): void {
    this.executed(ms, now);
    this.#counters.queryErrors += 1;
    this.#count(error, now);
  }

  /** A connection was checked. @param error why it failed */
  healthChecked(succeeded: boolean, ms: number, error?: unknown): void {
    this.#counters.healthChecksTotal += 1;
    this.histograms.healthCheck.record(ms);
    if (succeeded) {
      this.#counters.healthChecksSuccess += 1;
      return;
    }
    this.#counters.healthChecksFailed += 1;
    this.#errorRate.record();
    this.errors.add(error, this.#clock.wallTime(), 'health_check_failed');
  }

  leaked(): void {
    this.#counters.leaksDetected += 1;
  }

  retried(): void {
    this.#counters.retries += 1;
  }

  get uptimeSeconds(): number {
    return (this.#clock.now() - this.#startedAt) / 1000;
  }

  get queriesPerSecond(): number {
    return this.#queryRate.perSecond();
  }

  /** `queryErrors / queriesTotal`, 0 without statements. */
  get errorRate(): number {
    const { queriesTotal, queryErrors } = this.#counters;
    return queriesTotal === 0 ? 0 : queryErrors / queriesTotal;
  }

  /** Null before the first check. */
  get healthCheckSuccessRate(): number | null {
    const { healthChecksTotal, healthChecksSuccess } = this.#counters;
    return healthChecksTotal === 0 ? null : healthChecksSuccess / healthChecksTotal;
  }

  snapshot(gauges: PoolGauges): MetricsSnapshot {
    const { wait, hold, connect, execute, healthCheck, reset } = this.histograms;
    return {
      poolName: this.poolName,
      uptimeSeconds: this.uptimeSeconds,
      counters: { ...this.#counters },
      gauges: {
        ...gauges,
        utilization: gauges.max === 0 ? 0 : gauges.active / gauges.max,
        healthCheckSuccessRate: this.healthCheckSuccessRate,
      },
      histograms: {
        wait: wait.summary(),
        hold: hold.summary(),
        connect: connect.summary(),
        execute: execute.summary(),
        healthCheck: healthCheck.summary(),
        reset: reset.summary(),
      },
      errors: {
        totalErrors: this.errors.total,
        errorsByCategory: this.errors.byCategory(),
        errorsByClass: this.errors.byClass(),
        errorRate: this.errorRate,
        recentErrors: this.errors.recent(),
      },
      rates: {
        queriesPerSecond: this.#queryRate.perSecond(),
        errorsPerSecond: this.#errorRate.perSecond(),
        connectionsPerSecond: this.#acquireRate.perSecond(),
      },
    };
  }

  #count(error: unknown, now?: number): ReturnType<ErrorLog['add']> {
    this.#errorRate.record(now);
    return this.errors.add(error, this.#clock.wallTime());
  }
}

const AHEAD = { prewarm: 'prewarms', prepare: 'preparesAhead' } as const;

function emptyCounters(): { -readonly [Key in keyof PoolCounterValues]: number } {
  return {
    connectionsAcquired: 0,
    connectionsReleased: 0,
    connectionsReused: 0,
    connectionsDiscarded: 0,
    connectionsCreated: 0,
    connectionsFailed: 0,
    connectionsRecycled: 0,
    queriesTotal: 0,
    queryErrors: 0,
    preparedHits: 0,
    preparedMisses: 0,
    poolExhaustionEvents: 0,
    acquireTimeouts: 0,
    healthChecksTotal: 0,
    healthChecksSuccess: 0,
    healthChecksFailed: 0,
    leaksDetected: 0,
    retries: 0,
    surplusConnectsCancelled: 0,
    prewarms: 0,
    prewarmsUseful: 0,
    prewarmsWasted: 0,
    preparesAhead: 0,
    preparesAheadUseful: 0,
    preparesAheadWasted: 0,
  };
}
