/** A pool's figures at one moment, from what its parts have counted. */
import type { ComprehensiveStatus, PoolStatistics, PoolStats, PoolStatus } from './answers.ts';
import type { CircuitState } from './breaker.ts';
import type { Entry } from './entry.ts';
import type { Host } from './host.ts';
import type { QueryPatternTracker } from './learning/query-pattern-tracker.ts';
import type { PoolGauges, PoolMetrics } from './metrics.ts';
import type { PoolParts } from './parts.ts';
import type { ConnectionFigures, PrometheusSource } from './prometheus-families.ts';
import type { AdaptivePoolController } from './sizing/controller.ts';
import type { SlotState, SupervisedConnection, SupervisorStatus } from './supervisor.ts';
import type { Topology } from './topology.ts';

/** What there is to look at. Without a topology the pool was not used yet. */
export interface Subject {
  readonly parts: PoolParts;
  readonly topology: Topology | undefined;
  readonly mode: 'new' | 'running' | 'closing' | 'closed';
  readonly sizing: AdaptivePoolController | undefined;
  readonly tracker: QueryPatternTracker | null;
}

export function poolStats(subject: Subject): PoolStats {
  const { metrics, config } = subject.parts;
  const { counters, recentWaits, recentQueries } = metrics;
  const { active, idle, total, waiting } = gaugesOf(subject);
  return {
    poolName: config.name,
    uptimeSeconds: metrics.uptimeSeconds,
    connections: {
      created: counters.connectionsCreated,
      recycled: counters.connectionsRecycled + counters.connectionsDiscarded,
      failed: counters.connectionsFailed,
    },
    queries: { executed: counters.queriesTotal, errors: counters.queryErrors, errorRate: metrics.errorRate },
    prepared: { hits: counters.preparedHits, misses: counters.preparedMisses, hitRate: metrics.preparedHitRate },
    performance: {
      avgAcquisitionTimeMs: recentWaits.mean(),
      p99AcquisitionTimeMs: recentWaits.percentile(0.99),
      avgQueryTimeMs: recentQueries.mean(),
      p99QueryTimeMs: recentQueries.percentile(0.99),
    },
    health: { successRate: metrics.healthCheckSuccessRate, checksPerformed: counters.healthChecksTotal },
    currentState: {
      totalConnections: total,
      activeConnections: active,
      availableConnections: idle,
      waiting,
      healthScores: Object.fromEntries(entriesOf(subject).map((entry) => [entry.id, entry.health.score])),
    },
    supervisor: supervisorOf(subject),
  };
}

export function poolStatus(subject: Subject): PoolStatus {
  const { clock } = subject.parts;
  const toWallTime = clock.wallTime() - clock.now();
  const connections: Record<string, PoolStatus['connections'][string]> = {};
  for (const host of subject.topology?.hosts ?? []) {
    for (const entry of host.entries) {
      connections[entry.holder?.id ?? entry.id] = {
        role: entry.role,
        host: host.plan.name,
        state: stateOf(entry),
        healthScore: entry.health.score,
        healthState: entry.health.state,
        activeQueries: entry.busy ? 1 : 0,
        capabilities: entry.role === 'replica' ? ['read'] : ['read', 'write'],
        avgLatencyMs: entry.latencies.mean(),
        lastUsed: new Date(entry.lastUsedAt + toWallTime).toISOString(),
      };
    }
  }
  const { active, idle, total, waiting } = gaugesOf(subject);
  return { status: modeOf(subject), connections, poolSize: total, activeCount: active, availableCount: idle, queueDepth: waiting };
}

export function poolStatistics(subject: Subject): PoolStatistics {
  const { metrics, config } = subject.parts;
  const gauges = gaugesOf(subject);
  const scores = entriesOf(subject).map((entry) => entry.health.score);
  const avgHealthScore = scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return {
    poolName: config.name,
    totalConnections: gauges.total,
    activeConnections: gauges.active,
    idleConnections: gauges.idle,
    queueDepth: gauges.waiting,
    utilizationRate: gauges.max === 0 ? 0 : gauges.active / gauges.max,
    avgHealthScore,
    healthScore: avgHealthScore,
    avgAcquisitionTimeMs: metrics.recentWaits.mean(),
    avgQueryTimeMs: metrics.recentQueries.mean(),
    queriesPerSecond: metrics.queriesPerSecond,
    errorRate: metrics.errorRate,
    circuitBreakerStatus: worstCircuit(subject),
    comprehensiveMetrics: metrics.snapshot(gauges),
  };
}

const FREQUENT_TOLD = 10;

export function comprehensiveStatus(subject: Subject): ComprehensiveStatus {
  const hosts = (subject.topology?.hosts ?? []).map((host) => [host.plan.name, hostStatus(host)] as const);
  return {
    ...poolStatistics(subject),
    status: modeOf(subject),
    hosts: Object.fromEntries(hosts),
    settings: { ...subject.parts.settings },
    adaptiveControl: subject.sizing ? adaptiveStatus(subject.sizing) : null,
    patternInsights: subject.tracker ? patternInsights(subject.tracker, subject.parts.metrics) : null,
  };
}

