import type {
  ConnectionRole,
  ExecuteManyOptions,
  ExecuteManyResult,
  ExecuteOptions,
  ExecuteResult,
  Lease,
  Params,
  Row,
  TransactionStatus,
} from './contract.ts';
import type { Entry } from './entry.ts';

/** The pool's side of a lease: what it does for it. */
export interface LeaseOwner {
  execute(lease: Lease, sql: string, params?: Params, options?: ExecuteOptions): Promise<ExecuteResult<readonly Row[] | Row | null>>;
  executeMany(sql: string, rows: readonly Params[], options: ExecuteManyOptions & { readonly lease: Lease }): Promise<ExecuteManyResult>;
  release(lease: Lease): Promise<unknown>;
}

export interface LeaseFacts {
  readonly owner: LeaseOwner;
  readonly entry: Entry;
  /** Its number among all leases of the pool. */
  readonly number: number;
  readonly runId: string | undefined;
  readonly nodeId: string | undefined;
  readonly waitTimeMs: number;
  readonly acquiredAt: number;
}

/** Made by the pool, which alone ends it. */
export class PoolLease implements Lease {
  readonly runId: string | undefined;
  readonly nodeId: string | undefined;
  readonly waitTimeMs: number;
  /** Kept from the beginning: a connection may change its role while it is held. */
  readonly role: ConnectionRole;
  /** @internal */ readonly entry: Entry;
  /** @internal */ readonly acquiredAt: number;
  /** Where it was acquired; only while leaks are looked for. @internal */
  stack: string | undefined;
  /** Its holder knows it by id. @internal */
  wasHeld = false;
  /** It was reported as a leak. @internal */
  isLeak = false;
  /** Why it is over; undefined while it is held. @internal */
  overBecause: string | undefined;
  readonly #owner: LeaseOwner;
  readonly #number: number;
  #id: string | undefined;

  constructor({ owner, entry, number, runId, nodeId, waitTimeMs, acquiredAt }: LeaseFacts) {
    this.#owner = owner;
    this.entry = entry;
    this.#number = number;
    this.runId = runId;
    this.nodeId = nodeId;
    this.waitTimeMs = waitTimeMs;
    this.acquiredAt = acquiredAt;
    this.role = entry.role;
  }

  get id(): string {
    return (this.#id ??= `${this.entry.id}#${this.#number}`);
  }

  get connectionId(): string {
    return this.entry.id;
  }

  get healthScore(): number {
    return this.entry.health.score;
  }

  get released(): boolean {
    return this.overBecause !== undefined;
  }

  get transactionStatus(): TransactionStatus {
    return this.entry.transactionStatus;
  }

  execute(sql: string, params: Params | undefined, options: ExecuteOptions & { fetchMode: 'one' }): Promise<ExecuteResult<Row | null>>;
  execute(sql: string, params?: Params, options?: ExecuteOptions & { fetchMode?: 'all' | 'many' }): Promise<ExecuteResult>;
  execute(sql: string, params?: Params, options?: ExecuteOptions): Promise<ExecuteResult<readonly Row[] | Row | null>> {
    return this.#owner.execute(this, sql, params, options);
  }

  executeMany(sql: string, rows: readonly Params[], options: ExecuteManyOptions = {}): Promise<ExecuteManyResult> {
    return this.#owner.executeMany(sql, rows, { ...options, lease: this });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.released) await this.#owner.release(this);
  }
}
