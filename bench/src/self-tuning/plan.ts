/** What the scenarios of `bench self-tuning` share. */
import type { BenchGoal, BenchResult } from '../harness.ts';

export interface Plan {
  /** Statements that are learnt before it counts, and that count. */
  readonly learnt: number;
  readonly counted: number;
  /** Statements of one measurement of time. */
  readonly timed: number;
  readonly rounds: number;
  /** Share of a trace that is used. */
  readonly ofTrace: number;
  /** How long each load is played on a real server, and the day of the guide. */
  readonly realMs: number;
  readonly dayMs: number;
}

export const FULL: Plan = { learnt: 100_000, counted: 200_000, timed: 200_000, rounds: 7, ofTrace: 1, realMs: 150_000, dayMs: 600_000 };

/** As little as shows that all runs. */
export const QUICK: Plan = { learnt: 20_000, counted: 20_000, timed: 20_000, rounds: 2, ofTrace: 0.5, realMs: 5000, dayMs: 12_000 };

export interface SelfTuningBench {
  readonly plan: Plan;
  readonly results: BenchResult[];
  readonly goals: BenchGoal[];
  /** What a reader of the figures must know. */
  readonly notes: string[];
}
