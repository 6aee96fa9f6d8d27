/**
 * The migration guide's success criteria, before and after on one PostgreSQL at the same time: a day of departures (`vega-datasets`) as the
 * rate, in ten minutes. Before: by hand, with a pool of 10 to 20. After: router, adaptive sizing, learning.
 */
import { startPostgres } from '../../../../packages/test-databases/src/index.ts';
import { busiestDay } from '../../../../packages/connection-pool/src/testing/departures.ts';
import { atLeast, atMost } from '../../harness.ts';
import type { SelfTuningBench } from '../plan.ts';
import type { Rates } from './arrivals.ts';
import { withWarmUp } from './loads.ts';
import { failed, playTogether, report } from './postgres.ts';
import type { VisitsJob } from './subject.ts';
import { createShop, STATEMENTS_PER_VISIT } from './visits.ts';

const SCENARIO = 'guide, a day of departures';
const BEFORE = 'before: by hand, pool of 10 to 20';
const AFTER = 'after: router, adaptive sizing, learning';
const HOLD_MS = 50;
/** Connections that the busiest hour keeps busy. */
const PEAK_BUSY = 40;
const WARM_UP_MS = 20_000;

export async function benchGuide(bench: SelfTuningBench): Promise<void> {
  process.stderr.write(`${SCENARIO} ...\n`);
  const { date, departures } = busiestDay();
  const peak = (PEAK_BUSY * 1000) / (HOLD_MS * STATEMENTS_PER_VISIT);
  const most = Math.max(...departures);
  const day: Rates = { everyMs: bench.plan.dayMs / departures.length, perSecond: departures.map((count) => (peak * count) / most) };
  const rates = withWarmUp(day, WARM_UP_MS);
  const cluster = await startPostgres({ maxConnections: 300 });
  try {
    await createShop(cluster.url);
    const visit = (how: VisitsJob['how']): VisitsJob => ({
      kind: 'visits',
      url: cluster.url,
      rates,
      holdMs: HOLD_MS,
      how,
      most: 100,
      warmUpMs: WARM_UP_MS,
    });
    const found = await playTogether({ [BEFORE]: visit('by hand'), [AFTER]: visit('by router') });
    const [before, after] = [found[BEFORE]!, found[AFTER]!];
    for (const [subject, figures] of Object.entries(found)) {
      report(bench, SCENARIO, subject, figures);
      const more = [
        ['busy share where the load keeps 16 or more busy', figures.utilizationLarge ?? 0],
        ['visitors turned away, with 200 there', figures.turnedAway],
        ['hit rate', figures.hitRate ?? 0],
      ] as const;
      for (const [unit, value] of more) bench.results.push({ scenario: SCENARIO, subject, unit, value });
    }
    bench.goals.push(
      atLeast('guide-utilization-least', 'busy share where the load keeps 16 or more busy', 0.7, after.utilizationLarge ?? 0),
      atMost('guide-utilization-most', 'busy share where the load keeps 16 or more busy', 0.8, after.utilizationLarge ?? 0),
      atMost('guide-latency-p50', 'times the latency before, p50', 0.5, after.latencyP50Ms / before.latencyP50Ms),
      atMost('guide-latency-p95', 'times the latency before, p95', 0.5, after.latencyP95Ms / before.latencyP95Ms),
      atLeast('guide-hit-rate', 'hit rate', 0.95, after.hitRate ?? 0),
      atMost('guide-connect-errors', 'failed connections by statements', 0.001, after.connectErrors / after.statements),
      atMost('guide-failed', 'statements that failed', 0, failed(after)),
      atMost('guide-turned-away', 'visitors turned away', 0, after.turnedAway),
    );
    bench.notes.push(
      `guide: ${date}, in ${Math.round(bench.plan.dayMs / 1000)} s; ${Math.round(peak)} visitors a second in its busiest hour; each statement takes ` +
        `${HOLD_MS} ms on the server on average (pg_sleep in real statements, exponential), so that the busiest hour keeps ${PEAK_BUSY} connections busy.`,
    );
  } finally {
    await cluster.stop();
  }
}
