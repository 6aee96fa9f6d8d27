/**
 * Sizes against loads, simulated: a pool as a queue, callers at random, connections that take 20 ms to open. Ours beside a size that
 * knows the next minute, the best size that never changes (found by search), ten, HikariCP's rule, and the formula of the original.
 * Simulated time: what real servers add, this scenario does not show.
 */
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
// Not part of the package's surface: what its tests share.
import { OriginalController, originalSize } from '../../../packages/connection-pool/src/testing/original-sizing.ts';
import { randomFrom } from './random.ts';
import { clairvoyant, knownLoad, LOADS, ours, type KnownLoad } from '../../../packages/connection-pool/src/testing/sizing-loads.ts';
import { simulate, type Outcome, type Strategy } from '../../../packages/connection-pool/src/testing/sizing-simulator.ts';
import { atLeast, atMost, round3 } from '../harness.ts';
import type { SelfTuningBench } from './plan.ts';

const MOST = 200;
const SEED = 11;
const WAIT_GOAL_MS = 5;
const ORIGINAL_LOOK_MS = 30_000;
const HOUR_MS = 3_600_000;

const TRACES = [
  { name: 'taxi, three days', file: 'nyc_taxi.csv', intervalMs: 1_800_000, days: 3, peak: 60 },
  { name: 'load balancer, three days', file: 'elb_request_count.csv', intervalMs: 300_000, days: 3, peak: 60 },
] as const;
const FOLDER = new URL('../../../../shared/data/traces/', import.meta.url);

export function benchSizing(bench: SelfTuningBench): void {
  for (const [scenario, load] of Object.entries({ ...LOADS, ...traceLoads(bench) })) measure(bench, scenario, load);
}

function measure(bench: SelfTuningBench, scenario: string, load: KnownLoad): void {
  const play = player(load);
  const bestSize = bestStaticFor(load);
  const hikari = 2 * cpus().length + 1;
  const knowing = play(clairvoyant(load), Math.max(2, Math.ceil(load.offered(0))));
  const best = play(fixed(bestSize), bestSize);
  const own = play(ours(MOST), 2);
  const subjects: Readonly<Record<string, Outcome>> = {
    'kailash-ts': own,
    'knows the next minute': knowing,
    [`best static size (${bestSize})`]: best,
    'ten, fixed': play(fixed(10), 10),
    [`HikariCP's rule (${hikari})`]: play(fixed(hikari), hikari),
    "the original's formula": play(original(), 10),
  };
  for (const [subject, outcome] of Object.entries(subjects)) report(bench, scenario, subject, outcome, load);
  const id = scenario.replaceAll(/[^a-z]+/g, '-');
  const ratio = own.connectionSeconds / knowing.connectionSeconds;
  bench.goals.push(
    atMost(`sizing-${id}-connections`, `times the connection-seconds of who knows the next minute, ${scenario}`, 1.15, ratio),
    atMost(`sizing-${id}-wait`, `ms waited at p99, ${scenario}`, round3(Math.max(WAIT_GOAL_MS, 1.2 * best.waitP99Ms)), own.waitP99Ms),
    atMost(`sizing-${id}-errors`, `callers that were not served, ${scenario}`, 0, own.timedOut),
    atMost(`sizing-${id}-flaps`, `changes an hour that undid the one before within a minute, ${scenario}`, 2, perHour(own.flaps, load)),
  );
  if (scenario !== 'steady') return;
  bench.goals.push(
    atLeast('sizing-utilization-least', 'share of connections that are busy, steady load of 20', 0.7, own.utilization),
    atMost('sizing-utilization-most', 'share of connections that are busy, steady load of 20', 0.8, own.utilization),
  );
}

function report(bench: SelfTuningBench, scenario: string, subject: string, outcome: Outcome, load: KnownLoad): void {
  const { served, timedOut, waitP50Ms, waitP99Ms, connectionSeconds, utilization, adjustments, flaps, largest } = outcome;
  const seconds = (load.durationMs - (load.warmUpMs ?? 0)) / 1000;
  const figures: readonly (readonly [unit: string, value: number])[] = [
    ['served a second', served / seconds],
    ['ms waited, p50', waitP50Ms],
    ['ms waited, p99', waitP99Ms],
    ['connection-seconds', connectionSeconds],
    ['busy share', utilization],
    ['adjustments', adjustments],
    ['flaps an hour', perHour(flaps, load)],
    ['connections at most', largest],
    ['callers that timed out', timedOut],
  ];
  for (const [unit, value] of figures) bench.results.push({ scenario: `sizing, ${scenario}`, subject, unit, value: round3(value) });
}

const perHour = (count: number, { durationMs, warmUpMs = 0 }: KnownLoad): number => (count * HOUR_MS) / (durationMs - warmUpMs);

const fixed = (size: number): Strategy => ({ look: () => size });

const player =
  (load: KnownLoad) =>
  (strategy: Strategy, startSize: number): Outcome =>
    simulate({ load, strategy, startSize, random: randomFrom(SEED) });

/** The smallest size that keeps the wait within the goal at p99. */
export function bestStaticFor(load: KnownLoad): number {
  const play = player(load);
  let tooFew = 1;
  let enough = MOST;
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const { waitP99Ms, timedOut } = play(fixed(middle), middle);
    if (waitP99Ms <= WAIT_GOAL_MS && timedOut === 0) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

/** Every 30 s, by what was finished. */
function original(): Strategy {
  const controller = new OriginalController();
  let before = { at: 0, count: 0, totalMs: 0 };
  return {
    look({ now, size, busy, waiting, oldestWaitMs, finished }) {
      if (now - before.at < ORIGINAL_LOOK_MS) return undefined;
      const count = finished.count - before.count;
      const perSecond = (count * 1000) / (now - before.at);
      const executionMs = count === 0 ? 0 : (finished.totalMs - before.totalMs) / count;
      before = { at: now, ...finished };
      const metrics = { size, perSecond, executionMs, utilization: busy / size, queue: waiting, waitMs: oldestWaitMs };
      return Math.min(MOST, controller.decide(originalSize(metrics), metrics, now).toSize);
    },
  };
}

/** Traces as rates: their shape, scaled to a peak that a simulation can bear, at their own pace; each caller holds for 200 ms. */
function traceLoads(bench: SelfTuningBench): Record<string, KnownLoad> {
  if (!existsSync(FOLDER)) {
    bench.notes.push('sizing: the traces (../shared/data/traces) are not there, and were not played.');
    return {};
  }
  const loads: Record<string, KnownLoad> = {};
  for (const { name, file, intervalMs, days, peak } of TRACES) {
    const lines = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n').slice(1);
    const values = lines.slice(0, (days * 24 * HOUR_MS) / intervalMs).map((line) => Number(line.split(',')[1]));
    const scale = peak / Math.max(...values);
    const rate = (atMs: number): number => scale * values[Math.min(values.length - 1, Math.floor(atMs / intervalMs))]!;
    loads[name] = knownLoad(rate, peak, bench.plan.ofTrace * values.length * intervalMs, 200);
  }
  return loads;
}
