/** Plots of pool sizes against load, from the simulator of the connection pool: the same each time, so that a check can compare them. */
// Not part of the package's surface: what tests and the benchmark share.
import { neededFor } from '../../packages/connection-pool/src/sizing/policy.ts';
import { busiestDay, departuresLoad, TIMES_FASTER } from '../../packages/connection-pool/src/testing/departures.ts';
import { randomFrom } from '../../packages/connection-pool/src/testing/random.ts';
import { clairvoyant, LOADS, ours, type KnownLoad } from '../../packages/connection-pool/src/testing/sizing-loads.ts';
import { simulate, type Outcome } from '../../packages/connection-pool/src/testing/sizing-simulator.ts';
import { lineChart } from './line-chart.ts';

export const PLOT_FOLDER = 'docs/images';
const MINUTE_MS = 60_000;
const SEED = 7;

export interface Plot {
  /** Name within `PLOT_FOLDER`. */
  readonly file: string;
  readonly title: string;
  readonly load: KnownLoad;
  /** Of the horizontal axis. */
  readonly label: string;
  /** Milliseconds of the simulation in one unit of that axis. */
  readonly unitMs: number;
  readonly tick: number;
}

export function plannedPlots(): Plot[] {
  const day = busiestDay();
  const minutes = { label: 'time (minutes)', unitMs: MINUTE_MS };
  return [
    { file: 'sizing-steady.svg', title: 'A steady load', load: LOADS['steady']!, ...minutes, tick: 1 },
    { file: 'sizing-step.svg', title: 'A step: six times as much for 15 minutes', load: LOADS['step']!, ...minutes, tick: 5 },
    {
      file: 'sizing-spike.svg',
      title: 'Spikes: ten times as much for five minutes',
      load: LOADS['ten times as much for five minutes']!,
      ...minutes,
      tick: 5,
    },
    {
      file: 'sizing-sine.svg',
      title: 'A sine of 30 minutes',
      load: { ...LOADS['sine']!, durationMs: 30 * MINUTE_MS },
      ...minutes,
      tick: 5,
    },
    {
      file: 'sizing-departures.svg',
      title: `Departures of ${day.date} (vega-datasets), a day in an hour`,
      load: departuresLoad(day),
      label: 'hour of the day',
      unitMs: (60 * MINUTE_MS) / TIMES_FASTER,
      tick: 3,
    },
  ];
}

export function drawPlot({ title, load, label, unitMs, tick }: Plot): string {
  const random = (): (() => number) => randomFrom(SEED);
  const startSize = neededFor(load.offered(0), load.meanHoldMs);
  const own = simulate({ load, strategy: ours(), startSize: 2, random: random() });
  const best = simulate({ load, strategy: clairvoyant(load), startSize, random: random() });
  const sizes = ({ sizes }: Outcome): (readonly [number, number])[] => sizes.map(({ atMs, size }) => [atMs / unitMs, size]);
  return lineChart({
    title,
    note: inWords(own, best),
    x: { label, most: load.durationMs / unitMs, tick },
    y: { label: 'connections' },
    series: [
      { name: 'kept busy by the load', kind: 'area', points: own.sizes.map(({ atMs }) => [atMs / unitMs, load.offered(atMs)]) },
      { name: 'a size that knows the minute', kind: 'dashed', points: sizes(best) },
      { name: 'adaptive sizing', kind: 'solid', points: sizes(own) },
    ],
  });
}

function inWords(own: Outcome, best: Outcome): string {
  const ratio = (own.connectionSeconds / best.connectionSeconds).toFixed(2);
  const waits = `${own.waitP99Ms.toFixed(1)} ms (against ${best.waitP99Ms.toFixed(1)} ms)`;
  return `Adaptive sizing: ${ratio} times the connection-seconds of the size that knows; p99 of waits ${waits}.`;
}
