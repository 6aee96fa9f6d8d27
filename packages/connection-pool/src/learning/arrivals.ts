/** How many executions come: counted in intervals, and forecast from what past intervals held. */
import { SeasonalForecast, type Forecast, type SeasonalForecastOptions } from './seasonal-forecast.ts';
import type { SeasonalForecastState } from './forecast-state.ts';
import { hoursWithin } from './workload-forecast.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** An hour is a peak hour when it has so many times the executions of the mean hour. */
const PEAK_FACTOR = 1.25;
/** Busier than this share of the past intervals is a peak load. */
const PEAK_QUANTILE = 0.9;
/** Horizons that are learnt, in intervals. */
const HORIZONS = [1, 3, 6, 12];
const DAY_MS = 86_400_000;

const optionsOf = (intervalMs: number): SeasonalForecastOptions => ({
  intervalMs,
  horizonsMs: HORIZONS.map((steps) => steps * intervalMs).filter((horizonMs) => horizonMs <= DAY_MS),
});

/** A forecast as a rate. */
export interface RateForecast {
  readonly perSecond: number;
  /** Always true: where the forecast is no better than a seasonal-naive one, there is none. */
  readonly accepted: true;
}

/** All times are wall-clock milliseconds that never go back. */
export class Arrivals {
  readonly #intervalMs: number;
  #forecast: SeasonalForecast;
  readonly #startedAt: number;
  /** The interval under way, counted from 1970. */
  #interval: number;
  /** Executions of it. */
  #count = 0;
  /** The first interval that is seen whole. */
  #firstWhole: number;

  constructor(intervalMs: number, wallTime: number) {
    this.#intervalMs = intervalMs;
    this.#forecast = new SeasonalForecast(optionsOf(intervalMs));
    this.#startedAt = wallTime;
    this.#interval = Math.floor(wallTime / intervalMs);
    this.#firstWhole = this.#interval + 1;
  }

  record(wallTime: number): void {
    this.advance(wallTime);
    this.#count++;
  }

