/** Which run holds which leases, and which runs are over. */
import type { PoolLease } from './lease.ts';

/** Finished runs remembered; a late call of an older one finds no lease anyway. */
const REMEMBERED = 10_000;

export class Runs {
  readonly #leases = new Map<string, Set<PoolLease>>();
  readonly #finished = new Set<string>();

  isFinished(runId: string): boolean {
    return this.#finished.has(runId);
  }

  /** A run with an id that was used before begins anew (a resumed run). */
  begin(runId: string): void {
    this.#finished.delete(runId);
  }

  add(lease: PoolLease): void {
    if (lease.runId === undefined) return;
    const leases = this.#leases.get(lease.runId);
    if (leases) leases.add(lease);
    else this.#leases.set(lease.runId, new Set([lease]));
  }

  remove(lease: PoolLease): void {
    if (lease.runId === undefined) return;
    const leases = this.#leases.get(lease.runId);
    leases?.delete(lease);
    if (leases?.size === 0) this.#leases.delete(lease.runId);
  }

  /** Marks the run as over. @returns its leases, which the caller releases */
  finish(runId: string): PoolLease[] {
    this.#finished.add(runId);
    if (this.#finished.size > REMEMBERED) this.#finished.delete(this.#finished.values().next().value!);
    return [...(this.#leases.get(runId) ?? [])];
  }
}
