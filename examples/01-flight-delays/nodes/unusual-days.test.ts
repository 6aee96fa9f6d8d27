import { describe, expect, it } from 'vitest';
import type { DayRow } from './figures.ts';
import { findUnusualDays } from './unusual-days.ts';

/** `count` days from a Monday on; `delayOf` gives a day's mean delay, of 100 flights. */
function days(count: number, delayOf: (index: number) => number): DayRow[] {
  return Array.from({ length: count }, (_, index) => ({
    date: new Date(Date.UTC(2001, 0, 1 + index)).toISOString().slice(0, 10),
    flights: 100,
    delay_minutes: Math.round(delayOf(index) * 100),
  }));
}

/** A ripple that looks like chance and is the same every time. */
const ripple = (index: number): number => ((index * 7919) % 13) / 3 - 2;

describe('days that stand out', () => {
  it('are none where days differ as usual', () => {
    expect(findUnusualDays(days(90, (index) => 8 + ripple(index)))).toEqual([]);
  });

  it('are the planted ones, late and early, and nothing else', () => {
    const planted = new Map([[20, 45], [55, -30], [56, 60]]); // prettier-ignore
    const found = findUnusualDays(days(90, (index) => planted.get(index) ?? 8 + ripple(index)));
    expect(found.map(({ date }) => date)).toEqual(['2001-01-21', '2001-02-25', '2001-02-26']);
    expect(found.map(({ meanDelayMinutes }) => meanDelayMinutes)).toEqual([45, -30, 60]);
    expect(found[0]!.reason).toMatch(/^\d+(\.\d+)? minutes above the median of all Sundays \(modified z-score \d+(\.\d+)?\)$/);
    expect(found[1]!.reason).toContain('below the median of all Sundays');
    for (const { expected } of found) expect(expected).toBeCloseTo(8, 0);
  });

  it('are found even where a tenth of all days is bad', () => {
    const bad = (index: number): boolean => index % 10 === 3;
    const found = findUnusualDays(days(90, (index) => (bad(index) ? 70 : 8 + ripple(index))));
    expect(found).toHaveLength(9);
  });

  it('are judged against their own weekday: a late weekday is not unusual, an early one of them is', () => {
    const isFriday = (index: number): boolean => index % 7 === 4;
    const usual = (index: number): number => (isFriday(index) ? 30 : 5) + ripple(index);
    expect(findUnusualDays(days(90, usual))).toEqual([]);
    const found = findUnusualDays(days(90, (index) => (index === 39 ? 5 : usual(index))));
    expect(found).toMatchObject([{ date: '2001-02-09', meanDelayMinutes: 5 }]);
    expect(found[0]!.expected).toBeGreaterThan(28);
  });

  it('are judged against all days where there are too few of a weekday', () => {
    const found = findUnusualDays(days(14, (index) => (index === 9 ? 60 : 8 + ripple(index))));
    expect(found).toMatchObject([{ date: '2001-01-10', reason: expect.stringContaining('the median of all days') as string }]);
  });

  it('are told where all other days are alike, and no numbers are made up for no days', () => {
    const found = findUnusualDays(days(30, (index) => (index === 9 ? 9 : 8)));
    expect(found).toMatchObject([{ date: '2001-01-10', reason: expect.stringContaining('all other days are alike') as string }]);
    expect(findUnusualDays(days(30, () => 8))).toEqual([]);
    expect(findUnusualDays([])).toEqual([]);
  });
});
