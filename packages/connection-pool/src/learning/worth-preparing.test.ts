import { describe, expect, it } from 'vitest';
import { isWorthPreparing } from './worth-preparing.ts';

const odds = { probability: 0.8, savedMs: 1, prepareMs: 1, gapMs: 100 };

describe('whether a statement is prepared before it is asked for', () => {
  it('where others are left for those who come meanwhile: when it is more probable than not', () => {
    for (const prepareMs of [undefined, 1, 1000]) {
      expect(isWorthPreparing({ probability: 0.51, savedMs: 0, prepareMs, gapMs: Infinity })).toBe(true);
      expect(isWorthPreparing({ probability: 0.5, savedMs: 0, prepareMs, gapMs: Infinity })).toBe(false);
    }
  });

  it('on a connection whose owner may go on: the more probable, the sooner that is, and not before it was measured', () => {
    expect(isWorthPreparing(odds)).toBe(true);
    // exp(-1) of a prepare is still to be waited for where the gap is as long as the prepare.
    expect(isWorthPreparing({ ...odds, gapMs: 1, probability: 0.68 })).toBe(false);
    expect(isWorthPreparing({ ...odds, gapMs: 1, probability: 0.69 })).toBe(true);
    expect(isWorthPreparing({ ...odds, gapMs: 0, probability: 1 })).toBe(false);
    expect(isWorthPreparing({ ...odds, gapMs: -1, probability: 1 })).toBe(false);
    expect(isWorthPreparing({ ...odds, prepareMs: undefined, probability: 1 })).toBe(false);
  });

  it('on such a connection never when it saves next to nothing of what preparing takes', () => {
    expect(isWorthPreparing({ ...odds, prepareMs: 20, savedMs: 0.2, gapMs: 30, probability: 1 })).toBe(false);
    expect(isWorthPreparing({ ...odds, savedMs: 0, probability: 1 })).toBe(false);
  });
});
