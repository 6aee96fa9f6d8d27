/**
 * A pool as a queue, in simulated time: callers arrive at random at a rate that changes, each holds a connection for a while, new
 * connections take time to open. Who sizes the pool is the strategy under test. A discrete-event simulation: hours take milliseconds.
 */

/** What a strategy sees at a look, and hears in between. */
export interface PoolView {
  readonly now: number;
  readonly size: number;
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
  readonly oldestWaitMs: number;
  /** Finished so far, and the milliseconds that they took together. */
  readonly finished: { readonly count: number; readonly totalMs: number };
}

export interface Strategy {
  arrived?(now: number): void;
  held?(ms: number, now: number): void;
  /** @returns the size from now on; undefined leaves it */
  look(view: PoolView): number | undefined;
}

export interface Load {
  /** Callers a second at a moment. */
  readonly rate: (atMs: number) => number;
  /** No less than the rate ever is. */
  readonly peakRate: number;
  /** How long the next caller will hold its connection. @param busy connections that are lent, this one included */
  readonly holdMs: (random: () => number, busy: number) => number;
  readonly durationMs: number;
  /** Looked at only after this time: what it takes to get going. */
  readonly warmUpMs?: number;
}

export interface Setting {
  readonly load: Load;
  readonly strategy: Strategy;
  readonly startSize: number;
  readonly random: () => number;
  readonly connectMs?: number;
  readonly lookMs?: number;
  /** A look besides, when a caller has to wait, at most this often. */
  readonly hurryMs?: number;
  readonly acquireTimeoutMs?: number;
}

export interface Outcome {
  readonly served: number;
  readonly timedOut: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly connectionSeconds: number;
  /** Busy connection-seconds by all. */
  readonly utilization: number;
  readonly adjustments: number;
  /** Changes that undid the one before within a minute. */
  readonly flaps: number;
  readonly largest: number;
  readonly meanSize: number;
  /** Size at each look, for plots. */
  readonly sizes: readonly { readonly atMs: number; readonly size: number; readonly offered: number }[];
}

const FLAP_MS = 60_000;

export function simulate(setting: Setting): Outcome {
  return new Simulation(setting).run();
}

