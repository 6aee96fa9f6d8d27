import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

const of = (values: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
};

/** 1 us to 1 h, every magnitude alike. */
const durations = fc.double({ min: Math.log(0.001), max: Math.log(3_600_000), noNaN: true }).map(Math.exp);
const samples = fc.array(durations, { minLength: 1, maxLength: 300 });

describe('a histogram', () => {
  it('has no figures without values', () => {
    expect(new Histogram().summary()).toEqual({
      ...{ count: 0, sum: 0, min: null, max: null },
      ...{ p50: null, p75: null, p90: null, p95: null, p99: null },
    });
    expect(new Histogram().buckets([1])).toEqual([
      { le: 1, count: 0 },
      { le: Infinity, count: 0 },
    ]);
  });

  it('tells every quantile within 1 % of the exact one, from 1 us to 1 h', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]!;
        const told = of(values).percentile(fraction)!;
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * 0.01);
      }),
      { numRuns: 1000 },
    );
  });

  it('tells count, sum, minimum and maximum exactly, and quantiles in order', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { count, sum, min, max, p50, p75, p90, p95, p99 } = of(values).summary();
        expect([count, min, max]).toEqual([values.length, Math.min(...values), Math.max(...values)]);
        expect(sum).toBe(values.reduce((total, value) => total + value, 0));
        const order = [min!, p50!, p75!, p90!, p95!, p99!, max!];
        expect([...order].sort((a, b) => a - b)).toEqual(order);
      }),
    );
  });

  it('counts cumulatively: bounds never go down, a value equal to a bound is in it, one 1.6 % over is not', () => {
    const bounds = [0.001, 0.1, 0.25, 1, 5, 10, 250, 1000, 60_000];
    fc.assert(
      fc.property(samples, (values) => {
        const buckets = of([...values, ...bounds]).buckets(bounds);
        const counts = buckets.map(({ count }) => count);
        expect([...counts].sort((a, b) => a - b)).toEqual(counts);
        expect(counts.at(-1)).toBe(values.length + bounds.length);
        for (const { le, count } of buckets) {
          const all = [...values, ...bounds];
          expect(count).toBeGreaterThanOrEqual(all.filter((value) => value <= le).length);
          expect(count).toBeLessThanOrEqual(all.filter((value) => value <= le * 1.016).length);
        }
      }),
    );
  });

  it('takes what a clock may give: zero, negative, tiny, endless, and drops what is no number', () => {
    const histogram = of([0, -5, 1e-9, 5e9, NaN, Infinity, -Infinity]);
    expect(histogram.summary()).toMatchObject({ count: 5, min: 0, max: 5e9, sum: 5e9 + 1e-9 });
    expect(histogram.percentile(0.5)).toBeLessThan(0.001);
    expect(histogram.buckets([0, 1e10])).toEqual([
      { le: 0, count: 4 },
      { le: 1e10, count: 5 },
      { le: Infinity, count: 5 },
    ]);
  });

  it('is exact for a single value', () => {
    expect(of([17.3]).summary()).toEqual({
      count: 1,
      sum: 17.3,
      min: 17.3,
      max: 17.3,
      p50: 17.3,
      p75: 17.3,
      p90: 17.3,
      p95: 17.3,
      p99: 17.3,
    });
  });
});
