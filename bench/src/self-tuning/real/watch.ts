/** Watches a pool while callers use it: how many connections are open and busy, who waits, what changes. */
import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { quantile } from '../../../../scripts/lib/statistics.ts';
import { rateAt, type Rates } from './arrivals.ts';
import type { Figures } from './subject.ts';

const SAMPLE_MS = 50;
const FLAP_MS = 60_000;
const LARGE = 16;

export interface WatchOptions {
  readonly rates: Rates;
  /** Connections that one caller a second keeps busy. */
  readonly busyPerRate: number;
  readonly warmUpMs: number;
}

export class Watch {
  readonly #pool: WorkflowConnectionPool;
  readonly #options: WatchOptions;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #sampledAt = this.#startedAt;
  readonly #waits: number[] = [];
  readonly #latencies: number[] = [];
  readonly #errors = new Map<string, number>();
  #openMs = 0;
  #busyMs = 0;
  #largeOpenMs = 0;
  #largeBusyMs = 0;
  #largest = 0;
  #adjustments = 0;
  #flaps = 0;
  #lastChange: { readonly up: boolean; readonly at: number } | undefined;
  turnedAway = 0;

  constructor(pool: WorkflowConnectionPool, options: WatchOptions) {
    this.#pool = pool;
    this.#options = options;
    pool.on('pool:size-adjusted', ({ fromSize, toSize }) => this.changed(fromSize, toSize));
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get #counts(): boolean {
    return this.elapsedMs >= this.#options.warmUpMs;
  }

  changed(fromSize: number, toSize: number): void {
    if (fromSize === toSize) return;
    const change = { up: toSize > fromSize, at: performance.now() };
    const last = this.#lastChange;
    this.#lastChange = change;
    if (!this.#counts) return;
    this.#adjustments += 1;
    if (last && last.up !== change.up && change.at - last.at < FLAP_MS) this.#flaps += 1;
  }

  /** A statement was answered. */
  answered(waitMs: number, latencyMs: number): void {
    if (!this.#counts) return;
    this.#waits.push(waitMs);
    this.#latencies.push(latencyMs);
  }

  failed(error: unknown): void {
    const code = String((error as { code?: unknown }).code ?? error);
    if (this.#counts) this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  /** Call it when the last caller has come, before those who still wait are served. */
  end(): () => Figures {
    clearInterval(this.#timer);
    this.#sample();
    const seconds = (this.elapsedMs - this.#options.warmUpMs) / 1000;
    const served = this.#latencies.length;
    return () => ({
      servedPerSecond: served / seconds,
      waitP50Ms: quantile(this.#waits, 0.5),
      waitP99Ms: quantile(this.#waits, 0.99),
      latencyP50Ms: quantile(this.#latencies, 0.5),
      latencyP95Ms: quantile(this.#latencies, 0.95),
      connectionSeconds: this.#openMs / 1000,
      utilization: this.#busyMs / this.#openMs,
      utilizationLarge: this.#largeOpenMs === 0 ? null : this.#largeBusyMs / this.#largeOpenMs,
      largest: this.#largest,
      adjustments: this.#adjustments,
      flaps: this.#flaps,
      errors: Object.fromEntries(this.#errors),
      connectErrors: this.#pool.stats().connections.failed,
      statements: this.#latencies.length + [...this.#errors.values()].reduce((sum, count) => sum + count, 0),
      turnedAway: this.turnedAway,
      hitRate: null,
    });
  }

  #sample(): void {
    const now = performance.now();
    const sinceMs = now - this.#sampledAt;
    this.#sampledAt = now;
    if (!this.#counts) return;
    const { totalConnections, activeConnections } = this.#pool.stats().currentState;
    this.#openMs += sinceMs * totalConnections;
    this.#busyMs += sinceMs * activeConnections;
    this.#largest = Math.max(this.#largest, totalConnections);
    const { rates, busyPerRate } = this.#options;
    if (rateAt(rates, this.elapsedMs) * busyPerRate < LARGE) return;
    this.#largeOpenMs += sinceMs * totalConnections;
    this.#largeBusyMs += sinceMs * activeConnections;
  }
}
