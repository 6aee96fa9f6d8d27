/**
 * Where a statement goes, and why. Pure: facts in, choice out. Scores of connections (health, load, latency, lag) come in here
 * when the pool measures them; until then the pool picks any connection of the chosen role.
 */
import type { ConnectionRole } from '@kailash-ts/connection-pool/contract';
import type { Classification } from '@kailash-ts/sql';

/** `transaction_affinity`: the session's own connection. */
export type Strategy = 'transaction_affinity' | 'primary_write' | 'primary_read' | 'replica_read';

/** What the choice depends on. */
export interface Situation {
  readonly classification: Pick<Classification, 'readOnly'>;
  /** Role of the connection that the session holds, if it holds one. */
  readonly pinnedRole: ConnectionRole | undefined;
  readonly readWriteSplit: boolean;
  readonly hasReplicas: boolean;
  /** Replicas may show an older state than the primary. */
  readonly replicasMayLag: boolean;
  /** The run or the session has written before, and must see that. */
  readonly hasWritten: boolean;
  readonly hint: 'primary' | undefined;
}

export interface Choice {
  readonly role: ConnectionRole;
  readonly strategy: Strategy;
  readonly confidence: number;
  readonly reason: string;
}

const CERTAIN = 1;
const NOT_COMPARED = 0.5;

export function choose(situation: Situation): Choice {
  const { classification, pinnedRole } = situation;
  if (pinnedRole !== undefined)
    return { role: pinnedRole, strategy: 'transaction_affinity', confidence: CERTAIN, reason: 'its session holds this connection' };
  if (!classification.readOnly)
    return { role: 'primary', strategy: 'primary_write', confidence: CERTAIN, reason: 'only what is proved read-only leaves the primary' };
  const obstacle = whyNotReplica(situation);
  if (obstacle !== undefined) return { role: 'primary', strategy: 'primary_read', confidence: CERTAIN, reason: obstacle };
  return { role: 'replica', strategy: 'replica_read', confidence: NOT_COMPARED, reason: 'it is proved read-only' };
}

function whyNotReplica({ readWriteSplit, hasReplicas, replicasMayLag, hasWritten, hint }: Situation): string | undefined {
  if (!readWriteSplit) return 'enableReadWriteSplit is off';
  if (!hasReplicas) return 'the pool has no replicas';
  if (hint === 'primary') return 'the hint asks for the primary';
  return replicasMayLag && hasWritten ? 'its run or session has written, and must see that' : undefined;
}
