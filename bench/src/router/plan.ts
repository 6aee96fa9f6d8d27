/** How much `bench router` measures, beside what it has in common with `bench pool`. */
import type { Plan, PoolBench } from '../pool/bench.ts';

interface Amounts {
  /** Statements of one round, each decided once. */
  readonly decisions: number;
  /** One round of mixed work. */
  readonly mixedMs: number;
  readonly mixedRounds: number;
  /** Reads that are checked. */
  readonly staleChecks: number;
}

export const FULL_ROUTER: Amounts = { decisions: 20_000, mixedMs: 2000, mixedRounds: 5, staleChecks: 5000 };
export const QUICK_ROUTER: Amounts = { decisions: 2000, mixedMs: 200, mixedRounds: 1, staleChecks: 300 };

export type RouterBench = PoolBench<Plan & Amounts>;
