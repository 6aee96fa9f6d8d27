/** Loads and strategies for the simulator of pool sizes, shared by tests, plots and the benchmark. */
import { neededFor } from '../sizing/policy.ts';
import { Sizer } from '../sizing/sizer.ts';
import type { Load, Strategy } from './sizing-simulator.ts';

const MINUTE_MS = 60_000;

/** A load of which the simulator is told what nobody else knows. */
export interface KnownLoad extends Load {
  readonly meanHoldMs: number;
  /** Connections that are busy at a moment if there are enough. */
  readonly offered: (atMs: number) => number;
}

export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** Callers a second by the moment, each holding for 20 ms on average. */
export function knownLoad(rate: (atMs: number) => number, peakRate: number, durationMs: number, meanHoldMs = 20): KnownLoad {
  return {
    rate,
    peakRate,
    durationMs,
    warmUpMs: MINUTE_MS,
    meanHoldMs,
    holdMs: (random) => exponential(random, meanHoldMs),
    offered: (atMs) => (rate(atMs) * meanHoldMs) / 1000,
  };
}

export const LOADS: Readonly<Record<string, KnownLoad>> = {
  steady: knownLoad(() => 1000, 1000, 10 * MINUTE_MS),
  step: knownLoad((at) => (at < 10 * MINUTE_MS || at >= 25 * MINUTE_MS ? 100 : 600), 600, 35 * MINUTE_MS),
  'ten times as much for five minutes': knownLoad((at) => (at % (15 * MINUTE_MS) < 10 * MINUTE_MS ? 100 : 1000), 1000, 30 * MINUTE_MS),
  sine: knownLoad((at) => 600 + 500 * Math.sin((at / (30 * MINUTE_MS)) * 2 * Math.PI), 1100, 60 * MINUTE_MS),
};

/** The policy as the controller applies it. */
export function ours(max = 200, min = 2): Strategy {
  const sizer = new Sizer(0);
  return {
    arrived: (now) => sizer.arrived(now),
    held: (ms, now) => sizer.held(ms, now),
    look({ now, size, open, busy, waiting, oldestWaitMs, finished }) {
      const observed = { size, min, limit: max, limitedBy: 'maxConnections', open, busy, waiting, oldestWaitMs, acquireTimeoutMs: 30_000 };
      const { decision } = sizer.judge({ ...observed, heldLong: 0, forecastPerSecond: null, loopUtilization: 0.3 }, finished, now);
      return decision.action === 'no_change' ? undefined : decision.toSize;
    },
  };
}

/** Knows the load of the minute, and has the size that the same rule gives for it. */
export function clairvoyant({ offered, meanHoldMs }: KnownLoad): Strategy {
  const sizes = new Map<number, number>();
  return {
    look({ now }) {
      const minute = Math.floor(now / MINUTE_MS);
      let size = sizes.get(minute);
      if (size === undefined) {
        let sum = 0;
        for (let second = 0; second < 60; second++) sum += offered(minute * MINUTE_MS + second * 1000);
        sizes.set(minute, (size = Math.max(2, neededFor(sum / 60, meanHoldMs))));
      }
      return size;
    },
  };
}
