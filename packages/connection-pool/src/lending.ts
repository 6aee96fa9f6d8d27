/** Who is lent which connection, and how it comes back. */
import { milliseconds, type PoolConfig } from './config.ts';
import type { AcquireOptions, ConnectionRole, Lease, ReleaseResult } from './contract.ts';
import type { Driver } from './driver.ts';
import type { Entry } from './entry.ts';
import {
  AcquireTimeoutError,
  LeaseReleasedError,
  PoolAbortedError,
  PoolClosedError,
  RunFinishedError,
  type LongestHeld,
  type PoolCounts,
} from './errors.ts';
import { HeldLeases, type LeaseHolder } from './held-leases.ts';
import { Housekeeper } from './housekeeper.ts';
import { PoolLease, type LeaseOwner } from './lease.ts';
import type { Holders, Line } from './line.ts';
import type { PoolParts } from './parts.ts';
import { within } from './patient-timer.ts';
import { Runs } from './runs.ts';
import type { AdaptivePoolController, LoadForecast } from './sizing/controller.ts';
import { takeBack } from './take-back.ts';
import { isAskAgain, Topology } from './topology.ts';

/** Modes: new -> (first use) -> started -> (close) -> closed. Owned by its pool. */
export class Lending implements Holders {
  readonly #parts: PoolParts;
  readonly #loadDriver: (config: PoolConfig) => Driver | Promise<Driver>;
  readonly #owner: LeaseOwner;
  /** Leases that callers know: those of `acquire`, not those of one statement. */
  readonly #leases: HeldLeases;
  readonly #runs = new Runs();
  #issued = 0;
  #driver: Promise<Driver> | undefined;
  #topology: Topology | undefined;
  #housekeeper: Housekeeper | undefined;
  #initialized = false;
  #closed = false;
  /** Set by `resize` before there are hosts. */
  #size: number | undefined;
  readonly #bypassMs: number;
  #sizing: AdaptivePoolController | undefined;
  readonly #forecast: LoadForecast;

  /** @param forecast leases a second */
  constructor(parts: PoolParts, loadDriver: (config: PoolConfig) => Driver | Promise<Driver>, owner: LeaseOwner, forecast: LoadForecast) {
    this.#parts = parts;
    this.#forecast = forecast;
    this.#loadDriver = loadDriver;
    this.#owner = owner;
    this.#leases = new HeldLeases(parts.config.name);
    this.#bypassMs = milliseconds(parts.config.validateAfterIdleMs);
  }

  get topology(): Topology | undefined {
    return this.#topology;
  }

  /** Who sizes the pool by its load; undefined while nobody does. Owned by the pool. */
  get sizing(): AdaptivePoolController | undefined {
    return this.#sizing;
  }

