/**
 * How much is asked of the connections of one role: arrivals as they come, not as they are served, and how long each holds its
 * connection. A pool that counts what it completes never learns that it is too small.
 */

const BUCKET_MS = 250;
/** A minute. */
const BUCKETS = 240;
/** Lengths of the windows that are looked at, in buckets, longest first. */
const WINDOWS = [240, 60, 20, 8, 2] as const;
/** A window is no part of a longer one's story when it lies so many standard deviations beside it. */
const ODD = 4;
/** Fewer arrivals than this prove no change. */
const FEWEST = 8;

/** Over the last while, which is as long as the load has been steady, up to a minute. */
export interface Demand {
  /** Callers a second, those that still wait included. */
  readonly arrivalsPerSecond: number;
  /** Mean time that a caller keeps its connection; null before anybody has given one back. */
  readonly holdMs: number | null;
  /** Connections that would be busy on average if there were enough of them. */
  readonly offered: number;
  /** Standard error of `offered`. */
  readonly uncertainty: number;
  /** How long the load has been steady. */
  readonly windowMs: number;
}

/** Fixed memory; both hot methods are O(1) and allocate nothing. */
export class DemandMeter {
  readonly #arrivals = new Float64Array(BUCKETS);
  readonly #holds = new Float64Array(BUCKETS);
  readonly #heldMs = new Float64Array(BUCKETS);
  readonly #heldSquares = new Float64Array(BUCKETS);
  readonly #startedAt: number;
  /** The bucket of now, counted from the start. */
  #current = 0;
  /** Of the last hold times ever seen, for a window in which none ended. */
  #lastHoldMs: number | null = null;

  constructor(now: number) {
    this.#startedAt = now;
  }

  /** Somebody asks for a connection. */
  arrived(now: number): void {
    const index = this.#bucket(now);
    this.#arrivals[index] = this.#arrivals[index]! + 1;
  }

  /** Somebody has given one back, after `ms`. */
  held(ms: number, now: number): void {
    const index = this.#bucket(now);
    this.#holds[index] = this.#holds[index]! + 1;
    this.#heldMs[index] = this.#heldMs[index]! + ms;
    this.#heldSquares[index] = this.#heldSquares[index]! + ms * ms;
  }

  /** The longest window whose shorter ones all tell the same. @param busy connections that are lent now: leases that never end count, too */
  read(now: number, busy: number): Demand {
    this.#bucket(now);
    const elapsedMs = now - this.#startedAt;
    const bucketMs = elapsedMs - this.#current * BUCKET_MS;
    const windows = WINDOWS.map((length) => this.#sum(Math.min(length, this.#current + 1), bucketMs));
    let chosen = windows.length - 1;
    for (let index = 0; index < windows.length; index++) {
      if (!windows.slice(index + 1).every((shorter) => isPartOf(shorter, windows[index]!))) continue;
      chosen = index;
      break;
    }
    const { arrivals, ms } = windows[chosen]!;
    // Hold times change more slowly than arrivals, and are noisier: of the first window, from the chosen one up, with enough of them.
    const holding = windows.slice(0, chosen + 1).findLast(({ holds }) => holds >= FEWEST) ?? windows[0]!;
    const holdMs = holding.holds > 0 ? holding.heldMs / holding.holds : this.#lastHoldMs;
    this.#lastHoldMs = holdMs;
    const arrivalsPerSecond = (arrivals * 1000) / ms;
    const asked = holdMs === null ? 0 : (arrivalsPerSecond * holdMs) / 1000;
    const square = holding.holds > 0 ? holding.heldSquares / holding.holds : 0;
    const uncertainty = Math.sqrt(arrivals * square) / ms;
    return { arrivalsPerSecond, holdMs, offered: holdMs === null ? busy : asked, uncertainty, windowMs: ms };
  }

  #sum(length: number, bucketMs: number): Window {
    let arrivals = 0;
    let holds = 0;
    let heldMs = 0;
    let heldSquares = 0;
    for (let back = 0; back < length; back++) {
      const index = (this.#current - back + BUCKETS) % BUCKETS;
      arrivals += this.#arrivals[index]!;
      holds += this.#holds[index]!;
      heldMs += this.#heldMs[index]!;
      heldSquares += this.#heldSquares[index]!;
    }
    // The bucket of now is under way, the others are whole.
    return { arrivals, holds, heldMs, heldSquares, ms: Math.max(1, (length - 1) * BUCKET_MS + bucketMs) };
  }

  /** Empties the buckets between the last one and that of now. */
  #bucket(now: number): number {
    const bucket = Math.floor((now - this.#startedAt) / BUCKET_MS);
    const steps = Math.min(BUCKETS, bucket - this.#current);
    for (let step = 1; step <= steps; step++) {
      const index = (this.#current + step) % BUCKETS;
      this.#arrivals[index] = this.#holds[index] = this.#heldMs[index] = this.#heldSquares[index] = 0;
    }
    if (steps > 0) this.#current = bucket;
    return this.#current % BUCKETS;
  }
}

interface Window {
  readonly arrivals: number;
  readonly holds: number;
  readonly heldMs: number;
  readonly heldSquares: number;
  readonly ms: number;
}

/**
 * Whether the arrivals of a shorter window are what the longer one leads to expect of it, chance aside. They are counts, whose square
 * roots vary alike whatever their mean (Anscombe, "The transformation of Poisson, binomial and negative-binomial data", 1948).
 */
function isPartOf(shorter: Window, longer: Window): boolean {
  const expected = (longer.arrivals * shorter.ms) / longer.ms;
  if (Math.max(shorter.arrivals, expected) < FEWEST) return true;
  return 2 * Math.abs(Math.sqrt(shorter.arrivals + 0.375) - Math.sqrt(expected + 0.375)) <= ODD;
}
