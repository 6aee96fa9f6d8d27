/**
 * SQLite through libsql, in worker threads: one writer and several readers of one file in WAL mode; `:memory:` is one
 * connection that does both. Readers refuse to write (`PRAGMA query_only`).
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { FileTarget } from '../config.ts';
import type { TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, Driver, DriverConnection, DriverResult, HostPlan } from '../driver.ts';
import { ConnectionLostError, DriverMissingError, StatementParametersError } from '../errors.ts';
import { PostgresArray, type ParameterValue } from '../parameters.ts';
import { mayChangeSession } from '../session-effects.ts';
import { isFatal, toConnectError, toStatementError, type WorkerError } from './sqlite-errors.ts';

/** Driver for SQLite. @throws DriverMissingError when libsql is not installed (at the first connect). */
export class SqliteDriver implements Driver {
  readonly dialect = 'sqlite';
  readonly hosts: readonly HostPlan[];
  readonly #target: FileTarget;
  /** Opening changes the file to WAL mode, which two connections cannot do at once. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #connections = new Set<SqliteConnection>();

  constructor(target: FileTarget, hosts: readonly HostPlan[]) {
    this.#target = target;
    this.hosts = hosts;
  }

  connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const opened = this.#opening.then(() => this.#open(host, signal));
    this.#opening = opened.catch(() => {});
    return opened;
  }

  /** Waits for retired threads, whose last statement may still run; but not for ever. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, RETIREMENT_MS)));
    await Promise.race([Promise.all([...this.#connections].map((connection) => connection.ended)), limit]);
    clearTimeout(timer);
  }

  async #open(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    signal.throwIfAborted();
    requireLibsql();
    const { file } = this.#target;
    const connection = new SqliteConnection(this.#target, host.role === 'replica');
    this.#connections.add(connection);
    void connection.ended.then(() => this.#connections.delete(connection));
    const drop = (): void => connection.destroy();
    signal.addEventListener('abort', drop, { once: true });
    try {
      await connection.open();
      return connection;
    } catch (error) {
      connection.destroy();
      throw signal.aborted ? signal.reason : error instanceof WorkerFailure ? toConnectError(error.details, file) : error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }
}

/** How long `close` waits for statements that nobody waits for any more. */
const RETIREMENT_MS = 5000;

function requireLibsql(): void {
  try {
    createRequire(import.meta.url).resolve('libsql');
  } catch (error) {
    throw new DriverMissingError('SQLite', 'libsql', error);
  }
}

/** `BEGIN` takes the write lock at once, so that a transaction waits for it here and not in its middle, where it could only fail. */
const PLAIN_BEGIN = /^\s*(?:begin|start)(?:\s+(?:deferred\s+)?transaction)?\s*;?\s*$/i;

class WorkerFailure extends Error {
  readonly details: WorkerError;

  constructor(details: WorkerError) {
    super(details.message);
    this.details = details;
  }
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

interface Answer {
  readonly id: number;
  readonly inTransaction: boolean;
  readonly result?: unknown;
  readonly error?: WorkerError;
}

class SqliteConnection implements DriverConnection {
  /** Resolves when its thread is gone. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #readOnly: boolean;
  /** Then the connection is the database: to destroy it for a clean session would lose all data. */
  readonly #inMemory: boolean;
  readonly #pending = new Map<number, Pending>();
  /** Shared with the worker, which looks at it between the rows of a batch. */
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 0;
  #usable = true;
  #inTransaction = false;
  #changed = false;
  #onLost: () => void = () => {};

