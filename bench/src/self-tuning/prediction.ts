/**
 * The next statement of a session, as the tracker predicts it while it goes on learning, and as it came. The optimum is that of who knows
 * the generator and all that the session did (Bayes); the baseline is a table of what followed the last statement most often. Then what a
 * record costs, and what 100,000 templates weigh.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { QueryPatternTracker } from '@kailash-ts/connection-pool';
import type { Clock } from '@kailash-ts/core';
import { median } from '../../../scripts/lib/statistics.ts';
import { atMost, measureInterleaved, toResult, type BenchCase } from '../harness.ts';
import { secondOrder, TPC_C, type Mix } from './mixes.ts';
import type { SelfTuningBench } from './plan.ts';
import { randomFrom } from './random.ts';
import { mostProbable, statementsOf, textOf, type Drawn } from './statements.ts';
import type { Weight } from './weigh.ts';

const GOAL_POINTS = 1;
const GOAL_RECORD_US = 2;
const GOAL_MEMORY_MB = 64;
const TEMPLATES = 100_000;
const STATEMENTS_BRANCHING = 30;

export async function benchPrediction(bench: SelfTuningBench): Promise<void> {
  for (const mix of [TPC_C, secondOrder(STATEMENTS_BRANCHING, randomFrom(3))]) predictMix(bench, mix);
  await timeRecords(bench);
  weighTemplates(bench);
}

/** A clock that is set by hand. */
class SetClock implements Clock {
  time = 0;
  now(): number {
    return this.time;
  }
  wallTime(): number {
    return Date.UTC(2026, 0, 5) + this.time;
  }
  setTimer(): () => void {
    return () => undefined;
  }
}

/** Hits and squared errors of one that predicts. */
class Score {
  #count = 0;
  #first = 0;
  #amongThree = 0;
  #squares = 0;

  /** @param said most probable first @param probability that it gave to the first */
  add(came: string, said: readonly string[], probability: number): void {
    const isHit = said[0] === came;
    this.#count++;
    if (isHit) this.#first++;
    if (said.slice(0, 3).includes(came)) this.#amongThree++;
    this.#squares += (probability - Number(isHit)) ** 2;
  }

