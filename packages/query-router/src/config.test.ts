import { describe, expect, it } from 'vitest';
import { RouterConfigError } from './errors.ts';
import { QueryRouterNode } from './node.ts';

describe('the configuration of a router', () => {
  it('has defaults for all but the pool', () => {
    const router = new QueryRouterNode({ connectionPool: 'db_pool' });
    const { enableReadWriteSplit, cacheSize, patternLearning, healthThreshold, needs } = router;
    expect({ enableReadWriteSplit, cacheSize, patternLearning, healthThreshold }).toEqual({
      enableReadWriteSplit: true,
      cacheSize: 1000,
      patternLearning: true,
      healthThreshold: 50,
    });
    expect(needs).toEqual(['db_pool']);
  });

  it('is refused with all problems at once, and suggestions', () => {
    const make = (): unknown => new QueryRouterNode({ conectionPool: 'p', cacheSize: 0, healthThreshold: 101 } as never);
    expect(make).toThrow(RouterConfigError);
    expect(make).toThrow(/did you mean "connectionPool"/);
    for (const key of ['cacheSize', 'healthThreshold', 'connectionPool']) expect(make).toThrow(new RegExp(`${key}: `));
  });

  it('checks what is set later', () => {
    const router = new QueryRouterNode({ connectionPool: 'db_pool' });
    router.enableReadWriteSplit = false;
    router.patternLearning = false;
    router.healthThreshold = 70;
    router.cacheSize = 2;
    expect(router.getMetrics().cacheStats.maxEntries).toBe(2);
    expect(() => (router.cacheSize = -1)).toThrow(RouterConfigError);
    expect(() => (router.healthThreshold = undefined as never)).toThrow(RouterConfigError);
    expect([router.cacheSize, router.healthThreshold]).toEqual([2, 70]);
  });
});
