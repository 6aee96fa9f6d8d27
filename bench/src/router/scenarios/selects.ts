/** Point SELECT end to end: one message to the router, against the drivers' own pools. */
import { Subject } from '../../pool/bench.ts';
import { addWorstRatio, EXECUTE, measurePoints, NAMED, POSTGRES_JS, UNNAMED } from '../../pool/scenarios/selects.ts';
import type { RouterBench } from '../plan.ts';

const ROUTER = 'kailash-ts router.process';
/** What the router is built on: the difference is the router. */
const POOL = 'kailash-ts query, default';
const GOAL = 0.95;

export async function benchRouterSelects(bench: RouterBench): Promise<void> {
  const router = (): Subject => new Subject(ROUTER, '../router/ours.ts', 'default');
  const pool = (): Subject => new Subject(POOL, './ours.ts', 'default');
  const postgres = [
    router(),
    new Subject(NAMED, './peers/pg-pool.ts', 'named'),
    new Subject(UNNAMED, './peers/pg-pool.ts', 'unnamed'),
    new Subject(POSTGRES_JS, './peers/postgres-js.ts'),
    pool(),
  ];
  const bases = [NAMED, UNNAMED, POSTGRES_JS, POOL].map((base) => [ROUTER, base] as const);
  const measured = await measurePoints(bench, 'postgresql', postgres, bases);
  addWorstRatio(bench, measured, { id: 'router-select', subject: ROUTER, base: NAMED, goal: GOAL });
  if (bench.mysqlUrl === undefined) return;
  const mysql = [router(), new Subject(EXECUTE, './peers/mysql2.ts', 'execute'), pool()];
  await measurePoints(bench, 'mysql', mysql, [[ROUTER, EXECUTE] as const, [ROUTER, POOL] as const]);
}
