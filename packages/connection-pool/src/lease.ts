import type { ConnectionRole, Lease, TransactionStatus } from './contract.ts';
import type { Entry } from './entry.ts';
import type { Host } from './host.ts';

/** The pool's side of a lease. Made by the pool, which alone ends it. */
export class PoolLease implements Lease {
  readonly id: string;
  readonly runId: string | undefined;
  readonly waitTimeMs: number;
  /** @internal */ readonly entry: Entry;
  /** @internal */ readonly host: Host;
  /** Why it is over; undefined while it is held. @internal */
  overBecause: string | undefined;
  readonly #release: (lease: PoolLease) => Promise<unknown>;

  constructor(
    id: string,
    entry: Entry,
    host: Host,
    runId: string | undefined,
    waitTimeMs: number,
    release: (lease: PoolLease) => Promise<unknown>,
  ) {
    this.id = id;
    this.entry = entry;
    this.host = host;
    this.runId = runId;
    this.waitTimeMs = waitTimeMs;
    this.#release = release;
  }

  get connectionId(): string {
    return this.entry.id;
  }

  get role(): ConnectionRole {
    return this.entry.role;
  }

  get released(): boolean {
    return this.overBecause !== undefined;
  }

  get transactionStatus(): TransactionStatus {
    return this.entry.transactionStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.released) await this.#release(this);
  }
}
