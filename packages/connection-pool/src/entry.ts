/** One connection of a pool, with what the pool knows of it. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionRole, TransactionStatus } from './contract.ts';
import type { BoundBatch, BoundStatement, DriverConnection, DriverResult, HostPlan } from './driver.ts';
import { ConnectionLostError, PoolAbortedError } from './errors.ts';
import type { CloseReason } from './events.ts';
import { Health } from './health.ts';
import { Operation, type Limits, type OperationOptions } from './operation.ts';
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

/** An operation between its start and its end. */
interface Running {
  interrupt(reason: unknown): void;
  abandon(): void;
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
  #running: Running | undefined;
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
   * @throws PoolAbortedError, ConnectionLostError
   */
  async takeTurn(signal: AbortSignal | undefined): Promise<LongTurn> {
    if (this.#busy) await this.#waitTurn(signal);
    this.#busy = true;
    const refusal = this.#refusal(signal);
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
    for (const turn of this.#turns.splice(0)) turn.refuse(reason);
    this.#running?.interrupt(reason);
  }

  /** It was destroyed: a cancel that is under way is not waited for. */
  abandon(): void {
    this.#running?.abandon();
  }

  #run<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    if (this.#busy) return this.#waitTurn(limits.signal).then(() => this.#start(work, limits));
    return this.#start(work, limits);
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

  // Busy stays true from one to the next, so that nobody gets in between.
  #nextTurn(): void {
    const next = this.#turns.shift();
    if (next) next.begin();
    else this.#busy = false;
  }
}

const NO_LIMITS: Limits = { timeoutMs: Infinity };

/** A statement that waits for another one on the same connection. */
interface Turn {
  begin(): void;
  refuse(reason: unknown): void;
}

/**
 * Several operations of one borrower in a row (a stream). Modes: open -> (end) -> ending, while a stopped operation still runs on the
 * connection -> over. Whoever takes it ends it.
 */
export class LongTurn {
  /** Ends what is open on the connection; called when it is interrupted between two operations. Must not reject. */
  onInterrupt: () => Promise<void> = async () => {};
  readonly #options: OperationOptions;
  readonly #onIdle: () => void;
  #current: Running | undefined;
  #interrupted: PoolAbortedError | undefined;
  #ending = false;

  constructor(options: OperationOptions, onIdle: () => void) {
    this.#options = options;
    this.#onIdle = onIdle;
  }

  run<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    if (this.#interrupted) return Promise.reject(this.#interrupted);
    if (limits.signal?.aborted)
      return Promise.reject(new PoolAbortedError('The statement', this.#options.mayHaveExecuted, limits.signal.reason));
    const operation = new Operation(work(), limits, this.#options, () => {
      this.#current = undefined;
      if (this.#ending) this.#onIdle();
    });
    this.#current = operation;
    return operation.outcome;
  }

  interrupt(reason: unknown): void {
    if (this.#ending || this.#interrupted) return;
    this.#interrupted = new PoolAbortedError('The statement', this.#options.mayHaveExecuted, reason);
    if (this.#current) this.#current.interrupt(reason);
    else void this.onInterrupt().then(() => this.end());
  }

  abandon(): void {
    this.#current?.abandon();
  }

  /** Whether an operation runs, or is being stopped. */
  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#current) this.#onIdle();
  }
}
