import { describe, expect, it } from 'vitest';
import { NoConnectionsError } from './errors.ts';
import { rankReads, rankWrites, scoreOf, weightedScore, type Candidate, type RankingOptions } from './score.ts';

/** Load is given as the conformance cases give it: of ten. */
const host = (name: string, healthScore: number, busy: number, latencyMs: number | null, change: Partial<Candidate> = {}): Candidate => ({
  name,
  healthScore,
  busy,
  size: 10,
  latencyMs,
  lagMs: 0,
  ...change,
});
const c1 = host('c1', 90, 2, 10);
const c2 = host('c2', 70, 5, 20, { role: 'replica' });
const c3 = host('c3', 40, 1, 50);
const options: RankingOptions = { healthThreshold: 50, maxReplicaLagMs: 10_000, affinity: undefined };

describe('the score of a host', () => {
  it('conformance 45: is .84 and .34 for the cases of the list, and stays within 0 and 1', () => {
    expect(scoreOf(host('a', 95, 1, 5), false)).toBeCloseTo(0.84, 10);
    expect(scoreOf(host('b', 60, 8, 80), false)).toBeCloseTo(0.34, 10);
    expect(scoreOf(host('best', 100, 0, 0), true)).toBeCloseTo(1, 10);
    expect(scoreOf(host('worst', 0, 30, 5000), false)).toBe(0);
    expect(scoreOf(host('closed', 0, 0, 5000, { size: 0 }), false)).toBe(0);
  });

  it('conformance 46: affinity adds exactly .1', () => {
    for (const one of [c1, c2, c3]) expect(scoreOf(one, true)).toBe(scoreOf(one, false) + 0.1);
  });

  it('counts a latency that is not known as none, so that it becomes known', () => {
    expect(scoreOf(host('new', 100, 0, null), false)).toBe(scoreOf(host('fast', 100, 0, 0), false));
  });

  it('falls with lag, to nothing at the most that is permitted', () => {
    const behind = (lagMs: number, maxReplicaLagMs = 10_000): number =>
      weightedScore(host('a', 100, 0, 0, { lagMs }), { ...options, maxReplicaLagMs });
    const none = behind(0);
    expect([behind(2500), behind(10_000), behind(30_000, Infinity)]).toEqual([none * 0.75, 0, none * 0.5]);
  });
});

describe('the ranking of hosts', () => {
  it('conformance 40: a read goes to the best one, with the others behind it; those under healthThreshold are left out', () => {
    expect([scoreOf(c1, false), scoreOf(c2, false)].map((score) => score.toFixed(2))).toEqual(['0.78', '0.59']);
    expect(rankReads([c1, c2, c3], options)).toEqual({ names: ['c1', 'c2'], confidence: 0.75 });
    expect(rankReads([c1, c2, c3], { ...options, healthThreshold: 30 }).names).toEqual(['c1', 'c2', 'c3']);
  });

  it('conformance 41: a write goes to the healthiest that takes writes', () => {
    expect(rankWrites([c1, c2, c3])).toEqual({ names: ['c1'], confidence: 0.9 });
    expect(rankWrites([host('a', 90, 2, 1), host('b', 90, 1, 1)]).names).toEqual(['b']);
  });

  it('conformance 43: picks one even if all are under the threshold', () => {
    const sick = [c1, c2, c3].map((one) => ({ ...one, healthScore: 30 }));
    expect(rankReads(sick, options).names).toHaveLength(3);
    expect(rankWrites(sick).names).toHaveLength(1);
  });

  it('conformance 44: refuses where there are none', () => {
    expect(() => rankReads([], options)).toThrow(NoConnectionsError);
    expect(() => rankWrites([])).toThrow(/no available connections/);
  });

  it('conformance 48: is sure of a write by the health of its host, and half sure of the only one for a read', () => {
    expect(rankWrites([host('a', 80, 0, 0)]).confidence).toBe(0.7);
    expect(rankWrites([host('a', 81, 0, 0)]).confidence).toBe(0.9);
    expect(rankReads([c1], options).confidence).toBe(0.5);
  });

  it('is surer of a read the further the best one leads', () => {
    const leads = [0, 0.15, 0.25, 0.35].map(
      (lead) => rankReads([host('a', 100, 0, 0), host('b', 100 - lead * 250, 0, 0)], { ...options, healthThreshold: 0 }).confidence,
    );
    expect(leads).toEqual([0.65, 0.75, 0.85, 0.95]);
  });

  it('lets affinity decide between equals', () => {
    const twins = [host('a', 90, 1, 5), host('b', 90, 1, 5)];
    expect(rankReads(twins, { ...options, affinity: 'b' }).names).toEqual(['b', 'a']);
  });
});
