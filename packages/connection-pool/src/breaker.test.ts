import { SimulatedClock } from '@kailash-ts/core/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CircuitBreakerOptions } from './breaker-config.ts';
import { CircuitBreakerManager } from './breaker-manager.ts';
import { CircuitBreaker, type CircuitState } from './breaker.ts';
import { CircuitOpenError, ConnectError, ConnectionLostError, PoolConfigError, StatementError } from './errors.ts';

const OPTIONS = {
  failureThreshold: 3,
  successThreshold: 2,
  recoveryTimeoutMs: 1000,
  halfOpenRequests: 2,
  windowSize: 10,
} satisfies CircuitBreakerOptions;
const failure = new ConnectError('refused', { reason: 'ECONNREFUSED' });
const ok = (): Promise<string> => Promise.resolve('ok');
const fail = (): Promise<never> => Promise.reject(failure);

let clock: SimulatedClock;
let breaker: CircuitBreaker;

const make = (options: CircuitBreakerOptions = {}): CircuitBreaker => new CircuitBreaker('db', { ...OPTIONS, ...options }, clock);

async function failTimes(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await expect(breaker.call(fail)).rejects.toBe(failure);
}

async function halfOpen(): Promise<void> {
  await failTimes(3);
  await clock.advance(1100);
  expect(breaker.tryAdmit()).toBe(true);
  breaker.release();
  expect(breaker.state).toBe('half_open');
}

beforeEach(() => {
  clock = new SimulatedClock();
  breaker = make();
});

