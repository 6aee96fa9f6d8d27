/**
 * A read-heavy load (95 % reads, one of seven a join) on a primary with two streaming replicas: the router with split against the same pool
 * without. All servers share this machine: that the reads leave the primary is seen in the share, and can only pay in queries a second
 * where there are cores for the replicas.
 */
import { startPostgres } from '../../../../packages/test-databases/src/index.ts';
import { atLeast, toResult, type Measurement } from '../../harness.ts';
import { addMedian, addRatio, Answers, measure, note, Subject, withSubjects } from '../../pool/bench.ts';
import type { JobResult } from '../../pool/subject.ts';
import { createShop } from '../mixed.ts';
import type { RouterBench } from '../plan.ts';

const WORK = { kind: 'mixed', joins: 0.15, writes: 0.05, callers: 64 } as const;
const CONNECTIONS = 10;
const SPLIT = 'reads on replicas';
const NO_SPLIT = 'enableReadWriteSplit: false';
const GOAL_SHARE = 0.3;

export async function benchSplit(bench: RouterBench): Promise<void> {
  const cluster = await startPostgres({ replicas: 2, settings: { synchronous_commit: 'local' } });
  try {
    await createShop(cluster.url, { withAccounts: true });
    const replicas = cluster.replicas.map(({ port }) => `127.0.0.1:${port}`);
    const subjects = [new Subject(SPLIT, '../router/ours.ts', 'default'), new Subject(NO_SPLIT, '../router/ours.ts', 'no split')];
    await withSubjects(subjects, async () => {
      const answers = new Answers();
      const cases = subjects.map((subject) => {
        const open = subject.options(cluster.url, CONNECTIONS, { replicas });
        const ask = (): Promise<JobResult> => subject.work({ ...WORK, open, minMs: bench.plan.mixedMs });
        const names = { scenario: 'split-postgresql-2-replicas', subject: subject.name, unit: 'statements/s' };
        return answers.keep(names, ask, ({ count, totalMs }) => (count! * 1000) / totalMs!);
      });
      const measured = await measure(bench, cases, bench.plan.mixedRounds);
      tell(bench, measured, answers);
    });
  } finally {
    await cluster.stop();
  }
}

function tell(bench: RouterBench, measured: readonly Measurement[], answers: Answers): void {
  const [split, noSplit] = measured as [Measurement, Measurement];
  bench.results.push(...measured.flatMap((one) => toResult(one) ?? []));
  addRatio(bench, `times ${NO_SPLIT}`, split, noSplit);
  for (const one of measured)
    addMedian(
      bench,
      'share of reads on replicas',
      answers.other(one, ({ readsOnReplicas }) => readsOnReplicas!),
    );
  const shares = answers.other(split, ({ readsOnReplicas }) => readsOnReplicas!);
  const share = 'samples' in shares ? shares.samples.at(-1)! : 0;
  bench.goals.push(atLeast('router-split-share', 'share of reads that replicas serve', GOAL_SHARE, share));
  note(bench, 'split: primary, replicas and callers share the cores of this machine, so that no gain in statements/s can be seen here.');
}