function patternInsights(tracker: QueryPatternTracker, { counters }: PoolMetrics): ComprehensiveStatus['patternInsights'] {
  const { prewarms, prewarmsUseful, prewarmsWasted, preparesAhead, preparesAheadUseful, preparesAheadWasted } = counters;
  const { historicalQps, expectedTotalQueries, recommendedPoolSize, peakHours } = tracker.getWorkloadForecast();
  const frequent = tracker.getFrequentPatterns(FREQUENT_TOLD);
  return {
    templates: tracker.size,
    frequentPatterns: frequent.map(({ fingerprint, frequency, avgExecutionTime }) => ({ fingerprint, frequency, avgExecutionTime })),
    forecast: { historicalQps, expectedTotalQueries, recommendedPoolSize, peakHours: [...peakHours] },
    actions: {
      prewarms: { done: prewarms, useful: prewarmsUseful, wasted: prewarmsWasted },
      prepares: { done: preparesAhead, useful: preparesAheadUseful, wasted: preparesAheadWasted },
    },
  };
}

function adaptiveStatus(controller: AdaptivePoolController): ComprehensiveStatus['adaptiveControl'] {
  const { inputs: _, ...lastAdjustment } = controller.getLastAdjustment() ?? { inputs: undefined };
  return {
    running: controller.isRunning,
    recommendedSize: controller.getRecommendedSize(),
    lastAdjustment: 'timestamp' in lastAdjustment ? lastAdjustment : null,
  };
}

/** For Prometheus: connections by their places, which their successors take. */
export function prometheusSource(parts: PoolParts, subject: () => Subject): PrometheusSource {
  return {
    metrics: parts.metrics,
    databaseType: parts.config.databaseType,
    gauges: () => gaugesOf(subject()),
    connections: () => (subject().topology?.hosts ?? []).flatMap((host) => [...host.entries].map((entry) => figuresOf(host, entry))),
    circuitState: () => worstCircuit(subject()),
    isFailing: () => modeOf(subject()) === 'failing',
  };
}

function figuresOf(host: Host, { slot, health, latencies }: Entry): ConnectionFigures {
  return { id: `${host.plan.name}/${slot}`, healthScore: health.score, avgLatencyMs: latencies.mean() };
}

/** Before the first use: what the configuration allows. */
export function gaugesOf({ parts, topology }: Subject): PoolGauges {
  const { minConnections, maxConnections } = parts.config;
  if (!topology) return { active: 0, idle: 0, total: 0, connecting: 0, waiting: 0, min: minConnections, max: maxConnections };
  const sum = (of: (host: Host) => number): number => topology.hosts.reduce((total, host) => total + of(host), 0);
  const total = sum((host) => host.total);
  const idle = sum((host) => host.idleCount);
  const waiting = topology.lines.reduce((all, line) => all + line.waiting, 0);
  const connecting = sum((host) => host.connector.connecting);
  return { active: total - idle, idle, total, connecting, waiting, min: sum((host) => host.floor), max: sum((host) => host.size) };
}

function hostStatus(host: Host): ComprehensiveStatus['hosts'][string] {
  const { plan, role, total, idleCount: idle, size, connector } = host;
  return {
    address: plan.address,
    role,
    total,
    idle,
    connecting: connector.connecting,
    size,
    circuitBreaker: connector.breaker.getStatus(),
    supervisor: connector.supervisor.status(actorsOf(host)),
  };
}

/** All supervisors as one. */
function supervisorOf({ parts, topology }: Subject): SupervisorStatus {
  const { name, supervisor } = parts.config;
  const all = (topology?.hosts ?? []).map((host) => host.connector.supervisor.status(actorsOf(host)));
  const count = (state: SlotState): number => all.reduce((sum, { slots }) => sum + slots[state], 0);
  return {
    name,
    strategy: supervisor.strategy,
    running: all.some(({ running }) => running),
    state: all.some(({ state }) => state === 'failing') ? 'failing' : 'running',
    slots: { running: count('running'), restarting: count('restarting'), failing: count('failing') },
    actors: Object.assign({}, ...all.map(({ actors }) => actors)) as SupervisorStatus['actors'],
  };
}

function actorsOf(host: Host): SupervisedConnection[] {
  return [...host.entries].map(({ slot, id, health }) => ({ slot, connectionId: id, state: health.state, healthScore: health.score }));
}

const entriesOf = ({ topology }: Subject): Entry[] => (topology?.hosts ?? []).flatMap((host) => [...host.entries]);

function stateOf({ state }: Entry): 'idle' | 'active' | 'checking' | 'cleaning' {
  return state === 'leased' || state === 'gone' ? 'active' : state;
}

function modeOf({ mode, topology }: Subject): PoolStatus['status'] {
  if (mode !== 'running' || !topology) return mode;
  const failing = topology.hosts.some(({ connector }) => connector.supervisor.state === 'failing' || connector.breaker.state === 'open');
  return failing ? 'failing' : 'running';
}

const WORST_FIRST: readonly CircuitState[] = ['open', 'half_open', 'closed'];

function worstCircuit({ topology }: Subject): CircuitState {
  const states = (topology?.hosts ?? []).map((host) => host.connector.breaker.state);
  return WORST_FIRST.find((state) => states.includes(state)) ?? 'closed';
}
