/** One connection of a pool, with what the pool knows of it. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionRole, TransactionStatus } from './contract.ts';
import type { BoundBatch, BoundStatement, DriverConnection, DriverResult, HostPlan } from './driver.ts';
import { ConnectionLostError, LeaseBusyError, PoolAbortedError, StatementTimeoutError } from './errors.ts';
import type { CloseReason } from './events.ts';
import { Health } from './health.ts';
import { LongTurn, type Running } from './long-turn.ts';
import { Operation, type Limits, type OperationOptions } from './operation.ts';
import { setPatientTimer } from './patient-timer.ts';
import { SlidingSample } from './sliding-sample.ts';

/** Where a connection belongs, and what it is told of it. */
export interface Home {
  readonly plan: HostPlan;
  /** Takes back a clean connection. @param now if the caller knows it */
  giveBack(entry: Entry, now?: number): void;
  /** Ends what runs on it, and then itself. */
  stop(entry: Entry, reason: unknown, because: CloseReason): Promise<void>;
  /** Ends it. */
  discard(entry: Entry, reason: CloseReason): void;
  reasonToDiscard(entry: Entry, now?: number): CloseReason | undefined;
  /** Connections that wait to be lent. */
  readonly idleCount: number;
  /** Takes an idle one for the pool's own use. */
  reserve(entry: Entry): void;
  /** Whether it is alive; one that is not is discarded. */
  check(entry: Entry, timeoutMs: number): Promise<boolean>;
  /** A statement failed. */
  judge(entry: Entry, error: unknown): void;
  /** A statement went well. */
  worked(durationMs: number): void;
}

export interface EntryOptions {
  readonly id: string;
  readonly home: Home;
  /** The supervisor's place that it fills. */
  readonly slot: number;
  readonly connection: DriverConnection;
  readonly clock: Clock;
  readonly cancelGraceMs: number;
  /** Monotonic; Infinity for never. */
  readonly retireAt: number;
}

/**
 * A connection and its place in the pool. Modes: idle <-> leased -> cleaning -> idle; idle <-> checking; from any -> gone, which is
 * final. Owned by its host; lent to one borrower at a time. Statements on it run one after the other.
 */
export class Entry {
  readonly id: string;
  readonly slot: number;
  readonly home: Home;
  readonly connection: DriverConnection;
  readonly health = new Health();
  readonly latencies = new SlidingSample();
  readonly openedAt: number;
  /** Monotonic time at which it is to be replaced. */
  readonly retireAt: number;
  state: 'idle' | 'leased' | 'checking' | 'cleaning' | 'gone' = 'idle';
  /** Its last statement was stopped by us: a connection that does not survive that (SQLite's cannot) is not lost, but given up. */
  wasStopped = false;
  /** Set when it must not go back to the idle ones. */
  retireBecause: CloseReason | undefined;
  /** A statement was refused as on a read-only server: its role must be asked for before it is lent again. */
  roleIsDoubtful = false;
  /** Whether anybody had it before. */
  wasLent = false;
  /** The lease that holds it, if its holder knows it by id. */
  holder: { readonly id: string } | undefined;
  /** Monotonic time at which it was lent last. */
  lentAt = 0;
  /** Monotonic time since when it is idle, or last proved itself alive. */
  idleSince: number;
  checkedAt: number;
  /** Monotonic time of the end of its last statement. */
  lastUsedAt: number;
  readonly #operations: OperationOptions;
  readonly #clock: Clock;
  readonly #turns: Turn[] = [];
  #busy = false;
  #running: Running | LongTurn | undefined;
  readonly #onIdle = (): void => this.#finish();

