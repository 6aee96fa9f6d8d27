/** A pool's figures at one moment, from its counters and hosts. */
import type { Host } from './host.ts';
import type { PoolCounters, PoolStats, PoolStatus } from './stats.ts';

export function poolStats(poolName: string, uptimeSeconds: number, counters: PoolCounters, hosts: readonly Host[]): PoolStats {
  const { created, recycled, failed, executed, errors, waits, queryTimes } = counters;
  const counts = hosts.map((host) => host.counts);
  const sum = (key: 'total' | 'active' | 'idle' | 'waiting'): number => counts.reduce((total, count) => total + count[key], 0);
  return {
    poolName,
    uptimeSeconds,
    connections: { created, recycled, failed },
    queries: { executed, errors, errorRate: executed === 0 ? 0 : errors / executed },
    performance: {
      avgAcquisitionTimeMs: waits.mean(),
      p99AcquisitionTimeMs: waits.percentile(0.99),
      avgQueryTimeMs: queryTimes.mean(),
      p99QueryTimeMs: queryTimes.percentile(0.99),
    },
    currentState: {
      totalConnections: sum('total'),
      activeConnections: sum('active'),
      availableConnections: sum('idle'),
      waiting: sum('waiting'),
    },
  };
}

export function poolStatus(hosts: readonly Host[]): PoolStatus {
  const entries = hosts.flatMap((host) => [...host.entries]);
  const connections: Record<string, PoolStatus['connections'][string]> = {};
  for (const entry of entries) {
    connections[entry.usableId] = {
      role: entry.role,
      state: entry.state === 'idle' ? 'idle' : 'active',
      activeQueries: entry.busy ? 1 : 0,
      capabilities: entry.role === 'replica' ? ['read'] : ['read', 'write'],
      avgLatencyMs: entry.latencies.mean(),
      lastUsed: new Date(entry.lastUsed).toISOString(),
    };
  }
  const availableCount = entries.filter((entry) => entry.state === 'idle').length;
  const queueDepth = hosts.reduce((total, host) => total + host.counts.waiting, 0);
  return { connections, poolSize: entries.length, activeCount: entries.length - availableCount, availableCount, queueDepth };
}
