/**
 * What the pool tells Prometheus: names, kinds, and where each figure comes from. Units are base units (seconds), names end in the unit,
 * counters in `_total`, as Prometheus asks for (prometheus.io/docs/practices/naming).
 */
import { ERROR_CLASSES } from './error-classes.ts';
import type { Histogram } from './histogram.ts';
import type { HistogramName, PoolCounterValues, PoolGauges, PoolMetrics } from './metrics.ts';
import type { SlidingSample } from './sliding-sample.ts';

/** A connection, as figures per connection tell it. */
export interface ConnectionFigures {
  /** Best the place of the connection, which its successor takes: ids that are never used again fill a time series database. */
  readonly id: string;
  readonly healthScore: number;
  /** Mean of its last statements; null before the first. */
  readonly avgLatencyMs: number | null;
}

/** Where the figures of a pool come from. Called at each export; must not throw. */
export interface PrometheusSource {
  readonly metrics: PoolMetrics;
  readonly databaseType: string;
  gauges(): PoolGauges;
  connections(): Iterable<ConnectionFigures>;
  circuitState(): 'closed' | 'open' | 'half_open';
  /** Whether the supervisor has escalated. */
  isFailing(): boolean;
}

type Labels = Readonly<Record<string, string | number>>;

/** One line of a family, without the label of the pool. */
export interface Sample {
  /** Added to the family's name: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  samples(source: PrometheusSource): readonly Sample[];
}

/** Connections beyond these are told together as `other`. */
export const MAX_CONNECTION_SERIES = 50;

const PREFIX = 'connection_pool_';
const STATES = ['closed', 'open', 'half_open'] as const;

/** Upper bounds of the histograms' buckets in milliseconds. */
export const BUCKET_BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000] as const;

const COUNTERS: readonly (readonly [keyof PoolCounterValues, string, string])[] = [
  ['connectionsAcquired', 'connections_acquired', 'Leases given.'],
  ['connectionsReleased', 'connections_released', 'Leases that came back.'],
  ['connectionsReused', 'connections_reused', 'Leases on a connection that had been lent before.'],
  ['connectionsDiscarded', 'connections_discarded', 'Connections destroyed because they were of no use any more.'],
  ['connectionsCreated', 'connections_created', 'Connections opened.'],
  ['connectionsFailed', 'connections_failed', 'Connections that could not be opened, or broke.'],
  ['connectionsRecycled', 'connections_recycled', 'Connections replaced for age, idleness or health.'],
  ['queriesTotal', 'queries', 'Statements, failed ones included.'],
  ['queryErrors', 'query_errors', 'Statements that failed.'],
  ['preparedHits', 'prepared_hits', 'Statements that their connection had prepared before.'],
  ['preparedMisses', 'prepared_misses', 'Statements that were prepared, or will be at their next use.'],
  ['poolExhaustionEvents', 'exhaustion_events', 'Callers that had to wait because every connection was lent.'],
  ['acquireTimeouts', 'acquire_timeouts', 'Callers whose time ran out while they waited for a connection.'],
  ['healthChecksTotal', 'health_checks', 'Health checks.'],
  ['healthChecksSuccess', 'health_checks_success', 'Health checks that succeeded.'],
  ['healthChecksFailed', 'health_checks_failed', 'Health checks that failed.'],
  ['leaksDetected', 'leaks_detected', 'Leases held over the leak threshold.'],
  ['retries', 'retries', 'Statements and transactions that the pool did again by itself.'],
  ['surplusConnectsCancelled', 'surplus_connects_cancelled', 'Connects given up because nobody waited any more.'],
  ['prewarms', 'prewarms', 'Connections opened before anybody asked.'],
  ['prewarmsUseful', 'prewarms_useful', 'Of these, those that saved somebody the wait for a connect within 30 s.'],
  ['prewarmsWasted', 'prewarms_wasted', 'Of these, those that did not.'],
  ['preparesAhead', 'prepares_ahead', 'Statements prepared before they were run.'],
  ['preparesAheadUseful', 'prepares_ahead_useful', 'Of these, those that were run within 30 s.'],
  ['preparesAheadWasted', 'prepares_ahead_wasted', 'Of these, those that were not.'],
];

const GAUGES: readonly (readonly [keyof PoolGauges, string, string])[] = [
  ['active', 'connections_active', 'Connections that are lent.'],
  ['idle', 'connections_idle', 'Connections that wait to be lent.'],
  ['total', 'connections_total', 'Connections that stand.'],
  ['connecting', 'connections_connecting', 'Connections that are being opened.'],
  ['waiting', 'queue_depth', 'Callers that wait for a connection.'],
  ['min', 'connections_min', 'Connections that the pool keeps.'],
  ['max', 'connections_max', 'Connections that the pool may have.'],
];

const HISTOGRAMS: readonly (readonly [HistogramName, string, string])[] = [
  ['wait', 'connection_acquisition_seconds', 'Time that callers waited for a connection.'],
  ['hold', 'connection_hold_seconds', 'Time that leases were held.'],
  ['connect', 'connection_creation_seconds', 'Time to open a connection.'],
  ['execute', 'query_execution_seconds', 'Time of statements, failed ones included.'],
  ['healthCheck', 'health_check_duration_seconds', 'Time of health checks.'],
  ['reset', 'connection_reset_seconds', 'Time to clean a released connection.'],
];