  get hit1(): number {
    return (100 * this.#first) / this.#count;
  }

  get hit3(): number {
    return (100 * this.#amongThree) / this.#count;
  }

  /** Of whether the first one comes. */
  get brier(): number {
    return this.#squares / this.#count;
  }
}

/** What followed the last statement most often (G. W. Brier's score of it is not asked for). */
class FirstOrderTable {
  readonly #counts = new Map<string, Map<string, number>>();

  predict(last: string | undefined): readonly [string, number] | undefined {
    const counts = last === undefined ? undefined : this.#counts.get(last);
    if (!counts) return undefined;
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const [statement, count] = mostProbable(counts);
    return [statement, count / all];
  }

  learn(last: string | undefined, next: string): void {
    if (last === undefined) return;
    const counts = this.#counts.get(last) ?? new Map<string, number>();
    this.#counts.set(last, counts.set(next, (counts.get(next) ?? 0) + 1));
  }
}

function predictMix({ plan, results, goals }: SelfTuningBench, mix: Mix): void {
  const clock = new SetClock();
  const tracker = new QueryPatternTracker({}, clock);
  const table = new FirstOrderTable();
  const scores = { ours: new Score(), table: new Score(), optimum: new Score() };
  const last = new Map<string, string>();
  const statements = statementsOf(mix, randomFrom(7));
  for (let index = 0; index < plan.learnt + plan.counted; index++) {
    const drawn = statements.next().value;
    clock.time = drawn.at;
    const before = last.get(drawn.sessionId);
    if (index >= plan.learnt) score(drawn, before, tracker, table, scores);
    table.learn(before, drawn.statement);
    record(tracker, drawn);
    last.set(drawn.sessionId, drawn.statement);
  }
  const names = { ours: 'kailash-ts', table: 'first-order table', optimum: 'Bayes optimum' };
  for (const [who, subject] of Object.entries(names)) {
    const { hit1, hit3, brier } = scores[who as keyof typeof names];
    const digits = (value: number): number => Number(value.toFixed(4));
    results.push({ scenario: `${mix.name}, hit@1`, subject, unit: '%', value: digits(hit1) });
    if (who !== 'table') results.push({ scenario: `${mix.name}, hit@3`, subject, unit: '%', value: digits(hit3) });
    results.push({ scenario: mix.name, subject, unit: 'Brier score', value: digits(brier) });
  }
  const short = scores.optimum.hit1 - scores.ours.hit1;
  const id = `prediction-${mix.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
  goals.push(atMost(id, `points of hit@1 under the Bayes optimum, ${mix.name}`, GOAL_POINTS, short));
}

function score(
  { statement, sessionId, known }: Drawn,
  before: string | undefined,
  tracker: QueryPatternTracker,
  table: FirstOrderTable,
  { ours, table: baseline, optimum }: Record<'ours' | 'table' | 'optimum', Score>,
): void {
  const said = before === undefined ? tracker.predictFirstQueries() : tracker.predictNextQueries(before, { sessionId });
  ours.add(
    statement,
    said.map(({ fingerprint }) => fingerprint),
    said[0]?.probability ?? 0,
  );
  const followed = table.predict(before);
  baseline.add(statement, followed ? [followed[0]] : [], followed?.[1] ?? 0);
  const ranked = [...known].sort((a, b) => b[1] - a[1]).map(([each]) => each);
  optimum.add(statement, ranked, mostProbable(known)[1]);
}

function record(tracker: QueryPatternTracker, { statement, sessionId }: Drawn): void {
  tracker.recordExecution({ fingerprint: statement, executionTimeMs: 1, connectionId: 'c1', success: true, resultSize: 1, sessionId });
}

/** Steady state: the tracker has seen every statement before. */
async function timeRecords({ plan, results, goals }: SelfTuningBench): Promise<void> {
  const subjects = [
    timedMix(TPC_C, plan.timed),
    timedMix(secondOrder(STATEMENTS_BRANCHING, randomFrom(3)), plan.timed),
    timedTemplates(plan.timed),
  ];
  const measured = await measureInterleaved(subjects, plan.rounds);
  results.push(...measured.flatMap((one) => toResult(one) ?? []));
  for (const one of measured) {
    if (!('samples' in one)) continue;
    const { subject } = one.case;
    const id = `prediction-record-${subject.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
    goals.push(atMost(id, `us of CPU a record, ${subject}`, GOAL_RECORD_US, median(one.samples)));
  }
}

function timedMix(mix: Mix, count: number): BenchCase {
  const statements = statementsOf(mix, randomFrom(9));
  return timed(
    mix.name,
    Array.from({ length: count }, () => statements.next().value),
  );
}

/** 100,000 templates at random, Zipf-distributed (exponent 1): half of the executions are of the 300 most frequent. */
function timedTemplates(count: number): BenchCase {
  const random = randomFrom(11);
  const texts = new Map<number, string>();
  const drawn = Array.from({ length: count }, () => {
    const number = Math.floor(TEMPLATES ** random()) - 1;
    const statement = texts.get(number) ?? textOf(number);
    texts.set(number, statement);
    return { statement, sessionId: SESSION_IDS[Math.floor(SESSION_IDS.length * random())]! };
  });
  return timed('100,000 templates', drawn);
}

const SESSION_IDS = Array.from({ length: 20 }, (_, index) => `session ${index}`);

/** As the pool calls it: texts of templates come from the router's cache, the rest is new each time. CPU time, which other load on the machine changes least. */
function timed(subject: string, drawn: readonly Pick<Drawn, 'statement' | 'sessionId'>[]): BenchCase {
  const tracker = new QueryPatternTracker();
  const measure = async (): Promise<number> => {
    const began = process.cpuUsage();
    for (let index = 0; index < drawn.length; index++) {
      const { statement, sessionId } = drawn[index]!;
      tracker.recordExecution({
        fingerprint: statement,
        executionTimeMs: 1 + (index % 7),
        connectionId: 'c1',
        success: true,
        resultSize: index % 5,
        sessionId,
        workflow: sessionId.length % 2 === 0 ? 'report' : 'import',
        parameters: [index, 'a value'],
      });
    }
    const { user, system } = process.cpuUsage(began);
    return (user + system) / drawn.length;
  };
  return { scenario: 'record', subject, unit: 'us of CPU', measure };
}

/** In a process of its own, since what others leave behind would be counted too. */
function weighTemplates({ results, goals }: SelfTuningBench): void {
  const child = fileURLToPath(new URL('./weigh.ts', import.meta.url));
  const answer = execFileSync(process.execPath, [...process.execArgv, '--expose-gc', child], { encoding: 'utf8' });
  const { templates, megabytes } = JSON.parse(answer) as Weight;
  results.push({ scenario: 'memory', subject: `${templates} templates`, unit: 'MB', value: Number(megabytes.toFixed(1)) });
  goals.push(atMost('prediction-memory', 'MB for 100,000 templates and their sequences', GOAL_MEMORY_MB, megabytes));
}
