/** The leases that callers hold, found by themselves or by id. */
import type { Lease } from './contract.ts';
import { LeaseReleasedError, LeaseUnknownError, type LongestHeld } from './errors.ts';
import { PoolLease } from './lease.ts';

/** A caller that holds a lease. */
export interface LeaseHolder {
  /** Where it asked; only while leaks are looked for. */
  readonly stack: string | undefined;
}

const NOBODY: LeaseHolder = { stack: undefined };

/** Remembers where a lease was asked for, if that is of use: it costs some microseconds. */
export function holderHere(leakThresholdMs: number | 'never'): LeaseHolder {
  if (leakThresholdMs === 'never') return NOBODY;
  const holder: { stack: string | undefined } = { stack: undefined };
  Error.captureStackTrace(holder);
  return holder;
}

export class HeldLeases {
  readonly #pool: string;
  readonly #leases = new Set<PoolLease>();

  constructor(pool: string) {
    this.#pool = pool;
  }

  add(lease: PoolLease): void {
    this.#leases.add(lease);
  }

  delete(lease: PoolLease): boolean {
    return this.#leases.delete(lease);
  }

  clear(): void {
    this.#leases.clear();
  }

  [Symbol.iterator](): Iterator<PoolLease> {
    return this.#leases[Symbol.iterator]();
  }

  /** @param issued number of the last lease that was given at all @throws LeaseReleasedError, LeaseUnknownError */
  find(lease: Lease | string, issued: number): PoolLease {
    if (lease instanceof PoolLease && this.#leases.has(lease)) return lease;
    const id = typeof lease === 'string' ? lease : (lease as Lease | undefined)?.id;
    if (typeof id !== 'string' || (lease instanceof PoolLease && lease.overBecause === undefined))
      throw new LeaseUnknownError(this.#pool, String(id));
    // As many as there are connections: few, and nobody in a hurry names them by text.
    for (const held of this.#leases) if (held.id === id) return held;
    const reason = lease instanceof PoolLease ? lease.overBecause : undefined;
    const number = Number(/#(\d+)$/.exec(id)?.[1] ?? Infinity);
    if (reason !== undefined || number <= issued) throw new LeaseReleasedError(this.#pool, id, reason ?? 'it was released');
    throw new LeaseUnknownError(this.#pool, id);
  }

  longestHeld(now: number): LongestHeld | undefined {
    let longest: PoolLease | undefined;
    for (const lease of this.#leases) if (!longest || lease.acquiredAt < longest.acquiredAt) longest = lease;
    if (!longest) return undefined;
    const { id: leaseId, runId, nodeId, acquiredAt } = longest;
    return { leaseId, runId, nodeId, heldMs: Math.round(now - acquiredAt) };
  }
}
