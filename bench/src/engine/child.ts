/** The process of one subject: takes jobs from its parent, checks that every node ran, and answers with times. */
import { serveJobs } from '../subject-process.ts';
import type { EngineSubject, Job, JobResult, PreparedRun } from './subject.ts';
import { expectedValue, takeExecutedCount } from './subject.ts';

const { subject } = (await import(process.argv[2]!)) as { subject: EngineSubject };

let prepared: { readonly key: string; readonly run: PreparedRun; readonly prepareMs: number } | undefined;

async function prepare({ shape, nodes, fresh }: Job): Promise<NonNullable<typeof prepared>> {
  const key = `${shape} ${nodes}`;
  if (prepared?.key === key && !fresh) return prepared;
  prepared = undefined;
  // Only between workflows, never between rounds: a forced collection throws compiled code away, and then measures the compiler.
  if (!fresh) globalThis.gc?.();
  const startedAt = performance.now();
  const run = await subject.prepare(shape, nodes);
  prepared = { key, run, prepareMs: performance.now() - startedAt };
  return prepared;
}

async function runOnce({ shape, nodes }: Job, run: PreparedRun): Promise<void> {
  takeExecutedCount();
  const value = await run.run();
  const count = takeExecutedCount();
  if (count !== nodes) throw new Error(`executed ${count} of ${nodes} nodes`);
  if (value !== expectedValue(shape, nodes)) throw new Error(`ended with ${value}, not ${expectedValue(shape, nodes)}`);
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function work(job: Job): Promise<JobResult> {
  const { run, prepareMs } = await prepare(job);
  const cpuBefore = process.cpuUsage();
  let runs = 0;
  let totalMs = 0;
  do {
    const startedAt = performance.now();
    await runOnce(job, run);
    totalMs += performance.now() - startedAt;
    runs++;
  } while (totalMs < job.minMs || cpuMsSince(cpuBefore) < job.minCpuMs);
  return { runs, totalMs, prepareMs };
}

serveJobs(work);
