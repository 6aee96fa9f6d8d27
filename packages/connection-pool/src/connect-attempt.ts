/** One attempt to open a connection: with its time limit, and to be given up when nobody needs it any more. */
import type { Clock } from '@kailash-ts/core';
import type { PrewarmReason } from './ahead-kinds.ts';
import type { Driver, DriverConnection, HostPlan } from './driver.ts';
import { ConnectError } from './errors.ts';
import { setPatientTimer } from './patient-timer.ts';

export interface AttemptOptions {
  readonly pool: string;
  readonly driver: Driver;
  readonly plan: HostPlan;
  readonly slot: number;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Undefined for one that somebody waits for, or that makes up for a lost one. */
  readonly why?: PrewarmReason | undefined;
}

/** Modes: under way -> opened | failed | cancelled. A connection that comes late is destroyed. */
export class ConnectAttempt {
  readonly slot: number;
  readonly why: PrewarmReason | undefined;
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #stopTimer: () => void;
  #cancelled = false;

  constructor(
    options: AttemptOptions,
    outcome: { opened(connection: DriverConnection, durationMs: number): void; failed(error: unknown): void },
  ) {
    const { pool, driver, plan, slot, clock, timeoutMs, why } = options;
    this.slot = slot;
    this.why = why;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.#stopTimer = setPatientTimer(clock, () => this.#abort.abort(connectTimeout(pool, timeoutMs)), timeoutMs);
    connectUnder(driver, plan, this.#abort.signal).then(
      (connection) => {
        this.#stopTimer();
        outcome.opened(connection, this.#clock.now() - this.startedAt);
      },
      (error: unknown) => {
        this.#stopTimer();
        if (!this.#cancelled) outcome.failed(error);
      },
    );
  }

  /** Gives it up; neither `opened` nor `failed` is called any more. */
  cancel(): void {
    this.#cancelled = true;
    this.#stopTimer();
    this.#abort.abort();
  }
}

function connectTimeout(pool: string, limitMs: number): ConnectError {
  return new ConnectError(
    `Pool "${pool}": opening a connection took longer than connectTimeoutMs (${limitMs}). Check host, port and network.`,
    { reason: 'ETIMEDOUT', retryable: true },
  );
}

/** `driver.connect`, which ends with the signal even where the client library does not notice. */
function connectUnder(driver: Driver, plan: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    driver.connect(plan, signal).then((connection) => {
      if (signal.aborted) connection.destroy();
      else resolve(connection);
    }, reject);
  });
}
