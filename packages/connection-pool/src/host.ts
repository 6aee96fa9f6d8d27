/** The connections to one server: who has them, and what becomes of each. */
import { milliseconds } from './config.ts';
import type { PrewarmReason } from './ahead-kinds.ts';
import type { ConnectAttempt } from './connect-attempt.ts';
import { Connector } from './connector.ts';
import type { ConnectionRole } from './contract.ts';
import type { Driver, DriverConnection, HostPlan } from './driver.ts';
import { Entry, type Home } from './entry.ts';
import { ConnectionLostError, PoolClosedError } from './errors.ts';
import type { CloseReason } from './events.ts';
import type { HealthSignal } from './health.ts';
import type { PoolMetrics } from './metrics.ts';
import type { PoolParts } from './parts.ts';
import { setPatientTimer, within } from './patient-timer.ts';

/** Those for whom a host opens and keeps connections. */
export interface Callers {
  /** Gives the connection to whoever waits for one like it. */
  serve(host: Host, entry: Entry): boolean;
  /** There is room, or one attempt less: whoever waits may want another connection opened. */
  changed(host: Host): void;
  /** No connection will be opened for a while. */
  refused(host: Host, error: unknown): void;
  /** A connection tells what its server is. */
  roleFound(host: Host, role: ConnectionRole): void;
}

/**
 * Modes: open -> (close) -> closed. Connections are opened beside those who wait, never by them, and lent last in, first out, so that
 * few are kept busy and the rest may expire.
 */
export class Host implements Home {
  readonly plan: HostPlan;
  readonly connector: Connector;
  /** What the server was found to be last. */
  role: ConnectionRole;
  readonly #parts: PoolParts;
  readonly #callers: Callers;
  /** Whether a check also asks what the server is: where there are others that might have taken its place. */
  readonly #watchesRole: boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #idle: Entry[] = [];
  #floor: number;
  #ceiling: number;
  /** Why the floor is as high as it is, while it is not reached. */
  #raisedFor: PrewarmReason | undefined;
  #numbered = 0;
  #closed = false;
  /** Of all its connections together; kept beside them, because it is asked for at each read. */
  #healthSum = 0;
  #latencyMs: number | null = null;
  #onEmptied: () => void = () => {};
  #onSettled: (() => void)[] = [];

