/** Statements that fail: 1,000 unique violations, one after the other. A pool that opens a new connection after each pays for it here. */
import { atLeast, pairedRatio, toResult, type BenchCase } from '../../harness.ts';
import { addRatio, measure, Subject, withSubjects, type PoolBench } from '../bench.ts';

const SCENARIO = 'unique-violations';
const SQL = `INSERT INTO account (id, name, balance) VALUES ($1, 'doubled', 0)`;
const CONNECTIONS = 4;
const GOAL = 12;

export async function benchViolations(bench: PoolBench): Promise<void> {
  const { plan, postgresUrl } = bench;
  const subjects = [
    new Subject('kailash-ts query', './ours.ts'),
    new Subject('pg-pool query', './peers/pg-pool.ts'),
    new Subject('postgres.js', './peers/postgres-js.ts'),
  ];
  await withSubjects(subjects, async () => {
    const cases = subjects.map((subject): BenchCase => {
      let count = Math.ceil(plan.violations / 10); // to warm up
      return {
        scenario: SCENARIO,
        subject: subject.name,
        unit: 'us/error',
        measure: async () => {
          const { totalMs } = await subject.work({ kind: 'violations', open: subject.options(postgresUrl, CONNECTIONS), sql: SQL, count });
          const perError = (totalMs! * 1000) / count;
          count = plan.violations;
          return perError;
        },
      };
    });
    const measured = await measure(bench, cases, plan.violationRounds);
    bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
    const [own, ofPgPool] = measured;
    for (const peer of measured.slice(1)) addRatio(bench, 'times ours (time an error)', peer, own!);
    const ratio = pairedRatio(ofPgPool!, own!) ?? 0;
    bench.goals.push(atLeast('pool-errors', 'times that an error costs through pg-pool query, of ours', GOAL, ratio));
  });
}
