import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { QueryRouterNode } from '@kailash-ts/query-router';

/** Whether anything is learnt, and which switch is off if not. */
export function learningState(pool: WorkflowConnectionPool, router: QueryRouterNode): string {
  const off = [
    ...(pool.enableQueryRouting ? [] : [`enableQueryRouting of pool "${pool.name}"`]),
    ...(router.patternLearning ? [] : [`patternLearning of router "${router.name}"`]),
  ];
  if (off.length > 0) return `nothing is learnt: ${off.join(' and ')} is off`;
  const patterns = pool.queryPatternTracker?.getAllPatterns().length ?? 0;
  return `${patterns} patterns so far; a template needs five executions to be one`;
}
