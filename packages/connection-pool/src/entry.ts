/** One connection of a pool, with what the pool knows of it. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionRole, TransactionStatus } from './contract.ts';
import type { BoundBatch, BoundStatement, DriverConnection, DriverResult } from './driver.ts';
import { ConnectionLostError, PoolAbortedError } from './errors.ts';
import { runLimited, type Limits } from './limited.ts';
import { SlidingSample } from './stats.ts';

export interface EntryOptions {
  readonly id: string;
  readonly role: ConnectionRole;
  readonly connection: DriverConnection;
  readonly clock: Clock;
  readonly cancelGraceMs: number;
}

/**
 * A connection and its place in the pool. Modes: idle <-> leased -> cleaning -> idle; from any -> gone, which is final.
 * Owned by its host; lent to one lease at a time. Statements on it run one after the other.
 */
export class Entry {
  readonly id: string;
  readonly role: ConnectionRole;
  readonly connection: DriverConnection;
  state: 'idle' | 'leased' | 'cleaning' | 'gone' = 'idle';
  /** Id under which it can be used: its lease's, or its own. */
  usableId: string;
  lastUsed: number;
  readonly latencies = new SlidingSample();
  readonly #clock: Clock;
  readonly #cancelGraceMs: number;
  readonly #turns: Turn[] = [];
  #busy = false;
  #interrupt: ((reason: unknown) => void) | undefined;

  constructor({ id, role, connection, clock, cancelGraceMs }: EntryOptions) {
    this.id = id;
    this.usableId = id;
    this.role = role;
    this.connection = connection;
    this.#clock = clock;
    this.#cancelGraceMs = cancelGraceMs;
    this.lastUsed = clock.wallTime();
  }

  get busy(): boolean {
    return this.#busy;
  }

  get transactionStatus(): TransactionStatus {
    return this.connection.transactionStatus;
  }

  execute(statement: BoundStatement, limits: Limits): Promise<DriverResult> {
    return this.#run(() => this.connection.execute(statement), limits);
  }

  executeMany(batch: BoundBatch, limits: Limits): Promise<number> {
    return this.#run(() => this.connection.executeMany(batch), limits);
  }

  /** Rolls back and cleans, after what runs. Rejects when the connection must be destroyed. */
  reset(): Promise<void> {
    return this.#run(() => this.connection.reset(), { timeoutMs: Infinity });
  }

  /** Whether giving it back needs no round trip. */
  get isClean(): boolean {
    return !this.#busy && this.connection.usable && this.connection.clean;
  }

  /** Stops what runs and what waits to run, as if their callers had aborted it. */
  interrupt(reason: unknown): void {
    for (const turn of this.#turns.splice(0)) turn.refuse(reason);
    this.#interrupt?.(reason);
  }

  async #run<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    if (this.#busy) await this.#waitTurn(limits.signal);
    this.#busy = true;
    if (limits.signal?.aborted) return this.#refuse(new PoolAbortedError('The statement', false, limits.signal.reason));
    if (!this.connection.usable) return this.#refuse(new ConnectionLostError('it was lost before', false));
    const { outcome, settled, interrupt } = runLimited(work, this.connection, {
      ...limits,
      clock: this.#clock,
      cancelGraceMs: this.#cancelGraceMs,
      mayHaveExecuted: this.role !== 'replica',
    });
    this.#interrupt = interrupt;
    void settled.then(() => {
      this.#interrupt = undefined;
      this.lastUsed = this.#clock.wallTime();
      this.#nextTurn();
    });
    return outcome;
  }

  #waitTurn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#turns.splice(this.#turns.indexOf(turn), 1);
        turn.refuse(signal!.reason);
      };
      const turn: Turn = {
        begin: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        refuse: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(new PoolAbortedError('The statement', false, reason));
        },
      };
      this.#turns.push(turn);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #refuse(error: Error): never {
    this.#nextTurn();
    throw error;
  }

  // Busy stays true from one to the next, so that nobody gets in between.
  #nextTurn(): void {
    const next = this.#turns.shift();
    if (next) next.begin();
    else this.#busy = false;
  }
}

/** A statement that waits for another one on the same connection. */
interface Turn {
  begin(): void;
  refuse(reason: unknown): void;
}
