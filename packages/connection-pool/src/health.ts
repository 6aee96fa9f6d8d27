/**
 * How well one connection does, as a score from 0 to 100. Fed by what the connection itself shows: checks and how long they take,
 * breaks, statements that did not end in time. A mistake in SQL is no sign of bad health, and changes nothing.
 */

export type HealthState = 'initializing' | 'healthy' | 'degraded' | 'recycling' | 'failed' | 'terminated';

/** What a connection can show of itself. */
export type HealthSignal = 'check_passed' | 'check_slow' | 'check_failed' | 'connection_error' | 'timeout';

const CHANGES: Readonly<Record<HealthSignal, number>> = {
  check_passed: 5,
  check_slow: -5,
  check_failed: -20,
  connection_error: -10,
  timeout: -10,
};

/** Below this a connection counts as degraded, and above `RECOVERED` as healthy again: apart, so that it does not flicker. */
const DEGRADED = 30;
const RECOVERED = 70;
/** A failed check makes a connection under this score degraded at once. */
const DOUBTFUL = 50;
/**
 * Slowness alone goes no lower: a slow server makes all of its connections slow, and to replace them all would make it slower.
 * It stays above every sensible `healthThreshold`, so that slow connections are avoided, not destroyed.
 */
const SLOWEST = 50;

/** Modes: initializing -> healthy <-> degraded -> failed; from any -> recycling -> terminated. Owned by its connection's entry. */
export class Health {
  #score = 100;
  #state: HealthState = 'initializing';
  #passed = 0;
  #failed = 0;

  get score(): number {
    return this.#score;
  }

  get state(): HealthState {
    return this.#state;
  }

  get checksPassed(): number {
    return this.#passed;
  }

  get checksFailed(): number {
    return this.#failed;
  }

  /** It was opened, or is about to go. */
  enter(state: 'healthy' | 'recycling' | 'terminated'): void {
    this.#state = state;
  }

  /** @returns the state before, if it has changed */
  note(signal: HealthSignal): HealthState | undefined {
    if (signal === 'check_passed' || signal === 'check_slow') this.#passed += 1;
    if (signal === 'check_failed') this.#failed += 1;
    const changed = this.#score + CHANGES[signal];
    const floor = signal === 'check_slow' ? Math.min(this.#score, SLOWEST) : 0;
    this.#score = Math.max(floor, Math.min(100, changed));
    const before = this.#state;
    this.#state = nextState(before, this.#score, signal);
    return before === this.#state ? undefined : before;
  }
}

function nextState(state: HealthState, score: number, signal: HealthSignal): HealthState {
  if (state === 'recycling' || state === 'terminated') return state;
  if (signal === 'check_failed') {
    if (score < DEGRADED) return 'failed';
    if (score < DOUBTFUL) return 'degraded';
  }
  if (score < DEGRADED) return state === 'failed' ? 'failed' : 'degraded';
  if ((state === 'degraded' || state === 'failed') && score <= RECOVERED) return state;
  return 'healthy';
}
