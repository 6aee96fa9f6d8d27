/** What is told of a template, from its figures. Pure. */
import type { CommonParameters } from './parameter-digests.ts';
import type { TemplateFigures } from './template-table.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Executions before a template can have a temporal pattern. */
const LEAST_FOR_TEMPORAL = 10;
/** Days on which an hourly pattern must have been seen: what ran in one hour only is no habit. */
const LEAST_DAYS_HOURLY = 2;

/**
 * `hourly`: one hour of the day has more than 30 % of the executions, at most three have more than 20 %, seen on two days or more.
 * `daily`: on more than 5 days, which are more than 70 % of those since it was first seen. `business_days`: more than 80 % from Monday to
 * Friday, once a weekend has passed. Hours and days are in UTC.
 */
export type TemporalPattern = 'hourly' | 'daily' | 'business_days';

/** A template that is executed often enough. */
export interface QueryPattern {
  readonly fingerprint: string;
  /** Executions within the retention. */
  readonly count: number;
  /** Executions a minute, over the time since it was first seen, at most the retention, at least a minute. */
  readonly frequency: number;
  /** Mean, milliseconds. */
  readonly avgExecutionTime: number;
  /** 0 to 1. */
  readonly successRate: number;
  readonly temporalPattern: TemporalPattern | null;
  /** The five most frequent lists of parameters as digests, when there are no more than ten; see `ParameterDigests`. */
  readonly commonParameters: readonly CommonParameters[];
  /** Median number of rows of the last 16 results that had any; 0 without. */
  readonly typicalResultSize: number;
  /** Templates that came right before it, twice or more, most frequent first. */
  readonly followsQueries: readonly string[];
  /** Templates that came right after it, twice or more, most frequent first. */
  readonly followedByQueries: readonly string[];
}

/** What is known beside the figures. */
export interface PatternSurroundings {
  readonly wallTime: number;
  readonly retentionMs: number;
  readonly commonParameters: readonly CommonParameters[];
  readonly followsQueries: readonly string[];
  readonly followedByQueries: readonly string[];
}

export function patternOf(figures: TemplateFigures, { wallTime, retentionMs, ...known }: PatternSurroundings): QueryPattern {
  const { fingerprint, count, failures, executionTimeMs, firstAt, sizes } = figures;
  const knownMs = Math.min(retentionMs, Math.max(MINUTE_MS, wallTime - firstAt));
  return {
    fingerprint,
    count,
    frequency: (count * MINUTE_MS) / knownMs,
    avgExecutionTime: executionTimeMs / count,
    successRate: Math.max(0, 1 - failures / count),
    temporalPattern: temporalPatternOf(figures, wallTime),
    typicalResultSize: middle(sizes),
    ...known,
  };
}

export function temporalPatternOf({ count, days, hours, weekdays, firstAt }: TemplateFigures, wallTime: number): TemporalPattern | null {
  if (count < LEAST_FOR_TEMPORAL) return null;
  const seenOn = bits(days);
  const inHours = sum(hours);
  const busyHours = hours.filter((executions) => executions > 0.2 * inHours).length;
  if (seenOn >= LEAST_DAYS_HOURLY && Math.max(...hours) > 0.3 * inHours && busyHours <= 3) return 'hourly';
  const span = Math.min(32, Math.floor(wallTime / DAY_MS) - Math.floor(firstAt / DAY_MS) + 1);
  if (seenOn > 5 && seenOn > 0.7 * span) return 'daily';
  const onBusinessDays = sum(weekdays.slice(1, 6));
  if (span >= 7 && onBusinessDays > 0.8 * sum(weekdays)) return 'business_days';
  return null;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function bits(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

function middle(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
