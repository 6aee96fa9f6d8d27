/**
 * Deciding alone: what `routingMetadata.routingTimeMs` says, of texts that the router knows and of texts that it sees for the first time.
 * The pool answers at once, has two replicas, and the catalog of a real database. `all of process`: checking the message, deciding and
 * answering together, so the whole that the router adds to a statement.
 */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { Dialect } from '@kailash-ts/connection-pool/contract';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { median } from '../../../../scripts/lib/statistics.ts';
import { atMost, toResult, type BenchCase, type Measurement } from '../../harness.ts';
import { measure } from '../../pool/bench.ts';
import { answeringHost } from '../answering-pool.ts';
import type { RouterBench } from '../plan.ts';
import { textOf } from '../texts.ts';

/** Texts that are sent over and over; fewer than the router remembers. */
const KNOWN = 120;
const GOAL_CACHED_US = 1;
const GOAL_FIRST_US = { postgresql: 25, mysql: 3 } as const;

export async function benchDecision(bench: RouterBench): Promise<void> {
  await measureDecisions(bench, 'postgresql', bench.postgresUrl);
  if (bench.mysqlUrl !== undefined) await measureDecisions(bench, 'mysql', bench.mysqlUrl);
}

async function measureDecisions(bench: RouterBench, on: 'postgresql' | 'mysql', url: string): Promise<void> {
  await using pool = new WorkflowConnectionPool({ connectionString: url, minConnections: 1, maxConnections: 2 });
  const router = new QueryRouterNode({ connectionPool: 'db_pool' });
  router.attach(answeringHost(pool));
  const scenario = `decision-${on}`;
  const { decisions, rounds } = bench.plan;
  let next = KNOWN;
  const known = (index: number): string => textOf(index % KNOWN, on);
  const cases: BenchCase[] = [
    { scenario, subject: 'first sight', unit: 'us, p50', measure: () => decide(router, decisions, () => textOf(next++, on)) },
    { scenario, subject: 'cached', unit: 'us, p50', measure: () => decide(router, decisions, known) },
    { scenario, subject: 'all of process, cached', unit: 'us, mean', measure: () => wholeCalls(router, decisions, known) },
  ];
  const measured = await measure(bench, cases, rounds);
  bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
  const [first, cached] = measured.map(valueOf) as [number, number];
  bench.goals.push(
    atMost(`router-decision-cached-${on}`, `us to decide about a text that is known, p50, ${nameOf(on)}`, GOAL_CACHED_US, cached),
    atMost(`router-decision-first-${on}`, `us to decide about a text at first sight, p50, ${nameOf(on)}`, GOAL_FIRST_US[on], first),
  );
}

const nameOf = (on: Dialect): string => (on === 'postgresql' ? 'PostgreSQL' : 'MySQL');

function valueOf(measurement: Measurement): number {
  return 'samples' in measurement ? median(measurement.samples) : Infinity;
}

/** @returns the median of what the router says that it took to decide, in microseconds */
async function decide(router: QueryRouterNode, count: number, text: (index: number) => string): Promise<number> {
  const times = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const { routingMetadata } = await router.process({ query: text(index) });
    times[index] = routingMetadata.routingTimeMs * 1000;
  }
  return times.sort()[count >> 1]!;
}

async function wholeCalls(router: QueryRouterNode, count: number, text: (index: number) => string): Promise<number> {
  const texts = Array.from({ length: KNOWN }, (_, index) => text(index));
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) await router.process({ query: texts[index % KNOWN]!, parameters: [index] });
  return ((performance.now() - startedAt) * 1000) / count;
}
