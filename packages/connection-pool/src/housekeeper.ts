/** Looks after what nobody asks for: idle connections, old ones, leaks, runs that wait for themselves. One timer for the whole pool. */
import { milliseconds, type PoolConfig } from './config.ts';
import { deadlockedRuns } from './deadlocks.ts';
import { RunDeadlockError } from './errors.ts';
import type { Host } from './host.ts';
import type { PoolLease } from './lease.ts';
import type { PoolParts } from './parts.ts';
import type { Runs } from './runs.ts';
import type { LoadForecast } from './sizing/controller.ts';
import { neededFor } from './sizing/policy.ts';
import type { Topology } from './topology.ts';

/** What the housekeeper needs of the pool. */
export interface Household {
  readonly topology: Topology;
  readonly runs: Runs;
  /** Leases that callers hold. */
  readonly leases: Iterable<PoolLease>;
  /** Takes a leaked lease from its holder. */
  reclaim(lease: PoolLease): void;
  /** Leases a second that will be asked for; null without a proven forecast. */
  readonly forecast: LoadForecast;
}

/** Looks around often enough for the shortest of its limits, and at least once a second. */
function tickOf({ healthCheckIntervalMs, idleTimeoutMs, maxLifetimeMs, leakThresholdMs, deadlockAfterMs }: PoolConfig): number {
  const shortest = Math.min(...[healthCheckIntervalMs, idleTimeoutMs, maxLifetimeMs, leakThresholdMs, deadlockAfterMs].map(milliseconds));
  return Math.max(10, Math.min(1000, shortest / 2));
}

/** What is forecast for then is opened now, and looked for so often. */
const FORECAST_MS = 60_000;
const FORECAST_EVERY_MS = 10_000;

/** A tick that comes later than this was held up by the event loop. */
const STALL_MS = 1000;

/** Modes: started -> stopped. Its timer does not keep the process alive. */
export class Housekeeper {
  readonly #parts: PoolParts;
  readonly #household: Household;
  readonly #tickMs: number;
  #lastTick: number;
  #forecastAt = -Infinity;
  #stopTimer: () => void;

  constructor(parts: PoolParts, household: Household) {
    this.#parts = parts;
    this.#household = household;
    this.#tickMs = tickOf(parts.config);
    this.#lastTick = parts.clock.now();
    this.#stopTimer = this.#schedule();
  }

  stop(): void {
    this.#stopTimer();
  }

  #schedule(): () => void {
    return this.#parts.clock.setTimer(
      () => {
        this.#stopTimer = this.#schedule();
        this.#tick();
      },
      this.#tickMs,
      { background: true },
    );
  }

  #tick(): void {
    const now = this.#parts.clock.now();
    const stalledMs = now - this.#lastTick - this.#tickMs;
    this.#lastTick = now;
    const { topology } = this.#household;
    for (const host of topology.hosts) {
      if (stalledMs > STALL_MS) forgive(host, stalledMs);
      this.#sweep(host, now);
    }
    this.#findLeaks(now);
    this.#endDeadlocks(now);
    topology.upkeep();
    this.#parts.ahead.sweep(now);
    if (now - this.#forecastAt >= FORECAST_EVERY_MS) this.#warm(now);
  }

  /** Opens what the load will need that is forecast. Adaptive sizing does that by itself. */
  #warm(now: number): void {
    this.#forecastAt = now;
    const { settings, metrics } = this.#parts;
    const holdMs = metrics.histograms.hold.mean;
    if (!settings.preWarm || settings.adaptiveSizing || holdMs === null) return;
    const perSecond = this.#household.forecast(FORECAST_MS);
    const primary = this.#household.topology.primary;
    if (perSecond === null || !primary || primary.plan.permanent) return;
    const needed = Math.min(primary.size, neededFor((perSecond * holdMs) / 1000, holdMs));
    primary.warm(needed - (primary.total - primary.idleCount), 'forecast');
  }

  #sweep(host: Host, now: number): void {
    const { config } = this.#parts;
    const idleLimit = milliseconds(config.idleTimeoutMs);
    const checkLimit = milliseconds(config.healthCheckIntervalMs);
    // Never all at once: who comes now shall find some.
    let checks = Math.max(1, Math.floor(host.idleCount / 2));
    for (const entry of [...host.entries]) {
      if (entry.state !== 'idle') continue;
      const reason = host.reasonToDiscard(entry);
      if (reason) host.discard(entry, reason);
      else if (!host.plan.permanent && host.total > host.floor && now - entry.idleSince >= idleLimit) host.discard(entry, 'idle_timeout');
      else if (checks > 0 && now - Math.max(entry.checkedAt, entry.lastUsedAt) >= checkLimit) {
        checks -= 1;
        void host.checkIdle(entry);
      }
    }
  }

  #findLeaks(now: number): void {
    const { config, events, metrics } = this.#parts;
    const limit = milliseconds(config.leakThresholdMs);
    if (limit === Infinity) return;
    for (const lease of [...this.#household.leases]) {
      const heldMs = now - lease.acquiredAt;
      if (heldMs < limit || lease.isLeak) continue;
      lease.isLeak = true;
      metrics.leaked();
      const { id: leaseId, connectionId, runId, nodeId, stack } = lease;
      events.emit('lease:leaked', { pool: config.name, leaseId, connectionId, runId, nodeId, heldMs, stack });
      if (config.reclaimLeaks) this.#household.reclaim(lease);
    }
  }

  #endDeadlocks(now: number): void {
    const { config } = this.#parts;
    const { topology, runs } = this.#household;
    const afterMs = milliseconds(config.deadlockAfterMs);
    if (afterMs === Infinity) return;
    for (const line of topology.lines) {
      for (const runId of deadlockedRuns(line, runs, config.maxConnectionsPerRun, now, afterMs))
        line.queue.failRun(runId, () => new RunDeadlockError(config.name, runId, runs.held(runId), afterMs));
    }
  }
}

/** While the event loop stood still nobody could use a connection: that time does not count as idleness. */
function forgive(host: Host, stalledMs: number): void {
  for (const entry of host.entries) {
    entry.idleSince += stalledMs;
    entry.checkedAt += stalledMs;
  }
}
