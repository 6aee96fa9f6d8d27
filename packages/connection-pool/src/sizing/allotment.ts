/** What each process that uses one server may have of its connections. Pure; how processes learn of each other is `fleet.ts`. */

/** What a server tells of the connections that it takes. */
export interface ServerLimits {
  /** All that it takes, reserved ones included. */
  readonly maxConnections: number;
  /** Kept for administrators. */
  readonly reserved: number;
  /** Of this user, or to this database; null for no such limit. */
  readonly ownLimit: number | null;
}

/** One process of a fleet. */
export interface Member {
  /** Orders the members; the same to all of them. */
  readonly id: number;
  /** Connections that it may have at this moment, or still has. */
  readonly held: number;
  /** Connections that it would like to have. */
  readonly wanted: number;
}

/** Share of a server's connections that is used; the rest is for others, and for the hour in which somebody must look after it. */
const USED_SHARE = 0.8;

/** Connections of a server that a fleet may have together, control connections included. */
export function budgetOf({ maxConnections, reserved, ownLimit }: ServerLimits): number {
  return Math.max(1, Math.floor(USED_SHARE * Math.min(maxConnections - reserved, ownLimit ?? Infinity)));
}

/**
 * Max-min fair shares of `total`: nobody gets more than it wants, and nobody gets less so that somebody with as much gets more
 * (Bertsekas and Gallager, "Data Networks", 6.5.2). What cannot be divided goes to the first members.
 */
export function fairShares(members: readonly Member[], total: number): Map<number, number> {
  const shares = new Map<number, number>();
  let left = Math.max(0, total);
  const hungry = [...members].sort((a, b) => a.wanted - b.wanted || b.id - a.id);
  for (const [index, { id, wanted }] of hungry.entries()) {
    const share = Math.min(wanted, Math.floor(left / (hungry.length - index)));
    shares.set(id, share);
    left -= share;
  }
  return shares;
}

/** What this member may have from now on: its share, as far as others do not hold it still. */
export function grant(me: Member, others: readonly Member[], budget: number): number {
  // Each has one connection to look after its share, beside the pool's own.
  const total = budget - others.length - 1;
  const share = fairShares([me, ...others], total).get(me.id)!;
  const free = total - others.reduce((sum, { held }) => sum + held, 0);
  return Math.max(0, Math.min(share, Math.max(free, 0)));
}
