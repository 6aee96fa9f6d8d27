import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it } from 'vitest';
import { Supervisor, type RestartDecision, type RestartStrategy } from './supervisor.ts';

const make = (strategy: RestartStrategy = 'one_for_one', random = 0): Supervisor =>
  new Supervisor({ name: 'primary', strategy, random: () => random });

const failTimes = (supervisor: Supervisor, times: readonly number[], slot = 1): RestartDecision[] =>
  times.map((now) => supervisor.failed(slot, 'refused', now));

describe('a supervisor', () => {
  it('restarts at once, then after 100 ms, doubling to 5 s', () => {
    const decisions = failTimes(make(), [0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(decisions.map(({ delayMs }) => delayMs)).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('takes up to half of a delay off at random', () => {
    expect(failTimes(make('one_for_one', 0.5), [0, 0, 0]).map(({ delayMs }) => delayMs)).toEqual([0, 75, 150]);
    expect(failTimes(make('one_for_one', 1), [0, 0, 0]).map(({ delayMs }) => delayMs)).toEqual([0, 50, 100]);
  });

  it('escalates the fourth failure within 60 s, and goes on trying', () => {
    const supervisor = make();
    supervisor.started(1);
    const decisions = failTimes(supervisor, [0, 1000, 2000, 59_999, 65_000]);
    expect(decisions.map(({ action }) => action)).toEqual(['restart', 'restart', 'restart', 'escalate', 'escalate']);
    expect(decisions[3]).toEqual({ action: 'escalate', slots: [1], delayMs: 400, restartCount: 4, reason: 'refused' });
    expect(supervisor.state).toBe('failing');
  });

  it('does not escalate failures that a window does not hold together', () => {
    const decisions = failTimes(make(), [0, 20_000, 40_000, 60_000, 80_000, 100_000]);
    expect(decisions.map(({ action }) => action)).toEqual(Array(6).fill('restart'));
  });

  it('keeps an escalation until a connection stands, however slow the attempts are', () => {
    const supervisor = make();
    failTimes(supervisor, [0, 0, 0, 0]);
    expect(supervisor.failed(1, 'refused', 1_000_000).action).toBe('escalate');
    expect(supervisor.state).toBe('failing');
    expect(supervisor.started(1)).toBe(true);
    expect(supervisor.state).toBe('running');
    expect(supervisor.started(1)).toBe(false);
  });

  it('is running again when the last escalated slot stands', () => {
    const supervisor = make();
    failTimes(supervisor, [0, 0, 0, 0], 1);
    failTimes(supervisor, [0, 0, 0, 0], 2);
    expect(supervisor.started(1)).toBe(false);
    expect(supervisor.state).toBe('failing');
    expect(supervisor.started(2)).toBe(true);
  });

  it('slows down a slot whose connections break as soon as they stand, and forgets it after a quiet window', () => {
    const supervisor = make();
    const delays = [0, 10, 20, 30].map((now) => {
      supervisor.started(1);
      return supervisor.failed(1, 'broke', now).delayMs;
    });
    expect(delays).toEqual([0, 100, 200, 400]);
    supervisor.started(1);
    expect(supervisor.failed(1, 'broke', 60_029)).toMatchObject({ delayMs: 800, action: 'restart' });
    supervisor.started(1);
    expect(supervisor.failed(1, 'broke', 120_029)).toMatchObject({ delayMs: 0, action: 'restart', restartCount: 6 });
  });

  it('does not forget a streak while nothing stands', () => {
    const supervisor = make();
    failTimes(supervisor, [0, 0, 0]);
    expect(supervisor.failed(1, 'timed out', 100_000).delayMs).toBe(400);
  });

  it('one_for_one restarts the failed slot alone', () => {
    const supervisor = make();
    for (const slot of [1, 2, 3]) supervisor.started(slot);
    expect(supervisor.failed(2, 'broke', 0).slots).toEqual([2]);
  });

  it('one_for_all restarts every running slot, once', () => {
    const supervisor = make('one_for_all');
    for (const slot of [1, 2, 3]) supervisor.started(slot);
    expect(supervisor.failed(2, 'broke', 0).slots).toEqual([2, 1, 3]);
    // The others wait for their restart already.
    expect(supervisor.failed(2, 'refused', 1).slots).toEqual([2]);
    for (const slot of [1, 2]) supervisor.started(slot);
    expect(supervisor.failed(2, 'broke', 2).slots).toEqual([2, 1]);
  });

  it('rest_for_one restarts those opened after it, in the order of their first opening', () => {
    const supervisor = make('rest_for_one');
    for (const slot of [7, 3, 5, 1]) supervisor.started(slot);
    expect(supervisor.failed(3, 'broke', 0).slots).toEqual([3, 5, 1]);
    for (const slot of [1, 5, 3]) supervisor.started(slot);
    expect(supervisor.failed(5, 'broke', 1).slots).toEqual([5, 1]);
    expect(supervisor.failed(7, 'broke', 1).slots).toEqual([7, 3]);
  });

  it("counts a fellow's restarts, but escalates nobody for them", () => {
    const supervisor = make('one_for_all');
    for (const slot of [1, 2]) supervisor.started(slot);
    for (let i = 0; i < 3; i++) {
      supervisor.failed(1, 'broke', i);
      for (const slot of [1, 2]) supervisor.started(slot);
    }
    expect(supervisor.failed(2, 'broke', 10)).toMatchObject({ action: 'restart', restartCount: 4, delayMs: 0 });
  });

  it('a removed slot is forgotten, its escalation with it', () => {
    const supervisor = make();
    failTimes(supervisor, [0, 0, 0, 0]);
    supervisor.removed(1);
    expect(supervisor.state).toBe('running');
    expect(supervisor.failed(1, 'refused', 1)).toMatchObject({ action: 'restart', delayMs: 0, restartCount: 1 });
  });

  it('maxRestarts 0 escalates the first failure', () => {
    expect(new Supervisor({ name: 'x', maxRestarts: 0 }).failed(1, 'refused', 0)).toMatchObject({ action: 'escalate', delayMs: 0 });
  });

  it('tells its status from what the owner knows of the connections', () => {
    const supervisor = make();
    for (const slot of [1, 2, 3]) supervisor.started(slot);
    supervisor.failed(3, 'broke', 0);
    supervisor.failed(1, 'broke', 0);
    supervisor.started(1);
    const standing = [
      { slot: 1, connectionId: 'primary-4', state: 'healthy', healthScore: 100 },
      { slot: 2, connectionId: 'primary-2', state: 'degraded', healthScore: 25 },
    ] as const;
    expect(supervisor.status(standing)).toEqual({
      name: 'primary',
      strategy: 'one_for_one',
      running: true,
      state: 'running',
      slots: { running: 2, restarting: 1, failing: 0 },
      actors: {
        'primary-4': { state: 'healthy', healthScore: 100, restartCount: 1 },
        'primary-2': { state: 'degraded', healthScore: 25, restartCount: 0 },
      },
    });
    supervisor.stop();
    expect(supervisor.status([])).toMatchObject({ running: false, state: 'running', actors: {} });
  });

  it('driven by a pool, tries a database that is down for an hour about every 5 s, and recovers with it', async () => {
    const clock = new SimulatedClock();
    const supervisor = new Supervisor({ name: 'primary', random: () => 0 });
    const events: string[] = [];
    let isUp = true;
    let attempts = 0;
    const open = (): void => {
      attempts += 1;
      if (isUp) {
        if (supervisor.started(1)) events.push(`recovered at ${clock.now()}`);
        return;
      }
      const { action, delayMs } = supervisor.failed(1, 'refused', clock.now());
      if (action === 'escalate' && events.length === 0) events.push(`escalated at ${clock.now()}`);
      clock.setTimer(open, delayMs);
    };
    open();
    isUp = false;
    open();
    await clock.advance(3_600_000);
    expect(events).toEqual(['escalated at 300']);
    expect(attempts).toBeLessThan(730);
    isUp = true;
    await clock.advance(5000);
    expect(events).toHaveLength(2);
    expect(supervisor.state).toBe('running');
    expect(clock.pendingTimers).toBe(0);
  });
});
