/** Opens connections to one server, and knows whether that makes sense now. */
import { serializeError, type SerializedError } from '@kailash-ts/core';
import { CircuitBreaker } from './breaker.ts';
import { milliseconds } from './config.ts';
import type { PrewarmReason } from './ahead-kinds.ts';
import { ConnectAttempt } from './connect-attempt.ts';
import type { Driver, DriverConnection, HostPlan } from './driver.ts';
import { AuthenticationError, ConnectError } from './errors.ts';
import type { PoolParts } from './parts.ts';
import { Supervisor } from './supervisor.ts';

/** The host that it works for. */
export interface ConnectorOwner {
  /** How many connections there are. */
  total(): number;
  /** How many there may be. */
  size(): number;
  opened(connection: DriverConnection, attempt: Pick<ConnectAttempt, 'slot' | 'why'>, durationMs: number): void;
  /** No more will be opened for a while: whoever can only be served by a new connection waits in vain. */
  refused(error: unknown): void;
  /** An attempt or a pause has ended, in whatever way. */
  settled(): void;
}

/**
 * At most `maxConcurrentConnects` attempts at a time, one at a time while the server refuses, with pauses between them that grow.
 * Modes by the circuit breaker: closed -> open after refusals in a row (at once when refused for good, as a login is) -> half-open by
 * the first connection that opens again -> closed.
 */
export class Connector {
  readonly breaker: CircuitBreaker;
  readonly supervisor: Supervisor;
  readonly #plan: HostPlan;
  readonly #driver: Driver;
  readonly #parts: PoolParts;
  readonly #owner: ConnectorOwner;
  readonly #attempts = new Set<ConnectAttempt>();
  /** The supervisor's places that are taken, by connections and attempts. */
  readonly #slots = new Set<number>();
  /** Of the last attempt, if it failed. */
  #lastFailure: unknown;
  #lastFailureAt = -Infinity;
  /** Until then nothing is opened that nobody waits for. */
  #refillAt = -Infinity;
  #stopPause: (() => void) | undefined;
  #closed = false;

  constructor(plan: HostPlan, driver: Driver, parts: PoolParts, owner: ConnectorOwner) {
    this.#plan = plan;
    this.#driver = driver;
    this.#parts = parts;
    this.#owner = owner;
    const { config, clock, random, events } = parts;
    const name = `${config.name}/${plan.name}`;
    this.breaker = new CircuitBreaker(name, config.circuitBreaker, clock);
    this.supervisor = new Supervisor({ name, ...config.supervisor, random });
    this.breaker.addListener((from, to) => {
      const reason = this.breaker.getStatus().stateTransitions.at(-1)?.reason ?? '';
      events.emit('breaker:changed', { pool: config.name, host: plan.name, from, to, reason });
    });
  }

  /** Attempts under way. */
  get connecting(): number {
    return this.#attempts.size;
  }

  get lastFailure(): unknown {
    return this.#lastFailure;
  }

  /** Whether new connections may be hoped for. */
  get isPromising(): boolean {
    return this.#lastFailure === undefined || this.breaker.state !== 'open' || this.breaker.timeUntilRecoveryMs === 0;
  }

