/** Those who wait for connections of one role, and the hosts that have them. */
import type { AcquireOptions, ConnectionRole } from './contract.ts';
import type { Entry } from './entry.ts';
import {
  AcquireTimeoutError,
  CircuitOpenError,
  PoolAbortedError,
  PoolQueueFullError,
  type LongestHeld,
  type PoolCounts,
} from './errors.ts';
import type { Host } from './host.ts';
import type { PoolParts } from './parts.ts';
import { WaiterQueue } from './waiters.ts';

/** Whom the pool lets have another connection, and who has them. */
export interface Holders {
  /** Connections that a run holds. */
  heldBy(runId: string): number;
  /** A connection is on its way to a caller of the run: it counts as held from now on. */
  promise(runId: string | undefined): void;
  /** The lease that is held for longest, for the message of a wait that was in vain. */
  longestHeld(): LongestHeld | undefined;
}

/**
 * Callers wait here and nowhere else. Connections are opened beside them, at most as many as can be served; the surplus is given
 * up when they are served otherwise.
 */
export class Line {
  readonly role: ConnectionRole;
  /** Hosts of this role; kept by the topology. */
  hosts: readonly Host[] = [];
  readonly #queue: WaiterQueue<Entry>;
  readonly #parts: PoolParts;
  readonly #holders: Holders;
  /** Undefined where everybody may have as many as there are. */
  readonly #mayTake: ((runId: string | undefined) => boolean) | undefined;
  /** The same for a connection that is reserved already, and so counts as active. */
  readonly #mayHold: ((runId: string | undefined) => boolean) | undefined;

  constructor(role: ConnectionRole, parts: PoolParts, holders: Holders) {
    this.role = role;
    this.#parts = parts;
    this.#holders = holders;
    const { name, maxConnectionsPerRun, reservedConnections } = parts.config;
    this.#queue = new WaiterQueue<Entry>({
      clock: parts.clock,
      onTimeout: ({ timeoutMs }) => new AcquireTimeoutError(name, timeoutMs, this.counts, this.#lastFailure(), this.#holders.longestHeld()),
      onAbort: (reason) => new PoolAbortedError(`Waiting for a connection of pool "${name}"`, false, reason),
    });
    if (maxConnectionsPerRun !== 'unlimited' || reservedConnections > 0) {
      const quota = maxConnectionsPerRun === 'unlimited' ? Infinity : maxConnectionsPerRun;
      this.#mayTake = (runId) => this.#isWithin(runId, quota, reservedConnections + 1);
      this.#mayHold = (runId) => this.#isWithin(runId, quota, reservedConnections);
    }
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get queue(): WaiterQueue<Entry> {
    return this.#queue;
  }

  /** Whether waiting makes sense. A line without hosts waits for one to be found. */
  get isPromising(): boolean {
    return this.hosts.length === 0 || this.hosts.some((host) => host.isAvailable);
  }

  get counts(): PoolCounts {
    let total = 0;
    let idle = 0;
    let max = 0;
    for (const host of this.hosts) {
      total += host.total;
      idle += host.idleCount;
      max += host.size;
    }
    return { total, idle, active: total - idle, waiting: this.#queue.size, max };
  }

  get #isFull(): boolean {
    let room = 0;
    for (const host of this.hosts) room += host.size - host.total;
    return room <= 0;
  }

  /** An idle connection, reserved, if there is one for this caller; of the least busy host. */
  take({ prefer, runId, hosts }: AcquireOptions): Entry | undefined {
    if (this.#mayTake && !this.#mayTake(runId)) return undefined;
    const entry = hosts !== undefined && this.role === 'replica' ? this.#takeFrom(hosts, prefer) : this.#takeIdle(prefer);
    if (entry) this.#holders.promise(runId);
    return entry;
  }

  #takeIdle(prefer: readonly string[] | undefined): Entry | undefined {
    const { hosts } = this;
    if (hosts.length === 1) return hosts[0]!.take(prefer);
    for (const host of leastBusyFirst(hosts)) {
      const entry = host.take(prefer);
      if (entry) return entry;
    }
    return undefined;
  }

  /** The connection that the next caller will be lent, where nobody waits and another one is left for whoever comes meanwhile. */
  spare({ hosts }: AcquireOptions): Entry | undefined {
    if (this.#queue.size > 0) return undefined;
    const eligible =
      hosts !== undefined && this.role === 'replica'
        ? hosts.flatMap((name) => this.hosts.find(({ plan }) => plan.name === name) ?? [])
        : leastBusyFirst(this.hosts);
    return eligible.find(({ idleCount }) => idleCount > 0)?.spare;
  }

  /** In the caller's order; of no other hosts than these. */
  #takeFrom(names: readonly string[], prefer: readonly string[] | undefined): Entry | undefined {
    for (const name of names) {
      const entry = this.hosts.find((host) => host.plan.name === name)?.take(prefer);
      if (entry) return entry;
    }
    return undefined;
  }

