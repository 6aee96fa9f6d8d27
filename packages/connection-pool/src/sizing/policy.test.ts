/** The decision table of the policy, over the inputs of the original's (conformance 81-91), and what the original got wrong. */
import { describe, expect, it } from 'vitest';
import {
  afterServerFull,
  decide,
  neededFor,
  NO_MEMORY,
  SIZING_GOALS,
  type SizingDecision,
  type SizingInputs,
  type SizingMemory,
} from './policy.ts';

const calm: SizingInputs = {
  now: 100_000,
  size: 10,
  min: 2,
  limit: 50,
  limitedBy: 'maxConnections',
  open: 10,
  busy: 3,
  waiting: 0,
  oldestWaitMs: 0,
  acquireTimeoutMs: 30_000,
  arrivalsPerSecond: 100,
  holdMs: 50,
  offered: 5,
  uncertainty: 0.05,
  heldLong: 0,
  forecastPerSecond: null,
  executionMs: 50,
  completedPerSecond: 100,
  loopUtilization: 0.2,
};

/** Of inputs that have been the same for longer than `downAfterMs`. */
function decideAfterAll(inputs: Partial<SizingInputs>, memory: SizingMemory = NO_MEMORY) {
  const whole = { ...calm, open: inputs.size ?? calm.size, ...inputs };
  let last = memory;
  for (let backMs = SIZING_GOALS.downAfterMs; backMs > 0; backMs -= 250)
    last = { ...decide({ ...whole, now: whole.now - backMs }, last).memory, changes: memory.changes };
  return decide(whole, last).decision;
}

const decideAtOnce = (inputs: Partial<SizingInputs>, memory: SizingMemory = NO_MEMORY) =>
  decide({ ...calm, open: inputs.size ?? calm.size, ...inputs }, memory).decision;

/** Load of so many callers a second with so long holds. */
const load = (arrivalsPerSecond: number, holdMs: number): Partial<SizingInputs> => {
  const offered = (arrivalsPerSecond * holdMs) / 1000;
  return { arrivalsPerSecond, holdMs, offered, uncertainty: offered / 100 };
};

describe('how many connections a load needs', () => {
  it.each([
    // busy, hold ms, needed: Erlang-C for 1 % of waits over 5 ms, held to 70-78 % from 16 busy connections on
    [0, 50, 0],
    [0.1, 50, 2],
    [1, 2, 3],
    [5, 50, 11],
    [16, 20, 22],
    [64, 100, 83],
    [200, 5, 257],
  ])('%f busy connections, each held for %i ms: %i', (offered, holdMs, needed) => {
    expect(neededFor(offered, holdMs)).toBe(needed);
  });

  it('keeps 70 to 80 % busy where 16 or more are', () => {
    for (let offered = 16; offered < 500; offered += 3.3)
      for (const holdMs of [1, 10, 100, 1000]) {
        const utilization = offered / neededFor(offered, holdMs);
        expect(utilization).toBeGreaterThan(0.7);
        expect(utilization).toBeLessThan(0.8);
      }
  });
});

