/** Sizes the connections of one role: measures what is asked of them, and decides. Time is passed in; whoever owns it has the timers. */
import { DemandMeter } from './demand.ts';
import { afterServerFull, decide, NO_MEMORY, SIZING_GOALS, type SizingDecision, type SizingGoals, type SizingInputs } from './policy.ts';

/** How the connections stand, as their owner knows. */
export type Observation = Omit<
  SizingInputs,
  'now' | 'arrivalsPerSecond' | 'holdMs' | 'offered' | 'uncertainty' | 'executionMs' | 'completedPerSecond'
>;

/** A decision with the figures that it came from. */
export interface Judgement {
  readonly decision: SizingDecision;
  readonly inputs: SizingInputs;
}

/** Statements count for the latency guard over the last so many milliseconds. */
const STATEMENTS_MS = 2000;

export class Sizer {
  readonly #goals: SizingGoals;
  readonly #demand: DemandMeter;
  #memory = NO_MEMORY;
  /** Statements and their time up to some moments of the last seconds, oldest first. */
  #finished: { readonly at: number; readonly count: number; readonly totalMs: number }[] = [];

  constructor(now: number, goals: SizingGoals = SIZING_GOALS) {
    this.#goals = goals;
    this.#demand = new DemandMeter(now);
  }

  /** Somebody asks for a connection. */
  arrived(now: number): void {
    this.#demand.arrived(now);
  }

  /** Somebody has given one back, after `ms`. */
  held(ms: number, now: number): void {
    this.#demand.held(ms, now);
  }

  /** A server had no room for another connection. */
  serverWasFull(open: number, now: number): void {
    this.#memory = afterServerFull(this.#memory, open, now);
  }

  /**
   * @param statements all that were finished so far, and the milliseconds that they took together
   * @param hosts among which what is asked for is spread
   */
  judge(observed: Observation, statements: { readonly count: number; readonly totalMs: number }, now: number, hosts = 1): Judgement {
    const { arrivalsPerSecond, holdMs, offered, uncertainty } = this.#demand.read(now, observed.busy * hosts);
    const demand = { arrivalsPerSecond: arrivalsPerSecond / hosts, holdMs, offered: offered / hosts, uncertainty: uncertainty / hosts };
    const inputs = { ...observed, now, ...demand, ...this.#statements(statements, now) };
    const { decision, memory } = decide(inputs, this.#memory, this.#goals);
    this.#memory = memory;
    return { decision, inputs };
  }

  #statements(
    { count, totalMs }: { readonly count: number; readonly totalMs: number },
    now: number,
  ): Pick<SizingInputs, 'executionMs' | 'completedPerSecond'> {
    const recent = this.#finished.filter(({ at }) => at >= now - STATEMENTS_MS);
    const since = recent[0] ?? this.#finished.at(-1);
    this.#finished = [...recent, { at: now, count, totalMs }];
    if (!since || since.at === now || since.count === count) return { executionMs: null, completedPerSecond: 0 };
    return {
      executionMs: (totalMs - since.totalMs) / (count - since.count),
      completedPerSecond: ((count - since.count) * 1000) / (now - since.at),
    };
  }
}
