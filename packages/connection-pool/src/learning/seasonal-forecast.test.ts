/** The forecast on series of known kinds, on the flights of `vega-datasets`, and on the traces that lie beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../testing/random.ts';
import { PatternOptionsError } from './errors.ts';
import { seasonalForecastStateSchema } from './forecast-state.ts';
import { SeasonalForecast } from './seasonal-forecast.ts';

const require = createRequire(import.meta.url);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.UTC(2026, 0, 5);

interface Point {
  readonly time: number;
  readonly value: number;
}

/** About Poisson-distributed counts. @param rate of the interval at that hour and weekday (0 is Monday) */
function series(days: number, intervalMs: number, rate: (hour: number, weekday: number, time: number) => number, seed = 1): Point[] {
  const random = randomFrom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: (days * DAY) / intervalMs }, (_, index) => {
    const time = index * intervalMs;
    const mean = rate((time % DAY) / HOUR, Math.floor(time / DAY) % 7, time);
    return { time: START + time, value: Math.max(0, Math.round(mean + Math.sqrt(mean) * normal())) };
  });
}

interface Walk {
  /** Mean absolute error relative to that of the value a season before, over the same intervals. */
  readonly ratio: number;
  readonly accepted: boolean;
  readonly season: string | null;
}

/** Learns the first 70 %, and goes on through the rest one by one, an hour ahead. */
function walk(points: readonly Point[], intervalMs: number, seasonMs: number): Walk {
  const forecast = new SeasonalForecast({ intervalMs, horizonsMs: [HOUR] });
  const slotOf = (time: number): number => Math.floor(time / intervalMs);
  const values = new Map(points.map(({ time, value }) => [slotOf(time), value]));
  const said = new Map<number, number>();
  const errors = { ours: 0, naive: 0 };
  for (const [index, { time, value }] of points.entries()) {
    const slot = slotOf(time);
    const before = values.get(slot - seasonMs / intervalMs);
    const forecasted = said.get(slot);
    if (index >= 0.7 * points.length && before !== undefined && forecasted !== undefined) {
      errors.ours += Math.abs(value - forecasted);
      errors.naive += Math.abs(value - before);
    }
    forecast.add(time, value);
    said.set(slot + HOUR / intervalMs, forecast.forecast(HOUR)!.value);
  }
  const { accepted, season } = forecast.forecast(HOUR)!;
  return { ratio: errors.ours / errors.naive, accepted, season };
}

const wave = (hour: number): number => 1 + 0.8 * Math.sin((2 * Math.PI * hour) / 24);

