/**
 * Days that stand out, told from all other days by medians, which a few bad days cannot move (a mean and a standard deviation
 * would hide the very days that are sought).
 *
 * Expected: the median of the daily means of the same weekday (of all days, where a weekday has fewer than five). Spread: the median
 * absolute deviation of all days from what was expected of them. A day stands out when its modified z-score, 0.6745 * deviation /
 * spread, is beyond 3.5 either way (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
 */
import { defineNode } from '@kailash-ts/core';
import { z } from 'zod';
import { dayRow, meanOf, rounded, type DayRow } from './figures.ts';

export const unusualDay = z.object({ date: z.string(), meanDelayMinutes: z.number(), expected: z.number(), reason: z.string() });
export type UnusualDay = z.infer<typeof unusualDay>;

const LIMIT = 3.5;
const NORMAL_QUARTILE = 0.6745;
const FEWEST_OF_A_WEEKDAY = 5;

export const METHOD =
  `A day stands out when its mean delay is far from the median of the same weekday: beyond ${LIMIT} modified z-scores ` +
  `(${NORMAL_QUARTILE} x deviation / median absolute deviation of all days; Iglewicz and Hoaglin 1993).`;

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** Of an ISO date, whatever the time zone of this machine. */
const weekdayOf = (date: string): number => new Date(`${date}T00:00:00Z`).getUTCDay();

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** In order of date. Fewer than two days, or days that are all alike but for one that differs, are judged by what spread there is. */
export function findUnusualDays(days: readonly DayRow[]): UnusualDay[] {
  if (days.length === 0) return [];
  const judged = withExpectation(days);
  const spread = median(judged.map(({ mean, expected }) => Math.abs(mean - expected)));
  return judged
    .map((day) => ({ ...day, score: scoreOf(day.mean - day.expected, spread) }))
    .filter(({ score }) => Math.abs(score) > LIMIT)
    .map(({ date, mean, expected, score, compared }) => ({
      date,
      meanDelayMinutes: rounded(mean, 2),
      expected: rounded(expected, 2),
      reason: `${rounded(Math.abs(rounded(mean, 2) - rounded(expected, 2)), 2)} minutes ${score > 0 ? 'above' : 'below'} the median of ${compared} (modified z-score ${
        Number.isFinite(score) ? rounded(score, 1) : 'without bound: all other days are alike'
      })`,
    }));
}

function scoreOf(deviation: number, spread: number): number {
  if (deviation === 0) return 0;
  return (NORMAL_QUARTILE * deviation) / spread; // Infinity where nothing else deviates
}

function withExpectation(days: readonly DayRow[]) {
  const overall = median(days.map(meanOf));
  const ofWeekday = WEEKDAYS.map((_, weekday) => days.filter(({ date }) => weekdayOf(date) === weekday).map(meanOf));
  return days.map((day) => {
    const weekday = weekdayOf(day.date);
    const others = ofWeekday[weekday]!;
    const enough = others.length >= FEWEST_OF_A_WEEKDAY;
    return {
      date: day.date,
      mean: meanOf(day),
      expected: enough ? median(others) : overall,
      compared: enough ? `all ${WEEKDAYS[weekday]}s` : 'all days',
    };
  });
}

/** Finds the days that stand out. */
export const unusualDays = defineNode({
  name: 'unusual_days',
  description: 'Days whose mean delay is far from the median of their weekday.',
  input: z.object({ days: z.array(dayRow) }),
  output: z.object({ unusualDays: z.array(unusualDay), method: z.string() }),
  process: ({ days }) => ({ unusualDays: findUnusualDays(days), method: METHOD }),
});
