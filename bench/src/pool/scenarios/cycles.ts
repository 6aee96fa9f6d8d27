/**
 * Acquire and release without a query: what the pool itself costs. One caller; and 64 callers on 8 connections, where all but 8 wait in
 * line. Pools are as users get them: ours and tarn limit each wait to 30 s by default, which costs them a timer, and the others do not.
 */
import { addMedian, addRatio, Answers, cpuUs, measure, Subject, withSubjects, type PoolBench } from '../bench.ts';

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
  const answers = new Answers();
  const cases = subjects.map((subject) =>
    answers.keep(
      { scenario, subject: subject.name, unit: 'us/cycle' },
      () => subject.work({ kind: 'cycles', open: subject.options(url, connections), callers, minMs: bench.plan.cyclesMs }),
      ({ totalMs, count }) => (totalMs! * 1000) / count!,
    ),
  );
  const measured = await measure(bench, cases, bench.plan.rounds);
  for (const one of measured) {
    addMedian(bench, 'us/cycle', one);
    addMedian(bench, 'us/cycle of CPU', answers.other(one, cpuUs));
    addMedian(
      bench,
      'us/cycle p50, waiting included',
      answers.other(one, ({ p50Us }) => p50Us!),
    );
    addMedian(
      bench,
      'us/cycle p99, waiting included',
      answers.other(one, ({ p99Us }) => p99Us!),
    );
  }
  const [ours, ...peers] = measured;
  for (const peer of peers) {
    addRatio(bench, 'times ours (time a cycle)', peer, ours!);
    addRatio(bench, 'times ours (CPU a cycle)', answers.other(peer, cpuUs), answers.other(ours!, cpuUs));
  }
}
