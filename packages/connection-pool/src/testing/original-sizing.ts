/**
 * The sizing formula of the Python original, with its faults: the baseline of tests and of the benchmark, no policy of ours. Its figures
 * are what its own tests expect; it sizes by what was completed, and so never learns that a full pool is too small.
 */

export interface OriginalMetrics {
  readonly size: number;
  /** Statements finished a second. */
  readonly perSecond: number;
  readonly executionMs: number;
  /** Share of connections that are busy, from 0 to 1. */
  readonly utilization: number;
  readonly queue: number;
  readonly waitMs: number;
  readonly healthScore?: number;
  readonly forecast?: number;
}

export interface OriginalLimits {
  readonly databaseLimit: number;
  readonly freeMb: number;
  readonly mbPerConnection: number;
  readonly cpuPercent: number;
}

export type OriginalAction = 'scale_up' | 'scale_down' | 'no_change';

export interface OriginalDecision {
  readonly action: OriginalAction;
  readonly toSize: number;
  readonly reason: string;
  readonly confidence: number;
}

const TARGET = 0.75;
const COOLDOWN_MS = 60_000;
const STEP = 2;
const EMERGENCY_STEP = 4;

export function littleSize({ size, perSecond, executionMs }: Pick<OriginalMetrics, 'size' | 'perSecond' | 'executionMs'>): number {
  return perSecond === 0 || executionMs === 0 ? size : Math.max(2, Math.trunc((perSecond * executionMs * 1.2) / 1000));
}

export function utilizationSize({ size, utilization }: Pick<OriginalMetrics, 'size' | 'utilization'>): number {
  if (utilization === 0) return size;
  if (utilization > TARGET + 0.1) return Math.trunc((size * utilization) / TARGET);
  return utilization < TARGET - 0.2 ? Math.max(2, Math.trunc((size * utilization) / TARGET)) : size;
}

export function queueSize({ size, queue }: Pick<OriginalMetrics, 'size' | 'queue'>): number {
  return queue > size / 2 ? size + Math.trunc(queue / 2) : size;
}

export function responseSize({ size, waitMs }: Pick<OriginalMetrics, 'size' | 'waitMs'>): number {
  if (waitMs < 50) return Math.max(2, Math.trunc(0.9 * size));
  return waitMs > 100 ? Math.trunc((size * waitMs) / 100) : size;
}

export function originalSize(metrics: OriginalMetrics): number {
  const votes = 0.25 * littleSize(metrics) + 0.25 * utilizationSize(metrics) + 0.2 * queueSize(metrics) + 0.2 * responseSize(metrics);
  return Math.trunc(votes + 0.1 * (metrics.forecast ?? metrics.size));
}

export function constrained(wanted: number, size: number, { databaseLimit, freeMb, mbPerConnection, cpuPercent }: OriginalLimits): number {
  const allowed = Math.min(wanted, Math.trunc(0.8 * databaseLimit), Math.trunc(freeMb / mbPerConnection));
  return Math.max(2, cpuPercent > 80 ? Math.min(allowed, size) : allowed);
}

export function isEmergency({ size, queue, waitMs, utilization }: OriginalMetrics): boolean {
  return queue > 2 * size || waitMs > 1000 || utilization > 0.95;
}

/** One pool under the original's rules. Its history is that of decisions, applied or not. */
export class OriginalController {
  readonly history: { readonly at: number; readonly action: OriginalAction; readonly fromSize: number; readonly toSize: number }[] = [];
  #changedAt = -Infinity;

  constructor(changedAt = -Infinity) {
    this.#changedAt = changedAt;
  }

  decide(wanted: number, metrics: OriginalMetrics, now: number): OriginalDecision {
    const { size, utilization, queue } = metrics;
    const stay = (reason: string, confidence: number): OriginalDecision => ({ action: 'no_change', toSize: size, reason, confidence });
    const emergency = isEmergency(metrics);
    if (now - this.#changedAt < COOLDOWN_MS && !emergency) return stay('In cooldown period', 1);
    const last = this.history.slice(-4).map(({ action }) => action);
    if (last.length === 4 && last.every((action, index) => index === 0 || action !== last[index - 1]))
      return stay('Flapping detected', 0.9);
    const ratio = Math.abs(wanted - size) / size;
    const step = emergency && queue > size ? EMERGENCY_STEP : STEP;
    let toSize = size;
    if (wanted > size && ratio > 0.15) toSize = Math.min(wanted, size + step);
    else if (wanted < size && ratio > 0.2) toSize = Math.max(2, wanted, size - step);
    if (toSize === size) return stay('Size is optimal', 0.5);
    const action = toSize > size ? 'scale_up' : 'scale_down';
    this.history.push({ at: now, action, fromSize: size, toSize });
    this.#changedAt = now;
    const up = queue > size ? 'Queue is long' : 'High utilization';
    return {
      action,
      toSize,
      reason: action === 'scale_up' ? up : 'Low utilization',
      confidence: confidenceOf(utilization, queue, ratio, metrics),
    };
  }
}

function confidenceOf(utilization: number, queue: number, ratio: number, { healthScore = 100 }: OriginalMetrics): number {
  let confidence = 0.5;
  if (utilization > 0.9 || utilization < 0.3) confidence += 0.2;
  if (queue > 5) confidence += 0.15;
  if (ratio > 0.3) confidence += 0.15;
  return Math.min(0.95, healthScore < 70 ? 0.8 * confidence : confidence);
}
