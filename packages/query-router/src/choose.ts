/** Where a statement goes, and why. Pure: facts in, choice out. */
import type { ConnectionRole, PoolHost } from '@kailash-ts/connection-pool/contract';
import type { Classification } from '@kailash-ts/sql';
import { rankReads, rankWrites, type Candidate } from './score.ts';

/** `transaction_affinity`: the session's own connection. */
export type Strategy = 'transaction_affinity' | 'primary_write' | 'primary_read' | 'replica_read';

/** What is asked of a host before it may serve a read. */
export type Server = Candidate & Pick<PoolHost, 'role' | 'available' | 'freshAsOf'>;

/** What the choice depends on. */
export interface Situation {
  readonly classification: Pick<Classification, 'readOnly' | 'transaction'>;
  /** Role of the connection that the session holds, if it holds one. */
  readonly pinnedRole: ConnectionRole | undefined;
  readonly readWriteSplit: boolean;
  readonly hosts: readonly Server[];
  /** What had ended by this moment must be seen. -Infinity: nothing was written. Infinity: a write is under way. */
  readonly mustShow: number;
  readonly hint: 'primary' | undefined;
  readonly healthThreshold: number;
  /** Infinity for any lag that is known. */
  readonly maxReplicaLagMs: number;
  /** The host that served the same template last. */
  readonly affinity: string | undefined;
}

export interface Choice {
  readonly role: ConnectionRole;
  /** The replicas that may serve it, best first. */
  readonly hosts: readonly string[] | undefined;
  readonly strategy: Strategy;
  readonly confidence: number;
  readonly reason: string;
  /** A replica would do as soon as it has replayed what was written. */
  readonly awaitsReplicas: boolean;
}

const CERTAIN = 1;
const NOT_REPLAYED = 'it has not replayed what its run or session has written, as far as is known';

/** @throws NoConnectionsError when there are no hosts */
export function choose(situation: Situation): Choice {
  const { pinnedRole } = situation;
  if (pinnedRole !== undefined) return PINNED[pinnedRole];
  if (!onlyReads(situation.classification))
    return onPrimary(situation, 'primary_write', 'only what is proved read-only leaves the primary');
  const obstacle = whyPrimary(situation);
  return obstacle === undefined ? amongReplicas(situation) : onPrimary(situation, 'primary_read', obstacle);
}

/** Why a host may not serve a read, undefined if it may. */
export function whyNot(host: Server, { mustShow, maxReplicaLagMs }: Situation): string | undefined {
  if (!host.available) return 'it cannot be reached';
  const { lagMs } = host;
  if (lagMs === null) return 'how far it is behind is not known';
  if (lagMs > maxReplicaLagMs) return 'it is further behind than maxReplicaLagMs';
  return host.freshAsOf < mustShow ? NOT_REPLAYED : undefined;
}

/** A transaction that cannot write is as good as a read; but no standby can make it serializable. */
function onlyReads({ readOnly, transaction }: Situation['classification']): boolean {
  if (readOnly) return true;
  return transaction?.action === 'begin' && transaction.readOnly === true && transaction.isolation !== 'serializable';
}

function whyPrimary({ readWriteSplit, hint }: Situation): string | undefined {
  if (!readWriteSplit) return 'enableReadWriteSplit is off';
  return hint === 'primary' ? 'the hint asks for the primary' : undefined;
}

function amongReplicas(situation: Situation): Choice {
  const eligible: Server[] = [];
  let obstacle: string | undefined;
  let awaitsReplicas = false;
  for (const host of situation.hosts) {
    if (host.role !== 'replica') continue;
    const why = whyNot(host, situation);
    if (why === undefined) eligible.push(host);
    else if (why === NOT_REPLAYED) awaitsReplicas = true;
    obstacle ??= why;
  }
  if (eligible.length === 0) {
    const reason = obstacle === undefined ? 'the pool has no replicas' : awaitsReplicas ? BEHIND : `no replica will do: ${obstacle}`;
    return onPrimary(situation, 'primary_read', reason, awaitsReplicas);
  }
  const { names, confidence } = rankReads(eligible, situation);
  return { role: 'replica', hosts: names, strategy: 'replica_read', confidence, reason: 'it is proved read-only', awaitsReplicas };
}

const BEHIND = 'its run or session has written, and no replica is known to have replayed that';

function onPrimary(situation: Situation, strategy: Strategy, reason: string, awaitsReplicas = false): Choice {
  const { confidence } = rankWrites(situation.hosts);
  return { role: 'primary', hosts: undefined, strategy, confidence, reason, awaitsReplicas };
}

const pinned = (role: ConnectionRole): Choice => ({
  role,
  hosts: undefined,
  strategy: 'transaction_affinity',
  confidence: CERTAIN,
  reason: 'its session holds this connection',
  awaitsReplicas: false,
});
/** On a connection that a session or transaction holds. */
export const PINNED: Readonly<Record<ConnectionRole, Choice>> = { primary: pinned('primary'), replica: pinned('replica') };
