/** One session: a connection that belongs to one caller, and what became of its transaction. */
import type { ConnectionPool, ConnectionRole, Lease } from '@kailash-ts/connection-pool/contract';
import type { Call } from './call.ts';
import type { RouterError } from './errors.ts';
import { SessionLostError, TransactionIdleError, TransactionRolledBackError } from './errors.ts';
import { Turns } from './turns.ts';

/**
 * - `free`: holds nothing; statements run as if there were no session.
 * - `pinned`: holds a connection, for a transaction, or (`keeps`) for settings and temporary tables.
 * - `broken`: the transaction ended without its owner's doing. Until BEGIN or ROLLBACK nothing runs, lest the rest of it be
 *   committed one by one.
 * - `closed`: COMMIT came to nothing, and its owner was told. A ROLLBACK, as in a `catch`, is no mistake then.
 */
export type SessionState =
  | { readonly kind: 'free' }
  | { readonly kind: 'pinned'; readonly lease: Lease; readonly keeps: boolean }
  | { readonly kind: 'broken'; readonly error: RouterError }
  | { readonly kind: 'closed' };

const FREE: SessionState = { kind: 'free' };

/**
 * Modes: free -> (BEGIN, SET) -> pinned -> (the protocol says that the transaction is over) -> free; pinned -> (rolled back by
 * the database, connection lost) -> broken -> (ROLLBACK, BEGIN) -> free. Owned by `Sessions`.
 */
export class Session {
  readonly id: string;
  readonly runId: string | undefined;
  readonly turns = new Turns();
  /** Calls that are in it or wait for it. */
  users = 0;
  /** Stops what limits the idleness of its transaction. */
  stopIdleTimer: () => void = () => {};
  /** The BEGIN of a transaction on a replica in which nothing else was run yet: it can still move. */
  opening: Call | undefined;
  #state: SessionState = FREE;
  readonly #ended = new AbortController();

  constructor(id: string, runId: string | undefined) {
    this.id = id;
    this.runId = runId;
  }

  get state(): SessionState {
    return this.#state;
  }

  get lease(): Lease | undefined {
    return this.#state.kind === 'pinned' ? this.#state.lease : undefined;
  }

  get role(): ConnectionRole | undefined {
    return this.lease?.role;
  }

  get inTransaction(): boolean {
    const { lease } = this;
    return lease !== undefined && !lease.released && lease.transactionStatus !== 'idle';
  }

  /** Aborted when the session is ended from outside. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  pin(lease: Lease, keeps: boolean): void {
    this.#state = { kind: 'pinned', lease, keeps };
  }

  /** Forgets what broke. */
  clear(): void {
    if (this.#state.kind !== 'pinned') this.#state = FREE;
  }

  /** The transaction is over as its owner wanted: the connection goes back, unless it is kept for what was set on it. */
  async finishTransaction(pool: ConnectionPool): Promise<void> {
    if (this.#state.kind === 'pinned' && !this.#state.keeps) await this.#letGo(pool, FREE);
  }

  /** COMMIT came to nothing. */
  async close(pool: ConnectionPool): Promise<void> {
    if (this.#state.kind === 'pinned' && !this.#state.keeps) await this.#letGo(pool, { kind: 'closed' });
  }

  /** The database rolled the transaction back while a statement of it ran. */
  async rolledBack(pool: ConnectionPool, cause: unknown): Promise<void> {
    const error = new TransactionRolledBackError(this.id, 'a statement of it met a conflict', cause);
    if (this.#state.kind === 'pinned') await this.#letGo(pool, { kind: 'broken', error });
  }

  /** The connection broke. @returns what to tell the caller */
  async lost(pool: ConnectionPool, facts: { inTransaction: boolean; committing: boolean; cause: unknown }): Promise<SessionLostError> {
    const { inTransaction, committing, cause } = facts;
    const mayHaveCommitted = committing && (cause as { mayHaveExecuted?: unknown }).mayHaveExecuted === true;
    const error = new SessionLostError(this.id, { inTransaction, mayHaveCommitted, cause });
    await this.#letGo(pool, { kind: 'broken', error });
    return error;
  }

  /** Nobody went on with its transaction. */
  async idleTooLong(pool: ConnectionPool, idleMs: number): Promise<void> {
    const error = new TransactionIdleError(this.id, idleMs);
    await this.#letGo(pool, { kind: 'broken', error });
  }

  /** Ended from outside: stops what runs, rolls back, gives the connection back. */
  async end(pool: ConnectionPool | undefined, reason: RouterError): Promise<void> {
    this.stopIdleTimer();
    this.#ended.abort(reason);
    this.turns.failAll(reason);
    if (pool) await this.#letGo(pool, FREE);
  }

  async #letGo(pool: ConnectionPool, next: SessionState): Promise<void> {
    const { lease } = this;
    this.#state = next;
    this.opening = undefined;
    if (lease !== undefined) await giveBack(pool, lease);
  }
}

/** Releases a lease that the pool may have taken back by itself: at the end of the run, at the end of the pool. */
export async function giveBack(pool: ConnectionPool, lease: Lease): Promise<void> {
  if (lease.released) return;
  try {
    await pool.release(lease);
  } catch (error) {
    if (!lease.released) throw error;
  }
}