  constructor({ file, busyTimeoutMs, prepareCacheSize }: FileTarget, readOnly: boolean) {
    this.#readOnly = readOnly;
    this.#inMemory = file === ':memory:';
    const workerData = { file, readOnly, busyTimeoutMs, cacheSize: Math.max(1, prepareCacheSize), cancelled: this.#cancelled };
    // No flags of the parent (`--import tsx` and the like): the worker is plain JavaScript.
    this.#worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData, execArgv: [] });
    this.#worker.unref();
    this.ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#lost(error.message));
    this.#worker.on('exit', () => this.#lost('its thread ended'));
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

  async open(): Promise<void> {
    await this.#ask({ op: 'open' });
  }

  async execute({ text, values }: BoundStatement): Promise<DriverResult> {
    if (!this.#inMemory && mayChangeSession(text)) this.#changed = true;
    const sql = PLAIN_BEGIN.test(text) ? (this.#readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE') : text;
    const { lastInsertId, ...result } = (await this.#statement({ op: 'execute', text: sql, values: values.map(toWire) })) as DriverResult;
    return { ...result, ...(lastInsertId !== undefined && lastInsertId !== 0 && { lastInsertId }) };
  }

  async executeMany({ text, rows }: BoundBatch): Promise<number> {
    return (await this.#statement({ op: 'many', text, rows: rows.map((row) => row.map(toWire)) })) as number;
  }

  /** A statement in progress cannot be interrupted. Its caller is told at once, and the thread ends when the statement does. */
  async cancel(): Promise<void> {
    this.destroy();
  }

  async reset(): Promise<void> {
    if (this.#inTransaction) await this.#statement({ op: 'rollback' });
    // PRAGMA, ATTACH and temporary tables cannot be undone in general: a new connection is as good as new.
    if (this.#changed) throw new ConnectionLostError('its session was changed', false);
  }

  async close(): Promise<void> {
    if (!this.#usable) return;
    this.#worker.ref();
    await this.#ask({ op: 'close' }).catch(() => {});
    this.#usable = false;
    await this.ended;
  }

  destroy(): void {
    if (!this.#usable) return;
    Atomics.store(this.#cancelled, 0, 1);
    // It rolls back and closes when it gets to it; a thread that is merely terminated would keep its locks.
    this.#worker.postMessage({ id: -1, op: 'close' });
    this.#lost('it was retired');
  }

  onLost(listener: () => void): void {
    this.#onLost = listener;
  }

  async #statement(request: object): Promise<unknown> {
    const inTransaction = this.#inTransaction;
    try {
      return await this.#ask(request);
    } catch (error) {
      if (!(error instanceof WorkerFailure)) throw error;
      if (isFatal(error.details)) this.destroy();
      throw toStatementError(error.details, inTransaction);
    }
  }

  #ask(request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#usable) return reject(new ConnectionLostError('it was lost before', false));
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref(); // work under way keeps the process alive, an idle connection does not
      this.#worker.postMessage({ id, ...request });
    });
  }

  #settle({ id, inTransaction, result, error }: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    this.#inTransaction = inTransaction;
    if (error) pending.reject(new WorkerFailure(error));
    else pending.resolve(result);
  }

  #lost(reason: string): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    this.#worker.unref();
    const running = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of running) pending.reject(new ConnectionLostError(reason, !this.#readOnly));
    if (wasUsable && running.length === 0) this.#onLost();
  }
}

/** libsql takes only these; numbers it stores as REAL, and a boolean would end the process. */
function toWire(value: unknown): string | number | bigint | Uint8Array | null {
  const known = value as ParameterValue;
  if (typeof known === 'number') return Number.isSafeInteger(known) ? BigInt(known) : known;
  if (typeof known === 'boolean') return known ? 1n : 0n;
  if (typeof known === 'bigint') return checkedInteger(known);
  if (known instanceof Date) return known.toISOString().replace('T', ' ').slice(0, -1);
  if (known instanceof PostgresArray)
    throw new StatementParametersError('A PostgreSQL array cannot be sent to SQLite. Send a plain array: it arrives as JSON.');
  return known;
}

function checkedInteger(value: bigint): bigint {
  if (value <= 2n ** 63n - 1n) return value;
  throw new StatementParametersError('A parameter is an integer beyond 2^63, which SQLite cannot store. Send it as a string.');
}
