/**
 * A rate some time ahead, from its own past alone: what is usual at that hour of the day and of the week, corrected by what is off now.
 *
 * Works on counts or rates of a fixed interval, on a logarithmic scale, online and in bounded memory: two weeks of values and some
 * small matrices. The season is not told but found: regressions on the level, the day, the week and both are mixed by how well each did
 * (`horizon-forecast.ts`). A forecast is accepted where it did better, on values that it had not seen, than the value of a day ago and
 * than the value of a week ago (seasonal-naive; R. Hyndman, A. Koehler 2006 for the comparison).
 */
import { PatternOptionsError } from './errors.ts';
import { HorizonForecast, type Profiles } from './horizon-forecast.ts';
import { SeasonalProfile, type Calendar } from './seasonal-profile.ts';
import type { SeasonalForecastState } from './forecast-state.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Weight of a new day in the profile of the day, of a new week in that of the week. */
const DAILY_RATE = 0.1;
const WEEKLY_RATE = 0.2;
/** How far the profiles look to the sides of an interval. */
const SMOOTHING_MS = 20 * MINUTE_MS;
/** After this time a value weighs half in the level, and a comparison with seasonal-naive in the verdict. */
const LEVEL_HALF_LIFE_MS = DAY_MS;
const VERDICT_HALF_LIFE_MS = 3 * DAY_MS;
/** Comparisons before there is a verdict; over at least a quarter of a day. */
const LEAST_COMPARISONS = 24;

export interface SeasonalForecastOptions {
  /** Length of an interval: 1 minute or more, a whole part of a day. */
  readonly intervalMs: number;
  /** How far ahead is learnt: multiples of the interval, at most a day. */
  readonly horizonsMs: readonly number[];
}

/** The season of the better of the two seasonal-naive forecasts. */
export type Season = 'daily' | 'weekly';

export interface Forecast {
  /** What the interval at the horizon will bring, in the unit of the values. */
  readonly value: number;
  /** Whether forecasts of late were better than seasonal-naive ones. */
  readonly accepted: boolean;
  /** Mean absolute error of late, in the unit of the values; null before any. */
  readonly error: number | null;
  /** The same, of the seasonal-naive forecast over the same intervals; null before one was possible. */
  readonly naiveError: number | null;
  /** Null before a seasonal-naive forecast was possible. */
  readonly season: Season | null;
}

const PROFILES = ['level', 'daily', 'weekly', 'sharp'] as const;

/** Decayed losses of ours and of one naive forecast, over the intervals for which both were made. */
interface Verdict {
  ours: number;
  naive: number;
  weight: number;
  count: number;
}

const noVerdict = (): Verdict => ({ ours: 0, naive: 0, weight: 0, count: 0 });

interface Horizon {
  readonly forecast: HorizonForecast;
  readonly daily: Verdict;
  readonly weekly: Verdict;
  /** Over all intervals. */
  readonly all: Verdict;
}

export class SeasonalForecast {
  readonly intervalMs: number;
  readonly #calendar: Calendar;
  readonly #profiles: Profiles;
  #horizons: readonly Horizon[];
  /** By slot, the last week and one; NaN where nothing came. */
  readonly #values: Float64Array;
  readonly #verdictKeep: number;
  #last = -1;
  #largest = 0;

