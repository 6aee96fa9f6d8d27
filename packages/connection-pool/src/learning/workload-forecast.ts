/** What load is expected in the next minutes, of which templates, and how many connections it takes. Pure. */
import type { TemplateFigures } from './template-table.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const LEAST_POOL = 5;
const MOST_POOL = 50;
const MOST_QUERIES = 100;

export interface ExpectedQuery {
  readonly fingerprint: string;
  readonly expectedCount: number;
  /** Milliseconds. */
  readonly avgExecutionTime: number;
}

export interface WorkloadForecast {
  readonly horizonMinutes: number;
  /** Executions a second over the last week, as far as it was seen. */
  readonly historicalQps: number;
  readonly expectedTotalQueries: number;
  /** The 100 most expected ones. */
  readonly expectedQueries: readonly ExpectedQuery[];
  /** 0 to 1: that it will be busier than in nine tenths of the last week, at the end of the horizon. */
  readonly peakLoadProbability: number;
  /** 5 to 50: the connections that the busiest rate within the horizon keeps in use, and as many more as its root (square-root staffing). */
  readonly recommendedPoolSize: number;
  /** Hours of the day (UTC, 0 to 23) with a quarter more executions than the mean hour, busiest first. */
  readonly peakHours: readonly number[];
}

/** Shares of the hours of the day in a window; it may cross midnight. */
export function hoursWithin(from: number, durationMs: number): Map<number, number> {
  const shares = new Map<number, number>();
  const end = from + durationMs;
  for (let at = from; at < end;) {
    const next = Math.min(end, (Math.floor(at / HOUR_MS) + 1) * HOUR_MS);
    const hour = Math.floor(at / HOUR_MS) % 24;
    shares.set(hour, (shares.get(hour) ?? 0) + (next - at) / durationMs);
    at = next;
  }
  return shares;
}

/**
 * Divides the expected executions among the templates as they were divided in these hours of the day; among all as they were divided
 * altogether, when none came in these hours.
 */
export function expectedQueries(
  figures: readonly TemplateFigures[],
  total: number,
  wallTime: number,
  horizonMinutes: number,
): ExpectedQuery[] {
  const hours = hoursWithin(wallTime, horizonMinutes * MINUTE_MS);
  const inHours = figures.map((one) => one.count * shareIn(one.hours, hours));
  const weights = inHours.some((weight) => weight > 0) ? inHours : figures.map(({ count }) => count);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const expected = figures.map(({ fingerprint, executionTimeMs, count }, index) => ({
    fingerprint,
    expectedCount: sum > 0 ? (total * weights[index]!) / sum : 0,
    avgExecutionTime: executionTimeMs / count,
  }));
  return expected
    .filter(({ expectedCount }) => expectedCount > 0)
    .sort((a, b) => b.expectedCount - a.expectedCount)
    .slice(0, MOST_QUERIES);
}

/** @param perSecond executions @param meanMs how long one keeps its connection */
export function recommendedPoolSize(perSecond: number, meanMs: number): number {
  const offered = (perSecond * meanMs) / 1000;
  return Math.min(MOST_POOL, Math.max(LEAST_POOL, Math.ceil(offered + Math.sqrt(offered))));
}

function shareIn(counts: readonly number[], hours: ReadonlyMap<number, number>): number {
  let within = 0;
  for (const [hour, share] of hours) within += share * counts[hour]!;
  const all = counts.reduce((sum, count) => sum + count, 0);
  return all > 0 ? within / all : 0;
}
