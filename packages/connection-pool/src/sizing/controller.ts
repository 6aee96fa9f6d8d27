/** Adaptive sizing at work: looks at the pool, asks the policy, applies what it decides. */
import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { milliseconds } from '../config.ts';
import type { ConnectionRole } from '../contract.ts';
import type { Driver } from '../driver.ts';
import type { Host } from '../host.ts';
import type { Line } from '../line.ts';
import type { PoolParts } from '../parts.ts';
import type { Topology } from '../topology.ts';
import { FleetLink } from './fleet-link.ts';
import { isAheadOfLoad, type SizingAction, type SizingInputs } from './policy.ts';
import { Sizer, type Judgement, type Observation } from './sizer.ts';

/** A change of size that was applied. */
export interface SizeAdjustment {
  /** ISO 8601. */
  readonly timestamp: string;
  /** Whose connections: those of the primary, or those of each replica. */
  readonly role: ConnectionRole;
  readonly action: Exclude<SizingAction, 'no_change'>;
  /** Connections per host. */
  readonly fromSize: number;
  readonly toSize: number;
  /** In words, with the figures that led to it. */
  readonly reason: string;
  /** How likely the load is on that side, as measured: from 0 to 1. */
  readonly confidence: number;
  /** What was measured. Durations in milliseconds, `now` on the pool's monotonic clock. */
  readonly inputs: SizingInputs;
}

/** Forecasts the load, where somebody does. @returns arrivals a second at the most within the horizon; null without a proven forecast */
export type LoadForecast = (horizonMs: number) => number | null;

const LOOK_MS = 250;
/** When somebody has to wait it looks at once, but not more often than this. */
const HURRY_MS = 50;
const LOOP_WINDOW_MS = 1000;
/** A lease that is held for so many times the mean, and for as long as this, is not counted on. */
const LONG_HOLDS = 10;
const LONG_HELD_MS = 10_000;
const FORECAST_MS = 60_000;
const REMEMBERED = 100;
/** A connection is reckoned with as much memory of this process and of a server beside it. */
const BYTES_PER_CONNECTION = 10 * 2 ** 20;

/** The connections of one role. */
interface Group {
  readonly role: ConnectionRole;
  readonly sizer: Sizer;
  last: Judgement | undefined;
}

/**
 * Sizes a pool by its load. Modes: stopped <-> running; running only while the pool is. Owned by its pool, which makes it when
 * `adaptiveSizing` is on, and lets go of it when that is set to false.
 *
 * It decides four times a second, and at once when a caller has to wait; the rules are in `policy.ts`. While it runs a host keeps as
 * many connections open as its size says; when it stops, hosts open them on demand again, between `minConnections` and `maxConnections`.
 */
export class AdaptivePoolController {
  readonly #parts: PoolParts;
  readonly #groups: readonly Group[];
  readonly #history: SizeAdjustment[] = [];
  readonly #links = new Map<Host, FleetLink>();
  #topology: Topology | undefined;
  #driver: Driver | undefined;
  #running = false;
  #lookedAt = -Infinity;
  #stopTimer: () => void = () => {};
  #loop: { readonly at: number; readonly reading: EventLoopUtilization; readonly utilization: number };
  readonly #forecast: LoadForecast;

