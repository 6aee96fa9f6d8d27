/** The connections to one server in one role: who has them, who waits for them, when another is opened. */
import type { Clock } from '@kailash-ts/core';
import { milliseconds, type PoolConfig } from './config.ts';
import type { AcquireOptions } from './contract.ts';
import type { Driver, DriverConnection, HostPlan } from './driver.ts';
import { Entry } from './entry.ts';
import { AcquireTimeoutError, AuthenticationError, ConnectError, PoolAbortedError, PoolClosedError, type PoolCounts } from './errors.ts';
import type { PoolCounters } from './stats.ts';
import { WaiterQueue } from './waiters.ts';

export interface HostOptions {
  readonly plan: HostPlan;
  readonly driver: Driver;
  readonly config: PoolConfig;
  readonly clock: Clock;
  readonly counters: PoolCounters;
}

/**
 * Modes: open -> (close) -> closed.
 *
 * Callers wait on the queue only; connections are opened beside it, at most as many as wait (so that a burst does not open
 * more than it needs: HikariCP, "Welcome to the Jungle"), and go to whoever waits longest. Idle ones are lent last in, first out.
 */
export class Host {
  readonly plan: HostPlan;
  readonly #options: HostOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #idle: Entry[] = [];
  readonly #waiters = new WaiterQueue<Entry>();
  readonly #connects = new Set<AbortController>();
  #numbered = 0;
  #closed = false;
  #lastFailure: unknown;
  #onEmptied: () => void = () => {};

