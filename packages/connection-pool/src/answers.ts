/** What each operation answers, as schemas: documentation, types and checks in one. Every figure is measured; what is unknown is null. */
import { z } from 'zod';
import type { MetricsSnapshot, PoolCounterValues } from './metrics.ts';

const count = z.number().int().min(0);
const milliseconds = z.number().min(0);
const score = z.number().min(0).max(100);
const role = z.enum(['primary', 'replica']);
const healthState = z.enum(['initializing', 'healthy', 'degraded', 'recycling', 'failed', 'terminated']);
const circuitState = z.enum(['closed', 'open', 'half_open']);

/** Names and numbers; null where there is none yet. */
const isFigures = (value: unknown): boolean => z.record(z.string(), z.number().min(0).nullable()).safeParse(value).success;

const errorSchema = z
  .object({ name: z.string(), code: z.string().optional(), message: z.string(), facts: z.record(z.string(), z.unknown()).optional() })
  .loose();

const summary = z.strictObject({
  count,
  sum: z.number(),
  min: milliseconds.nullable(),
  max: milliseconds.nullable(),
  p50: milliseconds.nullable(),
  p75: milliseconds.nullable(),
  p90: milliseconds.nullable(),
  p95: milliseconds.nullable(),
  p99: milliseconds.nullable(),
});

/** One supervisor watches over the connections of one host. */
const supervisor = z.strictObject({
  name: z.string(),
  strategy: z.enum(['one_for_one', 'one_for_all', 'rest_for_one']),
  running: z.boolean(),
  /** `failing`: connections were lost too often; they go on being opened. */
  state: z.enum(['running', 'failing']),
  slots: z.strictObject({ running: count, restarting: count, failing: count }),
  /** Live connections by id. */
  actors: z.record(z.string(), z.strictObject({ state: healthState, healthScore: score, restartCount: count })),
});

/** Sizes are connections per host. */
const adaptiveControl = z.strictObject({
  running: z.boolean(),
  /** What the load asks of the primary; null before the first look. */
  recommendedSize: count.nullable(),
  lastAdjustment: z
    .strictObject({
      timestamp: z.string(),
      role,
      action: z.enum(['scale_up', 'scale_down']),
      fromSize: count,
      toSize: count,
      reason: z.string(),
      confidence: z.number().min(0).max(1),
    })
    .nullable(),
});

/** `useful`: used within 30 s, where somebody would have had to wait without it. Of the last 30 s some are neither yet. */
const aheadCounts = z.strictObject({ done: count, useful: count, wasted: count });

/** What was learnt: templates, never values. */
const patternInsights = z.strictObject({
  /** Templates that are known. */
  templates: count,
  /** The ten most frequent: executions a minute, mean milliseconds. */
  frequentPatterns: z.array(z.strictObject({ fingerprint: z.string(), frequency: z.number(), avgExecutionTime: milliseconds })).readonly(),
  /** Of the next hour. */
  forecast: z.strictObject({
    historicalQps: z.number().min(0),
    expectedTotalQueries: z.number().min(0),
    recommendedPoolSize: count,
    peakHours: z.array(z.number().int().min(0).max(23)).readonly(),
  }),
  /** What was done before anybody asked: connections opened, statements prepared. */
  actions: z.strictObject({ prewarms: aheadCounts, prepares: aheadCounts }),
});

const circuit = z.strictObject({
  state: circuitState,
  metrics: z.strictObject({
    totalCalls: count,
    successfulCalls: count,
    failedCalls: count,
    rejectedCalls: count,
    errorRate: z.number(),
    windowErrorRate: z.number(),
    consecutiveFailures: count,
    consecutiveSuccesses: count,
  }),
  config: z.strictObject({
    failureThreshold: count,
    successThreshold: count,
    recoveryTimeoutMs: z.number(),
    errorRateThreshold: z.number(),
  }),
  timeUntilRecoveryMs: z.number().nullable(),
  stateTransitions: z.array(z.strictObject({ from: circuitState, to: circuitState, timestamp: z.string(), reason: z.string() })).readonly(),
});

const stats = z.strictObject({
  poolName: z.string(),
  uptimeSeconds: z.number().min(0),
  connections: z.strictObject({
    created: count,
    /** Closed on purpose, or because they could not be cleaned. */
    recycled: count,
    /** Could not be opened, or broke. */
    failed: count,
  }),
  queries: z.strictObject({ executed: count, errors: count, errorRate: z.number().min(0).max(1) }),
  /** Of prepared statements; `hitRate` is `hits / (hits + misses)`, null without any. */
  prepared: z.strictObject({ hits: count, misses: count, hitRate: z.number().min(0).max(1).nullable() }),
  /** Of the last 1000 waits and statements; null without any. */
  performance: z.strictObject({
    avgAcquisitionTimeMs: milliseconds.nullable(),
    p99AcquisitionTimeMs: milliseconds.nullable(),
    avgQueryTimeMs: milliseconds.nullable(),
    p99QueryTimeMs: milliseconds.nullable(),
  }),
  health: z.strictObject({
    /** Part of the checks that passed; null before the first. */
    successRate: z.number().min(0).max(1).nullable(),
    checksPerformed: count,
  }),
  currentState: z.strictObject({
    totalConnections: count,
    activeConnections: count,
    availableConnections: count,
    /** Callers in line. */
    waiting: count,
    /** By id of the connection. */
    healthScores: z.record(z.string(), score),
  }),
  /** Of all hosts together. */
  supervisor,
});

