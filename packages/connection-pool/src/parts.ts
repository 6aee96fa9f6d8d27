import type { Clock } from '@kailash-ts/core';
import type { Ahead } from './ahead.ts';
import type { PoolConfig } from './config.ts';
import type { PoolEventBus } from './events.ts';
import type { PoolMetrics } from './metrics.ts';
import type { PoolTelemetry } from './telemetry.ts';

/** What may be changed while the pool works. */
export interface PoolSettings {
  healthThreshold: number;
  adaptiveSizing: boolean;
  enableQueryRouting: boolean;
  preWarm: boolean;
}

/** What all parts of one pool share. */
export interface PoolParts {
  readonly config: PoolConfig;
  readonly settings: Readonly<PoolSettings>;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  readonly metrics: PoolMetrics;
  readonly telemetry: PoolTelemetry;
  readonly events: PoolEventBus;
  readonly ahead: Ahead;
}