  /** @throws PatternOptionsError */
  constructor({ intervalMs, horizonsMs }: SeasonalForecastOptions) {
    checkOptions(intervalMs, horizonsMs);
    this.intervalMs = intervalMs;
    const slotsPerDay = DAY_MS / intervalMs;
    this.#calendar = { intervalMs, slotsPerDay, slotsPerWeek: 7 * slotsPerDay };
    this.#profiles = profilesOf(this.#calendar);
    this.#values = new Float64Array(7 * slotsPerDay + 1).fill(NaN);
    this.#verdictKeep = 0.5 ** (intervalMs / VERDICT_HALF_LIFE_MS);
    const steps = [...new Set(horizonsMs)].sort((a, b) => a - b).map((horizonMs) => horizonMs / intervalMs);
    this.#horizons = steps.map((count) => ({
      forecast: new HorizonForecast(count),
      daily: noVerdict(),
      weekly: noVerdict(),
      all: noVerdict(),
    }));
  }

  /** When the interval of the last value ends, milliseconds since 1970; null without values. */
  get knownUntil(): number | null {
    return this.#last < 0 ? null : (this.#last + 1) * this.intervalMs;
  }

  /**
   * The value of one interval. Intervals that are left out are gaps: nothing is learnt of them. A second value for an interval, and one
   * for an interval before the last, is dropped, as is what is no finite number; a negative one is 0.
   * @param time milliseconds since 1970, anywhere in the interval
   */
  add(time: number, value: number): void {
    const slot = Math.floor(time / this.intervalMs);
    if (!(slot > this.#last) || !(Math.abs(value) < Infinity)) return;
    const counted = Math.max(0, value);
    const log = Math.log1p(counted);
    this.#clearUpTo(slot);
    this.#values[slot % this.#values.length] = counted;
    for (const horizon of this.#horizons) this.#settle(horizon, slot, counted, log);
    this.#largest = Math.max(this.#largest, log);
    for (const name of PROFILES) this.#profiles[name].learn(slot, log);
    for (const { forecast } of this.#horizons) forecast.look(this.#profiles, slot, this.#largest);
  }

  /**
   * What the interval at that distance from the last known one will bring, as the nearest horizon that is learnt sees it; null without
   * values.
   */
  forecast(horizonMs: number): Forecast | null {
    if (this.#last < 0) return null;
    const horizon = this.#nearest(horizonMs / this.intervalMs);
    const { daily, weekly, all, forecast } = horizon;
    const isWeekly = this.#isReady(weekly) && weekly.naive / weekly.weight < daily.naive / daily.weight;
    const season = isWeekly ? weekly : daily;
    return {
      value: forecast.said(this.#last + forecast.steps),
      accepted: this.#isReady(daily) && daily.ours < daily.naive && (!this.#isReady(weekly) || weekly.ours < weekly.naive),
      error: all.weight > 0 ? all.ours / all.weight : null,
      naiveError: season.weight > 0 ? season.naive / season.weight : null,
      season: season.weight === 0 ? null : isWeekly ? 'weekly' : 'daily',
    };
  }

  /** The values of the last week with the beginnings of their intervals, oldest first; gaps are left out. */
  *past(): Generator<{ readonly time: number; readonly value: number }> {
    for (let slot = Math.max(0, this.#last - this.#values.length + 2); slot <= this.#last; slot++) {
      const value = this.#value(slot);
      if (!Number.isNaN(value)) yield { time: slot * this.intervalMs, value };
    }
  }

  /** Plain JSON. What was said of intervals to come is left out: it is not learnt from after a restart. */
  exportState(): SeasonalForecastState {
    const count = this.#last < 0 ? 0 : Math.min(this.#values.length, this.#last + 1);
    return {
      intervalMs: this.intervalMs,
      last: this.#last,
      largest: this.#largest,
      values: Array.from({ length: count }, (_, index) => nullIfNaN(this.#value(this.#last - count + 1 + index))),
      level: this.#profiles.level.exportState(),
      daily: this.#profiles.daily.exportState(),
      weekly: this.#profiles.weekly.exportState(),
      sharp: this.#profiles.sharp.exportState(),
      horizons: this.#horizons.map(({ forecast, daily, weekly, all }) => ({
        steps: forecast.steps,
        ...forecast.exportState(),
        daily: { ...daily },
        weekly: { ...weekly },
        all: { ...all },
      })),
    };
  }

  /**
   * @param state as checked by `seasonalForecastStateSchema`
   * @throws PatternOptionsError when it was made with another interval. A horizon that it does not know starts anew.
   */
  static fromState(options: SeasonalForecastOptions, state: SeasonalForecastState): SeasonalForecast {
    if (state.intervalMs !== options.intervalMs) {
      throw new PatternOptionsError([
        `intervalMs: is ${options.intervalMs} ms, but the state was learnt in intervals of ${state.intervalMs} ms`,
      ]);
    }
    const forecast = new SeasonalForecast(options);
    forecast.#restore(state);
    return forecast;
  }

  #restore(state: SeasonalForecastState): void {
    if (state.last < 0) return;
    this.#last = state.last;
    this.#largest = state.largest;
    const first = state.last - state.values.length + 1;
    for (const [index, value] of state.values.entries()) this.#values[(first + index) % this.#values.length] = value ?? NaN;
    for (const name of PROFILES) this.#profiles[name].importState(state[name], state.last);
    this.#horizons = this.#horizons.map((unknown) => {
      const known = state.horizons.find(({ steps }) => steps === unknown.forecast.steps);
      if (!known) return unknown;
      const { daily, weekly, all } = known;
      return { forecast: new HorizonForecast(known.steps, known), daily: { ...daily }, weekly: { ...weekly }, all: { ...all } };
    });
    for (const { forecast } of this.#horizons) forecast.look(this.#profiles, state.last, this.#largest);
  }

  #settle({ forecast, daily, weekly, all }: Horizon, slot: number, value: number, log: number): void {
    const said = forecast.said(slot);
    forecast.settle(slot, value, log);
    if (Number.isNaN(said)) return;
    const { slotsPerDay, slotsPerWeek } = this.#calendar;
    const ours = Math.abs(value - said);
    this.#judge(all, ours, 0);
    this.#judge(daily, ours, Math.abs(value - this.#value(slot - slotsPerDay)));
    this.#judge(weekly, ours, Math.abs(value - this.#value(slot - slotsPerWeek)));
  }

  #judge(verdict: Verdict, ours: number, naive: number): void {
    if (Number.isNaN(naive)) return;
    verdict.ours = verdict.ours * this.#verdictKeep + ours;
    verdict.naive = verdict.naive * this.#verdictKeep + naive;
    verdict.weight = verdict.weight * this.#verdictKeep + 1;
    verdict.count++;
  }

  #isReady({ count }: Verdict): boolean {
    return count >= Math.max(LEAST_COMPARISONS, this.#calendar.slotsPerDay / 4);
  }

  #nearest(steps: number): Horizon {
    const distance = ({ forecast }: Horizon): number => Math.abs(forecast.steps - steps);
    return this.#horizons.reduce((best, horizon) => (distance(horizon) < distance(best) ? horizon : best));
  }

  #value(slot: number): number {
    if (slot > this.#last || slot <= this.#last - this.#values.length || slot < 0) return NaN;
    return this.#values[slot % this.#values.length]!;
  }

  #clearUpTo(slot: number): void {
    const steps = Math.min(this.#values.length, slot - this.#last);
    for (let step = 0; step < steps; step++) this.#values[(slot - step) % this.#values.length] = NaN;
    this.#last = slot;
  }
}

