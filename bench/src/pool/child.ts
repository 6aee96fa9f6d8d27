/** The process of one pool: opens it as the job says, does the job, answers with figures. */
import { mixed } from '../router/mixed.ts';
import { serveJobs } from '../subject-process.ts';
import { calls, cycles, fill, selects, spike, violations } from './jobs.ts';
import type { Job, JobResult, OpenedPool, PoolSubject } from './subject.ts';

/** A pool whose server does not answer may never close. */
const CLOSE_MS = 2000;

const { subject } = (await import(process.argv[2]!)) as { subject: PoolSubject };

let opened: { readonly key: string; readonly pool: OpenedPool } | undefined;

async function close(): Promise<void> {
  const closing = opened?.pool.close().catch(() => {});
  opened = undefined;
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([closing, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))]);
  clearTimeout(timer);
}

async function poolFor({ open, kind }: Job): Promise<OpenedPool> {
  const key = JSON.stringify(open);
  if (opened?.key === key && kind !== 'fill') return opened.pool;
  await close();
  opened = { key, pool: await subject.open(open) };
  return opened.pool;
}

serveJobs(async (job: Job): Promise<JobResult> => {
  if (job.kind === 'close') {
    await close();
    return {};
  }
  const pool = await poolFor(job);
  switch (job.kind) {
    case 'cycles':
      return cycles(pool, job);
    case 'selects':
      return selects(pool, job);
    case 'mixed':
      return mixed(pool, job);
    case 'violations':
      return violations(pool, job);
    case 'spike':
      return spike(pool, job);
    case 'calls':
      return calls(pool, job);
    case 'fill':
      return fill(pool, job.open.minConnections ?? 0);
  }
});