  /** Closes the intervals that have ended. One that began before this object did is a gap, one without executions is 0. */
  advance(wallTime: number): void {
    const interval = Math.floor(wallTime / this.#intervalMs);
    if (interval <= this.#interval) return;
    this.#close(this.#interval, this.#count);
    this.#count = 0;
    // A week of zeros tells as much as a longer one.
    const first = Math.max(this.#interval + 1, interval - (7 * DAY_MS) / this.#intervalMs);
    for (let empty = first; empty < interval; empty++) this.#close(empty, 0);
    this.#interval = interval;
  }

  /** Mean over the last week, as far as it was seen; of at least a minute. */
  perSecond(wallTime: number): number {
    let executions = this.#count;
    let seenMs = wallTime - Math.max(this.#startedAt, this.#interval * this.#intervalMs);
    for (const { value } of this.#forecast.past()) {
      executions += value;
      seenMs += this.#intervalMs;
    }
    return (executions * 1000) / Math.max(MINUTE_MS, seenMs);
  }

  /** Mean over the hours of the day within the horizon, in the last week; the mean of the last hour while none of them was seen. */
  usualPerSecond(wallTime: number, horizonMs: number): number {
    const hours = hoursWithin(wallTime, horizonMs);
    let executions = 0;
    let weights = 0;
    for (const { time, value } of this.#forecast.past()) {
      const weight = hours.get(Math.floor(time / HOUR_MS) % 24) ?? 0;
      executions += weight * value;
      weights += weight;
    }
    return weights > 0 ? (executions * 1000) / (weights * this.#intervalMs) : this.recentPerSecond(wallTime);
  }

  /** Null while nothing is learnt, or what is learnt is no better than a seasonal-naive forecast. */
  forecastRate(wallTime: number, horizonMs: number): RateForecast | null {
    const forecast = this.#at(wallTime, horizonMs);
    return forecast?.accepted === true ? { perSecond: (forecast.value * 1000) / this.#intervalMs, accepted: true } : null;
  }

  /** Rates expected within the horizon, where they are accepted. */
  forecastRates(wallTime: number, horizonMs: number): number[] {
    const horizons = HORIZONS.map((steps) => steps * this.#intervalMs).filter((each) => each <= Math.max(horizonMs, this.#intervalMs));
    return horizons.flatMap((each) => this.forecastRate(wallTime, each)?.perSecond ?? []);
  }

  /** Hours of the day (UTC, 0 to 23) with a quarter more executions than the mean hour in the last week, busiest first. */
  peakHours(): number[] {
    const sums = new Float64Array(24);
    const counts = new Float64Array(24);
    for (const { time, value } of this.#forecast.past()) {
      const hour = Math.floor(time / HOUR_MS) % 24;
      sums[hour] = sums[hour]! + value;
      counts[hour] = counts[hour]! + 1;
    }
    const means = Array.from(sums, (sum, hour) => (counts[hour]! > 0 ? sum / counts[hour]! : NaN));
    const seen = means.filter((mean) => !Number.isNaN(mean));
    const usual = seen.reduce((sum, mean) => sum + mean, 0) / seen.length;
    const hours = means.flatMap((mean, hour) => (mean > PEAK_FACTOR * usual ? [hour] : []));
    return hours.sort((a, b) => means[b]! - means[a]!);
  }

  /**
   * How probable an interval at the horizon is that is busier than nine tenths of the last week's: from the forecast and its usual error
   * (Laplace-distributed), or else as often as the intervals of that hour of the day were. 0 while no interval has ended.
   */
  peakProbability(wallTime: number, horizonMs: number): number {
    const past = [...this.#forecast.past()];
    if (past.length === 0) return 0;
    const sorted = past.map(({ value }) => value).sort((a, b) => a - b);
    const peak = sorted[Math.ceil(PEAK_QUANTILE * sorted.length) - 1]!;
    const forecast = this.#at(wallTime, horizonMs);
    if (forecast?.accepted === true && forecast.error !== null) return laplaceAbove(peak, forecast);
    const hour = Math.floor((wallTime + horizonMs) / HOUR_MS) % 24;
    const alike = past.filter(({ time }) => Math.floor(time / HOUR_MS) % 24 === hour);
    return alike.length === 0 ? 0 : alike.filter(({ value }) => value > peak).length / alike.length;
  }

  exportState(): SeasonalForecastState {
    return this.#forecast.exportState();
  }

  /** @throws PatternOptionsError when it was learnt in other intervals */
  importState(state: SeasonalForecastState): void {
    this.#forecast = SeasonalForecast.fromState(optionsOf(this.#intervalMs), state);
    this.#firstWhole = Math.max(this.#firstWhole, this.#interval + 1);
    this.#count = 0;
  }

  /** Mean over the last hour, as far as it was seen; of at least a minute. */
  recentPerSecond(wallTime: number): number {
    let executions = this.#count;
    let seenMs = wallTime - Math.max(this.#startedAt, this.#interval * this.#intervalMs);
    for (const { time, value } of this.#forecast.past()) {
      if (time <= wallTime - HOUR_MS) continue;
      executions += value;
      seenMs += this.#intervalMs;
    }
    return (executions * 1000) / Math.max(MINUTE_MS, seenMs);
  }

  /** The forecast of the interval that holds that moment. */
  #at(wallTime: number, horizonMs: number): Forecast | null {
    const { knownUntil } = this.#forecast;
    if (knownUntil === null) return null;
    const target = Math.floor((wallTime + horizonMs) / this.#intervalMs) * this.#intervalMs;
    return this.#forecast.forecast(target - knownUntil + this.#intervalMs);
  }

  #close(interval: number, count: number): void {
    if (interval >= this.#firstWhole) this.#forecast.add(interval * this.#intervalMs, count);
  }
}

function laplaceAbove(threshold: number, { value, error }: Forecast): number {
  const scale = Math.max(error ?? 0, Number.EPSILON);
  const tail = 0.5 * Math.exp(-Math.abs(threshold - value) / scale);
  return threshold >= value ? tail : 1 - tail;
}