function profilesOf(calendar: Calendar): Profiles {
  const { intervalMs, slotsPerDay, slotsPerWeek } = calendar;
  const levelRate = 1 - 0.5 ** (intervalMs / LEVEL_HALF_LIFE_MS);
  return {
    level: new SeasonalProfile(calendar, { period: 1, rate: levelRate, smoothingMs: 0 }),
    daily: new SeasonalProfile(calendar, { period: slotsPerDay, rate: DAILY_RATE, smoothingMs: SMOOTHING_MS }),
    weekly: new SeasonalProfile(calendar, { period: slotsPerWeek, rate: WEEKLY_RATE, smoothingMs: SMOOTHING_MS }),
    sharp: new SeasonalProfile(calendar, { period: slotsPerDay, rate: DAILY_RATE, smoothingMs: 0 }),
  };
}

function checkOptions(intervalMs: number, horizonsMs: readonly number[]): void {
  const problems: string[] = [];
  if (!(intervalMs >= MINUTE_MS && DAY_MS % intervalMs === 0)) {
    problems.push(`intervalMs: ${intervalMs} ms is no whole part of a day, or under a minute`);
  }
  if (horizonsMs.length === 0) problems.push('horizonsMs: is empty');
  for (const horizonMs of horizonsMs) {
    if (horizonMs > 0 && horizonMs <= DAY_MS && horizonMs % intervalMs === 0) continue;
    problems.push(`horizonsMs: ${horizonMs} ms is no multiple of intervalMs, or over a day`);
  }
  if (problems.length > 0) throw new PatternOptionsError(problems);
}

const nullIfNaN = (value: number): number | null => (Number.isNaN(value) ? null : value);
