/** What is usual at each place of a day or a week, and how far off what came was. Values are on the forecast's own scale (logarithms). */

/** Half-lives of the averages over what was lately off. */
const LEVEL_HALF_LIVES_MS = [0.5, 2, 8, 24].map((hours) => hours * 3_600_000);

/** Features that `SeasonalProfile.features` writes. */
export const PROFILE_FEATURES = 6 + LEVEL_HALF_LIVES_MS.length;

/** The calendar of a forecast: a slot is one interval, counted from 1970. */
export interface Calendar {
  readonly intervalMs: number;
  readonly slotsPerDay: number;
  readonly slotsPerWeek: number;
}

export interface ProfileOptions {
  /** Slots of a season; 1 for a plain level. */
  readonly period: number;
  /** Weight of a new visit to a slot, once it had 1 / rate visits; until then it is the plain mean. */
  readonly rate: number;
  /** How far it looks to the sides of a slot: standard deviation of the Gaussian window. */
  readonly smoothingMs: number;
}

export interface ProfileState {
  readonly usual: (number | null)[];
  readonly visits: number[];
  readonly residuals: number[];
  readonly levels: number[];
}

/**
 * A mean for each slot of the season, newer visits weighing more, read through a window over its neighbours; and the residuals
 * (value minus what was usual before it came) of the last week.
 */
export class SeasonalProfile {
  readonly #calendar: Calendar;
  readonly #period: number;
  readonly #rate: number;
  readonly #usual: Float64Array;
  readonly #visits: Float64Array;
  readonly #window: Float64Array;
  /** By slot, the last week and one; 0 where nothing came. */
  readonly #residuals: Float64Array;
  readonly #levels: Float64Array;
  readonly #levelKeeps: readonly number[];
  /** The slot that `#residuals` reaches to. */
  #last = -1;

  constructor(calendar: Calendar, { period, rate, smoothingMs }: ProfileOptions) {
    this.#calendar = calendar;
    this.#period = period;
    this.#rate = rate;
    this.#usual = new Float64Array(period).fill(NaN);
    this.#visits = new Float64Array(period);
    this.#window = gaussian(smoothingMs / calendar.intervalMs);
    this.#residuals = new Float64Array(calendar.slotsPerWeek + 1);
    this.#levels = new Float64Array(LEVEL_HALF_LIVES_MS.length);
    this.#levelKeeps = LEVEL_HALF_LIVES_MS.map((halfLife) => 0.5 ** (calendar.intervalMs / halfLife));
  }

  /** What is usual there; NaN while nothing near was seen. */
  usual(slot: number): number {
    const reach = (this.#window.length - 1) / 2;
    let sum = 0;
    let weights = 0;
    for (let offset = -reach; offset <= reach; offset++) {
      const index = (slot + offset + this.#period) % this.#period;
      const visits = this.#visits[index]!;
      if (visits === 0) continue;
      // A slot that was visited once is half as sure as the others.
      const weight = this.#window[offset + reach]! * Math.min(1, visits / 2);
      sum += weight * this.#usual[index]!;
      weights += weight;
    }
    return weights > 0 ? sum / weights : NaN;
  }

  /** @param slot later than all before */
  learn(slot: number, value: number): void {
    const usual = this.usual(slot);
    const residual = Number.isNaN(usual) ? 0 : value - usual;
    this.#clearUpTo(slot);
    this.#residuals[slot % this.#residuals.length] = residual;
    for (const [index, keep] of this.#levelKeeps.entries()) this.#levels[index] = keep * this.#levels[index]! + (1 - keep) * residual;
    const index = slot % this.#period;
    const visits = ++this.#visits[index]!;
    if (visits === 1) this.#usual[index] = value;
    else this.#usual[index] = this.#usual[index]! + Math.max(this.#rate, 1 / visits) * (value - this.#usual[index]!);
  }

  /**
   * Writes `PROFILE_FEATURES` numbers: what is off now and of late, and what was off a day and a week before the target and before now.
   * @param now the last slot that was learnt @param target a later slot
   */
  features(into: Float64Array, at: number, now: number, target: number): void {
    const { slotsPerDay, slotsPerWeek } = this.#calendar;
    into[at++] = this.#residual(now);
    into[at++] = this.#residual(now - 1);
    into[at++] = this.#residual(target - slotsPerDay);
    into[at++] = this.#residual(now - slotsPerDay);
    into[at++] = this.#residual(target - slotsPerWeek);
    into[at++] = this.#residual(now - slotsPerWeek);
    into.set(this.#levels, at);
  }

  exportState(): ProfileState {
    const count = Math.min(this.#residuals.length, this.#last + 1);
    return {
      usual: Array.from(this.#usual, (value) => (Number.isNaN(value) ? null : rounded(value))),
      visits: [...this.#visits],
      residuals: Array.from({ length: count }, (_, index) => rounded(this.#residual(this.#last - count + 1 + index))),
      levels: Array.from(this.#levels, rounded),
    };
  }

  /** @param lastSlot that was learnt when the state was taken */
  importState({ usual, visits, residuals, levels }: ProfileState, lastSlot: number): void {
    this.#usual.set(usual.map((value) => value ?? NaN));
    this.#visits.set(visits);
    this.#levels.set(levels);
    for (const [index, residual] of residuals.entries())
      this.#residuals[(lastSlot - residuals.length + 1 + index) % this.#residuals.length] = residual;
    this.#last = lastSlot;
  }

  #residual(slot: number): number {
    if (slot > this.#last || slot <= this.#last - this.#residuals.length || slot < 0) return 0;
    return this.#residuals[slot % this.#residuals.length]!;
  }

  #clearUpTo(slot: number): void {
    const steps = Math.min(this.#residuals.length, slot - this.#last);
    for (let step = 0; step < steps; step++) this.#residuals[(slot - step) % this.#residuals.length] = 0;
    this.#last = slot;
  }
}

/** Weights of a window that ends where they are under a twentieth of the middle. @param deviation in slots */
function gaussian(deviation: number): Float64Array {
  const reach = Math.ceil(2.5 * deviation);
  return Float64Array.from({ length: 2 * reach + 1 }, (_, index) =>
    deviation === 0 ? 1 : Math.exp(-0.5 * ((index - reach) / deviation) ** 2),
  );
}

const rounded = (value: number): number => Number(value.toPrecision(7));
