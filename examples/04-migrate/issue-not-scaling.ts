import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';

/** Why a pool has as many connections as it has. */
export function whyThisSize(pool: WorkflowConnectionPool): string {
  const controller = pool.adaptiveController;
  if (!controller) return 'adaptive sizing is off';
  const last = controller.getLastAdjustment();
  if (!last) return 'the load has not asked for another size yet';
  // What the load asks for, never more than maxConnections.
  const wanted = controller.getRecommendedSize() ?? 0;
  const { limit, limitedBy } = last.inputs;
  const isHeldBack = last.toSize === limit && (wanted > limit || limit === pool.config.maxConnections);
  return isHeldBack ? `${limitedBy} allows ${limit}; ${last.reason}` : last.reason;
}
