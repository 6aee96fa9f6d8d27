/** The thread behind SQLite connections: one request after the other. */
import { Worker } from 'node:worker_threads';
import type { FileTarget } from '../config.ts';
import { ConnectionLostError } from '../errors.ts';
import type { WorkerError } from './sqlite-errors.ts';

/** What went wrong in the worker. */
export class WorkerFailure extends Error {
  readonly details: WorkerError;

  constructor(details: WorkerError) {
    super(details.message);
    this.details = details;
  }
}

/** What the worker does. See `sqlite-worker.js`. */
export type WorkerRequest =
  | { readonly op: 'open' | 'ping' | 'end' | 'rollback' | 'reset' | 'close' }
  | { readonly op: 'execute'; readonly text: string; readonly values: readonly unknown[]; readonly maxRows?: number | undefined }
  | { readonly op: 'stream'; readonly text: string; readonly values: readonly unknown[]; readonly size: number }
  | { readonly op: 'next'; readonly size: number }
  | { readonly op: 'many'; readonly text: string; readonly rows: readonly (readonly unknown[])[] };

export interface WorkerAnswer {
  readonly result: unknown;
  readonly inTransaction: boolean;
  /** Instead of a result. */
  readonly error?: WorkerError | undefined;
}

interface Pending {
  resolve(answer: WorkerAnswer): void;
  reject(error: unknown): void;
}

/** In place of a request's id. */
const EVERYTHING = -1;

/** A worker with one database. Modes: alive -> (close, or it breaks) -> gone. */
export class SqliteThread {
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Shared with the worker, which looks at it between rows: the id of a request that nobody waits for. */
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 1;
  #alive = true;
  #onGone: (reason: string) => void = () => {};

  constructor({ file, busyTimeoutMs, prepareCacheSize }: FileTarget, readOnly: boolean) {
    const workerData = { file, readOnly, busyTimeoutMs, cacheSize: Math.max(1, prepareCacheSize), cancelled: this.#cancelled };
    // No flags of the parent (`--import tsx` and the like): the worker is plain JavaScript.
    this.#worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData, execArgv: [] });
    this.#worker.unref();
    this.ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (answer: WorkerAnswer & { readonly id: number }) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#gone(error.message));
    this.#worker.on('exit', () => this.#gone('its thread ended'));
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The one connection that is told when it breaks. */
  onGone(listener: (reason: string) => void): void {
    this.#onGone = listener;
  }

  /** @throws ConnectionLostError when the thread is gone; what SQLite refuses is in the answer */
  ask(request: WorkerRequest): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return reject(new ConnectionLostError('it was lost before', false));
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref(); // work under way keeps the process alive, an idle connection does not
      this.#worker.postMessage({ id, ...request });
    });
  }

  /** The request in hand gives up as soon as it looks. */
  cancel(): void {
    const running = this.#pending.keys().next().value;
    if (running !== undefined) Atomics.store(this.#cancelled, 0, running);
  }

  /** Ends after what runs, which is cancelled; a thread that is merely terminated would keep its locks. */
  retire(): void {
    if (!this.#alive) return;
    Atomics.store(this.#cancelled, 0, EVERYTHING);
    this.#worker.postMessage({ id: 0, op: 'close' });
    this.#gone('it was retired');
  }

  /** Ends in order. Never rejects. */
  async close(): Promise<void> {
    if (!this.#alive) return;
    await this.ask({ op: 'close' }).catch(() => {});
    this.#alive = false;
    await this.ended;
  }

  #settle({ id, ...answer }: WorkerAnswer & { readonly id: number }): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    pending.resolve(answer);
  }

  #gone(reason: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#worker.unref();
    const running = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of running) pending.reject(new ConnectionLostError(reason, true));
    this.#onGone(reason);
  }
}
