/**
 * Sizes against loads on a real PostgreSQL: ours beside a size that knows what comes, the best size that never changes, ten, HikariCP's
 * rule and the original's formula. Each in a process of its own; three at a time, so that this machine has time for them.
 */
import { cpus } from 'node:os';
import { startPostgres } from '../../../../packages/test-databases/src/index.ts';
import { knownLoad, type KnownLoad } from '../../../../packages/connection-pool/src/testing/sizing-loads.ts';
import { neededFor } from '../../../../packages/connection-pool/src/sizing/policy.ts';
import { atLeast, atMost, LeftOut, round3 } from '../../harness.ts';
import { SubjectProcess } from '../../subject-process.ts';
import type { SelfTuningBench } from '../plan.ts';
import { bestStaticFor } from '../sizing.ts';
import { durationOf, rateAt, type Rates } from './arrivals.ts';
import { realLoads, withWarmUp, type RealLoad } from './loads.ts';
import type { Figures, PlayJob, Sizing } from './subject.ts';

const HOLD_MS = 20;
/** At which 16 connections are busy. */
const PEAK = 800;
const MOST = 120;
const WARM_UP_MS = 20_000;
/** What who knows the load knows ahead: as much of these minutes as a minute is of an hour or two. */
const KNOWN_MS = 5000;
const WAIT_GOAL_MS = 5;
const HOUR_MS = 3_600_000;

const CHILD = new URL('./player.ts', import.meta.url);
const OURS = 'kailash-ts';
const KNOWING = 'knows the next five seconds';

export async function benchReal(bench: SelfTuningBench): Promise<void> {
  const cluster = await startPostgres({ maxConnections: 700 });
  try {
    for (const load of realLoads(PEAK, bench.plan.realMs)) {
      process.stderr.write(`real PostgreSQL, ${load.name} ...\n`);
      await measure(bench, load, cluster.url);
    }
    bench.notes.push(
      `real: each statement takes ${HOLD_MS} ms on the server on average (pg_sleep, exponential); the best static size is found in the simulator; ` +
        `three subjects at a time on ${cpus().length} cores, beside the server.`,
    );
  } finally {
    await cluster.stop();
  }
}

async function measure(bench: SelfTuningBench, { name, rates }: RealLoad, url: string): Promise<void> {
  const warm = withWarmUp(rates, WARM_UP_MS);
  const bestSize = bestStaticFor(simulated(warm));
  const hikari = 2 * cpus().length + 1;
  const best = `best static size (${bestSize})`;
  const play = (sizing: Sizing): PlayJob => ({ kind: 'play', url, rates: warm, holdMs: HOLD_MS, sizing, most: MOST, warmUpMs: WARM_UP_MS });
  const first = { [OURS]: play({ kind: 'ours' }), [KNOWING]: play(known(warm)), [best]: play({ kind: 'fixed', size: bestSize }) };
  const second = {
    'ten, fixed': play({ kind: 'fixed', size: 10 }),
    [`HikariCP's rule (${hikari})`]: play({ kind: 'fixed', size: hikari }),
    "the original's formula": play({ kind: 'original' }),
  };
  const found = { ...(await playTogether(first)), ...(await playTogether(second)) };
  for (const [subject, figures] of Object.entries(found)) report(bench, `real, ${name}`, subject, figures);
  setGoals(bench, name, found[OURS]!, found[KNOWING]!, found[best]!, durationOf(rates));
}

/** At the same time, so that what the machine does to one it does to all. @throws LeftOut */
export async function playTogether<Job extends object>(jobs: Readonly<Record<string, Job>>): Promise<Record<string, Figures>> {
  const answers = Object.entries(jobs).map(async ([name, job]) => {
    const subject = new SubjectProcess<Job, Figures>({ name, child: CHILD, module: CHILD, limitMs: HOUR_MS });
    try {
      return [name, await subject.work(job)] as const;
    } catch (error) {
      throw error instanceof LeftOut ? new LeftOut(`${name}: ${error.message}`) : error;
    } finally {
      subject.close();
    }
  });
  return Object.fromEntries(await Promise.all(answers));
}

function simulated(rates: Rates): KnownLoad {
  const load = knownLoad((at) => rateAt(rates, at), Math.max(...rates.perSecond), durationOf(rates), HOLD_MS);
  return { ...load, warmUpMs: WARM_UP_MS };
}

function known(rates: Rates): Sizing {
  const { offered } = simulated(rates);
  const sizes = Array.from({ length: Math.ceil(durationOf(rates) / KNOWN_MS) }, (_, window) => {
    const moments = Array.from({ length: 20 }, (_, index) => offered(window * KNOWN_MS + (index * KNOWN_MS) / 20));
    return Math.max(2, neededFor(moments.reduce((sum, one) => sum + one, 0) / moments.length, HOLD_MS));
  });
  return { kind: 'known', everyMs: KNOWN_MS, sizes };
}

export function report(bench: SelfTuningBench, scenario: string, subject: string, figures: Figures): void {
  const lines: readonly (readonly [unit: string, value: number])[] = [
    ['served a second', figures.servedPerSecond],
    ['ms waited, p50', figures.waitP50Ms],
    ['ms waited, p99', figures.waitP99Ms],
    ['ms a statement, p50', figures.latencyP50Ms],
    ['ms a statement, p95', figures.latencyP95Ms],
    ['connection-seconds', figures.connectionSeconds],
    ['busy share', figures.utilization],
    ['adjustments', figures.adjustments],
    ['flaps', figures.flaps],
    ['connections at most', figures.largest],
    ['callers that failed', failed(figures)],
    ['attempts to connect that failed', figures.connectErrors],
  ];
  for (const [unit, value] of lines) bench.results.push({ scenario, subject, unit, value: round3(value) });
}

export const failed = ({ errors }: Figures): number => Object.values(errors).reduce((sum, count) => sum + count, 0);

function setGoals(bench: SelfTuningBench, name: string, own: Figures, knowing: Figures, best: Figures, ms: number): void {
  const id = `real-${name.replaceAll(/[^a-z]+/g, '-')}`;
  const waitGoal = round3(Math.max(WAIT_GOAL_MS, 1.2 * best.waitP99Ms));
  bench.goals.push(
    atMost(
      `${id}-connections`,
      `times the connection-seconds of who knows what comes, ${name}`,
      1.15,
      own.connectionSeconds / knowing.connectionSeconds,
    ),
    atMost(`${id}-wait`, `ms waited at p99, ${name}`, waitGoal, own.waitP99Ms),
    atMost(`${id}-errors`, `callers that failed, ${name}`, 0, failed(own)),
    atMost(`${id}-connect-errors`, `attempts to connect that failed, ${name}`, 0, own.connectErrors),
    atMost(`${id}-flaps`, `changes in ${Math.round(ms / 1000)} s that undid the one before within a minute, ${name}`, 2, own.flaps),
  );
  if (name !== 'steady') return;
  bench.goals.push(
    atLeast(`${id}-utilization-least`, 'share of connections that are busy, steady load of 16', 0.7, own.utilization),
    atMost(`${id}-utilization-most`, 'share of connections that are busy, steady load of 16', 0.8, own.utilization),
  );
}
