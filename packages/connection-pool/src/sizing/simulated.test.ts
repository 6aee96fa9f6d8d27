/** The policy against simulated loads, in simulated time, beside a size that knows the next minute. */
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../testing/random.ts';
import { clairvoyant, exponential, LOADS, ours } from '../testing/sizing-loads.ts';
import { simulate, type Outcome } from '../testing/sizing-simulator.ts';
import { fewestConnections } from './erlang.ts';
import { neededFor } from './policy.ts';

const HOUR_MS = 3_600_000;

// Simulated hours take seconds, and several times as long on a busy machine.
describe('the policy, simulated', { timeout: 120_000 }, () => {
  it.each(Object.entries(LOADS))(
    '%s: as many connection-seconds as who knows the next minute, give or take 15 percent, and waits no longer',
    (_, load) => {
      const random = () => randomFrom(7);
      const own = simulate({ load, strategy: ours(), startSize: 2, random: random() });
      const best = simulate({
        load,
        strategy: clairvoyant(load),
        startSize: neededFor(load.offered(0), load.meanHoldMs),
        random: random(),
      });
      expect(own.connectionSeconds / best.connectionSeconds).toBeLessThan(1.15);
      expect(own.waitP99Ms).toBeLessThan(Math.max(5, 1.2 * best.waitP99Ms));
      expect(own.timedOut).toBe(0);
    },
  );

  it.each([16, 40])('keeps 70 to 80 percent busy where a steady load keeps %i busy', (offered) => {
    const { utilization, flaps } = steady(offered, HOUR_MS / 4);
    expect(utilization).toBeGreaterThan(0.7);
    expect(utilization).toBeLessThan(0.8);
    expect(flaps).toBeLessThanOrEqual(1);
  });

  it.each([1, 3, 8, 12])('is within a tenth of what Erlang-C asks for where a steady load keeps %i busy', (offered) => {
    const { meanSize } = steady(offered, HOUR_MS / 2);
    const asked = fewestConnections(offered, 20, { waitMs: 5, share: 0.01 });
    expect(Math.abs(meanSize / asked - 1)).toBeLessThan(0.1);
  });

  it('changes its mind at most twice an hour, over ten hours of a small steady load', () => {
    const { flaps, timedOut } = steady(0.6, 10 * HOUR_MS);
    expect(flaps).toBeLessThanOrEqual(20);
    expect(timedOut).toBe(0);
  });

  it('a database that gets slower with each connection is not flooded', () => {
    // Beyond eight at a time each one only takes its share of the same.
    const holdMs = (random: () => number, busy: number): number => exponential(random, 20 * Math.max(1, busy / 8));
    const load = { rate: () => 500, peakRate: 500, holdMs, durationMs: HOUR_MS / 12, warmUpMs: 10_000 };
    const { meanSize, largest } = simulate({ load, strategy: ours(200), startSize: 2, random: randomFrom(3), acquireTimeoutMs: 1000 });
    expect(largest).toBeLessThan(150);
    expect(meanSize).toBeLessThan(60);
  });
});

function steady(offered: number, durationMs: number): Outcome {
  const perSecond = offered * 50;
  const load = {
    rate: () => perSecond,
    peakRate: perSecond,
    holdMs: (random: () => number) => exponential(random, 20),
    durationMs,
    warmUpMs: 60_000,
  };
  return simulate({ load, strategy: ours(), startSize: 2, random: randomFrom(5) });
}