  constructor(parts: PoolParts, forecast: LoadForecast = () => null) {
    this.#parts = parts;
    this.#forecast = forecast;
    const now = parts.clock.now();
    this.#groups = (['primary', 'replica'] as const).map((role) => ({ role, sizer: new Sizer(now), last: undefined }));
    this.#loop = { at: now, reading: performance.eventLoopUtilization(), utilization: 0 };
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Begins to size the pool, from its first use on. Idempotent. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#parts.events.on('connection:refused', this.#refused);
    if (this.#topology) this.#begin();
  }

  /** Sizes no more: connections are opened on demand again. Leaves the fleet. Idempotent. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#parts.events.off('connection:refused', this.#refused);
    this.#stopTimer();
    for (const host of this.#topology?.hosts ?? []) host.setLimits(host.plan.min, host.plan.max);
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  /** Applied changes, oldest first, the last 100. */
  getAdjustmentHistory(): readonly SizeAdjustment[] {
    return [...this.#history];
  }

  getLastAdjustment(): SizeAdjustment | null {
    return this.#history.at(-1) ?? null;
  }

  /** Connections that the load asks of the primary now, within `minConnections` and `maxConnections`; null before the first look. */
  getRecommendedSize(): number | null {
    const { last } = this.#groups[0]!;
    if (!last) return null;
    const { minConnections, maxConnections } = this.#parts.config;
    return Math.max(minConnections, Math.min(maxConnections, last.decision.wish));
  }

  /** @internal The pool has its servers. */
  attach(topology: Topology, driver: Driver): void {
    this.#topology = topology;
    this.#driver = driver;
    if (this.#running) this.#begin();
  }

  /** @internal Somebody asks for a connection. */
  arrived(role: ConnectionRole, now: number): void {
    this.#sizer(role).arrived(now);
  }

  /** @internal Somebody gave one back, after `ms`. */
  held(role: ConnectionRole, ms: number, now: number): void {
    this.#sizer(role).held(ms, now);
  }

  /** @internal Somebody has to wait. */
  hurry(now: number): void {
    if (this.#running && this.#topology && now - this.#lookedAt >= HURRY_MS) this.#look(now);
  }

  #sizer(role: ConnectionRole): Sizer {
    return this.#groups[role === 'primary' ? 0 : 1]!.sizer;
  }

  #begin(): void {
    const { config, clock } = this.#parts;
    for (const host of this.#topology!.hosts) {
      if (host.plan.permanent) continue;
      const size = Math.max(1, host.plan.min, Math.min(host.total, host.plan.max));
      host.setLimits(Math.min(size, host.plan.max), Math.min(size, host.plan.max));
      // A pooler has no sessions to hold a lock, and its limits are not the server's.
      if (config.poolerMode !== 'transaction' && config.databaseType !== 'sqlite')
        this.#links.set(host, new FleetLink(host, this.#driver!, clock));
    }
    this.#look(clock.now());
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#parts;
    this.#stopTimer = clock.setTimer(
      () => {
        this.#look(clock.now());
        this.#schedule();
      },
      LOOK_MS,
      { background: true },
    );
  }

  #look(now: number): void {
    this.#lookedAt = now;
    this.#measureLoop(now);
    for (const group of this.#groups) {
      const hosts = this.#hostsOf(group.role).filter(({ plan }) => !plan.permanent);
      if (hosts.length > 0) this.#lookAt(group, hosts, now);
    }
  }

