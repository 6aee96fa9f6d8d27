/**
 * The database goes away, and a caller who said "within a second" asks every 100 ms. Black hole: nothing gets through and nobody is told.
 * Cut: connections end, new ones are refused. Cold: a black hole before the first connection. Every call must come back within its limit
 * and 50 ms; calls that hang for 5 s are given up and counted. Pools with limits for parts only get the limit for each part.
 */
import { startFaultProxy, type FaultProxy } from '../../../../packages/test-databases/src/index.ts';
import { atMost, LeftOut } from '../../harness.ts';
import { addResult, note, say, Subject, withSubjects, type PoolBench } from '../bench.ts';
import type { JobResult } from '../subject.ts';

const TIMEOUT_MS = 1000;
const EVERY_MS = 100;
const GIVE_UP_MS = 5000;
const CONNECTIONS = 4;
const GOAL_MS = 50;

/** How the database goes away, and whether the pool was connected before. */
const PHASES = [
  { name: 'black-hole', warm: true, breakDown: (proxy: FaultProxy) => proxy.blackhole() },
  { name: 'cut', warm: true, breakDown: (proxy: FaultProxy) => proxy.cut() },
  { name: 'cold-black-hole', warm: false, breakDown: (proxy: FaultProxy) => proxy.blackhole() },
] as const;

export async function benchDown(bench: PoolBench): Promise<void> {
  const ours = [
    new Subject('kailash-ts query', './ours.ts', 'limited'),
    new Subject('kailash-ts acquire, execute', './ours.ts', 'limited acquire'),
  ];
  const oursMysql = new Subject('kailash-ts query, MySQL', './ours.ts', 'limited');
  const mysql = bench.mysqlUrl === undefined ? [] : [oursMysql, new Subject('mysql2', './peers/mysql2.ts', 'query')];
  const postgres = [...ours, new Subject('pg-pool', './peers/pg-pool.ts'), new Subject('postgres.js', './peers/postgres-js.ts')];
  const urlOf = (subject: Subject): string => (mysql.includes(subject) ? bench.mysqlUrl! : bench.postgresUrl);
  let worst = 0;
  await withSubjects([...postgres, ...mysql], async (subjects) => {
    for (const phase of PHASES) {
      say(`down-${phase.name} ...`);
      // Side by side: all that they do is wait.
      await Promise.all(
        subjects.map(async (subject) => {
          const pastMs = await measureOne(bench, phase, subject, urlOf(subject));
          if (ours.includes(subject) || subject === oursMysql) worst = Math.max(worst, pastMs);
        }),
      );
    }
  });
  bench.goals.push(
    atMost('pool-down', 'ms that a call of ours comes back past its limit while the database is down, worst', GOAL_MS, worst),
  );
}

/** @returns milliseconds past the limit, of the longest call */
async function measureOne(bench: PoolBench, phase: (typeof PHASES)[number], subject: Subject, url: string): Promise<number> {
  const scenario = `down-${phase.name}`;
  const target = new URL(url);
  await using proxy = await startFaultProxy({ targetPort: Number(target.port) });
  const open = subject.options(proxy.through(url), CONNECTIONS, { timeoutMs: TIMEOUT_MS, minConnections: CONNECTIONS });
  try {
    // A cold pool is a second one: loading and compiling its code is not what shall be within the limit.
    await subject.work({ kind: 'fill', open: phase.warm ? open : { ...open, url } });
    phase.breakDown(proxy);
    const job = { kind: 'calls', open, everyMs: EVERY_MS, count: bench.plan.downCalls, giveUpMs: GIVE_UP_MS } as const;
    const result = await subject.work(job);
    proxy.reset();
    await subject.work({ kind: 'close', open });
    return tell(bench, scenario, subject.name, result);
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    note(bench, `${subject.name} is left out of ${scenario}: ${error.message}`);
    return GIVE_UP_MS;
  }
}

function tell(bench: PoolBench, scenario: string, subject: string, { longestMs, unanswered, failed, count, reasons }: JobResult): number {
  const pastMs = Math.max(0, longestMs! - TIMEOUT_MS);
  addResult(bench, scenario, subject, `ms past the limit of ${TIMEOUT_MS}, longest call`, pastMs);
  addResult(bench, scenario, subject, `calls of ${count} without an answer after ${GIVE_UP_MS} ms`, unanswered!);
  if (failed! + unanswered! < count!)
    note(bench, `${scenario}, ${subject}: only ${failed} of ${count} calls failed: ${reasons!.join('; ')}`);
  return pastMs;
}
