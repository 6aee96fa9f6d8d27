/**
 * Keeps book of restarts: which connections to open again after a failure, and when. Decides only; who asked acts.
 * Strategies and restart intensity after Erlang/OTP's supervisor; unlike there, exceeding it slows restarts down instead of ending them,
 * so that a pool recovers by itself when its database returns.
 */
import type { HealthState } from './health.ts';

/** What a failure restarts: the failed slot; all; the failed one and those opened after it. */
export type RestartStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

export interface SupervisorOptions {
  readonly name: string;
  /** Default `one_for_one`. */
  readonly strategy?: RestartStrategy;
  /** Restarts that a slot may have within the window before it is escalated. Default 3. */
  readonly maxRestarts?: number;
  /** Default 60 000. */
  readonly restartWindowMs?: number;
  /** From 0 up to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number;
}

/** What to do about a failure: open connections in `slots` again after `delayMs`. */
export interface RestartDecision {
  /** `escalate`: the slot failed too often; it is still restarted, but the pool is to be called failing. */
  readonly action: 'restart' | 'escalate';
  /** The failed slot first, then its fellows in the order in which they were opened. Those that wait for a restart already are not in it. */
  readonly slots: readonly number[];
  readonly delayMs: number;
  /** Restarts of the failed slot so far, this one included. */
  readonly restartCount: number;
  /** As given by whoever reported the failure. */
  readonly reason: string;
}

export type SlotState = 'running' | 'restarting' | 'failing';

/** A connection as its owner knows it. */
export interface SupervisedConnection {
  readonly slot: number;
  readonly connectionId: string;
  readonly state: HealthState;
  readonly healthScore: number;
}

export interface SupervisorStatus {
  readonly name: string;
  readonly strategy: RestartStrategy;
  /** False after `stop`. */
  readonly running: boolean;
  /** `failing` while any slot is escalated. */
  readonly state: 'running' | 'failing';
  readonly slots: Readonly<Record<SlotState, number>>;
  readonly actors: Readonly<Record<string, { readonly state: HealthState; readonly healthScore: number; readonly restartCount: number }>>;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;

interface Slot {
  state: SlotState;
  /** Restarts ever, those for a fellow's sake included. */
  restartCount: number;
  /** When its own failures restarted it: the latest, as many as decide about escalation. */
  readonly restarts: number[];
  /** Failures in a row, with less than a window between them. */
  streak: number;
  failedAt: number;
}

/**
 * A slot is a place for one connection: running -> (failed) -> restarting | failing -> (started) -> running; gone by `removed`.
 *
 * The first restart is immediate; then 100 ms, doubling to 5 s, with up to half of it taken off at random so that many pools do not
 * come back at the same moment.
 */
export class Supervisor {
  readonly name: string;
  readonly strategy: RestartStrategy;
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  readonly #random: () => number;
  /** In the order in which they were first opened. */
  readonly #slots = new Map<number, Slot>();
  #running = true;

  constructor({ name, strategy = 'one_for_one', maxRestarts = 3, restartWindowMs = 60_000, random = Math.random }: SupervisorOptions) {
    this.name = name;
    this.strategy = strategy;
    this.#maxRestarts = maxRestarts;
    this.#windowMs = restartWindowMs;
    this.#random = random;
  }

  /** `failing` while any slot is escalated. */
  get state(): 'running' | 'failing' {
    for (const slot of this.#slots.values()) if (slot.state === 'failing') return 'failing';
    return 'running';
  }

  /** A connection stands in the slot. @returns whether this ended the last escalation, so that the pool is `running` again. */
  started(slot: number): boolean {
    const known = this.#slots.get(slot);
    if (known === undefined) this.#slots.set(slot, newSlot('running'));
    else if (known.state === 'failing') {
      known.state = 'running';
      return this.state === 'running';
    } else known.state = 'running';
    return false;
  }

  /**
   * The slot's connection broke, or could not be opened. Not for those that were closed because a decision named them.
   * @param now monotonic milliseconds
   */
  failed(slot: number, reason: string, now: number): RestartDecision {
    const failing = this.#slots.get(slot) ?? newSlot('restarting');
    this.#slots.set(slot, failing);
    const fellows = this.#fellows(slot);
    const escalated = this.#isExceeded(failing, now);
    if (failing.state === 'running' && now - failing.failedAt >= this.#windowMs) failing.streak = 0;
    failing.streak += 1;
    failing.failedAt = now;
    failing.restarts.push(now);
    if (failing.restarts.length > this.#maxRestarts) failing.restarts.shift();
    // An escalation ends only with a connection, however slow the attempts are.
    failing.state = escalated || failing.state === 'failing' ? 'failing' : 'restarting';
    failing.restartCount += 1;
    for (const fellow of fellows) this.#restartFellow(fellow);
    return {
      action: failing.state === 'failing' ? 'escalate' : 'restart',
      slots: [slot, ...fellows],
      delayMs: this.#delayMs(failing.streak),
      restartCount: failing.restartCount,
      reason,
    };
  }

  /** The slot is given up: the pool is smaller now. */
  removed(slot: number): void {
    this.#slots.delete(slot);
  }

  /** Slots that wait for a connection. */
  waiting(): number[] {
    return [...this.#slots].filter(([, { state }]) => state !== 'running').map(([slot]) => slot);
  }

  /** The pool closes. */
  stop(): void {
    this.#running = false;
    this.#slots.clear();
  }

  /** @param connections those that stand; their health and state are their owner's to know. */
  status(connections: Iterable<SupervisedConnection>): SupervisorStatus {
    const slots = { running: 0, restarting: 0, failing: 0 };
    for (const { state } of this.#slots.values()) slots[state] += 1;
    const actors = Object.fromEntries(
      [...connections].map(({ slot, connectionId, state, healthScore }) => {
        return [connectionId, { state, healthScore, restartCount: this.#slots.get(slot)?.restartCount ?? 0 }];
      }),
    );
    return { name: this.name, strategy: this.strategy, running: this.#running, state: this.state, slots, actors };
  }

  #isExceeded({ restarts }: Slot, now: number): boolean {
    if (this.#maxRestarts === 0) return true;
    const oldest = restarts[0];
    return restarts.length === this.#maxRestarts && oldest !== undefined && now - oldest < this.#windowMs;
  }

  /** Running slots that the strategy restarts with this one. */
  #fellows(slot: number): number[] {
    if (this.strategy === 'one_for_one') return [];
    const ids = [...this.#slots.keys()];
    const candidates = this.strategy === 'one_for_all' ? ids : ids.slice(ids.indexOf(slot) + 1);
    return candidates.filter((id) => id !== slot && this.#slots.get(id)!.state === 'running');
  }

  #restartFellow(slot: number): void {
    const fellow = this.#slots.get(slot)!;
    fellow.state = 'restarting';
    fellow.restartCount += 1;
  }

  #delayMs(streak: number): number {
    if (streak <= 1) return 0;
    const fullMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (streak - 2));
    return fullMs * (1 - this.#random() / 2);
  }
}

function newSlot(state: SlotState): Slot {
  return { state, restartCount: 0, restarts: [], streak: 0, failedAt: -Infinity };
}
