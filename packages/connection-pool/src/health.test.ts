import { describe, expect, it } from 'vitest';
import { Health, type HealthSignal } from './health.ts';

function after(...signals: HealthSignal[]): Health {
  const health = new Health();
  health.enter('healthy');
  for (const signal of signals) health.note(signal);
  return health;
}
const times = (count: number, signal: HealthSignal): HealthSignal[] => Array.from({ length: count }, () => signal);

describe('the health of a connection', () => {
  it('conformance 70: −20 a failed check, +5 a passed one, between 0 and 100; 5 connection errors leave 50', () => {
    expect(after().score).toBe(100);
    expect(after('check_failed').score).toBe(80);
    expect(after('check_failed', 'check_passed').score).toBe(85);
    expect(after(...times(9, 'check_failed')).score).toBe(0);
    expect(after(...times(3, 'check_passed')).score).toBe(100);
    expect(after(...times(5, 'connection_error')).score).toBe(50);
  });

  it('is degraded under 30, and healthy again over 70, not before', () => {
    const health = after(...times(8, 'connection_error'));
    expect(health).toMatchObject({ score: 20, state: 'degraded' });
    for (let round = 0; round < 10; round++) health.note('check_passed');
    expect(health).toMatchObject({ score: 70, state: 'degraded' });
    expect(health.note('check_passed')).toBe('degraded');
    expect(health).toMatchObject({ score: 75, state: 'healthy' });
  });

  it('is degraded under 50 and failed under 30 by a failed check', () => {
    expect(after('check_failed', 'check_failed').state).toBe('healthy');
    expect(after('check_failed', 'check_failed', 'check_failed')).toMatchObject({ score: 40, state: 'degraded' });
    expect(after(...times(4, 'check_failed'))).toMatchObject({ score: 20, state: 'failed' });
  });

  it('does not fall under 50 by slowness alone, and is not lifted by it', () => {
    expect(after(...times(100, 'check_slow')).score).toBe(50);
    expect(after(...times(7, 'connection_error'), 'check_slow').score).toBe(30);
  });

  it('counts its checks', () => {
    const health = after('check_passed', 'check_slow', 'check_failed', 'timeout');
    expect([health.checksPassed, health.checksFailed]).toEqual([2, 1]);
  });

  it('tells what it was before a change, and nothing otherwise', () => {
    const health = after();
    expect(health.note('timeout')).toBeUndefined();
    for (let round = 0; round < 6; round++) health.note('timeout');
    expect(health.note('timeout')).toBe('healthy');
  });
});
