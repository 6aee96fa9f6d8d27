/** The loads that are played on a real server: shapes of minutes, and days of traces in minutes. */
import { existsSync, readFileSync } from 'node:fs';
import type { Rates } from './arrivals.ts';

export interface RealLoad {
  readonly name: string;
  readonly rates: Rates;
}

const STEP_MS = 250;
const FOLDER = new URL('../../../../../shared/data/traces/', import.meta.url);

const TRACES = [
  { name: 'taxi, a day', file: 'nyc_taxi.csv', points: 48 },
  { name: 'load balancer, a day', file: 'elb_request_count.csv', points: 288 },
] as const;

/** @param peak callers a second at the most @param ms how long each shape takes */
export function realLoads(peak: number, ms: number): readonly RealLoad[] {
  const shape = (rate: (share: number) => number): Rates => {
    const steps = Math.round(ms / STEP_MS);
    return { everyMs: STEP_MS, perSecond: Array.from({ length: steps }, (_, index) => peak * rate(index / steps)) };
  };
  return [
    { name: 'steady', rates: shape(() => 1) },
    { name: 'step', rates: shape((at) => (at < 0.3 || at >= 0.75 ? 1 / 6 : 1)) },
    { name: 'ten times as much', rates: shape((at) => (at < 0.4 || at >= 0.7 ? 0.1 : 1)) },
    { name: 'sine', rates: shape((at) => 0.55 + 0.45 * Math.sin(2 * Math.PI * at)) },
    ...TRACES.filter(({ file }) => existsSync(new URL(file, FOLDER))).map(({ name, file, points }) => {
      const lines = readFileSync(new URL(file, FOLDER), 'utf8')
        .trim()
        .split('\n')
        .slice(1, points + 1);
      const values = lines.map((line) => Number(line.split(',')[1]));
      const most = Math.max(...values);
      return { name, rates: { everyMs: ms / values.length, perSecond: values.map((value) => (peak * value) / most) } };
    }),
  ];
}

/** The load from its first moment on, after a rise to it: a process that has just begun is slow. */
export function withWarmUp({ everyMs, perSecond }: Rates, warmUpMs: number): Rates {
  const first = perSecond[0]!;
  const steps = Math.round(warmUpMs / everyMs);
  const rise = Array.from({ length: steps }, (_, index) => first * Math.min(1, (1.5 * (index + 1)) / steps));
  return { everyMs, perSecond: [...rise, ...perSecond] };
}
