/**
 * Callers waiting for a connection. Within one run first come, first served; between runs each in turn, so that a run with
 * thousands of waiters does not shut out the others. Joining, being served and giving up are each O(1), also with many thousands
 * waiting (pools that use an array pay O(n) for each that gives up).
 */
import type { Clock } from '@kailash-ts/core';
import { setPatientTimer } from './patient-timer.ts';

/** What ends a wait in vain. Errors are made only then. */
export interface WaitLimits<T> {
  readonly clock: Clock;
  readonly onTimeout: (waiter: Waiter<T>) => unknown;
  readonly onAbort: (reason: unknown) => unknown;
}

/** One caller. Modes: waiting -> served | failed; which comes first decides, and only once. */
export class Waiter<T> {
  /** @internal */ previous: Waiter<T> | undefined;
  /** @internal */ next: Waiter<T> | undefined;
  readonly promise: Promise<T>;
  readonly runId: string | undefined;
  readonly joinedAt: number;
  /** How long it waits at most; Infinity for no limit. */
  readonly timeoutMs: number;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #stopListening: (() => void) | undefined;
  readonly #queue: WaiterQueue<T>;

  constructor(runId: string | undefined, joinedAt: number, timeoutMs: number, queue: WaiterQueue<T>) {
    this.runId = runId;
    this.joinedAt = joinedAt;
    this.timeoutMs = timeoutMs;
    this.#queue = queue;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get deadline(): number {
    return this.joinedAt + this.timeoutMs;
  }

  /** Gives up when the signal is aborted. */
  heed(signal: AbortSignal, onAbort: (reason: unknown) => unknown): void {
    const giveUp = (): void => this.fail(onAbort(signal.reason));
    signal.addEventListener('abort', giveUp, { once: true });
    this.#stopListening = () => signal.removeEventListener('abort', giveUp);
  }

  serve(value: T): void {
    this.#stopListening?.();
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#queue.remove(this);
    this.#stopListening?.();
    this.#reject(error);
  }
}

/** Those of one run, longest waiting first. */
interface Turn<T> {
  head: Waiter<T> | undefined;
  tail: Waiter<T> | undefined;
  size: number;
}

/** Whether a run (undefined: callers outside of runs) may be given another connection now. */
export type MayHold = (runId: string | undefined) => boolean;

const everyone: MayHold = () => true;

/** The queue of one role. Owned by its line. One timer serves all who wait: setting one for each would cost as much as the rest. */
export class WaiterQueue<T> {
  readonly #limits: WaitLimits<T>;
  /** In the order of their turns: whose turn has come is first, and goes to the end when served. */
  readonly #turns = new Map<string | undefined, Turn<T>>();
  #size = 0;
  /** When the timer goes off: at the first deadline, or before it. */
  #timerAt = Infinity;
  #stopTimer: () => void = () => {};

  constructor(limits: WaitLimits<T>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** When the one whose turn it is began to wait; Infinity when nobody waits. */
  get waitingSince(): number {
    for (const { head } of this.#turns.values()) return head!.joinedAt;
    return Infinity;
  }

  join(runId: string | undefined, now: number, timeoutMs = Infinity, signal?: AbortSignal): Waiter<T> {
    const waiter = new Waiter<T>(runId, now, timeoutMs, this);
    if (signal) waiter.heed(signal, this.#limits.onAbort);
    const turn = this.#turns.get(runId);
    if (turn) {
      waiter.previous = turn.tail;
      turn.tail!.next = waiter;
      turn.tail = waiter;
      turn.size += 1;
    } else this.#turns.set(runId, { head: waiter, tail: waiter, size: 1 });
    this.#size += 1;
    this.#watch(waiter.deadline, now);
    return waiter;
  }

  /** Takes the next one that may hold a connection out of the queue; the caller serves or fails it. */
  shift(mayHold: MayHold = everyone): Waiter<T> | undefined {
    for (const [runId, turn] of this.#turns) {
      if (!mayHold(runId)) continue;
      const waiter = turn.head!;
      this.remove(waiter);
      // Its next one waits until the others had their turn.
      if (turn.size > 0 && this.#turns.size > 1) {
        this.#turns.delete(runId);
        this.#turns.set(runId, turn);
      }
      return waiter;
    }
    return undefined;
  }

  /** How many wait, by run. */
  *sizes(): Iterable<readonly [runId: string | undefined, size: number]> {
    for (const [runId, turn] of this.#turns) yield [runId, turn.size];
  }

  /** The one of a run that waits longest. */
  oldest(runId: string | undefined): Waiter<T> | undefined {
    return this.#turns.get(runId)?.head;
  }

  /** Fails all. */
  failAll(error: () => unknown): void {
    for (const runId of [...this.#turns.keys()]) this.failRun(runId, error);
  }

  /** Fails those of one run. */
  failRun(runId: string | undefined, error: () => unknown): void {
    for (let waiter = this.oldest(runId); waiter; waiter = this.oldest(runId)) waiter.fail(error());
  }

  /** Takes a waiter out, wherever it stands; one that is out already stays out. @internal */
  remove(waiter: Waiter<T>): void {
    const turn = this.#turns.get(waiter.runId);
    const { previous, next } = waiter;
    if (!turn || (turn.head !== waiter && previous === undefined)) return;
    if (previous) previous.next = next;
    else turn.head = next;
    if (next) next.previous = previous;
    else turn.tail = previous;
    waiter.previous = waiter.next = undefined;
    turn.size -= 1;
    this.#size -= 1;
    if (turn.size === 0) this.#turns.delete(waiter.runId);
    if (this.#size === 0) this.#unwatch();
  }

  #watch(deadline: number, now: number): void {
    if (deadline >= this.#timerAt) return;
    this.#stopTimer();
    this.#timerAt = deadline;
    // Timers know whole milliseconds; asked for less, those with many deadlines close to each other would do nothing else.
    this.#stopTimer = setPatientTimer(this.#limits.clock, () => this.#failOverdue(), Math.max(1, deadline - now));
  }

  #unwatch(): void {
    this.#stopTimer();
    this.#timerAt = Infinity;
  }

  #failOverdue(): void {
    const now = this.#limits.clock.now();
    this.#timerAt = Infinity;
    let first = Infinity;
    for (const waiter of this.#all()) {
      if (waiter.deadline <= now) waiter.fail(this.#limits.onTimeout(waiter));
      else if (waiter.deadline < first) first = waiter.deadline;
    }
    if (this.#size > 0) this.#watch(first, now);
  }

  *#all(): Iterable<Waiter<T>> {
    for (const turn of this.#turns.values()) {
      for (let waiter = turn.head, next; waiter; waiter = next) {
        next = waiter.next;
        yield waiter;
      }
    }
  }
}