describe('decisions', () => {
  const table: readonly [string, Partial<SizingInputs>, string, number][] = [
    ['a load that fits', { ...load(100, 50), size: 11 }, 'no_change', 11],
    ['a load that needs more', { ...load(400, 50), size: 12 }, 'scale_up', 28],
    ['more than the limit allows', { ...load(1000, 50), size: 12, limit: 30 }, 'scale_up', 30],
    ['a load that needs less', { ...load(20, 50), size: 12 }, 'scale_down', 5],
    ['no load at all', { ...load(0, 50), size: 12 }, 'scale_down', 2],
    ['less by one in a large pool: not worth it', { ...load(400, 50), size: 29 }, 'no_change', 29],
    ['more connections than there may be', { ...load(400, 50), size: 40, limit: 17 }, 'scale_down', 17],
    ['a forecast of more', { ...load(100, 50), size: 12, forecastPerSecond: 400 }, 'scale_up', 28],
    ['an event loop without time', { ...load(400, 50), size: 12, loopUtilization: 0.99 }, 'no_change', 12],
    ['leases that do not end', { ...load(100, 50), size: 12, heldLong: 6 }, 'scale_up', 17],
    ['a wait that is too long', { ...load(100, 50), size: 12, busy: 12, waiting: 3, oldestWaitMs: 1500 }, 'scale_up', 14],
    ['too many who wait', { ...load(100, 50), size: 10, busy: 10, waiting: 25, oldestWaitMs: 5 }, 'scale_up', 20],
    ['who waits while the connections are on their way', { ...load(100, 50), size: 12, open: 6, busy: 6, waiting: 30 }, 'no_change', 12],
    ['a short wait of few', { ...load(100, 50), size: 12, busy: 12, waiting: 2, oldestWaitMs: 8 }, 'no_change', 12],
    ['a change within chance', { ...load(112, 50), size: 12, uncertainty: 2 }, 'no_change', 12],
  ];
  it.each(table)('%s', (_, inputs, action, toSize) => {
    expect(decideAfterAll(inputs)).toMatchObject({ action, toSize });
  });

  it('tells its reason in words with the figures, and how sure it is', () => {
    const { reason, confidence } = decideAtOnce({ ...load(400, 50), size: 12 });
    expect(reason).toBe('400 callers a second, 50 ms each, keep 20 connections busy: 28 needed');
    expect(confidence).toBeGreaterThan(0.95);
    expect(decideAtOnce({ size: 40, limit: 17, limitedBy: '80 % of max_connections 50' }).reason).toBe(
      '80 % of max_connections 50 allows 17',
    );
  });

  it('closes nothing in the minute after a growth', () => {
    const at = (now: number): SizingDecision => {
      const memory = { ...NO_MEMORY, changes: [{ at: 0, up: true }], needs: [{ at: now - 15_000, size: 2 }] };
      return decide({ ...calm, ...load(20, 50), size: 12, now }, memory).decision;
    };
    expect(at(59_000).action).toBe('no_change');
    expect(at(60_000)).toMatchObject({ action: 'scale_down', toSize: 5 });
  });

  it('opens again what it has just closed only for a load that is surely more', () => {
    const needsMore = { ...calm, ...load(160, 50), size: 12, uncertainty: 1, now: 30_000 };
    const after = (memory: SizingMemory): string => decide(needsMore, memory).decision.action;
    expect(after(NO_MEMORY)).toBe('scale_up');
    expect(after({ ...NO_MEMORY, changes: [{ at: 0, up: false }] })).toBe('no_change');
    expect(after({ ...NO_MEMORY, changes: [{ at: -31_000, up: false }] })).toBe('scale_up');
    expect(after(decide({ ...needsMore, size: 14, limit: 12, now: 29_000 }, NO_MEMORY).memory)).toBe('scale_up');
  });

  it('goes up at once, and down only after the load was low for long', () => {
    expect(decideAtOnce({ ...load(400, 50), size: 12 }).action).toBe('scale_up');
    expect(decideAtOnce({ ...load(20, 50), size: 12 }).action).toBe('no_change');
  });

  it('goes down to the most that was needed lately', () => {
    let memory = NO_MEMORY;
    for (let now = 0; now <= 15_000; now += 250)
      ({ memory } = decide({ ...calm, now, size: 30, open: 30, ...load(now === 9000 ? 250 : 20, 50) }, memory));
    const { decision } = decide({ ...calm, now: 15_250, size: 30, open: 30, ...load(20, 50) }, memory);
    expect(decision).toMatchObject({ action: 'scale_down', toSize: neededFor(12.5 + 0.125, 50) });
  });

  const swinging: SizingMemory = {
    ...NO_MEMORY,
    changes: [20, 40, 60, 80].map((seconds, index) => ({ at: seconds * 1000, up: index % 2 === 0 })),
  };
  it('stays where it is while sizes swing; that ends with a quiet minute, and holds up no emergency', () => {
    expect(decideAtOnce({ ...load(400, 50), size: 12 }, swinging)).toMatchObject({
      action: 'no_change',
      reason: expect.stringMatching(/^sizes were swinging/),
    });
    expect(decideAtOnce({ ...load(400, 50), size: 12, now: 141_000 }, swinging).action).toBe('scale_up');
    expect(decideAtOnce({ ...load(400, 50), size: 12, busy: 12, waiting: 40 }, swinging)).toMatchObject({
      action: 'scale_up',
      emergency: true,
    });
  });

  it('an emergency never ends with fewer, at whatever size and limit', () => {
    for (let size = 1; size <= 60; size++)
      for (let limit = size; limit <= 60; limit += 7) {
        const { toSize } = decideAtOnce({ ...load(3, 50), min: 1, size, limit, busy: size, waiting: 5 * size, oldestWaitMs: 5000 });
        expect(toSize).toBeGreaterThanOrEqual(size);
        expect(toSize).toBeLessThanOrEqual(limit);
      }
  });

  it('steps back when the database is what is too small, and does not try again for a minute', () => {
    const full = { ...load(1000, 50), size: 20, busy: 20, limit: 100 };
    const grown = decide({ ...calm, ...full, open: 20, executionMs: 20, completedPerSecond: 1000 }, NO_MEMORY);
    expect(grown.decision).toMatchObject({ action: 'scale_up', toSize: 65 });
    const slower = { ...calm, ...full, now: 103_000, size: 65, open: 65, busy: 65, executionMs: 66, completedPerSecond: 1010 };
    const back = decide(slower, grown.memory);
    expect(back.decision).toMatchObject({
      action: 'scale_down',
      toSize: 25,
      reason: expect.stringMatching(/^more connections did not help: from 20 to 65/),
    });
    expect(decide({ ...slower, now: 130_000, size: 25, open: 25, busy: 25 }, back.memory).decision.action).toBe('no_change');
    expect(decide({ ...slower, now: 170_000, size: 25, open: 25, busy: 25 }, back.memory).decision.action).toBe('scale_up');
    const faster = decide({ ...slower, executionMs: 21, completedPerSecond: 3000 }, grown.memory);
    expect(faster.decision.action).toBe('no_change');
  });

  it('a server that was full is left alone for half a minute', () => {
    const memory = afterServerFull(NO_MEMORY, 20, calm.now);
    const asked = { ...load(1000, 50), size: 30 };
    expect(decideAtOnce(asked, memory)).toMatchObject({
      action: 'scale_down',
      toSize: 18,
      reason: 'the server had no room for more than 20 of ours',
    });
    expect(decideAtOnce({ ...asked, size: 18, now: calm.now + 20_000 }, memory).action).toBe('no_change');
    expect(decideAtOnce({ ...asked, size: 18, now: calm.now + 31_000 }, memory).action).toBe('scale_up');
  });
});
