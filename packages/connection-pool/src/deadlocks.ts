/** Runs that wait for a connection which only they themselves could give back. */
import type { Line } from './line.ts';
import type { Runs } from './runs.ts';

/**
 * A run is stuck when it waits for `afterMs`, has used none of the connections that it holds for as long, and either its own quota or
 * stuck runs alone stand in its way. Of several that block each other the one that came last is named: when it gives up, the
 * others go on.
 */
export function deadlockedRuns(
  line: Line,
  runs: Runs,
  maxConnectionsPerRun: number | 'unlimited',
  now: number,
  afterMs: number,
): readonly string[] {
  if (line.waiting === 0) return [];
  const stuck = [...line.queue.sizes()].flatMap(([runId]) =>
    runId !== undefined && isStuck(line, runs, runId, now - afterMs) ? [runId] : [],
  );
  if (stuck.length === 0) return [];
  const byQuota = stuck.filter((runId) => maxConnectionsPerRun !== 'unlimited' && runs.held(runId) >= maxConnectionsPerRun);
  if (byQuota.length > 0) return byQuota;
  const { active, max, total } = line.counts;
  const heldByStuck = stuck
    .flatMap((runId) => [...runs.leasesOf(runId)])
    .filter((lease) => line.hosts.includes(lease.entry.home as never)).length;
  if (total < max || heldByStuck < active) return [];
  const joinedAt = (runId: string): number => line.queue.oldest(runId)?.joinedAt ?? 0;
  return [stuck.reduce((last, runId) => (joinedAt(runId) >= joinedAt(last) ? runId : last))];
}

function isStuck(line: Line, runs: Runs, runId: string, since: number): boolean {
  const oldest = line.queue.oldest(runId);
  if (!oldest || oldest.joinedAt > since) return false;
  const leases = [...runs.leasesOf(runId)];
  return leases.length > 0 && leases.every(({ entry, acquiredAt }) => !entry.busy && Math.max(entry.lastUsedAt, acquiredAt) <= since);
}
