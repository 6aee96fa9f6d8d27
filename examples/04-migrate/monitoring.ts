import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { QueryRouterNode } from '@kailash-ts/query-router';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const ms = (time: number | null): string => (time === null ? 'not known yet' : `${time.toFixed(2)} ms`);

/** What to look at before, during and after the migration. */
export function migrationReport(pool: WorkflowConnectionPool, router: QueryRouterNode): string[] {
  const { currentState, performance } = pool.stats();
  const { activeConnections, totalConnections, waiting } = currentState;
  const { counters } = pool.getPoolStatistics().comprehensiveMetrics;
  const { cacheStats, routerMetrics, shares } = router.getMetrics();
  const lines = [
    `in use: ${activeConnections} of ${totalConnections} connections, ${waiting} callers wait`,
    `wait p99: ${ms(performance.p99AcquisitionTimeMs)}; statements: ${ms(performance.avgQueryTimeMs)} on average`,
    `connections: ${counters.connectionsFailed} failed; ${counters.poolExhaustionEvents} callers waited for one, ${counters.acquireTimeouts} in vain`,
    `hit rate: ${percent(cacheStats.hitRate)}; deciding takes ${ms(routerMetrics.avgRoutingTimeMs)}`,
    `reads on replicas: ${percent(shares.readsOnReplicas.share)}`,
  ];
  const adjustments = pool.adaptiveController?.getAdjustmentHistory() ?? [];
  for (const { timestamp, role, fromSize, toSize, reason } of adjustments.slice(-5))
    lines.push(`${timestamp} ${role}: ${fromSize} -> ${toSize}, ${reason}`);
  return lines;
}
