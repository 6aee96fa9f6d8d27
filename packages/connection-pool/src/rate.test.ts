import { SimulatedClock } from '@kailash-ts/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingRate } from './rate.ts';

const times = (count: number, work: () => void): void => {
  for (let i = 0; i < count; i++) work();
};

describe('a sliding rate', () => {
  it('is 0 without events', () => {
    expect(new SlidingRate(new SimulatedClock()).perSecond()).toBe(0);
  });

  it('is right in the first seconds, and takes a burst at the start for no rate of millions', async () => {
    const clock = new SimulatedClock({ now: 12_345 });
    const rate = new SlidingRate(clock);
    times(12, () => rate.record());
    expect(rate.perSecond()).toBe(12);
    await clock.advance(2000);
    expect(rate.perSecond()).toBe(6);
    times(28, () => rate.record());
    await clock.advance(2000);
    expect(rate.perSecond()).toBe(10);
  });

  it('tells a steady rate, and follows a change within a minute', async () => {
    const clock = new SimulatedClock();
    const rate = new SlidingRate(clock);
    const minute = async (perSecond: number): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        times(perSecond, () => rate.record());
        await clock.advance(1000);
      }
    };
    await minute(50);
    expect(rate.perSecond()).toBeCloseTo(50, 5);
    await minute(10);
    expect(rate.perSecond()).toBeCloseTo(10, 5);
    await clock.advance(61_000);
    expect(rate.perSecond()).toBe(0);
  });

  it('counts exactly the events of its window, however they fall', () => {
    const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 200_000 })), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, (steps) => {
        let now = 500;
        const rate = new SlidingRate({ now: () => now, wallTime: () => now, setTimer: () => () => {} });
        const events: number[] = [];
        for (const step of steps) {
          now += step;
          events.push(now);
          rate.record();
          const elapsed = now - 500;
          const windowMs = Math.min(elapsed, 59_000 + (elapsed % 1000));
          const inWindow = events.filter((at) => at - 500 >= elapsed - windowMs).length;
          expect(rate.perSecond()).toBeCloseTo((inWindow * 1000) / Math.max(1000, windowMs), 8);
        }
      }),
    );
  });

  it('takes a reading that is a little late, as of a call that began before', async () => {
    const clock = new SimulatedClock();
    const rate = new SlidingRate(clock);
    await clock.advance(5000);
    rate.record();
    rate.record(4000);
    expect(rate.perSecond()).toBe(0.4);
  });
});
