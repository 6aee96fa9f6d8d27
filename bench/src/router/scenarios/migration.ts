/**
 * The migration guide's comparison: the same work by hand (acquire, execute, release) and by router, which is told nothing but the
 * statement. 64 callers on a pool of 10 to 20 connections: 80 % reads by key, 15 % joins, 5 % updates.
 */
import { pairedRatio, round3, toResult, type Measurement } from '../../harness.ts';
import { addResult, Answers, cpuUs, measure, Subject, withSubjects } from '../../pool/bench.ts';
import type { JobResult } from '../../pool/subject.ts';
import { createShop } from '../mixed.ts';
import type { RouterBench } from '../plan.ts';

const WORK = { kind: 'mixed', joins: 0.15, writes: 0.05, callers: 64 } as const;
const [MIN_CONNECTIONS, MAX_CONNECTIONS] = [10, 20];
const ROUTER = 'by router';
const HAND = 'by hand';

export async function benchMigration(bench: RouterBench): Promise<void> {
  await compare(bench, 'postgresql', bench.postgresUrl);
  if (bench.mysqlUrl !== undefined) await compare(bench, 'mysql', bench.mysqlUrl);
}

async function compare(bench: RouterBench, on: string, url: string): Promise<void> {
  await createShop(url, { withAccounts: false });
  const scenario = `migration-${on}`;
  const subjects = [new Subject(ROUTER, '../router/ours.ts', 'default'), new Subject(HAND, './ours.ts', 'by hand')];
  await withSubjects(subjects, async () => {
    const answers = new Answers();
    const cases = subjects.map((subject) => {
      const open = subject.options(url, MAX_CONNECTIONS, { minConnections: MIN_CONNECTIONS });
      const ask = (): Promise<JobResult> => subject.work({ ...WORK, open, minMs: bench.plan.mixedMs });
      return answers.keep(
        { scenario, subject: subject.name, unit: 'statements/s' },
        ask,
        ({ count, totalMs }) => (count! * 1000) / totalMs!,
      );
    });
    const measured = await measure(bench, cases, bench.plan.mixedRounds);
    bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
    const [router, hand] = measured as [Measurement, Measurement];
    tellRatio(bench, 'statements/s', router, hand);
    for (const quantile of ['p50', 'p95', 'p99'] as const) {
      const figure = (answer: JobResult): number => answer[`${quantile}Us`]! / 1000;
      for (const one of measured) tellMedian(bench, `ms a statement, ${quantile}`, answers.other(one, figure));
      tellRatio(bench, quantile, answers.other(router, figure), answers.other(hand, figure));
    }
    tellRatio(bench, 'CPU', answers.other(router, cpuUs), answers.other(hand, cpuUs));
  });
}

function tellMedian(bench: RouterBench, unit: string, measurement: Measurement): void {
  const result = toResult(measurement);
  if (result) bench.results.push({ ...result, unit });
}

function tellRatio(bench: RouterBench, of: string, router: Measurement, hand: Measurement): void {
  const ratio = pairedRatio(router, hand);
  if (ratio !== undefined) addResult(bench, router.case.scenario, ROUTER, `times ${of} by hand`, round3(ratio));
}
