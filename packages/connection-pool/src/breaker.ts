/**
 * A circuit breaker: stops calling what keeps failing, and tries it again after a while.
 * Idea: M. Nygard, "Release It!"; rules and names after the original of this project, without its permits that never came back.
 */
import { systemClock, type Clock } from '@kailash-ts/core';
import { isExcluded, parseCircuitBreakerConfig, type CircuitBreakerConfig, type CircuitBreakerOptions } from './breaker-config.ts';
import { OutcomeWindow } from './breaker-window.ts';
import { CircuitOpenError } from './errors.ts';

export type CircuitState = 'closed' | 'open' | 'half_open';

/** Figures since the breaker was made or `reset`. */
export interface CircuitMetrics {
  /** Calls that were admitted and have ended, with a verdict or without. */
  readonly totalCalls: number;
  readonly successfulCalls: number;
  readonly failedCalls: number;
  /** Refused without being run. */
  readonly rejectedCalls: number;
  /** `failedCalls / totalCalls`, 0 without calls. */
  readonly errorRate: number;
  /** The same of the calls in the window, which is what opens the circuit. */
  readonly windowErrorRate: number;
  readonly consecutiveFailures: number;
  readonly consecutiveSuccesses: number;
}

/** One change of state. `timestamp` is ISO time. */
export interface CircuitTransition {
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly timestamp: string;
  readonly reason: string;
}

export interface CircuitStatus {
  readonly state: CircuitState;
  readonly metrics: CircuitMetrics;
  readonly config: Pick<CircuitBreakerConfig, 'failureThreshold' | 'successThreshold' | 'recoveryTimeoutMs' | 'errorRateThreshold'>;
  /** Until the next call may try; null unless open. */
  readonly timeUntilRecoveryMs: number | null;
  /** The last five, oldest first. */
  readonly stateTransitions: readonly CircuitTransition[];
}

/** Told after each change of state. What it throws or rejects with is dropped. */
export type CircuitListener = (from: CircuitState, to: CircuitState, metrics: CircuitMetrics) => void | Promise<void>;

const KEPT_TRANSITIONS = 5;

/**
 * Modes: closed -> open after `failureThreshold` failures in a row, or when the window is half full and `errorRateThreshold` of it failed;
 * open -> half_open by the first call after `recoveryTimeoutMs`; half_open -> closed after `successThreshold` successes in a row,
 * -> open by any failure. `forceOpen`, `forceClose`, `halfOpen` and `reset` move from any.
 *
 * Use `call`, or for hot paths without a promise per call: `tryAdmit()`, then exactly one of `success`, `failure`, `release` when the
 * call has ended. No timers: nothing to close.
 */
export class CircuitBreaker {
  readonly name: string;
  readonly config: CircuitBreakerConfig;
  readonly #clock: Clock;
  readonly #window: OutcomeWindow;
  readonly #listeners = new Set<CircuitListener>();
  #state: CircuitState = 'closed';
  /** Counts changes of state, so that calls begun before one do not judge what came after. */
  #admission = 0;
  #openedAt = 0;
  #permits = 0;
  #successful = 0;
  #failed = 0;
  #unjudged = 0;
  #rejected = 0;
  #failuresInRow = 0;
  #successesInRow = 0;
  #lastFailure: unknown;
  #transitions: CircuitTransition[] = [];

  /** @throws PoolConfigError listing every problem. */
  constructor(name: string, options: CircuitBreakerOptions = {}, clock: Clock = systemClock) {
    this.name = name;
    this.config = parseCircuitBreakerConfig(name, options);
    this.#clock = clock;
    this.#window = new OutcomeWindow(this.config.windowSize);
  }

  /** An open circuit stays `open` until a call tries it, also when its time is over. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Names the time between two changes of state. Read it after `tryAdmit`, and hand it to `success` and the like. */
  get admission(): number {
    return this.#admission;
  }

