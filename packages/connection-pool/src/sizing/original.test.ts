/** The original's own expectations of its formula, which is only the baseline; and ours where it was wrong. */
import { describe, expect, it } from 'vitest';
import {
  constrained,
  isEmergency,
  littleSize,
  OriginalController,
  originalSize,
  queueSize,
  responseSize,
  utilizationSize,
  type OriginalMetrics,
} from '../testing/original-sizing.ts';
import { decide, NO_MEMORY, type SizingInputs } from './policy.ts';

const calm: OriginalMetrics = { size: 10, perSecond: 100, executionMs: 50, utilization: 0.7, queue: 0, waitMs: 60 };
const PLENTY = { databaseLimit: 1000, freeMb: 100_000, mbPerConnection: 10, cpuPercent: 10 };

describe("the original's formula", () => {
  it('conformance 81: by Little, six for a hundred a second of 50 ms, and what there is without any', () => {
    expect(littleSize({ size: 10, perSecond: 100, executionMs: 50 })).toBe(6);
    expect(littleSize({ size: 10, perSecond: 0, executionMs: 50 })).toBe(10);
  });

  it('conformance 82: by utilisation', () => {
    expect(utilizationSize({ size: 10, utilization: 0.9 })).toBe(12);
    expect(utilizationSize({ size: 10, utilization: 0.3 })).toBe(4);
    expect(utilizationSize({ size: 10, utilization: 0.7 })).toBe(10);
  });

  it('conformance 83: by queue and by response', () => {
    expect([8, 5].map((queue) => queueSize({ size: 10, queue }))).toEqual([14, 10]);
    expect([150, 5, 80].map((waitMs) => responseSize({ size: 10, waitMs }))).toEqual([15, 9, 10]);
  });

  it('conformance 84: within database, memory, CPU, and never below two', () => {
    expect(constrained(100, 20, { ...PLENTY, databaseLimit: 50 })).toBe(40);
    expect(constrained(100, 20, { ...PLENTY, freeMb: 200, mbPerConnection: 20 })).toBe(10);
    expect(constrained(30, 20, { ...PLENTY, cpuPercent: 85 })).toBe(20);
    expect(constrained(1, 20, PLENTY)).toBe(2);
  });

  it('conformance 85: all together', () => {
    expect(originalSize({ size: 10, perSecond: 150, executionMs: 50, utilization: 0.8, queue: 3, waitMs: 80 })).toBe(9);
  });

  it.each([
    [10, 14, 0.7, 'scale_up', 12],
    [20, 10, 0.25, 'scale_down', 18],
    [10, 11, 0.7, 'no_change', 10],
    [10, 12, 0.7, 'scale_up', 12],
    [20, 16, 0.7, 'no_change', 20],
    [20, 15, 0.7, 'scale_down', 18],
    [3, 2, 0.7, 'scale_down', 2],
  ])('conformance 86: from %i to %i at %f is %s to %i', (size, wanted, utilization, action, toSize) => {
    const decision = new OriginalController().decide(wanted, { ...calm, size, utilization }, 0);
    expect(decision).toMatchObject({ action, toSize });
    if (utilization === 0.25) expect(decision.reason).toBe('Low utilization');
  });

  it('conformance 87: not within a minute of the last change', () => {
    expect(new OriginalController(-30_000).decide(14, calm, 0)).toMatchObject({ action: 'no_change', confidence: 1 });
    expect(new OriginalController(-120_000).decide(14, calm, 0).action).toBe('scale_up');
  });

  it('conformance 88: an emergency goes up by four, also then; ours never ends it with fewer', () => {
    const crowded = { ...calm, queue: 25 };
    expect(new OriginalController(-30_000).decide(20, crowded, 0)).toMatchObject({ action: 'scale_up', toSize: 14 });
    // A long queue of short statements, which Little would size down: the original did.
    expect(ours({ size: 10, busy: 10, waiting: 25, offered: 0.5 }).action).toBe('scale_up');
  });

  it('conformance 89: no change while directions alternate; ours lets an emergency through, and ends it after quiet', () => {
    const controller = new OriginalController();
    for (const [at, wanted] of [14, 5, 14, 5].entries()) controller.decide(wanted, calm, at * 100_000);
    expect(controller.history.map(({ action }) => action)).toEqual(['scale_up', 'scale_down', 'scale_up', 'scale_down']);
    expect(controller.decide(14, calm, 500_000)).toMatchObject({ action: 'no_change', reason: 'Flapping detected' });
    expect(controller.decide(14, calm, 50_000_000).reason).toBe('Flapping detected'); // for ever: the fault
    const memory = { ...NO_MEMORY, changes: [0, 1, 2, 3].map((at) => ({ at: at * 1000, up: at % 2 === 0 })) };
    const more = { size: 10, busy: 10, offered: 20, holdMs: 50 };
    expect(ours({ ...more, now: 4000 }, memory).action).toBe('no_change');
    expect(ours({ ...more, now: 4000, waiting: 25 }, memory).action).toBe('scale_up');
    expect(ours({ ...more, now: 70_000 }, memory).action).toBe('scale_up');
  });

  it('conformance 90: what is an emergency', () => {
    expect(isEmergency({ ...calm, queue: 5, waitMs: 50 })).toBe(false);
    for (const bad of [{ queue: 25 }, { waitMs: 1500 }, { utilization: 1 }]) expect(isEmergency({ ...calm, ...bad })).toBe(true);
  });

  it('conformance 91: its history holds changes only, and nothing at first; that of ours is tested on real servers', () => {
    const controller = new OriginalController();
    expect(controller.history).toEqual([]);
    controller.decide(11, calm, 0);
    expect(controller.history).toEqual([]);
    controller.decide(14, calm, 0);
    expect(controller.history).toHaveLength(1);
  });
});

function ours(inputs: Partial<SizingInputs>, memory = NO_MEMORY) {
  const size = inputs.size ?? 10;
  return decide(
    {
      now: 0,
      size,
      min: 2,
      limit: 50,
      limitedBy: 'maxConnections',
      open: size,
      busy: 3,
      waiting: 0,
      oldestWaitMs: 0,
      acquireTimeoutMs: 30_000,
      arrivalsPerSecond: 100,
      holdMs: 5,
      offered: 5,
      uncertainty: 0.01,
      heldLong: 0,
      forecastPerSecond: null,
      executionMs: 5,
      completedPerSecond: 100,
      loopUtilization: 0.1,
      ...inputs,
    },
    memory,
  ).decision;
}
