import { describe, expect, it } from 'vitest';
import { randomFrom } from '../testing/random.ts';
import { DecayedRegression, robustWeight } from './decayed-regression.ts';

describe('a decayed regression', () => {
  it('finds coefficients, and says 0 before it has seen anything', () => {
    const regression = new DecayedRegression(2, 1000);
    expect(regression.predict(Float64Array.of(1, 5))).toBe(0);
    const random = randomFrom(1);
    for (let i = 0; i < 2000; i++) {
      const x = 4 * random() - 2;
      regression.observe(Float64Array.of(1, x), 3 + 2 * x, 1);
    }
    expect(regression.predict(Float64Array.of(1, 1))).toBeCloseTo(5, 1);
  });

  it('follows what changes', () => {
    const regression = new DecayedRegression(1, 50);
    for (let i = 0; i < 500; i++) regression.observe(Float64Array.of(1), 10, 1);
    for (let i = 0; i < 500; i++) regression.observe(Float64Array.of(1), 20, 1);
    expect(regression.predict(Float64Array.of(1))).toBeGreaterThan(19);
  });

  it('goes for the median with robust weights: spikes do not bend it', () => {
    const regression = new DecayedRegression(1, 1000);
    let usual = 1;
    for (let i = 0; i < 2000; i++) {
      const value = i % 10 === 0 ? 1000 : 10 + (i % 3);
      const error = Math.abs(value - regression.predict(Float64Array.of(1)));
      regression.observe(Float64Array.of(1), value, robustWeight(error, usual));
      usual = 0.99 * usual + 0.01 * Math.min(error, 10);
    }
    expect(regression.predict(Float64Array.of(1))).toBeLessThan(15);
  });

  it('stays solvable when features are always alike', () => {
    const regression = new DecayedRegression(3, 10);
    for (let i = 0; i < 10_000; i++) regression.observe(Float64Array.of(1, 1, 0), 4, 1);
    expect(regression.predict(Float64Array.of(1, 1, 0))).toBeCloseTo(4, 0);
  });

  it('comes back from its state', () => {
    const regression = new DecayedRegression(2, 100);
    for (let i = 0; i < 50; i++) regression.observe(Float64Array.of(1, i), 2 * i, 1);
    const again = new DecayedRegression(2, 100, regression.exportState());
    expect(again.predict(Float64Array.of(1, 7))).toBeCloseTo(regression.predict(Float64Array.of(1, 7)), 3);
  });
});