  /** Milliseconds until the next call may try, 0 when it may already; null unless open. */
  get timeUntilRecoveryMs(): number | null {
    if (this.#state !== 'open') return null;
    return Math.max(0, this.config.recoveryTimeoutMs - (this.#clock.now() - this.#openedAt));
  }

  /** Runs `work` unless the circuit is open. @throws CircuitOpenError without running it, or what `work` throws. */
  async call<T>(work: () => T | Promise<T>): Promise<T> {
    if (!this.tryAdmit()) throw this.rejection();
    const admission = this.#admission;
    try {
      const result = await work();
      this.success(admission);
      return result;
    } catch (error) {
      this.failure(error, admission);
      throw error;
    }
  }

  /** Whether a call may be made now. If so, it takes one of the permits of a half-open circuit until the call has ended. */
  tryAdmit(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'open' && this.timeUntilRecoveryMs === 0) this.#become('half_open', 'the recovery time is over');
    if (this.#state === 'half_open' && this.#permits < this.config.halfOpenRequests) {
      this.#permits += 1;
      return true;
    }
    this.#rejected += 1;
    return false;
  }

  /** What a refused call is answered with. `cause` is the last failure. */
  rejection(): CircuitOpenError {
    const retryAfterMs = this.timeUntilRecoveryMs ?? 0;
    return new CircuitOpenError(this.name, this.#state === 'half_open' ? 'half_open' : 'open', retryAfterMs, this.#lastFailure);
  }

  /** An admitted call succeeded. On a closed circuit O(1), without allocation. */
  success(admission = this.#admission): void {
    this.#successful += 1;
    if (admission !== this.#admission) return;
    this.#failuresInRow = 0;
    this.#successesInRow += 1;
    if (this.#state === 'closed') return this.#window.add(0);
    this.#returnPermit();
    if (this.#state === 'half_open' && this.#successesInRow >= this.config.successThreshold) {
      this.#become('closed', `${this.#successesInRow} calls in a row succeeded`);
    }
  }

  /** An admitted call failed. Excluded errors are no verdict. */
  failure(error: unknown, admission = this.#admission): void {
    if (isExcluded(error, this.config.excludedErrors)) return this.release(admission);
    this.#failed += 1;
    if (admission !== this.#admission) return;
    this.#lastFailure = error;
    this.#successesInRow = 0;
    this.#failuresInRow += 1;
    if (this.#state === 'half_open') return this.#become('open', 'a call failed while half-open');
    if (this.#state === 'open') return;
    this.#window.add(1);
    this.#openIfFailing();
  }

  /** An admitted call ended without a verdict: it was cancelled, or failed by its caller's own fault. */
  release(admission = this.#admission): void {
    this.#unjudged += 1;
    if (admission === this.#admission) this.#returnPermit();
  }

  /** Opens the circuit, or lets its recovery time begin anew. `cause` becomes that of rejections. */
  forceOpen(reason = 'forced open', cause?: unknown): void {
    if (cause !== undefined) this.#lastFailure = cause;
    if (this.#state === 'open') this.#openedAt = this.#clock.now();
    else this.#become('open', reason);
  }

  forceClose(reason = 'forced closed'): void {
    this.#become('closed', reason);
  }

  /** Lets the next calls try, before the recovery time is over. */
  halfOpen(reason = 'forced half-open'): void {
    this.#become('half_open', reason);
  }

  /** Closed, and all figures 0. */
  reset(): void {
    this.#successful = this.#failed = this.#unjudged = this.#rejected = 0;
    this.#become('closed', 'reset');
    this.#clearRuns();
    this.#window.clear();
    this.#lastFailure = undefined;
  }

  addListener(listener: CircuitListener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: CircuitListener): void {
    this.#listeners.delete(listener);
  }

  getStatus(): CircuitStatus {
    const { failureThreshold, successThreshold, recoveryTimeoutMs, errorRateThreshold } = this.config;
    return {
      state: this.#state,
      metrics: this.#metrics(),
      config: { failureThreshold, successThreshold, recoveryTimeoutMs, errorRateThreshold },
      timeUntilRecoveryMs: this.timeUntilRecoveryMs,
      stateTransitions: [...this.#transitions],
    };
  }

  #metrics(): CircuitMetrics {
    const totalCalls = this.#successful + this.#failed + this.#unjudged;
    return {
      totalCalls,
      successfulCalls: this.#successful,
      failedCalls: this.#failed,
      rejectedCalls: this.#rejected,
      errorRate: totalCalls === 0 ? 0 : this.#failed / totalCalls,
      windowErrorRate: this.#window.errorRate,
      consecutiveFailures: this.#failuresInRow,
      consecutiveSuccesses: this.#successesInRow,
    };
  }

  #openIfFailing(): void {
    const { failureThreshold, errorRateThreshold } = this.config;
    const { size, errorRate, isHalfFull } = this.#window;
    if (this.#failuresInRow >= failureThreshold) this.#become('open', `${this.#failuresInRow} calls in a row failed`);
    else if (isHalfFull && errorRate >= errorRateThreshold)
      this.#become('open', `${Math.round(errorRate * 100)} % of the last ${size} calls failed`);
  }

  #returnPermit(): void {
    if (this.#permits > 0) this.#permits -= 1;
  }

  #clearRuns(): void {
    this.#failuresInRow = this.#successesInRow = 0;
  }

  #become(to: CircuitState, reason: string): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#admission += 1;
    this.#permits = 0;
    if (to === 'open') this.#openedAt = this.#clock.now();
    else this.#clearRuns();
    // Old failures must not open a circuit that has just proved itself.
    if (to === 'closed') this.#window.clear();
    const timestamp = new Date(this.#clock.wallTime()).toISOString();
    this.#transitions = [...this.#transitions.slice(1 - KEPT_TRANSITIONS), { from, to, timestamp, reason }];
    if (this.#listeners.size > 0) this.#tell(from, to);
  }

  #tell(from: CircuitState, to: CircuitState): void {
    const metrics = this.#metrics();
    for (const listener of [...this.#listeners]) {
      try {
        // Resolves whatever it returned, so that a rejection has someone who heard it.
        Promise.resolve(listener(from, to, metrics)).catch(() => {});
      } catch {
        // Whoever listens must not disturb whoever calls.
      }
    }
  }
}
