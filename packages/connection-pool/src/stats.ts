/** Figures of a pool. All are measured; what is not measured is not there. */

/** Answer of the operation `stats`. */
export interface PoolStats {
  readonly poolName: string;
  readonly uptimeSeconds: number;
  readonly connections: {
    readonly created: number;
    /** Destroyed instead of going back to the idle ones. */
    readonly recycled: number;
    /** Could not be opened, or broke. */
    readonly failed: number;
  };
  readonly queries: {
    readonly executed: number;
    readonly errors: number;
    /** `errors / executed`, 0 without statements. */
    readonly errorRate: number;
  };
  readonly performance: {
    /** Mean and 99th percentile of the last 1000 waits for a connection; null without any. */
    readonly avgAcquisitionTimeMs: number | null;
    readonly p99AcquisitionTimeMs: number | null;
    /** The same of the last 1000 statements. */
    readonly avgQueryTimeMs: number | null;
    readonly p99QueryTimeMs: number | null;
  };
  readonly currentState: {
    readonly totalConnections: number;
    readonly activeConnections: number;
    readonly availableConnections: number;
    readonly waiting: number;
  };
}

/** Answer of the operation `get_status`. Connections are listed by the id under which they can be used: leased ones by their lease's. */
export interface PoolStatus {
  readonly connections: Readonly<
    Record<
      string,
      {
        readonly role: 'primary' | 'replica';
        readonly state: 'idle' | 'active';
        readonly activeQueries: 0 | 1;
        readonly capabilities: readonly ('read' | 'write')[];
        /** Mean of its last statements; null before the first. */
        readonly avgLatencyMs: number | null;
        /** ISO time. */
        readonly lastUsed: string;
      }
    >
  >;
  readonly poolSize: number;
  readonly activeCount: number;
  readonly availableCount: number;
  readonly queueDepth: number;
}

const WINDOW = 1000;

/** The last 1000 values of something, for mean and percentiles. */
export class SlidingSample {
  readonly #values: number[] = [];
  #next = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % WINDOW;
  }

  mean(): number | null {
    if (this.#values.length === 0) return null;
    return this.#values.reduce((sum, value) => sum + value, 0) / this.#values.length;
  }

  /** Nearest-rank percentile, `fraction` from 0 to 1. */
  percentile(fraction: number): number | null {
    if (this.#values.length === 0) return null;
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]!;
  }
}

/** Counters of one pool. Owned by the pool, written by its hosts. */
export class PoolCounters {
  created = 0;
  recycled = 0;
  failed = 0;
  executed = 0;
  errors = 0;
  readonly waits = new SlidingSample();
  readonly queryTimes = new SlidingSample();
}