const status = z.strictObject({
  /** `failing`: a host's connections are lost too often, or cannot be opened. */
  status: z.enum(['new', 'running', 'failing', 'closing', 'closed']),
  /** By the id under which they can be used: lent ones by their lease's. */
  connections: z.record(
    z.string(),
    z.strictObject({
      role,
      host: z.string(),
      state: z.enum(['idle', 'active', 'checking', 'cleaning']),
      healthScore: score,
      healthState,
      activeQueries: z.union([z.literal(0), z.literal(1)]),
      capabilities: z.array(z.enum(['read', 'write'])),
      /** Mean of its last statements; null before the first. */
      avgLatencyMs: milliseconds.nullable(),
      /** ISO time. */
      lastUsed: z.string(),
    }),
  ),
  poolSize: count,
  activeCount: count,
  availableCount: count,
  queueDepth: count,
});

const statistics = z.strictObject({
  poolName: z.string(),
  totalConnections: count,
  activeConnections: count,
  idleConnections: count,
  queueDepth: count,
  /** Lent connections by those that there may be. */
  utilizationRate: z.number().min(0),
  avgHealthScore: score.nullable(),
  /** The same as `avgHealthScore`: how the pool does as a whole. */
  healthScore: score.nullable(),
  avgAcquisitionTimeMs: milliseconds.nullable(),
  avgQueryTimeMs: milliseconds.nullable(),
  /** Over the last 60 s. */
  queriesPerSecond: z.number().min(0),
  errorRate: z.number().min(0).max(1),
  /** The worst of the hosts'. */
  circuitBreakerStatus: circuitState,
  comprehensiveMetrics: z.strictObject({
    counters: z.custom<PoolCounterValues>(isFigures),
    gauges: z.custom<MetricsSnapshot['gauges']>(isFigures),
    histograms: z.strictObject({ wait: summary, hold: summary, connect: summary, execute: summary, healthCheck: summary, reset: summary }),
    errors: z.strictObject({
      totalErrors: count,
      errorsByCategory: z.record(z.string(), count),
      errorsByClass: z.record(z.string(), count),
      errorRate: z.number(),
      recentErrors: z
        .array(z.strictObject({ time: z.string(), category: z.string(), kind: z.string(), code: z.string().nullable() }))
        .readonly(),
    }),
    rates: z.strictObject({ queriesPerSecond: z.number(), errorsPerSecond: z.number(), connectionsPerSecond: z.number() }),
    poolName: z.string(),
    uptimeSeconds: z.number(),
  }),
});

const host = z.strictObject({
  address: z.string(),
  /** What it was found to be last. */
  role,
  total: count,
  idle: count,
  connecting: count,
  /** How many there may be. */
  size: count,
  circuitBreaker: circuit,
  supervisor,
});

const execute = z.strictObject({
  success: z.boolean(),
  data: z.union([z.array(z.record(z.string(), z.unknown())), z.record(z.string(), z.unknown()), z.null()]),
  rowCount: z.number(),
  lastInsertId: z.union([z.number(), z.bigint()]).optional(),
  fields: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  error: errorSchema.optional(),
  executionTimeMs: milliseconds,
  waitTimeMs: milliseconds,
  connectionId: z.string(),
});

const adjust = z.union([
  z.strictObject({ success: z.literal(true), previousSize: count, newSize: count }),
  z.strictObject({ success: z.literal(false), reason: z.string() }),
]);

/** Schemas of all answers, by operation. */
export const poolAnswerSchemas = {
  initialize: z.strictObject({
    status: z.enum(['initialized', 'already_initialized']),
    minConnections: count,
    maxConnections: count,
    adaptiveSizing: z.boolean(),
    queryRouting: z.boolean(),
  }),
  acquire: z.strictObject({ connectionId: z.string(), healthScore: score, acquisitionTimeMs: milliseconds }),
  release: z.strictObject({ status: z.enum(['released', 'recycled']), connectionId: z.string() }),
  execute,
  stats,
  get_status: status,
  get_pool_statistics: statistics,
  get_comprehensive_status: statistics.extend({
    status: status.shape.status,
    /** By name. */
    hosts: z.record(z.string(), host),
    settings: z.strictObject({
      healthThreshold: score,
      adaptiveSizing: z.boolean(),
      enableQueryRouting: z.boolean(),
      preWarm: z.boolean(),
    }),
    /** Null while `adaptiveSizing` is off. */
    adaptiveControl: adaptiveControl.nullable(),
    /** Null while `enableQueryRouting` is off. */
    patternInsights: patternInsights.nullable(),
  }),
  adjust_pool_size: adjust,
  export_metrics: z.strictObject({ prometheusMetrics: z.string() }),
} as const;

/** Answer of `stats`. */
export type PoolStats = Readonly<z.output<typeof stats>>;
/** Answer of `get_status`. */
export type PoolStatus = Readonly<z.output<typeof status>>;
/** Answer of `get_pool_statistics`. */
export type PoolStatistics = Readonly<z.output<typeof statistics>>;
/** Answer of `get_comprehensive_status`. */
export type ComprehensiveStatus = Readonly<z.output<(typeof poolAnswerSchemas)['get_comprehensive_status']>>;
/** Answer of `adjust_pool_size`. */
export type AdjustResult = Readonly<z.output<typeof adjust>>;
/** Answer of `export_metrics`. */
export type ExportedMetrics = Readonly<z.output<(typeof poolAnswerSchemas)['export_metrics']>>;