  constructor(options: HostOptions) {
    this.plan = options.plan;
    this.#options = options;
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  get counts(): PoolCounts {
    const total = this.#entries.size;
    const idle = this.#idle.length;
    return { total, idle, active: total - idle, waiting: this.#waiters.size, max: this.plan.max };
  }

  /** An idle connection, reserved, if there is one: no waiting, no promise. */
  take(prefer: readonly string[] | undefined): Entry | undefined {
    const entry = (prefer && this.#preferred(prefer)) ?? this.#idle.pop();
    if (entry) entry.state = 'leased';
    return entry;
  }

  /** Waits in line. @param timeoutMs Infinity for no limit. */
  wait({ signal, runId }: AcquireOptions, timeoutMs: number): Promise<Entry> {
    const { clock, config } = this.#options;
    const waiter = this.#waiters.join(runId);
    waiter.limit(clock, timeoutMs, signal, {
      // Before it leaves the line, so that it counts itself.
      onTimeout: () =>
        new AcquireTimeoutError(config.name, timeoutMs, this.counts, this.#connects.size > 0 ? this.#lastFailure : undefined),
      onAbort: (reason) => new PoolAbortedError(`Waiting for a connection of pool "${config.name}"`, false, reason),
    });
    this.#connectForWaiters();
    return waiter.promise;
  }

  /** Fails those who wait for a run that is over. */
  dismiss(runId: string, error: () => unknown): void {
    this.#waiters.failAll(error, (waiter) => waiter.runId === runId);
  }

  /** Opens connections in the background until there are `count`. */
  fill(count: number): void {
    const wanted = Math.min(count, this.plan.max) - this.#entries.size - this.#connects.size;
    for (let index = 0; index < wanted; index++) this.#connect();
  }

  /** Takes back a clean connection. */
  giveBack(entry: Entry): void {
    if (this.#closed || !entry.connection.usable) return this.discard(entry);
    entry.usableId = entry.id;
    const waiter = this.#waiters.shift();
    entry.state = waiter ? 'leased' : 'idle';
    if (waiter) waiter.serve(entry);
    else this.#idle.push(entry);
  }

  /** Destroys a connection, and opens another if someone waits. */
  discard(entry: Entry): void {
    if (entry.state === 'gone') return;
    entry.state = 'gone';
    this.#entries.delete(entry.id);
    const index = this.#idle.indexOf(entry);
    if (index >= 0) this.#idle.splice(index, 1);
    entry.connection.destroy();
    if (this.#entries.size === 0) this.#onEmptied();
    this.#connectForWaiters();
  }

  /** Rejects waiters, ends idle connections and connects under way; resolves when leased ones are back or destroyed after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const { clock, config } = this.#options;
    this.#closed = true;
    this.#waiters.failAll(() => new PoolClosedError(config.name));
    for (const connect of this.#connects) connect.abort(new PoolClosedError(config.name));
    const idle = this.#idle.splice(0);
    const closing = idle.map((entry) => this.#closeIdle(entry, graceMs));
    if (this.#entries.size > idle.length) {
      let stopTimer: (() => void) | undefined;
      await new Promise<void>((resolve) => {
        this.#onEmptied = resolve;
        if (Number.isFinite(graceMs)) stopTimer = clock.setTimer(() => this.#destroyAll(), graceMs);
      });
      stopTimer?.();
    }
    await Promise.all(closing);
  }

  async #closeIdle(entry: Entry, graceMs: number): Promise<void> {
    const stopTimer = Number.isFinite(graceMs) ? this.#options.clock.setTimer(() => entry.connection.destroy(), graceMs) : undefined;
    await entry.connection.close();
    stopTimer?.();
    this.discard(entry);
  }

  #destroyAll(): void {
    for (const entry of [...this.#entries.values()]) this.discard(entry);
  }

  #preferred(prefer: readonly string[]): Entry | undefined {
    for (const id of prefer) {
      const index = this.#idle.findIndex((entry) => entry.id === id);
      if (index >= 0) return this.#idle.splice(index, 1)[0];
    }
    return undefined;
  }

  #connectForWaiters(): void {
    while (!this.#closed && this.#connects.size < this.#waiters.size && this.#entries.size + this.#connects.size < this.plan.max)
      this.#connect();
  }

  #connect(): void {
    const { driver, config, clock, counters } = this.#options;
    const abort = new AbortController();
    this.#connects.add(abort);
    const limit = milliseconds(config.connectTimeoutMs);
    const stopTimer = Number.isFinite(limit) ? clock.setTimer(() => abort.abort(connectTimeout(config.name, limit)), limit) : undefined;
    const finish = (): void => {
      stopTimer?.();
      this.#connects.delete(abort);
    };
    connectUnder(driver, this.plan, abort.signal).then(
      (connection) => {
        finish();
        counters.created += 1;
        this.#add(connection);
      },
      (error: unknown) => {
        finish();
        if (!this.#closed) counters.failed += 1;
        this.#failed(error);
      },
    );
  }

  #add(connection: DriverConnection): void {
    const { clock, config, counters } = this.#options;
    const { name, role } = this.plan;
    const id = `${name}-${++this.#numbered}`;
    const entry = new Entry({ id, role, connection, clock, cancelGraceMs: milliseconds(config.cancelGraceMs) });
    connection.onLost(() => {
      counters.failed += 1;
      if (entry.state === 'idle') this.discard(entry); // a leased one is found out by its borrower
    });
    this.#lastFailure = undefined;
    this.#entries.set(id, entry);
    this.giveBack(entry);
  }

  /**
   * A failed connect is the answer for whoever waits longest, unless the server is merely full and we have connections that come back.
   * A refused login is the answer for all: one attempt each would lock the user out.
   */
  #failed(error: unknown): void {
    this.#lastFailure = error;
    if (error instanceof ConnectError && error.serverFull && this.#entries.size > 0) return;
    if (error instanceof AuthenticationError) return this.#waiters.failAll(() => error);
    this.#waiters.shift()?.fail(error);
    this.#connectForWaiters();
  }
}

function connectTimeout(pool: string, limitMs: number): ConnectError {
  return new ConnectError(
    `Pool "${pool}": opening a connection took longer than connectTimeoutMs (${limitMs}). Check host, port and network.`,
    {
      reason: 'ETIMEDOUT',
      retryable: true,
    },
  );
}

/** `driver.connect`, which ends with the signal even where the client library does not notice; a connection that comes late is destroyed. */
function connectUnder(driver: Driver, plan: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    driver.connect(plan, signal).then((connection) => {
      if (signal.aborted) connection.destroy();
      else resolve(connection);
    }, reject);
  });
}
