/** What the processes of the scenarios on a real server are told, and what they answer. */
import type { Rates } from './arrivals.ts';

/** Who sizes the pool. `sizes`: one for each so many milliseconds. */
export type Sizing =
  | { readonly kind: 'ours' }
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'known'; readonly everyMs: number; readonly sizes: readonly number[] }
  | { readonly kind: 'original' };

/** Callers that each hold a connection for a while, on one pool. */
export interface PlayJob {
  readonly kind: 'play';
  readonly url: string;
  readonly rates: Rates;
  /** Mean time that the server takes for a statement; exponential. */
  readonly holdMs: number;
  readonly sizing: Sizing;
  readonly most: number;
  /** What happens before it is not counted. */
  readonly warmUpMs: number;
}

/** The guide's workload, by hand or by router. */
export interface VisitsJob {
  readonly kind: 'visits';
  readonly url: string;
  readonly rates: Rates;
  readonly holdMs: number;
  readonly how: 'by hand' | 'by router';
  readonly most: number;
  readonly warmUpMs: number;
}

export interface Figures {
  readonly servedPerSecond: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  /** From call to answer. */
  readonly latencyP50Ms: number;
  readonly latencyP95Ms: number;
  readonly connectionSeconds: number;
  /** Busy by open connections, over all. */
  readonly utilization: number;
  /** The same at the times at which the load keeps 16 or more busy; null when there was none. */
  readonly utilizationLarge: number | null;
  readonly largest: number;
  readonly adjustments: number;
  /** Changes that undid the one before within a minute. */
  readonly flaps: number;
  /** Callers that got an error, by its code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Attempts to connect that failed. */
  readonly connectErrors: number;
  readonly statements: number;
  /** Callers that found the most there may be at once, and were sent away. */
  readonly turnedAway: number;
  /** Of the router's classifications; null by hand. */
  readonly hitRate: number | null;
}
