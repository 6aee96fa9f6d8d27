/**
 * `bench router`: what the router costs and gains, on real servers, each subject in a process of its own. The scenarios, in
 * `router/scenarios`: `decision` (deciding alone), `selects` (point SELECT end to end, beside others' pools), `split` (reads on replicas or
 * not), `stale` (read your writes under injected lag), `migration` (the same work by hand and by router). `--only <scenario>` runs one,
 * `--quick` shows in a minute or two that all run; figures of a quick run mean nothing.
 */
import { FULL, QUICK } from './pool/bench.ts';
import { runDatabaseBench } from './pool/run.ts';
import { FULL_ROUTER, QUICK_ROUTER } from './router/plan.ts';
import { benchDecision } from './router/scenarios/decision.ts';
import { benchMigration } from './router/scenarios/migration.ts';
import { benchRouterSelects } from './router/scenarios/selects.ts';
import { benchSplit } from './router/scenarios/split.ts';
import { benchStale } from './router/scenarios/stale.ts';

await runDatabaseBench({
  name: 'router',
  scenarios: { decision: benchDecision, selects: benchRouterSelects, split: benchSplit, stale: benchStale, migration: benchMigration },
  full: { ...FULL, ...FULL_ROUTER },
  quick: { ...QUICK, ...QUICK_ROUTER },
});
