/** Statements that fail: 1,000 unique violations, one after the other. A pool that opens a new connection after each pays for it here. */
import { atLeast, pairedRatio, toResult, type BenchCase } from '../../harness.ts';
import { addResult, measure, Subject, withSubjects, type PoolBench } from '../bench.ts';

const SCENARIO = 'unique-violations';
const SQL = `INSERT INTO account (id, name, balance) VALUES ($1, 'doubled', 0)`;
const CONNECTIONS = 4;
const GOAL = 12;

export async function benchViolations(bench: PoolBench): Promise<void> {
  const { plan, postgresUrl } = bench;
  const ours = new Subject('kailash-ts query', './ours.ts');
  const pgPool = new Subject('pg-pool query', './peers/pg-pool.ts');
  const subjects = [ours, pgPool, new Subject('postgres.js', './peers/postgres-js.ts')];
  await withSubjects(subjects, async () => {
    const cases = subjects.map((subject): BenchCase => ({
      scenario: SCENARIO,
      subject: subject.name,
      unit: 'us/error',
      measure: async () => {
        const job = { kind: 'violations', open: subject.options(postgresUrl, CONNECTIONS), sql: SQL, count: plan.violations } as const;
        const { count, totalMs } = await subject.work(job);
        return (totalMs! * 1000) / count!;
      },
    }));
    const measured = await measure(bench, cases, plan.violationRounds);
    bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
    for (const one of measured.slice(1)) {
      const ratio = pairedRatio(one, measured[0]!);
      if (ratio !== undefined) addResult(bench, SCENARIO, one.case.subject, 'times ours (time an error)', ratio);
      if (one.case.subject === pgPool.name) {
        bench.goals.push(atLeast('pool-errors', 'times that an error costs through pg-pool query, of ours', GOAL, ratio ?? 0));
      }
    }
  });
}
