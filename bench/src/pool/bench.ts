/** What the scenarios of the benches with databases (`bench pool`, `bench router`) share: how long they take, who is measured, where results go. */
import { median } from '../../../scripts/lib/statistics.ts';
import { measureInterleaved, pairedRatio, round3, type BenchCase, type BenchGoal, type BenchResult, type Measurement } from '../harness.ts';
import { SubjectProcess } from '../subject-process.ts';
import type { Job, JobResult, OpenOptions } from './subject.ts';

/** How much is measured: the whole, or (`--quick`) as little as shows that all runs. */
export interface Plan {
  readonly rounds: number;
  readonly cyclesMs: number;
  readonly selectsMs: number;
  /** What each subject does before its selects are measured. */
  readonly warmUpMs: number;
  readonly connections: readonly number[];
  readonly callers: readonly number[];
  readonly violations: number;
  readonly violationRounds: number;
  readonly spikeRounds: number;
  readonly downCalls: number;
}

export const FULL: Plan = {
  rounds: 5,
  cyclesMs: 200,
  selectsMs: 400,
  warmUpMs: 3000,
  connections: [4, 16],
  callers: [1, 64, 512],
  violations: 1000,
  violationRounds: 3,
  spikeRounds: 3,
  downCalls: 20,
};

export const QUICK: Plan = {
  rounds: 1,
  cyclesMs: 30,
  selectsMs: 50,
  warmUpMs: 50,
  connections: [4],
  callers: [64],
  violations: 50,
  violationRounds: 1,
  spikeRounds: 1,
  downCalls: 5,
};

/** Where the databases are; without `mysqlUrl` there is no MariaDB on this machine. */
export interface Urls {
  readonly postgresUrl: string;
  readonly mysqlUrl: string | undefined;
}

export interface PoolBench<P extends Plan = Plan> extends Urls {
  readonly plan: P;
  readonly results: BenchResult[];
  readonly goals: BenchGoal[];
  /** What a reader of the figures must know: what was left out, and why. */
  readonly notes: string[];
}

/** Longer than the longest job. */
const LIMIT_MS = 120_000;

/** One way of using one pool, in a process of its own. */
export class Subject {
  readonly name: string;
  readonly variant: string | undefined;
  readonly #process: SubjectProcess<Job, JobResult>;

  /** @param module specifier of its module, relative to this folder */
  constructor(name: string, module: string, variant?: string) {
    this.name = name;
    this.variant = variant;
    const child = new URL('./child.ts', import.meta.url);
    this.#process = new SubjectProcess({ name, child, module: new URL(module, import.meta.url), limitMs: LIMIT_MS });
  }

  /** @throws LeftOut when it could not do it. */
  work(job: Job): Promise<JobResult> {
    return this.#process.work(job);
  }

  /** How it is opened. */
  options(url: string, connections: number, more: Partial<OpenOptions> = {}): OpenOptions {
    return { url, connections, ...(this.variant !== undefined && { variant: this.variant }), ...more };
  }

  close(): void {
    this.#process.close();
  }
}

/** Subjects for one scenario, whose processes end with it. */
export async function withSubjects<T extends readonly Subject[]>(subjects: T, use: (subjects: T) => Promise<void>): Promise<void> {
  try {
    await use(subjects);
  } finally {
    for (const subject of subjects) subject.close();
  }
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Interleaved rounds, with a word about who was left out. */
export async function measure(bench: PoolBench, cases: readonly BenchCase[], rounds: number): Promise<Measurement[]> {
  say(`${cases[0]!.scenario} ...`);
  const measurements = await measureInterleaved(cases, rounds);
  for (const one of measurements) {
    if ('leftOut' in one) note(bench, `${one.case.subject} is left out of ${one.case.scenario}: ${one.leftOut}`);
  }
  return measurements;
}

export function note(bench: PoolBench, text: string): void {
  say(`  ${text}`);
  bench.notes.push(text);
}

export function addResult(bench: PoolBench, scenario: string, subject: string, unit: string, value: number): void {
  bench.results.push({ scenario, subject, unit, value: round3(value) });
}

/** Cases of which each round has several figures: the answers, beside the one that is measured. */
export class Answers {
  readonly #kept = new Map<string, JobResult[]>();

  /** A case whose figure is made of an answer, which is kept. */
  keep(names: Omit<BenchCase, 'measure'>, ask: () => Promise<JobResult>, figure: (answer: JobResult) => number): BenchCase {
    const kept: JobResult[] = [];
    this.#kept.set(names.subject, kept);
    return {
      ...names,
      measure: async () => {
        const answer = await ask();
        kept.push(answer);
        return figure(answer);
      },
    };
  }

  /** Another figure of the same rounds, without the one that warms up; as left out as the measurement is. */
  other(measurement: Measurement, figure: (answer: JobResult) => number): Measurement {
    if (!('samples' in measurement)) return measurement;
    return { case: measurement.case, samples: this.#kept.get(measurement.case.subject)!.slice(1).map(figure) };
  }
}

/** Microseconds of CPU that the subject's process spends on one cycle or query. */
export function cpuUs({ cpuMs, count }: JobResult): number {
  return (cpuMs! * 1000) / count!;
}

/** Adds the median of a measurement in another unit than its case's. */
export function addMedian(bench: PoolBench, unit: string, measurement: Measurement): void {
  const { scenario, subject } = measurement.case;
  if ('samples' in measurement) addResult(bench, scenario, subject, unit, median(measurement.samples));
}

/** Adds how many times `base` a measurement is, if both were measured. */
export function addRatio(bench: PoolBench, unit: string, measurement: Measurement, base: Measurement): void {
  const ratio = pairedRatio(measurement, base);
  if (ratio !== undefined) addResult(bench, measurement.case.scenario, measurement.case.subject, unit, ratio);
}