  constructor({ id, slot, home, connection, clock, cancelGraceMs, retireAt }: EntryOptions) {
    this.id = id;
    this.slot = slot;
    this.home = home;
    this.connection = connection;
    this.#clock = clock;
    this.retireAt = retireAt;
    this.openedAt = this.idleSince = this.checkedAt = this.lastUsedAt = clock.now();
    // A replica has nothing to lose: what ran there only read.
    this.#operations = {
      connection,
      clock,
      cancelGraceMs,
      mayHaveExecuted: connection.role !== 'replica',
      onStop: () => (this.wasStopped = true),
    };
  }

  get role(): ConnectionRole {
    return this.connection.role;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get transactionStatus(): TransactionStatus {
    return this.connection.transactionStatus;
  }

  /** Whether giving it back needs no round trip. */
  get isClean(): boolean {
    return !this.#busy && this.connection.usable && this.connection.clean;
  }

  execute(statement: BoundStatement, limits: Limits): Promise<DriverResult> {
    return this.#run(() => this.connection.execute(statement), limits);
  }

  executeMany(batch: BoundBatch, limits: Limits): Promise<number> {
    return this.#run(() => this.connection.executeMany(batch), limits);
  }

  /** Prepares a statement that nobody runs yet; `connection.ahead` must be there. */
  prepareAhead(text: string, timeoutMs: number): Promise<void> {
    return this.#run(() => this.connection.ahead!.prepare(text), { timeoutMs, own: true });
  }

  /** Rolls back and cleans, after what runs. Rejects when the connection must be destroyed. */
  reset(): Promise<void> {
    return this.#run(() => this.connection.reset(), NO_LIMITS);
  }

  ping(): Promise<void> {
    return this.#run(() => this.connection.ping(), NO_LIMITS);
  }

  /** Resolves when nothing runs on it any more; rejects when it is lost. */
  quiet(): Promise<void> {
    return this.#run(async () => {}, NO_LIMITS);
  }

  probeRole(): Promise<ConnectionRole> {
    return this.#run(() => this.connection.probeRole(), NO_LIMITS);
  }

  /**
   * Takes the connection for several operations in a row (a stream): nobody else's come between. `turn.end()` gives it back.
   * @throws PoolAbortedError, ConnectionLostError, StatementTimeoutError, LeaseBusyError
   */
  async takeTurn(limits: Limits): Promise<LongTurn> {
    if (this.#busy) await this.#waitTurn(limits);
    this.#busy = true;
    const refusal = this.#refusal(limits.signal);
    if (refusal) {
      this.#nextTurn();
      throw refusal;
    }
    const turn = new LongTurn(this.#operations, this.#onIdle);
    this.#running = turn;
    return turn;
  }

  /** Stops what runs and what waits to run, as if their callers had aborted it. */
  interrupt(reason: unknown): void {
    for (const turn of this.#turns.splice(0)) turn.refuse(new PoolAbortedError('The statement', false, reason));
    this.#running?.interrupt(reason);
  }

  /** Its borrower is gone: a stream that is open on it is read no further. What runs comes to its end. */
  endStream(error: Error): void {
    if (this.#running instanceof LongTurn) this.#running.endWith(error);
  }

  /** It was destroyed: a cancel that is under way is not waited for. */
  abandon(): void {
    this.#running?.abandon();
  }

  #run<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    if (!this.#busy) return this.#start(work, limits);
    const askedAt = this.#clock.now();
    return this.#waitTurn(limits).then(() => {
      limits.onTurn?.();
      const { timeoutMs } = limits;
      return this.#start(
        work,
        limits.coversTurn ? { ...limits, timeoutMs: Math.max(1, timeoutMs - (this.#clock.now() - askedAt)) } : limits,
      );
    });
  }

  #start<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    this.#busy = true;
    const refusal = this.#refusal(limits.signal);
    if (refusal) {
      this.#nextTurn();
      return Promise.reject(refusal);
    }
    const operation = new Operation(work(), limits, this.#operations, this.#onIdle);
    this.#running = operation;
    return operation.outcome;
  }

  #refusal(signal: AbortSignal | undefined): Error | undefined {
    if (signal?.aborted) return new PoolAbortedError('The statement', false, signal.reason);
    if (!this.connection.usable) return new ConnectionLostError('it was lost before', false);
    return undefined;
  }

  #finish(): void {
    this.#running = undefined;
    if (this.connection.usable) this.wasStopped = false;
    this.lastUsedAt = this.#clock.now();
    this.#nextTurn();
  }

  /** A statement behind a stream whose reader may be waiting for that very statement would wait for ever. */
  #waitTurn({ signal, timeoutMs, coversTurn, own }: Limits): Promise<void> {
    if (signal?.aborted) return Promise.reject(new PoolAbortedError('The statement', false, signal.reason));
    if (!own && this.#running instanceof LongTurn && this.#running.waitsForReader)
      return Promise.reject(new LeaseBusyError(this.holder?.id ?? this.id));
    return new Promise((resolve, reject) => {
      const leave = (error: Error): void => {
        this.#turns.splice(this.#turns.indexOf(turn), 1);
        turn.refuse(error);
      };
      const onAbort = (): void => leave(new PoolAbortedError('The statement', false, signal!.reason));
      const limitMs = coversTurn ? timeoutMs : Infinity;
      const stopTimer = setPatientTimer(this.#clock, () => leave(new StatementTimeoutError(timeoutMs, false)), limitMs);
      const settle = (): void => {
        stopTimer();
        signal?.removeEventListener('abort', onAbort);
      };
      const turn: Turn = {
        begin: () => {
          settle();
          resolve();
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      this.#turns.push(turn);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  // Busy stays true from one to the next, so that nobody gets in between.
  #nextTurn(): void {
    const next = this.#turns.shift();
    if (next) next.begin();
    else this.#busy = false;
  }
}

/** Of what the pool does by itself. */
const NO_LIMITS: Limits = { timeoutMs: Infinity, own: true };

/** A statement that waits for another one on the same connection. */
interface Turn {
  begin(): void;
  refuse(error: Error): void;
}