  set sizing(controller: AdaptivePoolController | undefined) {
    this.#sizing = controller;
    if (controller && this.#topology) void this.#driver!.then((driver) => this.#topology && controller.attach(this.#topology, driver));
  }

  get isInitialized(): boolean {
    return this.#initialized;
  }

  /** Opens `minConnections` of each host, and at least one of the primary: so a database that is not there is found out. */
  async initialize(): Promise<void> {
    const limitMs = milliseconds(this.#parts.config.acquireTimeoutMs);
    const topology = this.#topology ?? (await this.start());
    const overdue = new AbortController();
    const opening = topology.hosts.map(async (host) => {
      const isPrimary = host.plan.role === 'primary';
      const opened = host.ensure(Math.max(host.plan.min, isPrimary ? 1 : 0), overdue.signal);
      // Without its replicas a pool works; they are tried again in the background.
      await (isPrimary ? opened : opened.catch(() => {}));
    });
    const done = Promise.all(opening);
    if (await within(this.#parts.clock, limitMs, done)) this.#initialized = true;
    else {
      overdue.abort(this.#timeout(topology.lineFor({}).counts, limitMs, topology.hosts[0]!.connector.lastFailure));
      await done;
    }
  }

  /**
   * A lease at once where a connection is idle, as it often is, else a promise of one: a promise more for each statement is felt.
   * @param holder who gets to know its id; undefined for one statement of the pool's own. @param startedAt when the caller's time began
   * @throws at once, or later, as `pool.acquire`
   */
  lend(options: AcquireOptions, holder: LeaseHolder | undefined, startedAt: number): PoolLease | Promise<PoolLease> {
    this.#refuseIfOver(options);
    const topology = this.#topology;
    const line = topology?.lineFor(options);
    if (line) this.sizing?.arrived(line.role, startedAt);
    const entry = line?.take(options);
    if (entry && this.#isFresh(entry)) return this.#issue(entry, options, holder, startedAt, this.#parts.clock.now());
    return this.#lendSlowly(topology, entry, options, holder, startedAt);
  }

  /** @throws LeaseReleasedError, LeaseUnknownError */
  held(lease: Lease | string): PoolLease {
    return this.#leases.find(lease, this.#issued);
  }

  /**
   * Gives a lease back; `recycled` when its connection was closed. Waits until it is clean, never for a replacement, and not for a
   * statement that was stopped and still runs: its caller has waited long enough.
   */
  async release(lease: PoolLease, reason: string): Promise<ReleaseResult> {
    const isStopping = lease.entry.busy;
    const returning = this.#giveBack(lease, reason);
    if (returning && !isStopping) await returning;
    return { status: lease.entry.state === 'gone' ? 'recycled' : 'released', connectionId: lease.id };
  }

  /** Of a lease that nobody knows by id. @returns what is to be waited for: nothing where the connection is clean, as it nearly always is */
  releaseShort(lease: PoolLease): Promise<void> | undefined {
    const isStopping = lease.entry.busy;
    const returning = this.#giveBack(lease, 'it was released');
    return isStopping ? undefined : returning;
  }

  /** The end of the run may have released it already. */
  async releaseAfterUse(lease: PoolLease): Promise<void> {
    if (!lease.released) await this.release(lease, 'it was released');
  }

  resize(newSize: number): number {
    const { config, events } = this.#parts;
    const hosts = this.#topology?.hosts ?? [];
    const fromSize = hosts[0]?.size ?? config.maxConnections;
    this.#size = newSize;
    for (const host of hosts) host.resize(newSize);
    if (!this.#topology) void this.start().catch(() => {});
    events.emit('pool:resized', { pool: config.name, fromSize, toSize: newSize });
    return fromSize;
  }

  beginRun(runId: string, workflow: string | undefined): void {
    const expected = workflow === undefined || !this.#parts.settings.preWarm ? undefined : this.#runs.expected(workflow);
    this.#runs.begin(runId, workflow);
    if (!expected || this.#closed) return;
    const warm = (topology: Topology): void => {
      for (const host of topology.hosts) host.warm(Math.min(expected[host.role], host.size), 'run');
    };
    if (this.#topology) warm(this.#topology);
    else void this.start().then(warm, () => {}); // who asks for a connection is told why there is none
  }

  /** Resolves when nothing of the run is left: neither leases, nor statements, nor open transactions. */
  async endRun(runId: string): Promise<void> {
    const { name } = this.#parts.config;
    const over = (): RunFinishedError => new RunFinishedError(name, runId);
    const leases = this.#runs.finish(runId);
    for (const line of this.#topology?.lines ?? []) line.queue.failRun(runId, over);
    for (const lease of leases) {
      lease.entry.interrupt(over());
      void this.#giveBack(lease, 'its run is over');
    }
    await this.#runs.untilReturned(runId);
  }

  heldBy(runId: string): number {
    return this.#runs.held(runId);
  }

  promise(runId: string | undefined): void {
    this.#runs.promise(runId);
  }

  longestHeld(): LongestHeld | undefined {
    return this.#leases.longestHeld(this.#parts.clock.now());
  }

  async close(): Promise<void> {
    const { config } = this.#parts;
    const graceMs = milliseconds(config.closeGraceMs);
    this.#closed = true;
    this.#housekeeper?.stop();
    this.#topology?.monitor?.close();
    const sizingEnds = this.#sizing?.stop();
    for (const line of this.#topology?.lines ?? []) line.queue.failAll(() => new PoolClosedError(config.name));
    const driver = await this.#driver?.catch(() => undefined);
    await sizingEnds;
    await Promise.all(this.#topology?.hosts.map((host) => host.close(graceMs)) ?? []);
    for (const lease of this.#leases) {
      lease.overBecause = 'its pool was closed';
      this.#runs.remove(lease);
    }
    this.#leases.clear();
    await driver?.close();
  }

  async start(): Promise<Topology> {
    const driver = await (this.#driver ??= Promise.resolve(this.#loadDriver(this.#parts.config)));
    if (this.#closed) throw new PoolClosedError(this.#parts.config.name);
    if (this.#topology) return this.#topology;
    const topology = (this.#topology = new Topology(driver, this.#parts, this));
    const reclaim = (lease: PoolLease): void => this.#reclaim(lease);
    const household = { topology, runs: this.#runs, leases: this.#leases, reclaim, forecast: this.#forecast };
    this.#housekeeper = new Housekeeper(this.#parts, household);
    for (const host of topology.hosts) {
      if (this.#size === undefined) host.upkeep();
      else host.resize(Math.min(this.#size, host.plan.max));
    }
    this.sizing?.attach(topology, driver);
    return topology;
  }

  /** Waits in line, checks what was idle for long, and asks again where that failed, all within one time limit. */
  async #lendSlowly(
    started: Topology | undefined,
    taken: Entry | undefined,
    options: AcquireOptions,
    holder: LeaseHolder | undefined,
    startedAt: number,
  ): Promise<PoolLease> {
    const { clock, config } = this.#parts;
    const limitMs = options.timeoutMs ?? milliseconds(config.acquireTimeoutMs);
    try {
      const topology = started ?? (await this.start());
      for (let idle = taken; ; idle = undefined) {
        const line = topology.lineFor(options);
        const entry = idle ?? line.take(options) ?? (await this.#wait(line, options, limitMs - (clock.now() - startedAt)));
        if (!entry) continue;
        if (this.#isFresh(entry) || (await this.#isAlive(entry, limitMs - (clock.now() - startedAt)))) {
          this.#refuse(entry, options);
          return this.#issue(entry, options, holder, startedAt, clock.now());
        }
        this.#runs.keepPromise(options.runId);
        if (options.runId !== undefined) topology.wake();
        this.#refuseIfOver(options);
        if (clock.now() - startedAt >= limitMs) throw this.#timeout(line.counts, limitMs, undefined);
      }
    } catch (error) {
      this.#noteFailure(options, error);
      throw error;
    }
  }

  /** @returns undefined when the caller shall ask again */
  #wait(line: Line, options: AcquireOptions, remainingMs: number): Promise<Entry | undefined> {
    const waiting: Promise<Entry | undefined> = line.wait(options, Math.max(1, remainingMs));
    this.sizing?.hurry(this.#parts.clock.now());
    if (line.role === 'primary') return waiting;
    return waiting.catch((error: unknown) => {
      if (isAskAgain(error)) return undefined;
      throw error;
    });
  }

  #isFresh(entry: Entry): boolean {
    return entry.connection.usable && this.#parts.clock.now() - entry.idleSince <= this.#bypassMs;
  }

  /**
   * Of one that was idle for a while. A caller whose time is over in the middle says nothing about the
   * connection: the check goes on without it.
   */
  async #isAlive(entry: Entry, remainingMs: number): Promise<boolean> {
    const { clock, config } = this.#parts;
    const { home } = entry;
    if (!entry.connection.usable) {
      home.discard(entry, 'lost');
      return false;
    }
    entry.state = 'checking';
    const check = home.check(entry, milliseconds(config.validateTimeoutMs));
    if (!(await within(clock, Math.max(1, remainingMs), check))) {
      void check.then((alive) => alive && home.giveBack(entry));
      return false;
    }
    if (!(await check) || (entry.state as Entry['state']) === 'gone') return false;
    entry.state = 'leased';
    return true;
  }

  /** What was to be lent goes back when meanwhile nobody may have it any more. */
  #refuse(entry: Entry, options: AcquireOptions): void {
    try {
      this.#refuseIfOver(options);
    } catch (error) {
      this.#runs.keepPromise(options.runId);
      entry.home.giveBack(entry);
      throw error;
    }
  }

  #refuseIfOver({ runId, signal }: AcquireOptions): void {
    const { name } = this.#parts.config;
    if (this.#closed) throw new PoolClosedError(name);
    if (signal?.aborted) throw new PoolAbortedError(`Waiting for a connection of pool "${name}"`, false, signal.reason);
    if (runId !== undefined && this.#runs.isFinished(runId)) throw new RunFinishedError(name, runId);
  }

  #issue(
    entry: Entry,
    { runId, nodeId }: AcquireOptions,
    holder: LeaseHolder | undefined,
    startedAt: number,
    acquiredAt: number,
  ): PoolLease {
    const { metrics, config, events } = this.#parts;
    this.#runs.keepPromise(runId);
    const waitTimeMs = acquiredAt - startedAt;
    metrics.acquired(waitTimeMs, entry.wasLent, acquiredAt);
    this.#parts.ahead.lent(entry);
    entry.wasLent = true;
    entry.lentAt = acquiredAt;
    this.#initialized = true;
    const lease = new PoolLease({ owner: this.#owner, entry, number: ++this.#issued, runId, nodeId, waitTimeMs, acquiredAt });
    if (runId !== undefined) this.#runs.add(lease);
    if (!holder) return lease;
    entry.holder = lease;
    this.#leases.add(lease);
    lease.stack = holder.stack;
    lease.wasHeld = true;
    if (events.has('lease:acquired'))
      events.emit('lease:acquired', { pool: config.name, leaseId: lease.id, connectionId: entry.id, runId, waitMs: waitTimeMs });
    return lease;
  }

  /** @returns undefined when all is done already */
  #giveBack(lease: PoolLease, reason: string): Promise<void> | undefined {
    const { entry } = lease;
    const now = this.#parts.clock.now();
    const heldMs = now - lease.acquiredAt;
    this.#end(lease, reason, heldMs);
    if (entry.busy) entry.endStream(new LeaseReleasedError(this.#parts.config.name, lease.id, reason));
    if (entry.isClean && !entry.roleIsDoubtful) {
      entry.home.giveBack(entry, now);
      this.#afterRelease(lease, heldMs);
      return undefined;
    }
    const done = takeBack(entry, this.#parts).then(() => this.#afterRelease(lease, heldMs));
    if (lease.runId === undefined) return done;
    this.#runs.returns(lease.runId, done);
    // The run may use the room that the lease took, while its connection is still on the way back.
    this.#topology?.wake();
    return done;
  }

  #afterRelease(lease: PoolLease, heldMs: number): void {
    if (lease.runId !== undefined) this.#topology?.wake();
    const { config, events } = this.#parts;
    if (!lease.wasHeld || !(lease.isLeak || events.has('lease:released'))) return;
    const status = lease.entry.state === 'gone' ? 'recycled' : 'released';
    const ids = { pool: config.name, leaseId: lease.id, connectionId: lease.connectionId, runId: lease.runId };
    events.emit('lease:released', { ...ids, heldMs, status });
    if (lease.isLeak) events.emit('lease:leak-ended', { ...ids, heldMs, reclaimed: false });
  }

  #end(lease: PoolLease, reason: string, heldMs: number): void {
    lease.overBecause = reason;
    if (this.#leases.delete(lease)) lease.entry.holder = undefined;
    if (lease.runId !== undefined) this.#runs.remove(lease);
    this.#parts.metrics.released(heldMs);
    if (this.sizing) this.sizing.held(this.#groupOf(lease.entry), heldMs, lease.acquiredAt + heldMs);
  }

  /** Whose sizes follow from its use: a pool of one server has one size, whatever the server is. */
  #groupOf(entry: Entry): ConnectionRole {
    return this.#topology!.hosts.length === 1 ? 'primary' : entry.role;
  }

  #reclaim(lease: PoolLease): void {
    const { clock, config, events } = this.#parts;
    const heldMs = clock.now() - lease.acquiredAt;
    const { id: leaseId, connectionId, runId, entry } = lease;
    const reason = 'it was held for longer than leakThresholdMs and taken back';
    this.#end(lease, reason, heldMs);
    void entry.home.stop(entry, new LeaseReleasedError(config.name, leaseId, reason), 'leaked');
    events.emit('lease:leak-ended', { pool: config.name, leaseId, connectionId, runId, heldMs, reclaimed: true });
  }

  #timeout(counts: PoolCounts, limitMs: number, cause: unknown): AcquireTimeoutError {
    return new AcquireTimeoutError(this.#parts.config.name, limitMs, counts, cause, this.longestHeld());
  }

  #noteFailure({ role = 'primary', runId }: AcquireOptions, error: unknown): void {
    const { metrics, events, config } = this.#parts;
    metrics.acquireFailed(error);
    const { code } = error as { code?: unknown };
    if (events.has('acquire:failed'))
      events.emit('acquire:failed', { pool: config.name, role, runId, code: typeof code === 'string' ? code : 'UNKNOWN' });
  }
}