  constructor(plan: HostPlan, driver: Driver, parts: PoolParts, callers: Callers) {
    this.#watchesRole = driver.hosts.length > 1;
    this.plan = plan;
    this.role = plan.role;
    this.#parts = parts;
    this.#callers = callers;
    this.#floor = plan.min;
    this.#ceiling = plan.max;
    this.connector = new Connector(plan, driver, parts, {
      total: () => this.total,
      size: () => this.size,
      opened: (connection, attempt, durationMs) => this.#opened(connection, attempt, durationMs),
      refused: (error) => callers.refused(this, error),
      settled: () => this.#settled(),
    });
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  get total(): number {
    return this.#entries.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** Mean score of its connections; 100 without any. */
  get health(): number {
    return this.total === 0 ? 100 : this.#healthSum / this.total;
  }

  /** How long its statements take, the latest ones counting most; null before the first. */
  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  /** How many there may be. */
  get size(): number {
    return this.#ceiling;
  }

  /** How many there shall be at least. */
  get floor(): number {
    return this.#floor;
  }

  /** Whether waiting for a connection of it makes sense: it has some, or may get some. */
  get isAvailable(): boolean {
    return this.#entries.size > 0 || this.connector.isPromising;
  }

  /** An idle connection, reserved, if there is one: no waiting, no promise. */
  take(prefer: readonly string[] | undefined): Entry | undefined {
    const entry = (prefer && this.#preferred(prefer)) ?? this.#idle.pop();
    if (entry) entry.state = 'leased';
    return entry;
  }

  /** Opens what is missing to the floor; while the circuit is open, one to see whether the server is back. */
  upkeep(): void {
    const { connector } = this;
    if (connector.mustProbe) return connector.connect();
    while (this.total + connector.connecting < this.#floor && connector.canRefill) connector.connect(this.#raisedFor);
    if (this.total + connector.connecting >= this.#floor) this.#raisedFor = undefined;
  }

  /** Opens connections in the background until so many are idle or on their way. */
  warm(count: number, why: PrewarmReason): void {
    const { connector } = this;
    while (this.#idle.length + connector.connecting < count && connector.canConnect) connector.connect(why);
  }

  /** Gives up attempts that nobody needs. One goes on: what has begun may be needed in a moment. */
  giveUpSurplus(needed: number): void {
    this.connector.giveUpBeyond(Math.max(1, needed, this.#floor - this.total));
  }

  /** Resolves when there are `count` connections. @throws as the attempts that failed, when no more will follow */
  async ensure(count: number, signal: AbortSignal): Promise<void> {
    const { connector } = this;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (;;) {
      if (this.#closed) throw new PoolClosedError(this.#parts.config.name);
      if (this.total >= Math.min(count, this.#ceiling)) return;
      if (!this.isAvailable) throw connector.lastFailure;
      signal.throwIfAborted();
      while (this.total + connector.connecting < count && connector.canConnect) connector.connect();
      await Promise.race([aborted, new Promise<void>((resolve) => this.#onSettled.push(resolve))]);
    }
  }

  /** Takes back a clean connection. */
  giveBack(entry: Entry, now = this.#parts.clock.now()): void {
    if (entry.role !== this.role) this.#callers.roleFound(this, entry.role);
    const reason = this.reasonToDiscard(entry, now);
    if (reason) return this.discard(entry, reason);
    entry.holder = undefined;
    // Also of one that is handed on: it has just proved itself alive, and needs no check.
    entry.idleSince = now;
    entry.state = 'leased';
    if (this.#callers.serve(this, entry)) return;
    entry.state = 'idle';
    this.#idle.push(entry);
  }

  /** Ends a connection, and replaces it where that is needed. */
  discard(entry: Entry, reason: CloseReason): void {
    if (entry.state === 'gone') return;
    const { events, metrics, config, clock } = this.#parts;
    entry.state = 'gone';
    entry.holder = undefined;
    entry.health.enter('terminated');
    if (this.#entries.delete(entry.id)) this.#healthSum -= entry.health.score;
    this.#removeIdle(entry);
    this.#end(entry);
    entry.abandon();
    countClosed(metrics, reason);
    const ids = { pool: config.name, host: this.plan.name, connectionId: entry.id };
    if (events.has('connection:closed')) events.emit('connection:closed', { ...ids, reason, ageMs: clock.now() - entry.openedAt });
    if (!this.#closed && (reason === 'lost' || reason === 'failed_check')) this.#restart(this.connector.lost(entry.slot, entry.id, reason));
    else this.connector.removed(entry.slot);
    if (this.total === 0) this.#onEmptied();
    this.#settled();
  }

  /** Ends what runs on a lent connection, within `cancelGraceMs`, and then the connection. */
  async stop(entry: Entry, reason: unknown, because: CloseReason): Promise<void> {
    entry.interrupt(reason);
    if (entry.busy) await within(this.#parts.clock, milliseconds(this.#parts.config.cancelGraceMs), entry.quiet());
    this.discard(entry, because);
  }

  /** Every connection is replaced: idle ones now, lent ones when they come back. */
  evictAll(reason: CloseReason): void {
    this.#evict([...this.#entries.values()], reason);
  }

  /** Lets the score of a connection follow what it has shown. */
  signal(entry: Entry, signal: HealthSignal): void {
    const before = entry.health.score;
    const from = entry.health.note(signal);
    if (this.#entries.has(entry.id)) this.#healthSum += entry.health.score - before;
    if (from === undefined) return;
    const { state: to, score } = entry.health;
    const { config, events } = this.#parts;
    events.emit('connection:health-changed', { pool: config.name, host: this.plan.name, connectionId: entry.id, from, to, score });
  }

  /** What a failed statement says about its connection and server. Mistakes in SQL say nothing. */
  judge(entry: Entry, error: unknown): void {
    const { code } = error as { code?: unknown };
    if (code === 'POOL_CONNECTION_LOST') {
      this.signal(entry, 'connection_error');
      this.connector.breaker.failure(error);
    } else if (code === 'POOL_STATEMENT_TIMEOUT') this.signal(entry, 'timeout');
    else if (code === 'POOL_READ_ONLY_CONNECTION') entry.roleIsDoubtful = true;
    else if (code === 'POOL_STATEMENT_FAILED') this.connector.succeeded();
  }

  /** A statement went well. */
  worked(durationMs: number): void {
    const before = this.#latencyMs;
    this.#latencyMs = before === null ? durationMs : before + (durationMs - before) * NEWEST_COUNTS;
    this.connector.succeeded();
  }

  /** Whether a connection is alive, within the time; one that is not is discarded. The caller has reserved it. */
  async check(entry: Entry, timeoutMs: number): Promise<boolean> {
    const { clock, config, metrics } = this.#parts;
    const startedAt = clock.now();
    const alive = await within(clock, timeoutMs, this.#watchesRole ? entry.probeRole() : entry.ping());
    const durationMs = (entry.checkedAt = clock.now()) - startedAt;
    const failure = alive && entry.connection.usable ? undefined : new ConnectionLostError('it did not answer a check', false);
    metrics.healthChecked(failure === undefined, durationMs, failure);
    this.signal(entry, failure ? 'check_failed' : durationMs > milliseconds(config.slowCheckMs) ? 'check_slow' : 'check_passed');
    if (!failure) {
      this.connector.succeeded();
      return true;
    }
    this.connector.breaker.failure(failure);
    this.discard(entry, 'failed_check');
    return false;
  }

  /** The connection that the next caller will be lent, where another one is left for whoever comes meanwhile. */
  get spare(): Entry | undefined {
    return this.#idle.length > 1 ? this.#idle.at(-1) : undefined;
  }

  /** Takes an idle connection for the pool's own use. */
  reserve(entry: Entry): void {
    this.#removeIdle(entry);
    entry.state = 'checking';
  }

  /** Checks an idle connection in the background. */
  async checkIdle(entry: Entry): Promise<void> {
    this.reserve(entry);
    if (await this.check(entry, milliseconds(this.#parts.config.validateTimeoutMs))) this.giveBack(entry);
  }

  /** Keeps exactly so many connections from now on. */
  resize(wanted: number): void {
    const size = Math.min(wanted, this.plan.max);
    this.setLimits(size, size);
  }

  /** How many there shall be at least and at most; idle ones beyond that are closed now, lent ones when they come back. */
  setLimits(floor: number, ceiling: number, raisedFor?: PrewarmReason): void {
    this.#raisedFor = raisedFor;
    this.#floor = floor;
    this.#ceiling = ceiling;
    this.connector.giveUpBeyond(Math.max(0, ceiling - this.total));
    while (this.total > ceiling && this.#idle.length > 0) this.discard(this.#idle[0]!, 'resized');
    this.#settled();
  }

  /** Ends idle connections and attempts; resolves when lent ones are back or destroyed after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const { clock } = this.#parts;
    this.#closed = true;
    this.connector.close();
    this.#settled();
    for (const entry of [...this.#entries.values()]) if (entry.state === 'checking') this.discard(entry, 'pool_closed');
    const idle = this.#idle.splice(0);
    const closing = idle.map((entry) => this.#closeIdle(entry, graceMs));
    if (this.total > idle.length) {
      let stopTimer!: () => void;
      await new Promise<void>((resolve) => {
        this.#onEmptied = resolve;
        stopTimer = setPatientTimer(clock, () => this.#endLent(), graceMs);
      });
      stopTimer();
    }
    await Promise.all(closing);
  }

  async #closeIdle(entry: Entry, graceMs: number): Promise<void> {
    const stopTimer = setPatientTimer(this.#parts.clock, () => entry.connection.destroy(), graceMs);
    await entry.connection.close();
    stopTimer();
    this.discard(entry, 'pool_closed');
  }

  /** What still runs is told to its callers as aborted, cancelled on the server, and ends with its connection. */
  #endLent(): void {
    for (const entry of [...this.#entries.values()]) void this.stop(entry, new PoolClosedError(this.#parts.config.name), 'pool_closed');
  }

  /** In order where that is possible; its farewell is nobody's to wait for. */
  #end(entry: Entry): void {
    const { connection } = entry;
    if (!entry.isClean) return connection.destroy();
    const stopTimer = setPatientTimer(this.#parts.clock, () => connection.destroy(), FAREWELL_MS);
    void connection.close().then(stopTimer);
  }

  /** Why a connection must not be lent again, if so. */
  reasonToDiscard(entry: Entry, now = this.#parts.clock.now()): CloseReason | undefined {
    if (this.#closed) return 'pool_closed';
    if (!entry.connection.usable) return entry.wasStopped ? 'cancelled' : 'lost';
    if (entry.retireBecause) return entry.retireBecause;
    if (this.total > this.#ceiling) return 'resized';
    if (now >= entry.retireAt) return 'max_lifetime';
    return entry.health.score < this.#parts.settings.healthThreshold && !this.plan.permanent ? 'unhealthy' : undefined;
  }

  #opened(connection: DriverConnection, { slot, why }: Pick<ConnectAttempt, 'slot' | 'why'>, durationMs: number): void {
    const { ahead, events, config, clock, random } = this.#parts;
    const lifetimeMs = milliseconds(config.maxLifetimeMs) * (1 - random() / 10);
    const retireAt = this.plan.permanent ? Infinity : clock.now() + lifetimeMs;
    const id = `${this.plan.name}-${++this.#numbered}`;
    const cancelGraceMs = milliseconds(config.cancelGraceMs);
    const entry = new Entry({ id, slot, home: this, connection, clock, cancelGraceMs, retireAt });
    entry.health.enter('healthy');
    connection.onLost(() => this.#lostIdle(entry));
    this.#callers.roleFound(this, connection.role);
    this.#entries.set(id, entry);
    this.#healthSum += entry.health.score;
    if (events.has('connection:opened'))
      events.emit('connection:opened', { pool: config.name, host: this.plan.name, connectionId: id, role: connection.role, durationMs });
    ahead.opened(entry, why, durationMs);
    this.giveBack(entry);
  }

  /** One that is lent or being checked is found out by whoever has it. */
  #lostIdle(entry: Entry): void {
    this.signal(entry, 'connection_error');
    if (entry.state === 'idle') this.discard(entry, 'lost');
  }

  /** The supervisor's strategy may want others replaced as well. */
  #restart(slots: readonly number[]): void {
    if (slots.length > 0)
      this.#evict(
        [...this.#entries.values()].filter((entry) => slots.includes(entry.slot)),
        'restart',
      );
  }

  #evict(entries: readonly Entry[], reason: CloseReason): void {
    for (const entry of entries) entry.retireBecause ??= reason;
    for (const entry of entries) if (entry.state === 'idle') this.discard(entry, reason);
  }

  #settled(): void {
    for (const resolve of this.#onSettled.splice(0)) resolve();
    if (this.#closed) return;
    this.upkeep();
    this.#callers.changed(this);
  }

  #preferred(prefer: readonly string[]): Entry | undefined {
    for (const id of prefer) {
      const entry = this.#entries.get(id);
      if (entry?.state !== 'idle') continue;
      this.#removeIdle(entry);
      return entry;
    }
    return undefined;
  }

  #removeIdle(entry: Entry): void {
    const index = this.#idle.indexOf(entry);
    if (index >= 0) this.#idle.splice(index, 1);
  }
}

function countClosed(metrics: PoolMetrics, reason: CloseReason): void {
  if (reason === 'lost' || reason === 'failed_check') metrics.lost();
  else if (reason === 'could_not_be_cleaned' || reason === 'leaked') metrics.discarded();
  else if (reason !== 'pool_closed') metrics.recycled();
}

/** The part of the newest statement in the mean of all. */
const NEWEST_COUNTS = 0.1;

/** How long a connection may take to say goodbye. */
const FAREWELL_MS = 1000;