describe('a seasonal forecast', () => {
  // A forecast that knows the mean has 1 / sqrt(2) of the naive error: the naive one has the noise of two values.
  it.each([
    ['a level', series(28, 5 * MINUTE, () => 40), 0.73],
    ['a day', series(28, 5 * MINUTE, (hour) => 40 * wave(hour)), 0.74],
    ['a job in the night', series(28, 5 * MINUTE, (hour) => (hour >= 2 && hour < 2.5 ? 500 : 10)), 0.8],
    ['nights without anything', series(28, 5 * MINUTE, (hour) => (hour > 8 && hour < 18 ? 30 : 0)), 0.8],
    ['growth', series(42, 30 * MINUTE, (hour, _, time) => (50 + (5 * time) / DAY) * wave(hour)), 0.8],
  ])('is about as good on %s as the mean would be', (_, points, most) => {
    const intervalMs = points[1]!.time - points[0]!.time;
    const { ratio, accepted } = walk(points, intervalMs, DAY);
    expect(ratio).toBeLessThan(most);
    expect(accepted).toBe(true);
  });

  it('finds the week by itself', () => {
    const points = series(56, 30 * MINUTE, (hour, weekday) => 200 * wave(hour) * (weekday < 5 ? 1 : 0.3));
    expect(walk(points, 30 * MINUTE, DAY).ratio).toBeLessThan(0.25);
    const weekly = walk(points, 30 * MINUTE, 7 * DAY);
    expect(weekly.ratio).toBeLessThan(0.85);
    expect(weekly.season).toBe('weekly');
  });

  it('follows a new level', () => {
    const points = series(28, 5 * MINUTE, (hour, _, time) => (time > 22 * DAY ? 120 : 40) * wave(hour));
    expect(walk(points, 5 * MINUTE, DAY).ratio).toBeLessThan(0.6);
  });

  it('skips gaps, and learns nothing of them', () => {
    const points = series(28, 5 * MINUTE, (hour) => 40 * wave(hour));
    const random = randomFrom(2);
    const holey = points.filter(({ time }) => random() < 0.9 && !(time > START + 10 * DAY && time < START + 12 * DAY));
    expect(walk(holey, 5 * MINUTE, DAY).ratio).toBeLessThan(0.74);
  });

  it('is not accepted before it was compared, and where yesterday is as good', () => {
    const forecast = new SeasonalForecast({ intervalMs: HOUR, horizonsMs: [HOUR] });
    expect(forecast.forecast(HOUR)).toBeNull();
    forecast.add(START, 5);
    expect(forecast.forecast(HOUR)).toMatchObject({ accepted: false, error: null, naiveError: null, season: null });
    for (let hour = 1; hour < 24 * 20; hour++) forecast.add(START + hour * HOUR, hour % 24 === 7 ? 1000 : hour % 24);
    expect(forecast.forecast(HOUR)).toMatchObject({ accepted: false });
    expect(forecast.forecast(HOUR)!.naiveError).toBeLessThan(0.001);
  });

  it('drops what is no news: the past, a second value, and what is no number', () => {
    const [one, other] = [1, 2].map(() => new SeasonalForecast({ intervalMs: HOUR, horizonsMs: [HOUR] }));
    for (const { time, value } of series(10, HOUR, (hour) => 40 * wave(hour))) {
      one!.add(time, value);
      other!.add(time, value);
      other!.add(time + 1, 1e6);
      other!.add(time - DAY, 1e6);
      other!.add(time + HOUR, NaN);
      other!.add(time + HOUR, Infinity);
    }
    expect(other!.exportState()).toEqual(one!.exportState());
  });

  it('goes on from its state as if nothing had been between', () => {
    const options = { intervalMs: 30 * MINUTE, horizonsMs: [HOUR, 2 * HOUR] };
    const points = series(20, 30 * MINUTE, (hour) => 40 * wave(hour));
    const whole = new SeasonalForecast(options);
    for (const { time, value } of points.slice(0, 700)) whole.add(time, value);
    const state = seasonalForecastStateSchema.parse(JSON.parse(JSON.stringify(whole.exportState())));
    const again = SeasonalForecast.fromState(options, state);
    expect(again.forecast(HOUR)!.value).toBeCloseTo(whole.forecast(HOUR)!.value, 3);
    for (const { time, value } of points.slice(700)) {
      whole.add(time, value);
      again.add(time, value);
    }
    for (const horizonMs of options.horizonsMs) {
      const [expected, found] = [whole, again].map((each) => each.forecast(horizonMs)!);
      expect(found!.accepted).toBe(true);
      expect(found!.value / expected!.value).toBeCloseTo(1, 1);
    }
    expect(() => SeasonalForecast.fromState({ ...options, intervalMs: HOUR }, state)).toThrow(PatternOptionsError);
  });

  it('refuses intervals that do not divide a day, and horizons that are no multiples', () => {
    expect(() => new SeasonalForecast({ intervalMs: 7 * MINUTE, horizonsMs: [HOUR] })).toThrow(/420000 ms is no whole part of a day/);
    expect(() => new SeasonalForecast({ intervalMs: HOUR, horizonsMs: [90 * MINUTE] })).toThrow(/5400000 ms is no multiple/);
    expect(() => new SeasonalForecast({ intervalMs: HOUR, horizonsMs: [] })).toThrow(/horizonsMs: is empty/);
  });
});

describe('the flights of vega-datasets', () => {
  it('are forecast better than by yesterday and by last week', () => {
    const data = join(dirname(require.resolve('vega-datasets')), '..', 'data', 'flights-20k.json');
    const flights = JSON.parse(readFileSync(data, 'utf8')) as { date: string }[];
    const departures = new Map<number, number>();
    for (const { date } of flights) {
      const hour = Math.floor(Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}Z`) / HOUR);
      departures.set(hour, (departures.get(hour) ?? 0) + 1);
    }
    const [first, last] = [Math.min(...departures.keys()), Math.max(...departures.keys())];
    const points = Array.from({ length: last - first + 1 }, (_, index) => ({
      time: (first + index) * HOUR,
      value: departures.get(first + index) ?? 0,
    }));
    expect(walk(points, HOUR, DAY).ratio).toBeLessThan(0.76);
    expect(walk(points, HOUR, 7 * DAY).ratio).toBeLessThan(0.82);
    expect(walk(points, HOUR, DAY).accepted).toBe(true);
  });
});

const folder = new URL('../../../../../shared/data/traces/', import.meta.url);
const isThere = existsSync(folder);
if (!isThere) console.warn('packages/connection-pool: the traces (../shared/data/traces) are not there; 2 tests did not run.');

describe.skipIf(!isThere)('traces of real systems, an hour ahead', () => {
  const load = (name: string): Point[] =>
    readFileSync(new URL(name, folder), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
      .map(([timestamp, value]) => ({ time: Date.parse(`${timestamp!.replace(' ', 'T')}Z`), value: Number(value) }));

  it('of taxis: at most 0.40 of the error of last week', () => {
    const { ratio, season } = walk(load('nyc_taxi.csv'), 30 * MINUTE, 7 * DAY);
    expect(ratio).toBeLessThan(0.4);
    expect(season).toBe('weekly');
  });

  it('of a load balancer: at most 0.78 of the error of yesterday', () => {
    const { ratio, season } = walk(load('elb_request_count.csv'), 5 * MINUTE, DAY);
    expect(ratio).toBeLessThan(0.78);
    expect(season).toBe('daily');
  });
});
