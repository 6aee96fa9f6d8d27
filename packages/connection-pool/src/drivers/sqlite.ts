/**
 * SQLite through libsql, in worker threads: one writer and several readers of one file in WAL mode; `:memory:` is one
 * connection that does both. Readers refuse to write (`PRAGMA query_only`).
 */
import { createRequire } from 'node:module';
import type { FileTarget } from '../config.ts';
import type { Driver, DriverConnection, HostPlan } from '../driver.ts';
import { DriverMissingError } from '../errors.ts';
import { untilAborted } from './new-session.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { toConnectError } from './sqlite-errors.ts';
import { SqliteThread, WorkerFailure } from './sqlite-thread.ts';

/** Driver for SQLite. @throws DriverMissingError when libsql is not installed (at the first connect). */
export class SqliteDriver implements Driver {
  readonly dialect = 'sqlite';
  readonly hosts: readonly HostPlan[];
  readonly #target: FileTarget;
  /** Opening changes the file to WAL mode, which two connections cannot do at once. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #threads = new Set<SqliteThread>();
  /** That of `:memory:`, which lives as long as this driver, whatever becomes of connections: it is the database. */
  #memory: SqliteThread | undefined;

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
    this.#memory?.retire();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, RETIREMENT_MS)));
    await Promise.race([Promise.all([...this.#threads].map((thread) => thread.ended)), limit]);
    clearTimeout(timer);
  }

  async #open(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    signal.throwIfAborted();
    requireLibsql();
    const { file } = this.#target;
    const inMemory = file === ':memory:';
    const connection = new SqliteConnection(this.#threadFor(host), { role: host.role, inMemory });
    const drop = (): void => connection.destroy();
    signal.addEventListener('abort', drop, { once: true });
    try {
      await untilAborted(connection.begin(), signal);
      await untilAborted(connection.prepare(this.#target), signal);
      return connection;
    } catch (error) {
      connection.destroy();
      throw signal.aborted ? signal.reason : error instanceof WorkerFailure ? toConnectError(error.details, file) : error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  #threadFor({ role }: HostPlan): SqliteThread {
    if (this.#memory?.alive) return this.#memory;
    const thread = new SqliteThread(this.#target, role === 'replica');
    this.#threads.add(thread);
    void thread.ended.then(() => this.#threads.delete(thread));
    if (this.#target.file === ':memory:') this.#memory = thread;
    return thread;
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
