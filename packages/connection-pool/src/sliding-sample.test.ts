import { describe, expect, it } from 'vitest';
import { SlidingSample } from './sliding-sample.ts';

describe('a sliding sample', () => {
  it('has no figures without values', () => {
    const sample = new SlidingSample();
    expect(sample.mean()).toBeNull();
    expect(sample.percentile(0.99)).toBeNull();
  });

  it('keeps the last 1000 (conformance 69: waits)', () => {
    const sample = new SlidingSample();
    for (let value = 1; value <= 1100; value++) sample.add(value);
    expect(sample.mean()).toBe(600.5);
    expect(sample.percentile(0.99)).toBe(1090);
    expect(sample.percentile(0)).toBe(101);
    expect(sample.percentile(1)).toBe(1100);
  });
});
