/** Learning through a router: both switches, sessions told apart, warnings where nothing can come of it. */
import { Runtime, WorkflowBuilder } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueryRouterNode } from './node.ts';

describe('learning through a router', () => {
  let runtime: Runtime;
  const warnings: (Error & { code?: string })[] = [];
  const note = (warning: Error): void => void warnings.push(warning);

  beforeEach(() => {
    runtime = new Runtime();
    warnings.length = 0;
    process.on('warning', note);
  });
  afterEach(async () => {
    process.off('warning', note);
    await runtime.close();
  });

  const setUp = (enableQueryRouting: boolean, patternLearning?: boolean) => {
    const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: 'sqlite::memory:', enableQueryRouting });
    const router = new QueryRouterNode({
      name: 'router',
      connectionPool: 'db_pool',
      ...(patternLearning !== undefined && { patternLearning }),
    });
    runtime.registerNode('db_pool', pool).registerNode('router', router);
    return { pool, router };
  };
  const told = async (): Promise<(string | undefined)[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return warnings.map(({ code }) => code);
  };

  it('conformance 100: learns with both switches on, per session, and not with either off', async () => {
    const { pool, router } = setUp(true);
    const run = (query: string, sessionId: string) => router.process({ query, parameters: [1], sessionId });
    // Two sessions whose statements alternate: what follows what is told per session.
    for (let count = 0; count < 10; count++) {
      await run('SELECT ? AS a', 'one');
      await run('SELECT ? AS x', 'two');
      await run('SELECT ? AS b', 'one');
      await run('SELECT ? AS y', 'two');
    }
    const tracker = pool.queryPatternTracker!;
    expect(tracker.getAllPatterns()).toHaveLength(4);
    expect(tracker.getFrequentPatterns(2)).toHaveLength(2);
    const a = tracker.getAllPatterns().find(({ fingerprint }) => / a$/i.test(fingerprint))!;
    expect(a.followedByQueries.map((text) => text.at(-1))).toEqual(['b']);
    expect(pool.getComprehensiveStatus().patternInsights).toMatchObject({ templates: 4 });

    for (const off of [
      () => (router.patternLearning = false),
      () => ((router.patternLearning = true), (pool.enableQueryRouting = false)),
    ]) {
      off();
      await run('SELECT ? AS c', 'one');
    }
    expect(pool.queryPatternTracker).toBeNull();
    expect(pool.getComprehensiveStatus().patternInsights).toBeNull();
    pool.enableQueryRouting = true;
    expect(pool.queryPatternTracker!.size).toBe(4);
    expect(pool.queryPatternTracker).toBe(tracker);
  });

  it('tells sequences of one type of workflow, and counts failures', async () => {
    const { pool } = setUp(true);
    const workflow = new WorkflowBuilder('report');
    const first = workflow.addNode('first', 'router', { query: 'SELECT 1 AS first' });
    const second = workflow.addNode('second', 'router', { query: 'SELECT 2 AS second' }, { after: [first] });
    const definition = workflow.output({ rows: second });
    for (let count = 0; count < 6; count++) await runtime.execute(definition);
    await expect(runtime.process('router', { query: 'SELECT * FROM missing' })).rejects.toThrow();
    const tracker = pool.queryPatternTracker!;
    const [{ fingerprint } = { fingerprint: '' }] = tracker.getAllPatterns().filter((pattern) => pattern.fingerprint.endsWith('first'));
    expect(tracker.predictNextQueries(fingerprint, { workflow: 'report' })[0]).toMatchObject({
      fingerprint: expect.stringMatching(/second$/),
    });
    expect(tracker.size).toBe(3);
  });

  it.each([
    [true, false, ['KAILASH_LEARNING_OFF']],
    [false, true, ['KAILASH_LEARNING_OFF']],
    // The router's default asks nobody for anything.
    [false, undefined, []],
    [false, false, []],
    [true, true, []],
  ] as const)('says once that one switch is off (pool %s, router %s)', async (enableQueryRouting, patternLearning, codes) => {
    const { router } = setUp(enableQueryRouting, patternLearning);
    for (let count = 0; count < 3; count++) await router.process({ query: 'SELECT 1' });
    expect(await told()).toEqual(codes);
    if (codes.length > 0) expect(warnings[0]!.message).toMatch(/^No patterns are learnt: .* is on, but .* is off[.]/);
  });

  it('says once that values are written into texts, and shows none of them', async () => {
    const { router } = setUp(false);
    for (let id = 0; id < 250; id++) await router.process({ query: `SELECT ${id} AS id, 'secret-${id}' AS name` });
    for (let id = 1; id < 250; id++)
      await router.process({
        query: `SELECT ${Array.from({ length: id }, () => '?').join(' + ')} AS n`,
        parameters: Array<number>(id).fill(1),
      });
    expect(await told()).toEqual(['KAILASH_INLINED_VALUES']);
    expect(warnings[0]!.message).toBe(
      '100 texts came that differ in their values alone: SELECT ? AS id, ? AS name. Pass the values as parameters, so that one text serves for all.',
    );
    expect(router.getMetrics().cacheStats.hitRate).toBe(0);
  });
});
