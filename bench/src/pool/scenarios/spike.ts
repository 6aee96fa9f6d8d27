/**
 * The spike of HikariCP ("Welcome to the Jungle"): 50 callers at once, each with one query of 2 ms, on a pool of at most 50 connections of
 * which 5 are open, where opening one takes 150 ms. All can be served by the 5 long before a new connection is there; a pool that opens
 * one for each caller leaves the database with connections that nobody needed. The server is a stub, so that the times are given.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../../../../scripts/lib/statistics.ts';
import { atMost, LeftOut } from '../../harness.ts';
import { addResult, note, say, Subject, withSubjects, type PoolBench } from '../bench.ts';
import { CONNECT_MS } from '../stub-control.ts';
import { StubProcess } from '../stub-process.ts';

const CALLERS = 50;
const CONNECTIONS = 50;
const IDLE = 5;
/** As many as HikariCP has at the end. */
const GOAL = 6;

/** What one spike left behind. */
interface Outcome {
  readonly servedMs: number;
  /** Sockets at the moment when the last caller was served, those that still logged in included. */
  readonly atTheEnd: number;
  /** Connections after all that was under way had the time to arrive. */
  readonly later: number;
  readonly peak: number;
}

export async function benchSpike(bench: PoolBench): Promise<void> {
  const ours = new Subject('kailash-ts', './ours.ts');
  const postgres = [ours, new Subject('pg-pool', './peers/pg-pool.ts'), new Subject('postgres.js', './peers/postgres-js.ts')];
  const outcomes = await runSpikes(bench, './stub-server.ts', (port) => `postgres://bench@127.0.0.1:${port}/bench`, postgres);
  await runSpikes(bench, './peers/mysql-stub-server.ts', (port) => `mysql://bench:bench@127.0.0.1:${port}/bench`, [
    new Subject('mysql2', './peers/mysql2.ts', 'query'),
  ]);
  note(
    bench,
    'spike: ours on MySQL is not run, as its set-up of a session needs more of a server than the stub has; the pool is the same.',
  );
  const most = Math.max(...(outcomes.get(ours) ?? []).map(({ later }) => later));
  bench.goals.push(
    atMost('pool-spike', `connections after a spike of ${CALLERS} callers, worst round`, GOAL, outcomes.has(ours) ? most : CONNECTIONS),
  );
}

async function runSpikes(
  bench: PoolBench,
  module: string,
  urlOf: (port: number) => string,
  subjects: readonly Subject[],
): Promise<Map<Subject, Outcome[]>> {
  const outcomes = new Map<Subject, Outcome[]>();
  const server = await StubProcess.start(module);
  try {
    await withSubjects(subjects, async () => {
      say(`spike-${subjects[0]!.name} and peers ...`);
      for (let round = -1; round < bench.plan.spikeRounds; round++) {
        for (const subject of subjects) await runOne(bench, server, urlOf(server.port), subject, round >= 0, outcomes);
      }
    });
  } finally {
    server.close();
  }
  for (const [subject, rounds] of outcomes) addOutcome(bench, subject.name, rounds);
  return outcomes;
}

async function runOne(
  bench: PoolBench,
  server: StubProcess,
  url: string,
  subject: Subject,
  counts: boolean,
  outcomes: Map<Subject, Outcome[]>,
): Promise<void> {
  try {
    const outcome = await spikeOnce(server, url, subject);
    if (counts) outcomes.set(subject, [...(outcomes.get(subject) ?? []), outcome]);
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    note(bench, `${subject.name} is left out of a spike: ${error.message}`);
  }
}

async function spikeOnce(server: StubProcess, url: string, subject: Subject): Promise<Outcome> {
  const open = subject.options(url, CONNECTIONS, { minConnections: IDLE });
  await subject.work({ kind: 'fill', open });
  await until(async () => (await server.counts()).open === IDLE, subject);
  await server.reset();
  const { totalMs } = await subject.work({ kind: 'spike', open, callers: CALLERS });
  const { open: atTheEnd } = await server.counts();
  await delay(CONNECT_MS * 3);
  const { ready: later, peak } = await server.counts();
  await subject.work({ kind: 'close', open });
  await until(async () => (await server.counts()).open === 0, subject);
  return { servedMs: totalMs!, atTheEnd, later, peak };
}

async function until(holds: () => Promise<boolean>, subject: Subject): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await holds()) return;
    await delay(10);
  }
  throw new LeftOut(`${subject.name} did not get to the number of connections that the spike begins or ends with within 3 s`);
}

function addOutcome(bench: PoolBench, subject: string, rounds: readonly Outcome[]): void {
  const middle = (figure: (outcome: Outcome) => number): number => median(rounds.map(figure));
  addResult(
    bench,
    'spike',
    subject,
    'ms until all are served',
    middle(({ servedMs }) => servedMs),
  );
  addResult(
    bench,
    'spike',
    subject,
    'sockets when the last is served',
    middle(({ atTheEnd }) => atTheEnd),
  );
  addResult(
    bench,
    'spike',
    subject,
    'connections at the end',
    middle(({ later }) => later),
  );
  addResult(
    bench,
    'spike',
    subject,
    'most sockets at one moment',
    middle(({ peak }) => peak),
  );
}