describe('a circuit breaker', () => {
  it('conformance 101: starts closed, and five successes leave it closed', async () => {
    expect(breaker.state).toBe('closed');
    for (let i = 0; i < 5; i++) await expect(breaker.call(ok)).resolves.toBe('ok');
    expect(breaker.state).toBe('closed');
    expect(breaker.getStatus().metrics).toMatchObject({ totalCalls: 5, successfulCalls: 5, failedCalls: 0, errorRate: 0 });
  });

  it('conformance 102: three failures open it; the next call is rejected without running and counted', async () => {
    await failTimes(2);
    expect(breaker.state).toBe('closed');
    await failTimes(1);
    expect(breaker.state).toBe('open');
    let ran = false;
    const rejected = breaker.call(() => (ran = true));
    await expect(rejected).rejects.toBeInstanceOf(CircuitOpenError);
    await expect(rejected).rejects.toMatchObject({
      code: 'POOL_CIRCUIT_OPEN',
      retryable: true,
      retryAfterMs: 1000,
      cause: failure,
      facts: { breaker: 'db', state: 'open', retryAfterMs: 1000 },
    });
    await expect(rejected).rejects.toThrow(/again in 1\.0 s/);
    expect(ran).toBe(false);
    expect(breaker.getStatus().metrics).toMatchObject({ rejectedCalls: 1, totalCalls: 3, failedCalls: 3, consecutiveFailures: 3 });
  });

  it('conformance 103: after 1.1 s a success makes it half-open and a second closes it', async () => {
    await failTimes(3);
    await clock.advance(1100);
    expect(breaker.state).toBe('open');
    await breaker.call(ok);
    expect(breaker.state).toBe('half_open');
    await breaker.call(ok);
    expect(breaker.state).toBe('closed');
  });

  it('conformance 103: a failure while half-open opens it again, for the whole recovery time', async () => {
    await failTimes(3);
    await clock.advance(1100);
    await breaker.call(ok);
    await failTimes(1);
    expect(breaker.state).toBe('open');
    expect(breaker.timeUntilRecoveryMs).toBe(1000);
    await clock.advance(999);
    expect(breaker.tryAdmit()).toBe(false);
    await clock.advance(1);
    expect(breaker.tryAdmit()).toBe(true);
  });

  it('conformance 104: alternating success and failure opens it by error rate', async () => {
    const outcomes: CircuitState[] = [];
    for (let i = 0; i < 10 && breaker.state === 'closed'; i++) {
      await breaker.call(ok);
      await failTimes(1);
      outcomes.push(breaker.state);
    }
    // 2 of 4 are too few samples; 3 of 6 failed.
    expect(outcomes).toEqual(['closed', 'closed', 'open']);
    expect(breaker.getStatus().stateTransitions.at(-1)?.reason).toBe('50 % of the last 6 calls failed');
  });

  it('conformance 104: the rate is not judged under half a window', async () => {
    breaker = make({ failureThreshold: 100 });
    await failTimes(4);
    expect(breaker.state).toBe('closed');
    await failTimes(1);
    expect(breaker.state).toBe('open');
  });

  it('conformance 105: excluded errors leave it closed and count no failure', async () => {
    breaker = make({ excludedErrors: [StatementError, 'POOL_CONNECTION_LOST'] });
    const refused = new StatementError('no', { kind: 'syntax_error' });
    const lost = new ConnectionLostError('gone', false);
    for (let i = 0; i < 5; i++) await expect(breaker.call(() => Promise.reject(refused))).rejects.toBe(refused);
    for (let i = 0; i < 5; i++) await expect(breaker.call(() => Promise.reject(lost))).rejects.toBe(lost);
    expect(breaker.state).toBe('closed');
    expect(breaker.getStatus().metrics).toMatchObject({ totalCalls: 10, failedCalls: 0, successfulCalls: 0, consecutiveFailures: 0 });
  });

  it('conformance 105: forceOpen and forceClose; a listener gets each change once', async () => {
    const heard: unknown[][] = [];
    breaker.addListener((...change) => void heard.push(change));
    breaker.forceOpen('maintenance');
    expect(breaker.state).toBe('open');
    await expect(breaker.call(ok)).rejects.toBeInstanceOf(CircuitOpenError);
    expect(heard).toEqual([['closed', 'open', expect.objectContaining({ failedCalls: 0 })]]);
    breaker.forceClose('done');
    expect(breaker.state).toBe('closed');
    await expect(breaker.call(ok)).resolves.toBe('ok');
    expect(heard).toHaveLength(2);
    expect(heard[1]).toEqual(['open', 'closed', expect.objectContaining({ rejectedCalls: 1 })]);
  });

  it('conformance 105: the status has its shape', async () => {
    await failTimes(3);
    await clock.advance(400);
    expect(breaker.getStatus()).toEqual({
      state: 'open',
      metrics: {
        totalCalls: 3,
        successfulCalls: 0,
        failedCalls: 3,
        rejectedCalls: 0,
        errorRate: 1,
        windowErrorRate: 1,
        consecutiveFailures: 3,
        consecutiveSuccesses: 0,
      },
      config: { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 1000, errorRateThreshold: 0.5 },
      timeUntilRecoveryMs: 600,
      stateTransitions: [{ from: 'closed', to: 'open', timestamp: '2026-01-01T00:00:00.000Z', reason: '3 calls in a row failed' }],
    });
    breaker.forceClose();
    expect(breaker.getStatus().timeUntilRecoveryMs).toBeNull();
    for (let i = 0; i < 4; i++) {
      breaker.forceOpen(`open ${i}`);
      breaker.forceClose(`close ${i}`);
    }
    const reasons = breaker.getStatus().stateTransitions.map(({ reason }) => reason);
    expect(reasons).toEqual(['close 1', 'open 2', 'close 2', 'open 3', 'close 3']);
  });

  it('conformance 107: a half-open permit comes back when the call ends, however it ends', async () => {
    const ends: (() => void)[] = [];
    const cancelled = new StatementError('cancelled', { kind: 'other' });
    breaker = make({ excludedErrors: [StatementError], successThreshold: 100 });
    await failTimes(3);
    await clock.advance(1000);
    const pending = [0, 1].map(() => breaker.call(() => new Promise<void>((resolve) => ends.push(resolve))));
    await expect(breaker.call(ok)).rejects.toMatchObject({ facts: { state: 'half_open', retryAfterMs: 0 } });
    for (const end of ends) end();
    await Promise.all(pending);
    // More calls than there are permits, one after the other.
    for (let i = 0; i < 5; i++) await breaker.call(ok);
    for (let i = 0; i < 5; i++) await expect(breaker.call(() => Promise.reject(cancelled))).rejects.toBe(cancelled);
    for (let i = 0; i < 5; i++) {
      expect(breaker.tryAdmit()).toBe(true);
      breaker.release();
    }
    expect(breaker.state).toBe('half_open');
  });

  it('conformance 107: closing forgets the window, so that old failures do not open it again', async () => {
    await failTimes(3);
    await clock.advance(1000);
    await breaker.call(ok);
    await breaker.call(ok);
    expect(breaker.state).toBe('closed');
    expect(breaker.getStatus().metrics.windowErrorRate).toBe(0);
    for (let i = 0; i < 4; i++) await breaker.call(ok);
    await failTimes(1);
    // With the three old failures this would be 4 of 8.
    expect(breaker.state).toBe('closed');
  });

  it('lets a call begun before a change of state judge nothing after it', async () => {
    expect(breaker.tryAdmit()).toBe(true);
    const early = breaker.admission;
    await halfOpen();
    breaker.success(early);
    breaker.success(early);
    breaker.failure(failure, early);
    breaker.release(early);
    expect(breaker.state).toBe('half_open');
    expect(breaker.getStatus().metrics).toMatchObject({ consecutiveSuccesses: 0, successfulCalls: 2, failedCalls: 4 });
    // Nor did it give back a permit that it had not.
    expect([breaker.tryAdmit(), breaker.tryAdmit(), breaker.tryAdmit()]).toEqual([true, true, false]);
    breaker.release(early);
    expect(breaker.tryAdmit()).toBe(false);
  });

  it('ignores late failures while open: they do not put recovery off', async () => {
    expect(breaker.tryAdmit()).toBe(true);
    await failTimes(3);
    await clock.advance(900);
    breaker.failure(failure);
    expect(breaker.timeUntilRecoveryMs).toBe(100);
  });

  it('forceOpen on an open circuit begins its recovery time anew, tells nobody, and gives its cause', async () => {
    await failTimes(3);
    await clock.advance(900);
    let told = 0;
    breaker.addListener(() => void told++);
    const cause = new ConnectError('password');
    breaker.forceOpen('login refused', cause);
    expect(breaker.timeUntilRecoveryMs).toBe(1000);
    expect(breaker.rejection().cause).toBe(cause);
    expect(told).toBe(0);
  });

  it('halfOpen lets the next calls try before the time is over', async () => {
    await failTimes(3);
    breaker.halfOpen('the host answers again');
    await breaker.call(ok);
    await breaker.call(ok);
    expect(breaker.state).toBe('closed');
  });

  it('reset closes it and zeroes every figure', async () => {
    await failTimes(3);
    await expect(breaker.call(ok)).rejects.toThrow();
    breaker.reset();
    const { state, metrics } = breaker.getStatus();
    expect(state).toBe('closed');
    expect(Object.values(metrics)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(breaker.rejection().cause).toBeUndefined();
  });

  it('is disturbed by no listener that throws or rejects, nor by one that removes itself', async () => {
    const heard: string[] = [];
    const once = (): void => {
      heard.push('once');
      breaker.removeListener(once);
    };
    breaker.addListener(() => {
      throw failure;
    });
    breaker.addListener(() => Promise.reject(failure));
    breaker.addListener(once);
    breaker.addListener((from, to) => void heard.push(`${from}>${to}`));
    await failTimes(3);
    breaker.forceClose();
    await clock.advance(1);
    expect(heard).toEqual(['once', 'closed>open', 'open>closed']);
  });

  it('counts work that throws before it gives a promise', async () => {
    const broken = (): never => {
      throw failure;
    };
    for (let i = 0; i < 3; i++) await expect(breaker.call(broken)).rejects.toBe(failure);
    expect(breaker.state).toBe('open');
  });

  it('refuses a wrong configuration, all problems at once', () => {
    const wrong = { failureThreshold: 0, windowSize: 1.5, errorRateThreshold: 2, recoverTimeoutMs: 5, excludedErrors: [7] };
    expect(() => new CircuitBreaker('db', wrong as never)).toThrow(PoolConfigError);
    expect(() => new CircuitBreaker('db', wrong as never)).toThrow(
      /"db"[^]*failureThreshold[^]*errorRateThreshold[^]*windowSize[^]*excludedErrors\.0: expected the code[^]*did you mean "recoveryTimeoutMs"/,
    );
    for (const value of [NaN, -1, '10', Infinity, null]) expect(() => make({ failureThreshold: value as never })).toThrow(PoolConfigError);
  });

  it('has the defaults that the documentation tells', () => {
    expect(new CircuitBreaker('x').config).toEqual({
      failureThreshold: 5,
      successThreshold: 3,
      recoveryTimeoutMs: 60_000,
      halfOpenRequests: 3,
      errorRateThreshold: 0.5,
      windowSize: 100,
      excludedErrors: [],
    });
  });

  it('never lets more calls through at once while half-open than it has permits, and none while open', () => {
    const steps = fc.array(fc.constantFrom('admit', 'success', 'failure', 'release', 'wait', 'open', 'close', 'half'), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (names) => {
        let now = 0;
        const ticking = { now: () => now, wallTime: () => now, setTimer: () => () => {} };
        const tested = new CircuitBreaker('p', OPTIONS, ticking);
        const running: number[] = [];
        for (const name of names) {
          const before = tested.state;
          const waited = tested.timeUntilRecoveryMs === 0;
          if (name === 'wait') now += 600;
          else if (name === 'open') tested.forceOpen();
          else if (name === 'close') tested.forceClose();
          else if (name === 'half') tested.halfOpen();
          else if (name === 'admit') {
            if (tested.tryAdmit()) {
              running.push(tested.admission);
              if (before === 'open') expect(waited).toBe(true);
            } else expect(before === 'open' ? !waited : before === 'half_open').toBe(true);
          } else {
            const admission = running.shift();
            if (admission === undefined) continue;
            if (name === 'success') tested.success(admission);
            else if (name === 'failure') tested.failure(failure, admission);
            else tested.release(admission);
          }
          if (tested.state === 'half_open') {
            expect(running.filter((admission) => admission === tested.admission).length).toBeLessThanOrEqual(2);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a manager of circuit breakers', () => {
  it('conformance 106: gives the same breaker for the same name', () => {
    const manager = new CircuitBreakerManager();
    expect(manager.getOrCreate('a')).toBe(manager.getOrCreate('a', { failureThreshold: 9 }));
    expect(manager.getOrCreate('a')).not.toBe(manager.getOrCreate('b'));
  });

  it('conformance 106: takes a configuration for one breaker, and another default', () => {
    const manager = new CircuitBreakerManager({ failureThreshold: 7 });
    expect(manager.getOrCreate('a', { successThreshold: 1 }).config).toMatchObject({ failureThreshold: 7, successThreshold: 1 });
    manager.setDefaultConfig({ windowSize: 20 });
    expect(manager.getOrCreate('b').config).toMatchObject({ failureThreshold: 5, windowSize: 20 });
    expect(() => manager.setDefaultConfig({ windowSize: 0 })).toThrow(PoolConfigError);
    expect(() => manager.getOrCreate('c', { windowSize: 0 })).toThrow(PoolConfigError);
  });

  it('conformance 106: resetAll zeroes every breaker', async () => {
    const manager = new CircuitBreakerManager({ failureThreshold: 1 }, clock);
    for (const name of ['a', 'b']) await expect(manager.getOrCreate(name).call(fail)).rejects.toBe(failure);
    expect(Object.values(manager.getAllStatus()).map(({ state }) => state)).toEqual(['open', 'open']);
    manager.resetAll();
    for (const { state, metrics } of Object.values(manager.getAllStatus())) {
      expect(state).toBe('closed');
      expect(Object.values(metrics)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    }
    expect(Object.keys(manager.getAllStatus())).toEqual(['a', 'b']);
  });
});