  /** A pool of one server lends its connections for every role, whatever the server is. */
  #hostsOf(role: ConnectionRole): readonly Host[] {
    const { hosts } = this.#topology!;
    if (hosts.length === 1) return role === 'primary' ? hosts : [];
    return hosts.filter((host) => host.role === role);
  }

  #lookAt(group: Group, hosts: readonly Host[], now: number): void {
    const { counters, histograms } = this.#parts.metrics;
    const statements = { count: counters.queriesTotal, totalMs: histograms.execute.sum };
    const judgement = group.sizer.judge(this.#observe(group, hosts, now), statements, now, hosts.length);
    group.last = judgement;
    const { decision, inputs } = judgement;
    const wanted = Math.max(decision.wish, decision.toSize);
    for (const host of hosts) void this.#links.get(host)?.look(Math.max(host.plan.min, Math.min(wanted, host.plan.max)));
    if (decision.action === 'no_change') return;
    const isAhead = decision.action === 'scale_up' && !decision.emergency && isAheadOfLoad(inputs);
    for (const host of hosts) host.setLimits(decision.toSize, decision.toSize, isAhead ? 'forecast' : undefined);
    this.#note({
      timestamp: new Date(this.#parts.clock.wallTime()).toISOString(),
      role: group.role,
      action: decision.action,
      fromSize: inputs.size,
      toSize: decision.toSize,
      reason: decision.reason,
      confidence: decision.confidence,
      inputs,
    });
  }

  /** Of several hosts of a role each has an equal part of what is asked of all. */
  #observe(group: Group, hosts: readonly Host[], now: number): Observation {
    const { config } = this.#parts;
    const lines = this.#topology!.lines.filter((line) => line.role === group.role || this.#topology!.hosts.length === 1);
    const count = hosts.length;
    const of = (figure: (host: Host) => number): number => hosts.reduce((sum, host) => sum + figure(host), 0) / count;
    const longMs = Math.max(LONG_HELD_MS, LONG_HOLDS * (group.last?.inputs.holdMs ?? 0));
    const open = Math.round(of((host) => host.total));
    const { limit, limitedBy } = this.#limit(hosts, open);
    const waiting = lines.reduce((sum, line) => sum + line.waiting, 0);
    return {
      size: hosts[0]!.size,
      min: Math.max(1, Math.min(hosts[0]!.plan.min, limit)),
      limit,
      limitedBy,
      open,
      busy: Math.round(of((host) => host.total - host.idleCount)),
      waiting: Math.ceil(waiting / count),
      oldestWaitMs: oldestWait(lines, now),
      acquireTimeoutMs: milliseconds(config.acquireTimeoutMs),
      heldLong: Math.round(
        of((host) => [...host.entries].filter((entry) => entry.state === 'leased' && now - entry.lentAt > longMs).length),
      ),
      forecastPerSecond: group.role === 'primary' ? this.#forecast(FORECAST_MS) : null,
      loopUtilization: this.#loop.utilization,
    };
  }

  #limit(hosts: readonly Host[], open: number): { readonly limit: number; readonly limitedBy: string } {
    let limit = Math.max(1, Math.min(...hosts.map(({ plan }) => plan.max)));
    let limitedBy = 'maxConnections';
    for (const host of hosts) {
      const link = this.#links.get(host);
      if (!link) continue;
      // Until the server has told, as many as there are.
      const allotted = link.allotted ?? host.size;
      if (allotted < limit) [limit, limitedBy] = [Math.max(1, allotted), link.limitedBy];
    }
    const affordable = open + Math.floor(availableMemory() / BYTES_PER_CONNECTION);
    if (affordable < limit) [limit, limitedBy] = [Math.max(1, affordable), 'the free memory of this machine'];
    return { limit, limitedBy };
  }

  #measureLoop(now: number): void {
    if (now - this.#loop.at < LOOP_WINDOW_MS) return;
    const reading = performance.eventLoopUtilization();
    this.#loop = { at: now, reading, utilization: performance.eventLoopUtilization(reading, this.#loop.reading).utilization };
  }

  readonly #refused = ({ host, serverFull }: { readonly host: string; readonly serverFull: boolean }): void => {
    if (!serverFull || !this.#topology) return;
    const now = this.#parts.clock.now();
    for (const group of this.#groups) {
      const refused = this.#hostsOf(group.role).find(({ plan }) => plan.name === host);
      if (refused) group.sizer.serverWasFull(refused.total, now);
    }
    this.#look(now);
  };

  #note(adjustment: SizeAdjustment): void {
    this.#history.push(adjustment);
    if (this.#history.length > REMEMBERED) this.#history.shift();
    const { events, config } = this.#parts;
    const { inputs: _, ...told } = adjustment;
    if (events.has('pool:size-adjusted')) events.emit('pool:size-adjusted', { pool: config.name, ...told });
  }
}

function oldestWait(lines: readonly Line[], now: number): number {
  const since = Math.min(...lines.map(({ queue }) => queue.waitingSince));
  return since === Infinity ? 0 : now - since;
}

/** Also within a container's limit, where Node.js can tell. */
function availableMemory(): number {
  const { availableMemory: available } = process as { availableMemory?: () => number };
  return available ? available.call(process) : Infinity;
}
