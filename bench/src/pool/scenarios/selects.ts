/**
 * Point SELECT: one row of 10,000 by its key. Ours in each way of preparing and on a lease for each statement, against the drivers' own
 * pools. Like is compared with like: unprepared with unnamed, prepared with named; and default with default, as most programs run.
 */
import { atLeast, pairedRatio, round3, toResult, type Measurement } from '../../harness.ts';
import { addMedian, addRatio, Answers, cpuUs, measure, Subject, withSubjects, type PoolBench } from '../bench.ts';
import type { JobResult } from '../subject.ts';

const OURS = {
  default: 'kailash-ts query, default',
  unprepared: 'kailash-ts query, prepare: false',
  prepared: 'kailash-ts query, prepare: true',
  lease: 'kailash-ts execute on a lease',
} as const;
export const UNNAMED = 'pg-pool query, unnamed (its default)';
export const NAMED = 'pg-pool query, named';
export const POSTGRES_JS = 'postgres.js, default (prepared)';
export const EXECUTE = 'mysql2 pool.execute';
const QUERY = 'mysql2 pool.query';

/** Which ratios are told: the first over the second. */
const POSTGRES_PAIRS = [
  [OURS.unprepared, UNNAMED],
  [OURS.prepared, NAMED],
  [OURS.default, UNNAMED],
  [OURS.lease, UNNAMED],
  [OURS.lease, NAMED],
  [OURS.default, POSTGRES_JS],
] as const;
const MYSQL_PAIRS = [
  [OURS.default, EXECUTE],
  [OURS.lease, EXECUTE],
  [OURS.default, QUERY],
] as const;

export async function benchSelects(bench: PoolBench): Promise<void> {
  const postgres = [
    new Subject(OURS.default, './ours.ts', 'default'),
    new Subject(OURS.unprepared, './ours.ts', 'unprepared'),
    new Subject(UNNAMED, './peers/pg-pool.ts', 'unnamed'),
    new Subject(OURS.prepared, './ours.ts', 'prepared'),
    new Subject(NAMED, './peers/pg-pool.ts', 'named'),
    new Subject(OURS.lease, './ours.ts', 'lease'),
    new Subject(POSTGRES_JS, './peers/postgres-js.ts'),
  ];
  const measured = await measurePoints(bench, 'postgresql', postgres, POSTGRES_PAIRS);
  addWorstRatio(bench, measured, { id: 'pool-select-unnamed', subject: OURS.unprepared, base: UNNAMED, goal: 1 });
  addWorstRatio(bench, measured, { id: 'pool-select-named', subject: OURS.prepared, base: NAMED, goal: 1 });
  if (bench.mysqlUrl === undefined) return;
  const mysql = [
    new Subject(OURS.default, './ours.ts', 'default'),
    new Subject(EXECUTE, './peers/mysql2.ts', 'execute'),
    new Subject(OURS.lease, './ours.ts', 'lease'),
    new Subject(QUERY, './peers/mysql2.ts', 'query'),
  ];
  await measurePoints(bench, 'mysql', mysql, MYSQL_PAIRS);
}

/** Names of subjects: the first over the second. */
type Pairs = readonly (readonly [string, string])[];

/** Point SELECTs at all counts of connections and callers, and the ratios of `pairs`. @returns the measurements of each point */
export async function measurePoints(
  bench: PoolBench,
  on: 'postgresql' | 'mysql',
  subjects: readonly Subject[],
  pairs: Pairs,
): Promise<Measurement[][]> {
  const points: Measurement[][] = [];
  const select = (subject: Subject, connections: number, callers: number, minMs: number): Promise<JobResult> => {
    const url = on === 'postgresql' ? bench.postgresUrl : bench.mysqlUrl!;
    const sql = `SELECT id, name, balance FROM account WHERE id = ${on === 'postgresql' ? '$1' : '?'}`;
    return subject.work({ kind: 'selects', open: subject.options(url, connections), sql, callers, minMs });
  };
  await withSubjects(subjects, async () => {
    // Code that is not compiled yet costs the more the more there is of it; a server runs for days.
    for (const subject of subjects) await select(subject, bench.plan.connections[0]!, 64, bench.plan.warmUpMs).catch(() => {});
    for (const connections of bench.plan.connections) {
      for (const callers of bench.plan.callers) {
        const scenario = `select-${on}-${connections}-connections-${callers}-callers`;
        const answers = new Answers();
        const cases = subjects.map((subject) =>
          answers.keep(
            { scenario, subject: subject.name, unit: 'queries/s' },
            () => select(subject, connections, callers, bench.plan.selectsMs),
            ({ count, totalMs }) => (count! * 1000) / totalMs!,
          ),
        );
        const measured = await measure(bench, cases, bench.plan.rounds);
        bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
        for (const one of measured) addMedian(bench, 'us/query of CPU', answers.other(one, cpuUs));
        for (const [subject, base] of pairs) {
          const [own, other] = [find(measured, subject), find(measured, base)];
          addRatio(bench, `times ${base}`, own, other);
          addRatio(bench, `times the CPU of ${base}`, answers.other(own, cpuUs), answers.other(other, cpuUs));
        }
        points.push(measured);
      }
    }
  });
  return points;
}

function find(measured: readonly Measurement[], subject: string): Measurement {
  return measured.find((one) => one.case.subject === subject)!;
}

/** Names of two subjects, the first of which shall do at least `goal` times the queries a second of the second. */
interface RatioGoal {
  readonly id: string;
  readonly subject: string;
  readonly base: string;
  readonly goal: number;
}

/** Met only if it holds at every point; a point without figures does not. */
export function addWorstRatio(bench: PoolBench, points: readonly Measurement[][], { id, subject, base, goal }: RatioGoal): void {
  const worst = Math.min(...points.map((measured) => pairedRatio(find(measured, subject), find(measured, base)) ?? 0));
  bench.goals.push(atLeast(id, `${subject}: queries a second, times ${base}, worst point`, goal, round3(worst)));
}
