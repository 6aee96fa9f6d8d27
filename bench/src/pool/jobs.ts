/** What a pool's process does and measures. */
import { setTimeout as delay } from 'node:timers/promises';
import { ACCOUNTS, type Job, type JobResult, type OpenedPool } from './subject.ts';

export type JobOf<K extends Job['kind']> = Extract<Job, { kind: K }>;

/** More latencies than this are not kept. */
const KEPT = 1 << 20;
const FILL_TRIES = 5;

/** Takes and gives back, by so many callers at once, for so long. */
export async function cycles(pool: OpenedPool, { callers, minMs }: JobOf<'cycles'>): Promise<JobResult> {
  return timed(callers, minMs, () => pool.cycle());
}

/** The same work over and over, by so many callers at once, for so long; and how long each one took. */
export async function timed(callers: number, minMs: number, work: () => Promise<unknown>): Promise<JobResult> {
  const latencies = new Float64Array(KEPT);
  let count = 0;
  const watch = stopwatch();
  const deadline = performance.now() + minMs;
  await together(callers, async () => {
    for (let before = performance.now(); before < deadline;) {
      await work();
      const after = performance.now();
      if (count < KEPT) latencies[count] = after - before;
      count += 1;
      before = after;
    }
  });
  const times = watch();
  const kept = latencies.subarray(0, Math.min(count, KEPT)).sort();
  const us = (share: number): number => rank(kept, share) * 1000;
  return { count, ...times, p50Us: us(0.5), p95Us: us(0.95), p99Us: us(0.99) };
}

/** Reads one account after the other, by so many callers at once, for so long. */
export async function selects(pool: OpenedPool, { sql, callers, minMs }: JobOf<'selects'>): Promise<JobResult> {
  let count = 0;
  const watch = stopwatch();
  const deadline = performance.now() + minMs;
  await together(callers, async () => {
    while (performance.now() < deadline) {
      // Far from each other, so that neighbours in line do not read the same page.
      const id = 1 + ((count * 7919) % ACCOUNTS);
      count += 1;
      const rows = pool.rows(await pool.run(sql, [id])) as readonly { readonly id: unknown }[];
      if (rows.length !== 1 || rows[0]!.id !== id) throw new Error(`Account ${id} was asked for, and ${JSON.stringify(rows)} came.`);
    }
  });
  return { count, ...watch() };
}

/** One failing statement after the other. */
export async function violations(pool: OpenedPool, { sql, count }: JobOf<'violations'>): Promise<JobResult> {
  const watch = stopwatch();
  for (let index = 0; index < count; index++) {
    const error: unknown = await pool.run(sql, [1 + (index % ACCOUNTS)]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!/unique|duplicate/i.test(String(error))) throw new Error(`A unique violation was expected, and came: ${String(error)}`);
  }
  return { count, ...watch() };
}

/** So many callers at the same moment, one query each. */
export async function spike(pool: OpenedPool, { callers }: JobOf<'spike'>): Promise<JobResult> {
  const watch = stopwatch();
  await together(callers, async () => {
    if (pool.rows(await pool.run('SELECT 1 AS one', [])).length !== 1) throw new Error('One row was expected.');
  });
  return { count: callers, ...watch() };
}

/** Opens as many connections as shall be idle at first; returns when all are there. Tries again where a busy machine was too slow for a limit. */
export async function fill(pool: OpenedPool, count: number): Promise<JobResult> {
  await together(count, async () => {
    for (let tries = FILL_TRIES; ; tries--) {
      try {
        return await pool.run('SELECT 1 AS one', []);
      } catch (error) {
        if (tries <= 1) throw error;
      }
    }
  });
  return { count };
}

/** Calls that overlap: a pool that lets one hang does not hide it by making the next ones wait for their turn to begin. */
export async function calls(pool: OpenedPool, { everyMs, count, giveUpMs }: JobOf<'calls'>): Promise<JobResult> {
  const reasons = new Set<string>();
  const took: Promise<number>[] = [];
  let failed = 0;
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    const answered = pool.run('SELECT 1 AS one', []).then(
      () => performance.now() - startedAt,
      (error: unknown) => {
        failed += 1;
        reasons.add(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
        return performance.now() - startedAt;
      },
    );
    took.push(Promise.race([answered, delay(giveUpMs, Infinity)]));
    await delay(everyMs);
  }
  const times = await Promise.all(took);
  const unanswered = times.filter((time) => time === Infinity).length;
  return { count, failed, unanswered, longestMs: Math.max(...times.map((time) => Math.min(time, giveUpMs))), reasons: [...reasons] };
}

/** @returns what has passed since, each time that it is asked */
function stopwatch(): () => { readonly totalMs: number; readonly cpuMs: number } {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { totalMs: performance.now() - startedAt, cpuMs: (user + system) / 1000 };
  };
}

async function together(callers: number, work: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: callers }, work));
}

function rank(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