/** Every family, in the order of the text. */
export const FAMILIES: readonly Family[] = [
  gauge('info', 'The pool, as labels.', ({ databaseType }) => [{ labels: { database_type: databaseType }, value: 1 }]),
  ...COUNTERS.map(([key, name, help]) => counter(name, help, ({ metrics }) => [{ value: metrics.counters[key] }])),
  counter('errors', 'Errors by kind.', errorSamples),
  ...GAUGES.map(([key, name, help]) => gauge(name, help, (source) => [{ value: source.gauges()[key] }])),
  gauge('utilization', 'Lent part of the connections that the pool may have.', (source) => {
    const { active, max } = source.gauges();
    return [{ value: max === 0 ? 0 : active / max }];
  }),
  gauge('health_check_success_rate', 'Part of the health checks that succeeded.', ({ metrics }) => maybe(metrics.healthCheckSuccessRate)),
  gauge('queries_per_second', 'Statements per second over the last 60 s.', ({ metrics }) => [{ value: metrics.queriesPerSecond }]),
  gauge('uptime_seconds', 'Age of the pool.', ({ metrics }) => [{ value: metrics.uptimeSeconds }]),
  gauge('circuit_state', '1 for the state that the circuit breaker is in.', (source) => {
    const current = source.circuitState();
    return STATES.map((state) => ({ labels: { state }, value: state === current ? 1 : 0 }));
  }),
  gauge('failing', '1 while connections fail more often than the supervisor restarts them.', (source) => [
    { value: source.isFailing() ? 1 : 0 },
  ]),
  gauge('connection_health_score', 'Health of a connection, 0 to 100; of the others together the lowest.', healthSamples),
  gauge('connection_latency_seconds', 'Mean time of the last statements of a connection; of the others together the mean.', latencySamples),
  ...HISTOGRAMS.map(([key, name, help]) => histogram(name, help, ({ metrics }) => metrics.histograms[key])),
  summary('recent_acquisition_seconds', 'The last 1000 waits for a connection.', ({ metrics }) => [
    metrics.recentWaits,
    metrics.histograms.wait,
  ]),
  summary('recent_query_execution_seconds', 'The last 1000 statements.', ({ metrics }) => [
    metrics.recentQueries,
    metrics.histograms.execute,
  ]),
];

function counter(name: string, help: string, samples: Family['samples']): Family {
  return { name: `${PREFIX}${name}_total`, help, type: 'counter', samples };
}

function gauge(name: string, help: string, samples: Family['samples']): Family {
  return { name: `${PREFIX}${name}`, help, type: 'gauge', samples };
}

function histogram(name: string, help: string, of: (source: PrometheusSource) => Histogram): Family {
  return {
    name: `${PREFIX}${name}`,
    help,
    type: 'histogram',
    samples: (source) => {
      const { count, sum } = of(source);
      const buckets = of(source)
        .buckets(BUCKET_BOUNDS_MS)
        .map(({ le, count: value }) => ({ suffix: '_bucket', labels: { le: le === Infinity ? '+Inf' : le / 1000 }, value }));
      return [...buckets, { suffix: '_sum', value: sum / 1000 }, { suffix: '_count', value: count }];
    },
  };
}

/** Quantiles of the last 1000; `_sum` and `_count` are of all, since they may not go down. */
function summary(name: string, help: string, of: (source: PrometheusSource) => readonly [SlidingSample, Histogram]): Family {
  return {
    name: `${PREFIX}${name}`,
    help,
    type: 'summary',
    samples: (source) => {
      const [recent, all] = of(source);
      const quantiles = [0.5, 0.9, 0.95, 0.99].flatMap((quantile) => {
        const value = recent.percentile(quantile);
        return value === null ? [] : [{ labels: { quantile }, value: value / 1000 }];
      });
      return [...quantiles, { suffix: '_sum', value: all.sum / 1000 }, { suffix: '_count', value: all.count }];
    },
  };
}

const maybe = (value: number | null): Sample[] => (value === null ? [] : [{ value }]);

/** All of the fixed set, so that a rate is right from the first error on. */
function errorSamples({ metrics }: PrometheusSource): Sample[] {
  const counts = metrics.errors.byClass();
  return ERROR_CLASSES.map((errorClass) => ({ labels: { class: errorClass }, value: counts[errorClass] ?? 0 }));
}

function healthSamples(source: PrometheusSource): Sample[] {
  return perConnection(
    [...source.connections()].map(({ id, healthScore }) => ({ id, value: healthScore })),
    (values) => Math.min(...values),
  );
}

function latencySamples(source: PrometheusSource): Sample[] {
  const measured = [...source.connections()].flatMap(({ id, avgLatencyMs }) =>
    avgLatencyMs === null ? [] : [{ id, value: avgLatencyMs / 1000 }],
  );
  return perConnection(measured, (values) => values.reduce((sum, value) => sum + value, 0) / values.length);
}

function perConnection(figures: readonly { id: string; value: number }[], together: (values: number[]) => number): Sample[] {
  const shown = figures.slice(0, MAX_CONNECTION_SERIES).map(({ id, value }) => ({ labels: { connection: id }, value }));
  const others = figures.slice(MAX_CONNECTION_SERIES).map(({ value }) => value);
  return others.length === 0 ? shown : [...shown, { labels: { connection: 'other' }, value: together(others) }];
}
