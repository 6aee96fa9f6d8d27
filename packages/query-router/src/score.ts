/** How good a host is for a read, and how sure it is that it is the best. Pure. Everything that goes in is measured by the pool. */
import type { PoolHost } from '@kailash-ts/connection-pool/contract';
import { NoConnectionsError } from './errors.ts';

/** What a score is made of. */
export type Candidate = Pick<PoolHost, 'name' | 'healthScore' | 'busy' | 'size' | 'latencyMs' | 'lagMs'> & Partial<Pick<PoolHost, 'role'>>;

export interface Ranking {
  /** Best first. */
  readonly names: readonly string[];
  /** Of the best one, by its lead over the second. */
  readonly confidence: number;
}

/** What a ranking of reads depends on besides. */
export interface RankingOptions {
  /** Hosts under it are left out, unless all are. */
  readonly healthThreshold: number;
  /** At this lag a host counts for nothing; Infinity: a minute. */
  readonly maxReplicaLagMs: number;
  /** The host that served the same template last. */
  readonly affinity: string | undefined;
}

const ALONE = 0.5;
const WORST_LAG_MS = 60_000;
const HEALTHY = 80;

/**
 * 0 to 1: 0.4 for health, 0.3 for load, 0.2 for latency; and 0.1 for the host that served the template last. Load is the tenth of its
 * connections that are lent; 10 are all of them. A latency that is not known yet does not speak against it: so it becomes known.
 */
export function scoreOf({ healthScore, busy, size, latencyMs }: Candidate, hasAffinity: boolean): number {
  const load = size === 0 ? 10 : (busy / size) * 10;
  const base = (0.4 * healthScore) / 100 + 0.3 * (1 - Math.min(load, 10) / 10) + 0.2 * (1 - Math.min(latencyMs ?? 0, 100) / 100);
  return hasAffinity ? base + 0.1 : base;
}

/** The score, less the part of the permitted lag that the host has. */
export function weightedScore(host: Candidate, { affinity, maxReplicaLagMs }: RankingOptions): number {
  const score = scoreOf(host, host.name === affinity);
  const { lagMs } = host;
  if (!lagMs) return score;
  return score * (1 - Math.min(1, lagMs / Math.min(maxReplicaLagMs, WORST_LAG_MS)));
}

/** @throws NoConnectionsError without candidates */
export function rankReads(candidates: readonly Candidate[], options: RankingOptions): Ranking {
  const [only] = candidates;
  if (only === undefined) throw new NoConnectionsError();
  if (candidates.length === 1) return { names: [only.name], confidence: ALONE };
  const { healthThreshold } = options;
  const someAreHealthy = candidates.some(({ healthScore }) => healthScore >= healthThreshold);
  const names: string[] = [];
  const scores: number[] = [];
  for (const host of candidates) {
    if (someAreHealthy && host.healthScore < healthThreshold) continue;
    insert(names, scores, host.name, weightedScore(host, options));
  }
  const [first, second] = scores;
  return { names, confidence: second === undefined ? ALONE : confidenceOf(first! - second) };
}

/** Before the first that has less. Done for each read: a few hosts are ranked sooner so than by a sort. */
function insert(names: string[], scores: number[], name: string, score: number): void {
  let at = names.length;
  for (; at > 0 && scores[at - 1]! < score; at--) {
    names[at] = names[at - 1]!;
    scores[at] = scores[at - 1]!;
  }
  names[at] = name;
  scores[at] = score;
}

/** Of those that take writes the healthiest, then the least busy. @throws NoConnectionsError without candidates */
export function rankWrites(candidates: readonly Candidate[]): Ranking {
  if (candidates.length === 0) throw new NoConnectionsError();
  let best: Candidate | undefined;
  for (const host of candidates) {
    if (host.role === 'replica') continue;
    if (!best || host.healthScore > best.healthScore || (host.healthScore === best.healthScore && host.busy < best.busy)) best = host;
  }
  return { names: best ? [best.name] : [], confidence: best && best.healthScore > HEALTHY ? 0.9 : 0.7 };
}

function confidenceOf(lead: number): number {
  if (lead > 0.3) return 0.95;
  if (lead > 0.2) return 0.85;
  return lead > 0.1 ? 0.75 : 0.65;
}
