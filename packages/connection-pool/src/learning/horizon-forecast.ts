/**
 * Forecasts for one distance into the future: five regressions, which differ in what they take for usual, mixed by how well each did.
 *
 * Each corrects what is usual at the target by what is off now, was off of late, and was off a day and a week ago. All learn from
 * forecasts that they made before the value was known, so that every loss is one on held-back data (prequential: A. P. Dawid 1984).
 * The mixture is the exponentially weighted average forecaster (N. Cesa-Bianchi, G. Lugosi: Prediction, Learning, and Games, 2006).
 */
import { DecayedRegression, robustWeight, type RegressionState } from './decayed-regression.ts';
import { PROFILE_FEATURES, type SeasonalProfile } from './seasonal-profile.ts';

/** Values after which one weighs half in a regression. */
const LEARNING_HALF_LIFE = 1400;
/** Values after which a loss weighs half. */
const LOSS_HALF_LIFE = 140;
const LOSS_KEEP = 0.5 ** (1 / LOSS_HALF_LIFE);
/** An expert whose loss is 1 % over the best one's has exp(-0.4) = two thirds of its weight. */
const SHARPNESS = 40;
/** A forecast is at most this often the largest value that was seen. */
const HEADROOM = 4;

/** What is taken for usual. */
export interface Profiles {
  readonly level: SeasonalProfile;
  readonly daily: SeasonalProfile;
  readonly weekly: SeasonalProfile;
  /** The day without smoothing: for jobs that begin at a full hour. */
  readonly sharp: SeasonalProfile;
}

/** One for each profile, and one for the middle between day and week. */
const EXPERTS = ['level', 'daily', 'weekly', 'sharp', 'both'] as const;
type Expert = (typeof EXPERTS)[number];

/** What was known at one moment of a slot to come. */
interface Outlook {
  slot: number;
  readonly bases: Float64Array;
  readonly features: readonly Float64Array[];
  /** What each expert and their mixture said, values themselves. */
  readonly said: Float64Array;
  mixture: number;
}

export interface HorizonState {
  readonly regressions: RegressionState[];
  readonly errors: number[];
  readonly losses: number[];
}

const sizeOf = (expert: Expert): number => 1 + (expert === 'both' ? 2 * PROFILE_FEATURES + 1 : PROFILE_FEATURES);
/** Features of each expert. */
export const EXPERT_SIZES: readonly number[] = EXPERTS.map(sizeOf);

export class HorizonForecast {
  readonly steps: number;
  readonly #regressions: readonly DecayedRegression[];
  /** Mean absolute errors of late, logarithms. */
  readonly #errors: Float64Array;
  /** Mean absolute errors of late, values themselves. */
  readonly #losses: Float64Array;
  readonly #outlooks: readonly Outlook[];

  /** @param steps intervals from now to the target */
  constructor(steps: number, state?: HorizonState) {
    this.steps = steps;
    this.#regressions = EXPERTS.map(
      (expert, index) => new DecayedRegression(sizeOf(expert), LEARNING_HALF_LIFE, state?.regressions[index]),
    );
    this.#errors = Float64Array.from(state?.errors ?? EXPERTS.map(() => 0));
    this.#losses = Float64Array.from(state?.losses ?? EXPERTS.map(() => 0));
    this.#outlooks = Array.from({ length: steps }, () => ({
      slot: -1,
      bases: new Float64Array(EXPERTS.length),
      features: EXPERTS.map((expert) => new Float64Array(sizeOf(expert))),
      said: new Float64Array(EXPERTS.length),
      mixture: NaN,
    }));
  }

  /** What was said of the slot when it was `steps` away; NaN when nothing was. */
  said(slot: number): number {
    const outlook = this.#outlooks[slot % this.steps]!;
    return outlook.slot === slot ? outlook.mixture : NaN;
  }

  /** Learns from what was said of the slot. @param log the value's logarithm */
  settle(slot: number, value: number, log: number): void {
    const outlook = this.#outlooks[slot % this.steps]!;
    if (outlook.slot !== slot) return;
    for (const [index, regression] of this.#regressions.entries()) {
      const features = outlook.features[index]!;
      const target = log - outlook.bases[index]!;
      const error = Math.abs(target - regression.predict(features));
      regression.observe(features, target, robustWeight(error, this.#errors[index]!));
      const isFirst = this.#errors[index] === 0;
      this.#errors[index] = isFirst ? error : LOSS_KEEP * this.#errors[index]! + (1 - LOSS_KEEP) * error;
      this.#losses[index] = LOSS_KEEP * this.#losses[index]! + (1 - LOSS_KEEP) * Math.abs(value - outlook.said[index]!);
    }
  }

  /** Says what the slot `now + steps` will bring. @param now the last slot that the profiles have learnt @param largest logarithm seen */
  look(profiles: Profiles, now: number, largest: number): void {
    const target = now + this.steps;
    const outlook = this.#outlooks[target % this.steps]!;
    outlook.slot = target;
    this.#describe(outlook, profiles, now, target);
    outlook.mixture = this.#mix(outlook, largest);
  }

  exportState(): HorizonState {
    return {
      regressions: this.#regressions.map((regression) => regression.exportState()),
      errors: [...this.#errors],
      losses: [...this.#losses],
    };
  }

  #describe({ bases, features }: Outlook, { level, daily, weekly, sharp }: Profiles, now: number, target: number): void {
    const usual = level.usual(target);
    const ofDay = orElse(daily.usual(target), usual);
    const ofWeek = orElse(weekly.usual(target), ofDay);
    bases.set([usual, ofDay, ofWeek, orElse(sharp.usual(target), ofDay), (ofDay + ofWeek) / 2]);
    for (const [index, profile] of [level, daily, weekly, sharp, weekly].entries()) {
      features[index]![0] = 1;
      profile.features(features[index]!, 1, now, target);
    }
    const both = features[EXPERTS.indexOf('both')]!;
    daily.features(both, 1 + PROFILE_FEATURES, now, target);
    both[1 + 2 * PROFILE_FEATURES] = ofDay - ofWeek;
  }

  #mix({ bases, features, said }: Outlook, largest: number): number {
    const best = Math.min(...this.#losses);
    const highest = largest + Math.log(HEADROOM);
    let sum = 0;
    let weights = 0;
    for (const [index, regression] of this.#regressions.entries()) {
      const log = bases[index]! + regression.predict(features[index]!);
      said[index] = Math.expm1(Math.min(highest, Math.max(0, log)));
      const weight = best > 0 ? Math.exp(-SHARPNESS * (this.#losses[index]! / best - 1)) : 1;
      sum += weight * said[index];
      weights += weight;
    }
    return sum / weights;
  }
}

const orElse = (value: number, other: number): number => (Number.isNaN(value) ? other : value);
