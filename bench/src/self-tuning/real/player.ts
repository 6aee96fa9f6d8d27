/** A process with one pool on a real server: does one job at a time, and answers with its figures. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { exponential } from '../../../../packages/connection-pool/src/testing/sizing-loads.ts';
import { OriginalController, originalSize } from '../../../../packages/connection-pool/src/testing/original-sizing.ts';
import { serveJobs } from '../../subject-process.ts';
import { randomFrom } from '../random.ts';
import { callersAt } from './arrivals.ts';
import type { Figures, PlayJob, Sizing, VisitsJob } from './subject.ts';
import { visits } from './visits.ts';
import { Watch } from './watch.ts';

const SEED = 11;
const ORIGINAL_LOOK_MS = 30_000;
const ORIGINAL_START = 10;
/** Longer than anybody waits. */
const ACQUIRE_TIMEOUT_MS = 30_000;

serveJobs((job: PlayJob | VisitsJob): Promise<Figures> => (job.kind === 'play' ? play(job) : visits(job)));

async function play(job: PlayJob): Promise<Figures> {
  const { rates, holdMs, warmUpMs } = job;
  await using pool = poolFor(job);
  await pool.initialize();
  const watch = new Watch(pool, { rates, busyPerRate: holdMs / 1000, warmUpMs });
  const stop = resizing(pool, job.sizing, watch, job.most);
  const [arrival, hold] = [randomFrom(SEED), randomFrom(SEED + 1)];
  const running = new Set<Promise<void>>();
  await callersAt(rates, arrival, () => {
    const calledAt = performance.now();
    const call = pool
      .query('SELECT pg_sleep(?)', [exponential(hold, holdMs) / 1000])
      .then(({ waitTimeMs }) => watch.answered(waitTimeMs, performance.now() - calledAt))
      .catch((error: unknown) => watch.failed(error))
      .finally(() => running.delete(call));
    running.add(call);
  });
  stop();
  const figures = watch.end();
  await Promise.all(running);
  return figures();
}

function poolFor({ url, sizing, most }: PlayJob): WorkflowConnectionPool {
  const fixed = sizing.kind === 'fixed' ? sizing.size : undefined;
  return new WorkflowConnectionPool({
    connectionString: url,
    acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
    closeGraceMs: 500,
    minConnections: fixed ?? 2,
    maxConnections: fixed ?? most,
    adaptiveSizing: sizing.kind === 'ours',
  });
}

/** Sizes that come from outside. @returns ends it */
function resizing(pool: WorkflowConnectionPool, sizing: Sizing, watch: Watch, most: number): () => void {
  let size = 0;
  const resize = (to: number): void => {
    if (to === size) return;
    watch.changed(size, to);
    size = to;
    pool.adjustPoolSize(to);
  };
  if (sizing.kind === 'known') {
    const { everyMs, sizes } = sizing;
    const set = (): void => resize(sizes[Math.min(sizes.length - 1, Math.floor(watch.elapsedMs / everyMs))]!);
    set();
    const timer = setInterval(set, 100);
    return () => clearInterval(timer);
  }
  if (sizing.kind !== 'original') return () => {};
  resize(ORIGINAL_START);
  const controller = new OriginalController();
  const timer = setInterval(() => {
    const { currentState, performance: recent } = pool.stats();
    const { totalConnections, activeConnections, waiting } = currentState;
    const { queriesPerSecond } = pool.getPoolStatistics();
    const metrics = {
      size,
      perSecond: queriesPerSecond,
      executionMs: recent.avgQueryTimeMs ?? 0,
      utilization: totalConnections === 0 ? 0 : activeConnections / totalConnections,
      queue: waiting,
      waitMs: recent.avgAcquisitionTimeMs ?? 0,
    };
    resize(Math.min(most, Math.max(2, controller.decide(originalSize(metrics), metrics, performance.now()).toSize)));
  }, ORIGINAL_LOOK_MS);
  return () => clearInterval(timer);
}
