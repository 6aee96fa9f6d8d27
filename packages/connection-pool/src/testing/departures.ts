/** A day of real departures as a load: the flights of `vega-datasets`, by the hour. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { knownLoad, type KnownLoad } from './sizing-loads.ts';

const require = createRequire(import.meta.url);

const HOUR_MS = 3_600_000;
/** The day passes in an hour of the simulation. */
export const TIMES_FASTER = 24;
const HOUR_OF_DAY_MS = HOUR_MS / TIMES_FASTER;
/** Callers a second in the busiest hour. */
const PEAK_RATE = 600;

/** Departures by the hour, of the day that has most of them. */
export function busiestDay(): { readonly date: string; readonly departures: readonly number[] } {
  const data = join(dirname(require.resolve('vega-datasets')), '..', 'data', 'flights-20k.json');
  const days = new Map<string, number[]>();
  for (const flight of JSON.parse(readFileSync(data, 'utf8')) as { readonly date: string }[]) {
    const [date = '', time = ''] = flight.date.split(' ');
    const hours = days.get(date) ?? new Array<number>(24).fill(0);
    hours[Number(time.slice(0, 2))]! += 1;
    days.set(date, hours);
  }
  const total = (hours: readonly number[]): number => hours.reduce((sum, count) => sum + count, 0);
  const [date, departures] = [...days].reduce((most, day) => (total(day[1]) > total(most[1]) ? day : most));
  return { date: date.replaceAll('/', '-'), departures };
}

/** That day, so many times faster, with 600 callers a second in its busiest hour; between the hours' middles the rate changes evenly. */
export function departuresLoad({ departures }: ReturnType<typeof busiestDay> = busiestDay()): KnownLoad {
  const scale = PEAK_RATE / Math.max(...departures);
  const rate = (atMs: number): number => {
    const hours = atMs / HOUR_OF_DAY_MS - 0.5;
    const hour = Math.floor(hours);
    const at = (index: number): number => departures[Math.min(23, Math.max(0, index))]!;
    return scale * (at(hour) + (hours - hour) * (at(hour + 1) - at(hour)));
  };
  return knownLoad(rate, PEAK_RATE, HOUR_MS);
}
