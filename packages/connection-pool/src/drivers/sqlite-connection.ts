/**
 * One SQLite connection. Modes: idle -> busy -> idle; from any -> lost, which is final. That of a file owns its thread. That of
 * `:memory:` borrows it from the driver, because the thread is the database.
 */
import type { FileTarget } from '../config.ts';
import type { ConnectionRole, TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, DriverConnection, DriverResult, RowStream } from '../driver.ts';
import { ConnectionLostError } from '../errors.ts';
import { mayChangeSession } from '../session-effects.ts';
import { runOnConnect } from './new-session.ts';
import { isFatal, toStatementError } from './sqlite-errors.ts';
import { toWire } from './sqlite-parameters.ts';
import { SqliteStream, type Piece } from './sqlite-stream.ts';
import { WorkerFailure, type SqliteThread, type WorkerRequest } from './sqlite-thread.ts';

/** `BEGIN` takes the write lock at once, so that a transaction waits for it here and not in its middle, where it could only fail. */
const PLAIN_BEGIN = /^\s*(?:begin|start)(?:\s+(?:deferred\s+)?transaction)?\s*;?\s*$/i;

export interface SqliteConnectionOptions {
  readonly role: ConnectionRole;
  /** The thread is the database, and outlives the connection: to destroy it for a clean session would lose all data. */
  readonly inMemory: boolean;
}

export class SqliteConnection implements DriverConnection {
  readonly role: ConnectionRole;
  readonly #thread: SqliteThread;
  readonly #inMemory: boolean;
  readonly #running = new Set<(error: unknown) => void>();
  #stream: SqliteStream | undefined;
  #usable = true;
  #inTransaction = false;
  #changed = false;
  #runHook: () => Promise<void> = async () => {};
  #onLost: () => void = () => {};

  constructor(thread: SqliteThread, { role, inMemory }: SqliteConnectionOptions) {
    this.#thread = thread;
    this.role = role;
    this.#inMemory = inMemory;
    thread.onGone((reason) => this.#lost(reason));
  }

  get usable(): boolean {
    return this.#usable;
  }

  get clean(): boolean {
    return !this.#changed && !this.#inTransaction;
  }

  get transactionStatus(): TransactionStatus {
    return this.#inTransaction ? 'open' : 'idle';
  }

  /** @internal Opens the file, or cleans up after the connection before. @throws WorkerFailure */
  async begin(): Promise<void> {
    await this.#ask({ op: 'open' });
    await this.#ask({ op: this.#inMemory ? 'reset' : 'rollback' });
  }

  /** SQLite looks by itself whether what a statement was prepared for still is there. */
  forgetPrepared(): void {}

  /** @internal Lets the user prepare it. @throws ConnectError */
  async prepare({ onConnect, applicationName }: FileTarget): Promise<void> {
    this.#runHook = () => runOnConnect(this, { onConnect, pool: applicationName, dialect: 'sqlite' });
    await this.#runHook();
    this.#changed = false;
  }

  async execute({ text, values, prepare, maxRows }: BoundStatement): Promise<DriverResult> {
    const request = { op: 'execute', text: this.#sqlFor(text), values: values.map(toWire), maxRows } as const;
    const { lastInsertId, wasPrepared, ...result } = (await this.#statement(request, values)) as DriverResult;
    return {
      ...result,
      ...(lastInsertId !== undefined && lastInsertId !== 0 && { lastInsertId }),
      ...(prepare !== false && { wasPrepared }),
    };
  }

  stream({ text, values }: BoundStatement, fetchSize: number): RowStream {
    return (this.#stream = new SqliteStream({
      fetchSize,
      begin: () => this.#piece({ op: 'stream', text: this.#sqlFor(text), values: values.map(toWire), size: fetchSize }, values),
      read: () => this.#piece({ op: 'next', size: fetchSize }, values),
      end: () => this.#ask({ op: 'end' }).catch(() => this.destroy()),
    }));
  }

  async executeMany({ text, rows }: BoundBatch): Promise<number> {
    return (await this.#statement({ op: 'many', text, rows: rows.map((row) => row.map(toWire)) }, (row) => rows[row])) as number;
  }

  async ping(): Promise<void> {
    await this.#ask({ op: 'ping' });
  }

  probeRole(): Promise<ConnectionRole> {
    return Promise.resolve(this.role);
  }

  /**
   * A statement cannot be interrupted between two rows. With a file its caller is told at once, and the thread ends when the
   * statement does. In memory the thread is kept: what runs there ends by itself, or at its next row.
   */
  cancel(): Promise<void> {
    const stream = this.#stream?.over === false ? this.#stream : undefined;
    if (this.#inMemory) {
      this.#thread.cancel();
      void stream?.stop();
    } else if (stream || this.#running.size > 0) this.destroy();
    return Promise.resolve();
  }

  async reset(): Promise<void> {
    if (this.#inTransaction) await this.#statement({ op: 'rollback' });
    if (!this.#changed) return;
    // PRAGMA, ATTACH and temporary tables cannot be undone in general: a new connection is as good as new.
    if (!this.#inMemory) throw new ConnectionLostError('its session was changed', false);
    await this.#statement({ op: 'reset' });
    await this.#runHook();
    this.#changed = false;
  }

  async close(): Promise<void> {
    if (!this.#usable) return;
    if (this.#inMemory) await this.#ask({ op: 'rollback' }).catch(() => {});
    else await this.#thread.close();
    this.#usable = false;
  }

  destroy(): void {
    if (!this.#usable) return;
    if (this.#inMemory) {
      this.#thread.cancel();
      this.#lost('it was retired');
    } else this.#thread.retire();
  }

  onLost(listener: () => void): void {
    this.#onLost = listener;
  }

  #sqlFor(text: string): string {
    if (mayChangeSession(text)) this.#changed = true;
    if (!PLAIN_BEGIN.test(text)) return text;
    return this.role === 'replica' ? 'BEGIN' : 'BEGIN IMMEDIATE';
  }

  async #piece(request: WorkerRequest, values: readonly unknown[]): Promise<Piece> {
    return (await this.#statement(request, values)) as Piece;
  }

  /** @param values those of the parameters, or those of a row of a batch: errors must not show them */
  async #statement(
    request: WorkerRequest,
    values?: readonly unknown[] | ((row: number) => readonly unknown[] | undefined),
  ): Promise<unknown> {
    const inTransaction = this.#inTransaction;
    try {
      return await this.#ask(request);
    } catch (error) {
      if (!(error instanceof WorkerFailure)) throw error;
      // Also in memory: such a database is broken itself.
      if (isFatal(error.details)) this.#thread.retire();
      const hidden = typeof values === 'function' ? values(error.details.row ?? 0) : values;
      throw toStatementError(error.details, inTransaction, hidden);
    }
  }

  #ask(request: WorkerRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#usable) return reject(new ConnectionLostError('it was lost before', false));
      this.#running.add(reject);
      this.#thread.ask(request).then(({ result, inTransaction, error }) => {
        if (!this.#running.delete(reject)) return;
        this.#inTransaction = inTransaction;
        if (error) reject(new WorkerFailure(error));
        else resolve(result);
      }, reject);
    });
  }

  #lost(reason: string): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    const running = [...this.#running];
    this.#running.clear();
    for (const reject of running) reject(new ConnectionLostError(reason, this.role !== 'replica'));
    if (wasUsable && running.length === 0) this.#onLost();
  }
}
