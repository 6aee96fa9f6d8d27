/**
 * The load in an hour, of two traces of real systems: the first 70 % learnt, the rest walked forward one by one. Against the value a season
 * before (seasonal-naive), over the same points. One method with one set of settings for all.
 */
import { existsSync, readFileSync } from 'node:fs';
// Not part of the package's surface; the tracker forecasts its own arrivals only.
import { SeasonalForecast } from '../../../packages/connection-pool/src/learning/seasonal-forecast.ts';
import { atMost, round3 } from '../harness.ts';
import type { SelfTuningBench } from './plan.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LEARNT = 0.7;

interface Trace {
  readonly name: string;
  readonly file: string;
  readonly intervalMs: number;
  /** Of the naive forecast that it is compared to; the method is not told. */
  readonly seasonMs: number;
  readonly goal: number;
}

const TRACES: readonly Trace[] = [
  { name: 'taxi', file: 'nyc_taxi.csv', intervalMs: 30 * MINUTE_MS, seasonMs: 7 * DAY_MS, goal: 0.4 },
  { name: 'load balancer', file: 'elb_request_count.csv', intervalMs: 5 * MINUTE_MS, seasonMs: DAY_MS, goal: 0.78 },
];

const FOLDER = new URL('../../../../shared/data/traces/', import.meta.url);

export function benchForecast(bench: SelfTuningBench): void {
  if (!existsSync(FOLDER)) {
    bench.notes.push('forecast did not run: the traces (../shared/data/traces) are not there.');
    return;
  }
  for (const trace of TRACES) {
    const points = load(trace);
    const { ours, naive, acceptedShare, count } = walk(trace, points.slice(0, Math.floor(bench.plan.ofTrace * points.length)));
    const scenario = `${trace.name}, t + 1 h`;
    bench.results.push(
      { scenario, subject: 'kailash-ts', unit: 'mean absolute error', value: Number(ours.toFixed(2)) },
      { scenario, subject: 'seasonal-naive', unit: 'mean absolute error', value: Number(naive.toFixed(2)) },
      { scenario, subject: 'kailash-ts', unit: 'ratio to seasonal-naive', value: round3(ours / naive) },
      { scenario, subject: 'accepted by itself', unit: 'share', value: round3(acceptedShare) },
    );
    bench.notes.push(`${trace.name}: compared at ${count} points`);
    const id = `forecast-${trace.name.replaceAll(' ', '-')}`;
    bench.goals.push(atMost(id, `times the mean absolute error of seasonal-naive, ${trace.name}`, trace.goal, ours / naive));
  }
}

interface Point {
  readonly time: number;
  readonly value: number;
}

function load({ file }: Trace): Point[] {
  const lines = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => {
    const [timestamp, value] = line.split(',');
    return { time: Date.parse(`${timestamp!.replace(' ', 'T')}Z`), value: Number(value) };
  });
}

interface Walked {
  /** Mean absolute errors. */
  readonly ours: number;
  readonly naive: number;
  /** Share of the points at which the method took its own forecast for better than the naive one. */
  readonly acceptedShare: number;
  readonly count: number;
}

function walk({ intervalMs, seasonMs }: Trace, points: readonly Point[]): Walked {
  const forecast = new SeasonalForecast({ intervalMs, horizonsMs: [HOUR_MS] });
  const slotOf = (time: number): number => Math.floor(time / intervalMs);
  const values = new Map(points.map(({ time, value }) => [slotOf(time), value]));
  const said = new Map<number, { readonly value: number; readonly accepted: boolean }>();
  const sums = { ours: 0, naive: 0, accepted: 0, count: 0 };
  for (const [index, { time, value }] of points.entries()) {
    const slot = slotOf(time);
    const before = values.get(slot - seasonMs / intervalMs);
    const forecasted = said.get(slot);
    // Gaps are skipped: what was missing an hour or a season before is not compared.
    if (index >= LEARNT * points.length && before !== undefined && forecasted !== undefined) {
      sums.ours += Math.abs(value - forecasted.value);
      sums.naive += Math.abs(value - before);
      sums.accepted += Number(forecasted.accepted);
      sums.count++;
    }
    forecast.add(time, value);
    said.set(slot + HOUR_MS / intervalMs, forecast.forecast(HOUR_MS)!);
  }
  const { ours, naive, accepted, count } = sums;
  return { ours: ours / count, naive: naive / count, acceptedShare: accepted / count, count };
}