  /** Whether `connect` may be called for someone who waits. */
  get canConnect(): boolean {
    if (!this.#hasRoom || this.#stopPause || (this.breaker.state === 'open' && this.breaker.timeUntilRecoveryMs !== 0)) return false;
    const failing = this.#lastFailure !== undefined || this.breaker.state !== 'closed';
    return this.#attempts.size < (failing ? 1 : this.#parts.config.maxConcurrentConnects);
  }

  /** Whether the server should be tried although nobody asks: so the pool recovers by itself. */
  get mustProbe(): boolean {
    return this.breaker.state === 'open' && this.#hasRoom && !this.#stopPause && this.#attempts.size === 0;
  }

  /** The same for one that nobody waits for: a server that ends connections again and again is given a rest. */
  get canRefill(): boolean {
    return this.canConnect && this.#parts.clock.now() >= this.#refillAt;
  }

  /** Opens one more connection, in the background. @param why if nobody asks for it yet */
  connect(why?: PrewarmReason): void {
    const { config, clock } = this.#parts;
    const slot = this.#takeSlot();
    const timeoutMs = milliseconds(config.connectTimeoutMs);
    const attempt: ConnectAttempt = new ConnectAttempt(
      { pool: config.name, driver: this.#driver, plan: this.#plan, slot, clock, timeoutMs, why },
      {
        opened: (connection, durationMs) => this.#opened(attempt, connection, durationMs),
        failed: (error) => this.#failed(attempt, error),
      },
    );
    this.#attempts.add(attempt);
  }

  /** Gives up attempts beyond the first `needed`. */
  giveUpBeyond(needed: number): void {
    for (const attempt of [...this.#attempts].slice(needed)) {
      this.#forget(attempt);
      attempt.cancel();
      this.#parts.metrics.surplusConnectCancelled();
      this.supervisor.removed(attempt.slot);
    }
  }

  /** A connection was closed on purpose. */
  removed(slot: number): void {
    this.#slots.delete(slot);
    this.supervisor.removed(slot);
  }

  /** A connection was lost. @returns the slots of others that must be replaced, too */
  lost(slot: number, connectionId: string, reason: string): readonly number[] {
    this.#slots.delete(slot);
    const { events, config, clock } = this.#parts;
    const before = this.supervisor.state;
    const { action, slots, restartCount, delayMs } = this.supervisor.failed(slot, reason, clock.now());
    const ids = { pool: config.name, host: this.#plan.name };
    if (action === 'restart') events.emit('supervisor:restarting', { ...ids, connectionId, restartCount, delayMs });
    else {
      if (before === 'running') events.emit('supervisor:escalated', { ...ids, restartCount, retryInMs: delayMs });
      this.#refillAt = clock.now() + delayMs;
    }
    return slots.slice(1);
  }

  /** What works tells that the server is there. */
  succeeded(): void {
    if (this.breaker.state === 'open') this.breaker.halfOpen('the server answers again');
    this.breaker.success();
  }

  close(): void {
    this.#closed = true;
    this.supervisor.stop();
    this.#stopPause?.();
    for (const attempt of this.#attempts) attempt.cancel();
    this.#attempts.clear();
  }

  get #hasRoom(): boolean {
    return !this.#closed && this.#owner.total() + this.#attempts.size < this.#owner.size();
  }

  #opened(attempt: ConnectAttempt, connection: DriverConnection, durationMs: number): void {
    this.#attempts.delete(attempt);
    if (this.#closed) return connection.destroy();
    this.#parts.metrics.connected(durationMs);
    this.#lastFailure = undefined;
    this.succeeded();
    this.#started(attempt.slot);
    this.#owner.opened(connection, attempt, durationMs);
    this.#owner.settled();
  }

  /** Also ends the waiting of places that nobody needs filled any more: the server works. */
  #started(slot: number): void {
    const { events, config } = this.#parts;
    const before = this.supervisor.state;
    this.supervisor.started(slot);
    for (const waiting of this.supervisor.waiting()) if (!this.#slots.has(waiting)) this.supervisor.removed(waiting);
    if (before === 'failing' && this.supervisor.state === 'running')
      events.emit('supervisor:recovered', { pool: config.name, host: this.#plan.name });
  }

  #failed(attempt: ConnectAttempt, error: unknown): void {
    if (this.#closed) return;
    const { metrics, events, config, clock } = this.#parts;
    this.#forget(attempt);
    metrics.connectFailed(error);
    const full = error instanceof ConnectError && error.serverFull;
    const isFinal = !full && !isOfHook(error) && (error as { retryable?: unknown }).retryable !== true;
    // Attempts that were under way at the first refusal say nothing new.
    const isNews = attempt.startedAt >= this.#lastFailureAt;
    this.#lastFailure = error;
    this.#lastFailureAt = clock.now();
    if (isFinal)
      this.breaker.forceOpen(error instanceof AuthenticationError ? 'the login was refused' : 'connecting cannot succeed', error);
    else if (!full && isNews) this.breaker.failure(error);
    const before = this.supervisor.state;
    const { action, restartCount, delayMs } = this.supervisor.failed(attempt.slot, 'could not be opened', clock.now());
    const retryInMs = isFinal && !this.#isOnItsWay(error) ? config.circuitBreaker.recoveryTimeoutMs : delayMs;
    const ids = { pool: config.name, host: this.#plan.name };
    events.emit('connection:refused', { ...ids, error: withoutCause(error), retryInMs, serverFull: full });
    if (action === 'escalate' && before === 'running') events.emit('supervisor:escalated', { ...ids, restartCount, retryInMs });
    this.#pause(retryInMs);
    if (isFinal || !this.isPromising) this.#owner.refused(error);
    this.#owner.settled();
  }

  /** A database that a replica does not know is one that it has not replayed yet, more often than a mistake. */
  #isOnItsWay(error: unknown): boolean {
    return this.#plan.role === 'replica' && error instanceof ConnectError && NO_DATABASE.has(error.reason);
  }

  #forget(attempt: ConnectAttempt): void {
    this.#attempts.delete(attempt);
    this.#slots.delete(attempt.slot);
  }

  #pause(delayMs: number): void {
    this.#stopPause?.();
    const stop = this.#parts.clock.setTimer(
      () => {
        this.#stopPause = undefined;
        this.#owner.settled();
      },
      delayMs,
      { background: true },
    );
    this.#stopPause = stop;
  }

  #takeSlot(): number {
    for (const waiting of this.supervisor.waiting()) {
      if (this.#slots.has(waiting)) continue;
      this.#slots.add(waiting);
      return waiting;
    }
    let slot = 1;
    while (this.#slots.has(slot)) slot += 1;
    this.#slots.add(slot);
    return slot;
  }
}

/** What `onConnect` throws says nothing about the server, nor about the next try. */
/** By the reasons of both drivers. */
const NO_DATABASE: ReadonlySet<string | undefined> = new Set(['3D000', 'ER_BAD_DB_ERROR']);

const isOfHook = (error: unknown): boolean => error instanceof ConnectError && error.reason === 'ON_CONNECT';

/** Without its cause: what a hook of the user's threw is not ours to tell. */
function withoutCause(error: unknown): SerializedError {
  const { cause: _, ...rest } = serializeError(error);
  return rest;
}
