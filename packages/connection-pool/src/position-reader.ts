/** One connection to one server, beside the pool's own, that asks how far its log goes. */
import { milliseconds } from './config.ts';
import type { ConnectionRole } from './contract.ts';
import type { Driver, DriverConnection } from './driver.ts';
import type { Host } from './host.ts';
import type { LogPosition } from './log-position.ts';
import type { PoolParts } from './parts.ts';
import { within } from './patient-timer.ts';

/** What a server says of itself. */
export interface Reading {
  readonly role: ConnectionRole;
  readonly position: LogPosition;
}

/** After a failure it waits, each time twice as long: a server that is away is not asked hundreds of times. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Modes: closed -> (read) -> open -> closed. Owned by the monitor of replicas, which asks one thing at a time, and closes it. */
export class PositionReader {
  readonly host: Host;
  readonly #driver: Driver;
  readonly #parts: PoolParts;
  #connection: DriverConnection | undefined;
  #stop = new AbortController();
  #pauseMs = 0;
  #pausedUntil = -Infinity;

  constructor(host: Host, driver: Driver, parts: PoolParts) {
    this.host = host;
    this.#driver = driver;
    this.#parts = parts;
  }

  /** Undefined when the server gives no answer now, or writes no log. Never rejects. */
  async read(): Promise<Reading | undefined> {
    const { clock, config } = this.#parts;
    if (clock.now() < this.#pausedUntil || !this.host.isAvailable) return undefined;
    let reading: Reading | undefined;
    const done = await within(clock, milliseconds(config.validateTimeoutMs), (async () => (reading = await this.#ask()))());
    if (done) this.#pauseMs = 0;
    else this.#failed();
    return reading;
  }

  close(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.usable) void connection.close();
  }

  async #ask(): Promise<Reading | undefined> {
    const { signal } = this.#stop;
    if (!this.#connection?.usable) {
      const opened = await this.#driver.connect(this.host.plan, signal);
      if (signal.aborted) return opened.destroy() as undefined;
      this.#connection = opened;
      opened.onLost(() => {});
    }
    const connection = this.#connection;
    const position = await connection.readPosition!();
    return position && { role: connection.role, position };
  }

  #failed(): void {
    this.#connection?.destroy();
    this.close();
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#pausedUntil = this.#parts.clock.now() + this.#pauseMs;
  }
}
