import type { Clock } from '@kailash-ts/core';

const SLOT_MS = 1000;
const SLOTS = 60;

/**
 * Events per second over the last 60 s, in slots of one second. The window is as long as there was time: in the first seconds the rate
 * is that of those seconds, of at least one, so that a burst at the start is no rate of millions.
 */
export class SlidingRate {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #slots = new Float64Array(SLOTS);
  #sum = 0;
  /** Number of the slot written last, counted from the start. */
  #current = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** O(1). @param now monotonic milliseconds, for those who have just asked the clock */
  record(now = this.#clock.now()): void {
    const slot = Math.floor((now - this.#startedAt) / SLOT_MS);
    if (slot > this.#current) this.#advance(slot);
    // A reading from before the current slot belongs to the past by less than its caller's work: it counts now.
    const index = this.#current % SLOTS;
    this.#slots[index] = this.#slots[index]! + 1;
    this.#sum += 1;
  }

  perSecond(now = this.#clock.now()): number {
    const elapsedMs = Math.max(0, now - this.#startedAt);
    const slot = Math.floor(elapsedMs / SLOT_MS);
    if (slot > this.#current) this.#advance(slot);
    // The slots before the current one are whole, the current one is under way.
    const windowMs = Math.min(elapsedMs, (SLOTS - 1) * SLOT_MS + (elapsedMs % SLOT_MS));
    return (this.#sum * 1000) / Math.max(windowMs, SLOT_MS);
  }

  /** Empties the slots between the last one and this one, at most all. */
  #advance(slot: number): void {
    const steps = Math.min(SLOTS, slot - this.#current);
    for (let step = 1; step <= steps; step++) {
      const index = (this.#current + step) % SLOTS;
      this.#sum -= this.#slots[index]!;
      this.#slots[index] = 0;
    }
    this.#current = slot;
  }
}
