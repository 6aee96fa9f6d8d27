/**
 * Acquire and release without a query: what the pool itself costs. One caller; and 64 callers on 8 connections, where all but 8 wait in
 * line. Pools are as users get them: ours and tarn limit each wait to 30 s by default, which costs them a timer, and the others do not.
 */
import { median } from '../../../../scripts/lib/statistics.ts';
import { pairedRatio, round3, type BenchCase, type Measurement } from '../../harness.ts';
import { addResult, measure, Subject, withSubjects, type PoolBench } from '../bench.ts';
import type { JobResult } from '../subject.ts';

const LOADS = [
  { name: '1-caller', callers: 1, connections: 8 },
  { name: '64-callers-on-8', callers: 64, connections: 8 },
] as const;

export async function benchCycles(bench: PoolBench): Promise<void> {
  const groups = [
    {
      on: 'stub',
      url: '',
      subjects: [
        new Subject('kailash-ts', './ours-stub.ts'),
        new Subject('generic-pool', './peers/generic-pool.ts'),
        new Subject('tarn', './peers/tarn.ts'),
      ],
    },
    {
      on: 'postgresql',
      url: bench.postgresUrl,
      subjects: [new Subject('kailash-ts', './ours.ts'), new Subject('pg-pool', './peers/pg-pool.ts')],
    },
    ...(bench.mysqlUrl === undefined
      ? []
      : [
          {
            on: 'mysql',
            url: bench.mysqlUrl,
            subjects: [new Subject('kailash-ts', './ours.ts'), new Subject('mysql2', './peers/mysql2.ts')],
          },
        ]),
  ];
  for (const { on, url, subjects } of groups) {
    await withSubjects(subjects, async () => {
      for (const load of LOADS) await measureLoad(bench, `cycle-${on}-${load.name}`, url, subjects, load);
    });
  }
}

async function measureLoad(
  bench: PoolBench,
  scenario: string,
  url: string,
  subjects: readonly Subject[],
  { callers, connections }: (typeof LOADS)[number],
): Promise<void> {
  const answers = new Map<BenchCase, JobResult[]>();
  const cases = subjects.map((subject): BenchCase => {
    const kept: JobResult[] = [];
    const one: BenchCase = {
      scenario,
      subject: subject.name,
      unit: 'us/cycle',
      measure: async () => {
        const answer = await subject.work({ kind: 'cycles', open: subject.options(url, connections), callers, minMs: bench.plan.cyclesMs });
        kept.push(answer);
        return (answer.totalMs! * 1000) / answer.count!;
      },
    };
    answers.set(one, kept);
    return one;
  });
  const measured = await measure(bench, cases, bench.plan.rounds);
  for (const one of measured) {
    if (!('samples' in one)) continue;
    // The first answer is of the round that warms up.
    const counted = answers.get(one.case)!.slice(1);
    const p50 = median(counted.map(({ p50Us }) => p50Us!));
    const p99 = median(counted.map(({ p99Us }) => p99Us!));
    const value = round3(median(one.samples));
    bench.results.push({ scenario, subject: one.case.subject, unit: 'us/cycle', value, p50: round3(p50), p99: round3(p99) });
    addResult(bench, scenario, one.case.subject, 'us/cycle p50, waiting included', p50);
    addResult(bench, scenario, one.case.subject, 'us/cycle p99, waiting included', p99);
  }
  addRatios(bench, scenario, measured);
}

function addRatios(bench: PoolBench, scenario: string, [own, ...others]: readonly Measurement[]): void {
  for (const other of others) {
    const ratio = pairedRatio(other, own!);
    if (ratio !== undefined) addResult(bench, scenario, other.case.subject, 'times ours (time a cycle)', ratio);
  }
}
