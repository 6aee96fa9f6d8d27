/**
 * What every benchmark shares: cases measured in interleaved rounds, medians, and one report.
 *
 * Interleaving is the point: a machine that gets slower or faster while the bench runs (other load, turbo, temperature) does the same to
 * every subject, so ratios stay true even where single figures wander. Rounds change their order, so that nobody always goes first.
 */
import { median, quantile } from '../../scripts/lib/statistics.ts';

/** One line of the report. A scenario is what is done; a subject is who does it. */
export interface BenchResult {
  readonly scenario: string;
  readonly subject: string;
  /** Unit of `value` and of the quantiles. */
  readonly unit: string;
  /** Median over the rounds, unless the unit is a ratio or a limit. */
  readonly value: number;
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
}

/** A promise of the project, and whether this run kept it. */
export interface BenchGoal {
  readonly id: string;
  readonly description: string;
  readonly goal: number;
  readonly value: number;
  readonly met: boolean;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
}

export interface BenchReport {
  readonly name: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly results: readonly BenchResult[];
  readonly goals: readonly BenchGoal[];
  /** What a reader of the figures must know. */
  readonly notes?: readonly string[];
}

/** One thing to measure: `measure` does it once (with as many repetitions as it needs to be longer than the clock's grain). */
export interface BenchCase {
  readonly scenario: string;
  readonly subject: string;
  readonly unit: string;
  /** One figure in `unit`. @throws LeftOut when the subject does not get this far. */
  measure(): Promise<number>;
}

/** The subject cannot do the case within its limits. Not a failure of the bench; the report says so. */
export class LeftOut extends Error {
  override readonly name = 'LeftOut';
}

/** Figures of one case, in the order of the rounds; or why there are none. */
export type Measurement = { readonly case: BenchCase } & ({ readonly samples: readonly number[] } | { readonly leftOut: string });

/**
 * Measures every case `rounds` times, all cases once a round, the order turned by one from round to round. A first round to warm up is
 * not counted. A case that throws `LeftOut` is not tried again; any other error ends the bench.
 */
export async function measureInterleaved(cases: readonly BenchCase[], rounds: number): Promise<Measurement[]> {
  const samples = new Map<BenchCase, number[]>(cases.map((one) => [one, []]));
  const leftOut = new Map<BenchCase, string>();
  for (let round = -1; round < rounds; round++) {
    for (const one of rotate(cases, round)) {
      if (leftOut.has(one)) continue;
      try {
        const value = await one.measure();
        if (round >= 0) samples.get(one)!.push(value);
      } catch (error) {
        if (!(error instanceof LeftOut)) throw error;
        leftOut.set(one, error.message);
      }
    }
  }
  return cases.map((one) => {
    const reason = leftOut.get(one);
    return reason === undefined ? { case: one, samples: samples.get(one)! } : { case: one, leftOut: reason };
  });
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : ((by % items.length) + items.length) % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** Rounded to three significant digits: a fourth would be noise. */
export function round3(value: number): number {
  return Number(value.toPrecision(3));
}

/** The median of a measurement, with spread where there are enough rounds to speak of one; undefined for one that was left out. */
export function toResult(measurement: Measurement): BenchResult | undefined {
  if (!('samples' in measurement)) return undefined;
  const { scenario, subject, unit } = measurement.case;
  const { samples } = measurement;
  return { scenario, subject, unit, value: round3(median(samples)), p50: round3(median(samples)), p95: round3(quantile(samples, 0.95)) };
}

/** A goal that is met by a value of at most `goal`. */
export function atMost(id: string, description: string, goal: number, value: number): BenchGoal {
  return { id, description, goal, value: round3(value), met: value <= goal };
}

/** A goal that is met by a value of at least `goal`. */
export function atLeast(id: string, description: string, goal: number, value: number): BenchGoal {
  return { id, description, goal, value: round3(value), met: value >= goal };
}

/**
 * How many times `base` a measurement is: the median over the rounds of the two figures of one round, which a slower or faster machine
 * changed alike. Undefined when one of both was left out.
 */
export function pairedRatio(measurement: Measurement, base: Measurement): number | undefined {
  if (!('samples' in measurement) || !('samples' in base)) return undefined;
  return median(measurement.samples.map((value, round) => value / base.samples[round]!));
}
