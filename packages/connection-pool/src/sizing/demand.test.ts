import { describe, expect, it } from 'vitest';
import { DemandMeter } from './demand.ts';

/** Callers at even distances. */
function feed(meter: DemandMeter, from: number, to: number, perSecond: number, holdMs: number): void {
  const gap = 1000 / perSecond;
  for (let at = from; at < to; at += gap) {
    meter.arrived(at);
    meter.held(holdMs, at);
  }
}

describe('the demand', () => {
  it('is arrivals times hold time, over a minute where the load is steady', () => {
    const meter = new DemandMeter(0);
    feed(meter, 0, 120_000, 100, 50);
    const demand = meter.read(120_000, 5);
    expect(demand.windowMs).toBeGreaterThan(59_000);
    expect(demand.arrivalsPerSecond).toBeCloseTo(100, 0);
    expect(demand.offered).toBeCloseTo(5, 1);
    // Poisson: sqrt(6000) arrivals of 50 ms each in a minute.
    expect(demand.uncertainty).toBeCloseTo((Math.sqrt(6000) * 50) / 60_000, 2);
  });

  it.each([1000, 10])('follows a change to %i a second within a second or two', (perSecond) => {
    const meter = new DemandMeter(0);
    feed(meter, 0, 120_000, 100, 50);
    feed(meter, 120_000, 122_000, perSecond, 50);
    expect(meter.read(122_000, 0).arrivalsPerSecond / perSecond).toBeCloseTo(1, 0);
  });

  it('counts who has come, not who was served', () => {
    const meter = new DemandMeter(0);
    for (let at = 0; at < 10_000; at += 5) meter.arrived(at);
    for (let at = 0; at < 10_000; at += 100) meter.held(100, at);
    expect(meter.read(10_000, 10).offered).toBeCloseTo(20, 0);
  });

  it('without a connection given back it only knows what is busy, and forgets arrivals of long ago but not how long they took', () => {
    const meter = new DemandMeter(0);
    meter.arrived(10);
    expect(meter.read(500, 3)).toMatchObject({ holdMs: null, offered: 3 });
    meter.held(40, 600);
    expect(meter.read(700, 0).holdMs).toBe(40);
    expect(meter.read(1_000_000, 0)).toMatchObject({ arrivalsPerSecond: 0, holdMs: 40, offered: 0 });
  });
});
