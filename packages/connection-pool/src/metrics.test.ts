import { SimulatedClock } from '@kailash-ts/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { AcquireTimeoutError, ConnectError, PoolAbortedError, StatementError, StatementTimeoutError } from './errors.ts';
import { PoolMetrics, type PoolCounterValues, type PoolGauges } from './metrics.ts';

const GAUGES: PoolGauges = { active: 3, idle: 1, total: 4, connecting: 0, waiting: 2, min: 2, max: 4 };
const unique = new StatementError('no', { kind: 'unique_violation' });
const refused = new ConnectError('no', { reason: 'ECONNREFUSED' });

let clock: SimulatedClock;
let metrics: PoolMetrics;
beforeEach(() => {
  clock = new SimulatedClock();
  metrics = new PoolMetrics('orders', clock);
});

describe('the metrics of a pool', () => {
  it('are zero, or null where nothing can be told, at the start', () => {
    const { counters, histograms, errors, rates, gauges } = metrics.snapshot({ ...GAUGES, active: 0 });
    expect(new Set(Object.values(counters))).toEqual(new Set([0]));
    expect(Object.values(histograms).map(({ count, p99 }) => [count, p99])).toEqual(Array(6).fill([0, null]));
    expect(errors).toEqual({ totalErrors: 0, errorsByCategory: {}, errorsByClass: {}, errorRate: 0, recentErrors: [] });
    expect(rates).toEqual({ queriesPerSecond: 0, errorsPerSecond: 0, connectionsPerSecond: 0 });
    expect(gauges).toMatchObject({ utilization: 0, healthCheckSuccessRate: null });
  });

  it.each<[string, (m: PoolMetrics) => void, Partial<PoolCounterValues>]>([
    ['acquired', (m) => m.acquired(1, false), { connectionsAcquired: 1 }],
    ['acquired again', (m) => m.acquired(1, true), { connectionsAcquired: 1, connectionsReused: 1 }],
    ['acquire timed out', (m) => m.acquireFailed(new AcquireTimeoutError('p', 5, { ...GAUGES })), { acquireTimeouts: 1 }],
    ['acquire aborted', (m) => m.acquireFailed(new PoolAbortedError('It', false, 0)), {}],
    ['exhausted', (m) => m.exhausted(), { poolExhaustionEvents: 1 }],
    ['released', (m) => m.released(1), { connectionsReleased: 1 }],
    ['reset', (m) => m.reset(1), {}],
    ['connected', (m) => m.connected(1), { connectionsCreated: 1 }],
    ['connect failed', (m) => m.connectFailed(refused), { connectionsFailed: 1 }],
    ['lost', (m) => m.lost(), { connectionsFailed: 1 }],
    ['discarded', (m) => m.discarded(), { connectionsDiscarded: 1 }],
    ['recycled', (m) => m.recycled(), { connectionsRecycled: 1 }],
    ['surplus', (m) => m.surplusConnectCancelled(), { surplusConnectsCancelled: 1 }],
    ['executed', (m) => m.executed(1), { queriesTotal: 1 }],
    ['failed', (m) => m.failed(unique, 1), { queriesTotal: 1, queryErrors: 1 }],
    ['healthy', (m) => m.healthChecked(true, 1), { healthChecksTotal: 1, healthChecksSuccess: 1 }],
    ['unhealthy', (m) => m.healthChecked(false, 1), { healthChecksTotal: 1, healthChecksFailed: 1 }],
    ['leaked', (m) => m.leaked(), { leaksDetected: 1 }],
    ['retried', (m) => m.retried(), { retries: 1 }],
  ])('count %s, and nothing else', (_name, happen, expected) => {
    happen(metrics);
    const counted = Object.fromEntries(Object.entries(metrics.snapshot(GAUGES).counters).filter(([, value]) => value !== 0));
    expect(counted).toEqual(expected);
  });

  it('measure each duration in its own histogram', () => {
    metrics.acquired(1, false);
    metrics.released(2);
    metrics.connected(3);
    metrics.executed(4);
    metrics.failed(unique, 5);
    metrics.healthChecked(true, 6);
    metrics.reset(7);
    const { histograms } = metrics.snapshot(GAUGES);
    expect(Object.entries(histograms).map(([name, { count, sum, max }]) => [name, count, sum, max])).toEqual([
      ['wait', 1, 1, 1],
      ['hold', 1, 2, 2],
      ['connect', 1, 3, 3],
      ['execute', 2, 9, 5],
      ['healthCheck', 1, 6, 6],
      ['reset', 1, 7, 7],
    ]);
  });

  it('conformance 69: 100 statements with 5 errors are a rate of .05; waits of 10, 20, 30 ms average 20; the last 1000 waits count', () => {
    for (let i = 0; i < 95; i++) metrics.executed(1);
    for (let i = 0; i < 5; i++) metrics.failed(unique, 1);
    expect(metrics.counters).toMatchObject({ queriesTotal: 100, queryErrors: 5 });
    expect(metrics.errorRate).toBe(0.05);
    for (const wait of [10, 20, 30]) metrics.acquired(wait, false);
    expect(metrics.recentWaits.mean()).toBe(20);
    for (let i = 0; i < 1097; i++) metrics.acquired(5, false);
    expect(metrics.recentWaits.mean()).toBe(5);
    expect(metrics.histograms.wait.count).toBe(1100);
  });

  it('tell errors by kind, their rate, and the last ten without their words', async () => {
    metrics.failed(new StatementTimeoutError(5, false), 5);
    await clock.advance(1000);
    for (let i = 0; i < 10; i++) metrics.failed(unique, 1);
    metrics.connectFailed(refused);
    metrics.healthChecked(false, 5, refused);
    await clock.advance(1000);
    const { errors, rates } = metrics.snapshot(GAUGES);
    expect(errors).toMatchObject({
      totalErrors: 13,
      errorsByCategory: { query_timeout: 1, query_error: 10, connection_refused: 1, health_check_failed: 1 },
      errorsByClass: { query_timeout: 1, unique_violation: 10, connection_refused: 1, health_check_failed: 1 },
      errorRate: 1,
    });
    expect(rates.errorsPerSecond).toBe(6.5);
    expect(errors.recentErrors).toHaveLength(10);
    expect(errors.recentErrors.at(-1)).toEqual({
      time: '2026-01-01T00:00:01.000Z',
      category: 'health_check_failed',
      kind: 'health_check_failed',
      code: 'POOL_CONNECT_FAILED',
    });
    expect(errors.recentErrors[0]).toMatchObject({ kind: 'unique_violation', code: 'POOL_STATEMENT_FAILED' });
  });

  it('tell rates of the last minute, not of a lifetime', async () => {
    for (let i = 0; i < 600; i++) metrics.executed(1);
    for (let i = 0; i < 60; i++) metrics.acquired(1, true);
    await clock.advance(10_000);
    expect(metrics.snapshot(GAUGES).rates).toMatchObject({ queriesPerSecond: 60, connectionsPerSecond: 6 });
    await clock.advance(120_000);
    expect(metrics.snapshot(GAUGES).rates).toMatchObject({ queriesPerSecond: 0, connectionsPerSecond: 0 });
    expect(metrics.snapshot(GAUGES).uptimeSeconds).toBe(130);
  });

  it('tell utilisation and the health of checks', () => {
    for (const succeeded of [true, true, true, false]) metrics.healthChecked(succeeded, 1);
    expect(metrics.snapshot(GAUGES).gauges).toEqual({ ...GAUGES, utilization: 0.75, healthCheckSuccessRate: 0.75 });
  });

  it('a snapshot is plain data that does not change afterwards', () => {
    metrics.failed(unique, 1);
    const before = metrics.snapshot(GAUGES);
    const text = JSON.stringify(before);
    metrics.failed(unique, 1);
    metrics.acquired(1, true);
    expect(JSON.stringify(before)).toBe(text);
    expect(JSON.parse(text)).toEqual(before);
  });

  it('tell an observer of waits, leases, connects and time-outs', () => {
    const seen: unknown[] = [];
    const observer = {
      waited: (ms: number) => void seen.push(['waited', ms]),
      held: (ms: number) => void seen.push(['held', ms]),
      connected: (ms: number) => void seen.push(['connected', ms]),
      timedOut: () => void seen.push(['timedOut']),
    };
    const observed = new PoolMetrics('orders', clock, observer);
    observed.acquired(1, false);
    observed.released(2);
    observed.connected(3);
    observed.acquireFailed(refused);
    observed.acquireFailed(new AcquireTimeoutError('p', 5, { ...GAUGES }, refused));
    expect(seen).toEqual([['waited', 1], ['held', 2], ['connected', 3], ['timedOut']]);
  });
});
