import { describe, expect, it } from 'vitest';
import { fewestConnections, waitProbability, waitsLonger } from './erlang.ts';

describe('Erlang C', () => {
  it.each([
    // connections, busy on average, probability of a wait: from the closed formula
    [1, 0.5, 0.5],
    [2, 1, 1 / 3],
    [5, 4, 0.5541],
    [10, 8, 0.4092],
    [100, 90, 0.2169],
  ])('%i connections of which %f are busy make a caller wait with probability %f', (connections, offered, probability) => {
    expect(waitProbability(connections, offered)).toBeCloseTo(probability, 3);
  });

  it('is 0 without load, 1 with more load than connections, and exact for thousands', () => {
    expect(waitProbability(3, 0)).toBe(0);
    expect(waitProbability(3, 3)).toBe(1);
    expect(waitProbability(5000, 4900)).toBeGreaterThan(0);
    expect(waitProbability(5000, 4900)).toBeLessThan(0.5);
  });

  it('the fewest connections keep the goal, and one less does not', () => {
    for (const offered of [0.1, 1, 3.7, 16, 64, 400]) {
      for (const holdMs of [1, 20, 500]) {
        const goal = { waitMs: 5, share: 0.01 };
        const fewest = fewestConnections(offered, holdMs, goal);
        expect(waitsLonger(fewest, offered, holdMs, goal.waitMs)).toBeLessThanOrEqual(goal.share);
        if (fewest > 1) expect(waitsLonger(fewest - 1, offered, holdMs, goal.waitMs)).toBeGreaterThan(goal.share);
      }
    }
    expect(fewestConnections(0, 5, { waitMs: 5, share: 0.01 })).toBe(0);
  });
});