  /** Gives idle connections to those who may have them now. */
  #serveIdle(): void {
    for (const host of this.hosts) {
      while (this.#queue.size > 0 && host.idleCount > 0) {
        const waiter = this.#queue.shift(this.#mayTake);
        if (!waiter) return;
        this.#holders.promise(waiter.runId);
        waiter.serve(host.take(undefined)!);
      }
    }
  }

  /**
   * Waits in line. @param timeoutMs Infinity for no limit.
   * @throws PoolQueueFullError, CircuitOpenError at once; AcquireTimeoutError, PoolAbortedError, and what ended the hosts' attempts
   */
  wait({ signal, runId }: AcquireOptions, timeoutMs: number): Promise<Entry> {
    const { clock, config, metrics } = this.#parts;
    const { maxWaiting } = config;
    if (maxWaiting !== 'unlimited' && this.#queue.size >= maxWaiting)
      return Promise.reject(new PoolQueueFullError(config.name, maxWaiting, this.counts));
    if (!this.isPromising) return Promise.reject(this.#circuitOpen());
    if (this.#isFull) metrics.exhausted();
    const waiter = this.#queue.join(runId, clock.now(), timeoutMs, signal);
    this.grow();
    return waiter.promise;
  }

  /** Gives a reserved connection to whoever's turn it is. */
  serve(entry: Entry): boolean {
    if (this.#queue.size === 0) return false;
    const waiter = this.#queue.shift(this.#mayHold);
    if (!waiter) return false;
    this.#holders.promise(waiter.runId);
    waiter.serve(entry);
    this.#giveUpSurplus();
    return true;
  }

  /** Opens connections for those who wait. */
  grow(): void {
    if (this.#queue.size === 0) return;
    if (this.#mayTake) this.#serveIdle();
    let missing = this.#demand() - this.#connecting;
    while (missing-- > 0) {
      const host = this.#hostToGrow();
      if (!host) return;
      host.connector.connect();
    }
  }

  /** How many of those who wait could be given a connection if there was one. */
  #demand(): number {
    const { maxConnectionsPerRun } = this.#parts.config;
    if (maxConnectionsPerRun === 'unlimited') return this.#queue.size;
    let demand = 0;
    for (const [runId, size] of this.#queue.sizes())
      demand += runId === undefined ? size : Math.min(size, Math.max(0, maxConnectionsPerRun - this.#holders.heldBy(runId)));
    return demand;
  }

  get #connecting(): number {
    let connecting = 0;
    for (const host of this.hosts) connecting += host.connector.connecting;
    return connecting;
  }

  #giveUpSurplus(): void {
    if (this.#connecting <= 1) return;
    let needed = this.#demand();
    for (const host of this.hosts) {
      host.giveUpSurplus(needed);
      needed -= host.connector.connecting;
    }
  }

  #hostToGrow(): Host | undefined {
    let best: Host | undefined;
    for (const host of this.hosts) {
      if (!host.connector.canConnect) continue;
      if (!best || host.total + host.connector.connecting < best.total + best.connector.connecting) best = host;
    }
    return best;
  }

  /** A quota for each run; and the last connections only for those who hold none. */
  #isWithin(runId: string | undefined, quota: number, free: number): boolean {
    const held = runId === undefined ? 0 : this.#holders.heldBy(runId);
    if (held >= quota) return false;
    if (held === 0 || this.#parts.config.reservedConnections === 0) return true;
    const { active, max } = this.counts;
    return max - active >= free;
  }

  #circuitOpen(): CircuitOpenError {
    const host = this.hosts[0]!;
    const { breaker, lastFailure } = host.connector;
    return new CircuitOpenError(breaker.name, 'open', breaker.timeUntilRecoveryMs ?? 0, lastFailure);
  }

  #lastFailure(): unknown {
    return this.hosts.map((host) => host.connector.lastFailure).find((failure) => failure !== undefined);
  }
}

const leastBusyFirst = (hosts: readonly Host[]): Host[] => [...hosts].sort((a, b) => load(a) - load(b) || b.health - a.health);
const load = (host: Host): number => (host.total - host.idleCount) / Math.max(1, host.size);