/** @param sorted ascending */
function quantile(sorted: Float64Array, share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

type What = 'arrival' | 'release' | 'opened' | 'look';

class Simulation {
  readonly #setting: Required<Setting>;
  readonly #events = new EventHeap();
  readonly #line: number[] = [];
  #lineHead = 0;
  #now = 0;
  #size: number;
  #open: number;
  #opening = 0;
  #busy = 0;
  #finished = { count: 0, totalMs: 0 };
  #lastHurry = -Infinity;
  readonly #waits: number[] = [];
  #served = 0;
  #timedOut = 0;
  #openMs = 0;
  #busyMs = 0;
  #adjustments = 0;
  #flaps = 0;
  #largest = 0;
  #lastChange: { at: number; up: boolean } | undefined;
  readonly #sizes: { atMs: number; size: number; offered: number }[] = [];

  constructor(setting: Setting) {
    this.#setting = { connectMs: 20, lookMs: 250, hurryMs: 50, acquireTimeoutMs: 30_000, ...setting };
    this.#size = this.#open = setting.startSize;
  }

  run(): Outcome {
    const { load, lookMs } = this.#setting;
    this.#events.push(this.#nextArrival(), 'arrival', 0);
    this.#events.push(lookMs, 'look', 0);
    for (let event = this.#events.pop(); event && event.at <= load.durationMs; event = this.#events.pop()) {
      this.#pass(event.at);
      if (event.what === 'arrival') this.#arrive();
      else if (event.what === 'release') this.#release(event.value);
      else if (event.what === 'opened') this.#opened();
      else this.#look(true);
    }
    const sorted = Float64Array.from(this.#waits).sort();
    const seconds = this.#openMs / 1000;
    return {
      served: this.#served,
      timedOut: this.#timedOut,
      waitP50Ms: quantile(sorted, 0.5),
      waitP99Ms: quantile(sorted, 0.99),
      connectionSeconds: seconds,
      utilization: this.#busyMs / this.#openMs,
      adjustments: this.#adjustments,
      flaps: this.#flaps,
      largest: this.#largest,
      meanSize: this.#openMs / (load.durationMs - (load.warmUpMs ?? 0)),
      sizes: this.#sizes,
    };
  }

  get #isWarm(): boolean {
    return this.#now >= (this.#setting.load.warmUpMs ?? 0);
  }

  /** By thinning (Lewis and Shedler, 1979). */
  #nextArrival(): number {
    const { load, random } = this.#setting;
    let at = this.#now;
    do at -= (Math.log(1 - random()) * 1000) / load.peakRate;
    while (random() * load.peakRate > load.rate(at) && at <= load.durationMs);
    return at;
  }

  #pass(at: number): void {
    if (this.#isWarm) {
      this.#openMs += (at - this.#now) * (this.#open + this.#opening);
      this.#busyMs += (at - this.#now) * this.#busy;
    }
    this.#now = at;
    this.#largest = Math.max(this.#largest, this.#open + this.#opening);
  }

  #arrive(): void {
    const { strategy, hurryMs } = this.#setting;
    this.#events.push(this.#nextArrival(), 'arrival', 0);
    strategy.arrived?.(this.#now);
    if (this.#busy < this.#open) return this.#serve(this.#now);
    this.#line.push(this.#now);
    if (this.#now - this.#lastHurry < hurryMs) return;
    this.#lastHurry = this.#now;
    this.#look(false);
  }

  #serve(arrivedAt: number): void {
    const { load, random } = this.#setting;
    this.#busy += 1;
    if (this.#isWarm) {
      this.#served += 1;
      this.#waits.push(this.#now - arrivedAt);
    }
    const holdMs = load.holdMs(random, this.#busy);
    this.#events.push(this.#now + holdMs, 'release', holdMs);
  }

  #release(holdMs: number): void {
    this.#busy -= 1;
    this.#finished = { count: this.#finished.count + 1, totalMs: this.#finished.totalMs + holdMs };
    this.#setting.strategy.held?.(holdMs, this.#now);
    if (this.#open > this.#size) this.#open -= 1;
    this.#serveWaiting();
  }

  #opened(): void {
    this.#opening -= 1;
    if (this.#open < this.#size) this.#open += 1;
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    while (this.#busy < this.#open && this.#lineHead < this.#line.length) {
      const arrivedAt = this.#line[this.#lineHead++]!;
      if (this.#now - arrivedAt > this.#setting.acquireTimeoutMs) this.#timedOut += 1;
      else this.#serve(arrivedAt);
    }
    if (this.#lineHead < this.#line.length && this.#lineHead < 1000) return;
    this.#line.splice(0, this.#lineHead);
    this.#lineHead = 0;
  }

  #look(isRegular: boolean): void {
    const { strategy, lookMs, load, connectMs } = this.#setting;
    const waiting = this.#line.length - this.#lineHead;
    const wanted = strategy.look({
      now: this.#now,
      size: this.#size,
      open: this.#open,
      busy: this.#busy,
      waiting,
      oldestWaitMs: waiting === 0 ? 0 : this.#now - this.#line[this.#lineHead]!,
      finished: this.#finished,
    });
    if (wanted !== undefined && wanted !== this.#size) this.#resize(wanted);
    for (; this.#open + this.#opening < this.#size; this.#opening++) this.#events.push(this.#now + connectMs, 'opened', 0);
    if (!isRegular) return;
    this.#sizes.push({ atMs: this.#now, size: this.#size, offered: load.rate(this.#now) });
    this.#events.push(this.#now + lookMs, 'look', 0);
  }

  #resize(size: number): void {
    const up = size > this.#size;
    if (this.#isWarm) {
      this.#adjustments += 1;
      if (this.#lastChange && this.#lastChange.up !== up && this.#now - this.#lastChange.at < FLAP_MS) this.#flaps += 1;
    }
    this.#lastChange = { at: this.#now, up };
    this.#size = size;
    this.#open = Math.max(this.#busy, Math.min(this.#open, size));
  }
}

/** A binary heap of what will happen. */
class EventHeap {
  readonly #heap: { readonly at: number; readonly what: What; readonly value: number }[] = [];

  push(at: number, what: What, value: number): void {
    const heap = this.#heap;
    heap.push({ at, what, value });
    for (let index = heap.length - 1; index > 0;) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= heap[index]!.at) return;
      [heap[parent], heap[index]] = [heap[index]!, heap[parent]!];
      index = parent;
    }
  }

  pop(): { readonly at: number; readonly what: What; readonly value: number } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || heap.length === 0) return first;
    heap[0] = last!;
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      let least = index;
      for (const child of [left, left + 1]) if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child;
      if (least === index) return first;
      [heap[least], heap[index]] = [heap[index]!, heap[least]!];
      index = least;
    }
  }
}
