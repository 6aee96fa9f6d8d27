/** A decision in words, without running anything. */
import type { ConnectionRole, PoolHost } from '@kailash-ts/connection-pool/contract';
import type { Classification, QueryType } from '@kailash-ts/sql';
import { whyNot, type Choice, type Situation, type Strategy } from './choose.ts';
import { weightedScore } from './score.ts';

/** Whether a replica might serve a read of this caller now. */
export interface ReplicaVerdict {
  readonly name: string;
  readonly address: string;
  readonly eligible: boolean;
  /** Why not. */
  readonly reason?: string;
  /** 0 to 1, by health, load, latency, affinity and lag; of those that are eligible. */
  readonly score?: number;
  readonly healthScore: number;
  /** Null: not known. */
  readonly lagMs: number | null;
  /** How far it has replayed, in the words of its database. */
  readonly position: string | null;
}

/** Where a statement would go, and why; nothing was run. */
export interface RoutingExplanation {
  readonly queryType: QueryType;
  readonly role: ConnectionRole;
  /** Servers that may run it, best first. */
  readonly hosts: readonly string[];
  readonly strategy: Strategy;
  readonly routingConfidence: number;
  readonly complexityScore: number;
  /** It must run in a session. */
  readonly pinsSession: boolean;
  readonly tables: readonly string[];
  /** The text with its values taken out. */
  readonly template: string;
  readonly reasons: readonly string[];
  /** Every replica of the pool, whether or not the statement may go there. */
  readonly replicas: readonly ReplicaVerdict[];
}

export function explanationOf(
  classification: Classification,
  situation: Situation,
  choice: Choice,
  hosts: readonly PoolHost[],
): RoutingExplanation {
  const { queryType, complexityScore, pinsSession, tables, template, reasons } = classification;
  const { role, strategy, confidence, reason } = choice;
  return {
    queryType,
    role,
    hosts: choice.hosts ?? hosts.filter((host) => host.role === role).map(({ name }) => name),
    strategy,
    routingConfidence: confidence,
    complexityScore,
    pinsSession,
    tables,
    template,
    reasons: [reason, ...reasons],
    replicas: hosts.filter((host) => host.role === 'replica').map((host) => verdictOf(host, situation)),
  };
}

function verdictOf(host: PoolHost, situation: Situation): ReplicaVerdict {
  const { name, address, healthScore, lagMs, position } = host;
  const facts = { name, address, healthScore, lagMs, position };
  const reason = whyNot(host, situation);
  if (reason !== undefined) return { ...facts, eligible: false, reason };
  if (healthScore < situation.healthThreshold)
    return { ...facts, eligible: false, reason: 'its health is under healthThreshold: it serves only where no other can' };
  return { ...facts, eligible: true, score: weightedScore(host, situation) };
}
