import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it } from 'vitest';
import { PatternOptionsError, PatternStateError } from './errors.ts';
import type { PatternOptions } from './pattern-config.ts';
import { QueryPatternTracker, type QueryExecution } from './query-pattern-tracker.ts';
import { randomFrom } from '../testing/random.ts';
import { suggestOptimizations, suggestPreWarming } from './suggestions.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Thursday. */
const START = Date.UTC(2026, 0, 1);

interface Setup {
  readonly clock: SimulatedClock;
  readonly tracker: QueryPatternTracker;
  run(fingerprint: string, more?: Partial<QueryExecution>): void;
  runAfter(delayMs: number, fingerprint: string, more?: Partial<QueryExecution>): Promise<void>;
}

function setup(options: PatternOptions = {}, wallTime = START): Setup {
  const clock = new SimulatedClock({ wallTime });
  const tracker = new QueryPatternTracker(options, clock);
  const run = (fingerprint: string, more: Partial<QueryExecution> = {}): void =>
    tracker.recordExecution({ fingerprint, executionTimeMs: 10, connectionId: 'c1', success: true, resultSize: 1, ...more });
  const runAfter = async (delayMs: number, fingerprint: string, more: Partial<QueryExecution> = {}): Promise<void> => {
    await clock.advance(delayMs);
    run(fingerprint, more);
  };
  return { clock, tracker, run, runAfter };
}

describe('counting', () => {
  it('conformance 94: six records count six, by template', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 6; i++) await runAfter(SECOND, 'A');
    expect(tracker.size).toBe(1);
    expect(tracker.getPattern('A')?.count).toBe(6);
    expect(tracker.exportState().templates.map(({ fingerprint }) => fingerprint)).toEqual(['A']);
  });

  it('conformance 95: a template is a pattern from the minimum on, with its typical size and mean time', async () => {
    const { tracker, runAfter } = setup({ minPatternFrequency: 5 });
    for (let i = 0; i < 4; i++) await runAfter(SECOND, 'A');
    expect(tracker.getPattern('A')).toBeNull();
    expect(tracker.getPattern('unknown')).toBeNull();
    for (let i = 0; i < 10; i++) await runAfter(SECOND, 'B', { resultSize: 1000 + 100 * i, executionTimeMs: 100 + 5 * i });
    const pattern = tracker.getPattern('B')!;
    expect(pattern.typicalResultSize).toBeGreaterThan(1000);
    expect(pattern.typicalResultSize).toBe(1450);
    expect(pattern.avgExecutionTime).toBeGreaterThan(100);
    expect(pattern.avgExecutionTime).toBe(122.5);
    expect(pattern.successRate).toBe(1);
  });

  it('conformance 96: a record older than the retention is gone with the next one, and its pairs too', async () => {
    const { tracker, run, runAfter } = setup({ retentionHours: 24, minPatternFrequency: 1 });
    for (let i = 0; i < 5; i++) {
      run('old');
      await runAfter(SECOND, 'next');
    }
    await runAfter(25 * HOUR, 'new');
    expect(tracker.size).toBe(1);
    expect(tracker.getPattern('old')).toBeNull();
    expect(tracker.getPattern('next')).toBeNull();
    expect(tracker.predictNextQueries('old')).toEqual([]);
    expect(tracker.exportState().contexts.map(({ total }) => total)).toEqual([1, 1]);
    // Seen again, it does not bring its old pairs back.
    await runAfter(SECOND, 'old');
    await runAfter(SECOND, 'next');
    expect(tracker.predictNextQueries('old')).toEqual([]);
    expect(tracker.getPattern('old')?.followedByQueries).toEqual([]);
  });

  it('keeps what is seven eighths of the retention old', async () => {
    const { tracker, run, runAfter } = setup({ retentionHours: 24, minPatternFrequency: 2 });
    run('A', { executionTimeMs: 30 });
    await runAfter(20 * HOUR, 'A');
    expect(tracker.getPattern('A')).toMatchObject({ count: 2, avgExecutionTime: 20 });
  });

  it('measures the frequency over at least a minute: a burst is no rate of millions', () => {
    const { tracker, run } = setup();
    for (let i = 0; i < 12; i++) run('A');
    expect(tracker.getPattern('A')?.frequency).toBe(12);
  });

  it('conformance 100: has getFrequentPatterns and getAllPatterns', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 30; i++) await runAfter(SECOND, i % 3 === 0 ? 'rare' : 'often');
    await runAfter(SECOND, 'once');
    expect(tracker.getFrequentPatterns(1).map(({ fingerprint }) => fingerprint)).toEqual(['often']);
    expect(tracker.getAllPatterns().map(({ fingerprint, count }) => [fingerprint, count])).toEqual([
      ['often', 20],
      ['rare', 10],
    ]);
  });

  it('never holds more templates than it may, and forgets one that was not seen for long', async () => {
    const { tracker, run, runAfter } = setup({ maxTemplates: 100, minPatternFrequency: 1 });
    for (let i = 0; i < 1000; i++) await runAfter(1, `Q${i}`);
    expect(tracker.size).toBe(100);
    expect(tracker.getPattern('Q999')).not.toBeNull();
    const kept = tracker.getAllPatterns().map(({ fingerprint }) => Number(fingerprint.slice(1)));
    expect(kept.reduce((sum, one) => sum + one, 0) / kept.length).toBeGreaterThan(800);
    run('Q0');
    expect(tracker.getPattern('Q0')?.count).toBe(1);
  });

  it('bears a clock that goes back', async () => {
    const { clock, tracker, run } = setup();
    let wallTime = START;
    Object.defineProperty(clock, 'wallTime', { value: () => wallTime });
    run('A');
    wallTime -= 10 * DAY;
    for (let i = 0; i < 5; i++) run('A');
    expect(tracker.getPattern('A')?.count).toBe(6);
  });
});

describe('sequences', () => {
  it('conformance 94: A, B, C five times is five of each pair, and B is predicted after A', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 15; i++) await runAfter(SECOND, 'ABC'[i % 3]!);
    expect(tracker.predictNextQueries('A').map(({ fingerprint, count }) => [fingerprint, count])).toEqual([['B', 5]]);
    expect(tracker.predictNextQueries('B').map(({ fingerprint, count }) => [fingerprint, count])).toEqual([['C', 5]]);
    expect(tracker.getPattern('B')).toMatchObject({ followsQueries: ['A'], followedByQueries: ['C'] });
  });

  it('conformance 94: A, B twenty times gives a confidence over 0.8', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 40; i++) await runAfter(SECOND, 'AB'[i % 2]!);
    const [first] = tracker.predictNextQueries('A');
    expect(first).toMatchObject({ fingerprint: 'B', count: 20 });
    expect(first!.confidence).toBeGreaterThan(0.8);
    expect(first!.probability).toBeGreaterThan(first!.confidence);
  });

  it('conformance 97: the delay of a step is measured, and 30 s where none is known', async () => {
    const { clock, tracker, runAfter } = setup();
    for (let i = 0; i < 6; i++) {
      await runAfter(MINUTE, 'A');
      await runAfter(5 * SECOND, 'B');
    }
    const [next] = tracker.predictNextQueries('A');
    expect(next!.expectedDelayMs).toBeGreaterThan(4 * SECOND);
    expect(next!.expectedDelayMs).toBeLessThan(6 * SECOND);
    expect(next!.expectedTime - clock.wallTime()).toBe(next!.expectedDelayMs);
    // The first of a session has nothing that it could come after.
    for (let i = 0; i < 3; i++) await runAfter(SECOND, 'first', { sessionId: `s${i}` });
    const [first] = tracker.predictFirstQueries();
    expect(first).toMatchObject({ fingerprint: 'first', expectedDelayMs: 30 * SECOND });
  });

  it('tells nothing that comes later than the window', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 10; i++) await runAfter(20 * SECOND, 'AB'[i % 2]!);
    expect(tracker.predictNextQueries('A', { windowMs: 10 * SECOND })).toEqual([]);
    expect(tracker.predictNextQueries('A', { windowMs: 30 * SECOND })).toHaveLength(1);
  });

  it('begins a new sequence after a long pause', async () => {
    const { tracker, runAfter } = setup({ sequenceWindowMs: MINUTE });
    for (let i = 0; i < 10; i++) await runAfter(2 * MINUTE, 'AB'[i % 2]!);
    expect(tracker.predictNextQueries('A')).toEqual([]);
  });

  it('conformance 100: sequences are per session', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 40; i++) {
      await runAfter(SECOND, 'AB'[i % 2]!, { sessionId: 'one' });
      await runAfter(SECOND, 'XY'[i % 2]!, { sessionId: 'two' });
    }
    expect(tracker.predictNextQueries('A').map(({ fingerprint }) => fingerprint)).toEqual(['B']);
    expect(tracker.predictNextQueries('X').map(({ fingerprint }) => fingerprint)).toEqual(['Y']);
  });

  it('takes the connection for the session where none is given', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 10; i++) {
      await runAfter(SECOND, 'AB'[i % 2]!, { connectionId: 'c1' });
      await runAfter(SECOND, 'X', { connectionId: 'c2' });
    }
    expect(tracker.predictNextQueries('A').map(({ fingerprint }) => fingerprint)).toEqual(['B']);
  });

  it('predicts from what a session did before, and from the type of its workflow', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 30; i++) {
      const sessionId = `s${i}`;
      const isOdd = i % 2 === 1;
      for (const fingerprint of isOdd ? ['A', 'shared', 'C'] : ['B', 'shared', 'D'])
        await runAfter(SECOND, fingerprint, { sessionId, workflow: isOdd ? 'odd' : 'even' });
    }
    await runAfter(SECOND, 'A', { sessionId: 'now' });
    await runAfter(SECOND, 'shared', { sessionId: 'now' });
    expect(tracker.predictNextQueries('shared', { sessionId: 'now' })[0]).toMatchObject({ fingerprint: 'C' });
    expect(tracker.predictNextQueries('shared', { workflow: 'even' })[0]).toMatchObject({ fingerprint: 'D' });
    expect(tracker.predictNextQueries('shared')[0]!.probability).toBeLessThan(0.6);
    expect(tracker.predictFirstQueries({ workflow: 'odd' })[0]).toMatchObject({ fingerprint: 'A' });
  });

  it('hands on the text that can be prepared', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 10; i++) await runAfter(SECOND, 'AB'[i % 2]!, { text: `SELECT ${'ab'[i % 2]} FROM t WHERE id = $1` });
    expect(tracker.predictNextQueries('A')[0]?.text).toBe('SELECT b FROM t WHERE id = $1');
    expect(JSON.stringify(tracker.exportState())).not.toContain('SELECT');
  });
});

describe('times', () => {
  it('takes what ran within one hour for no habit', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 30; i++) await runAfter(MINUTE, 'A');
    expect(tracker.getPattern('A')?.temporalPattern).toBeNull();
  });

  it('knows what comes at an hour, every day, and on business days', async () => {
    const { tracker, run, runAfter } = setup();
    for (let hour = 0; hour < 8 * 24; hour++) {
      await runAfter(HOUR, 'every hour');
      const [ofDay, weekday] = [(hour + 1) % 24, (Math.floor((hour + 1) / 24) + 4) % 7];
      if (ofDay === 3) for (let i = 0; i < 5; i++) run('at three');
      if (weekday >= 1 && weekday <= 5 && ofDay >= 6 && ofDay < 20) run('at work');
    }
    expect(tracker.getPattern('every hour')?.temporalPattern).toBe('daily');
    expect(tracker.getPattern('at three')?.temporalPattern).toBe('hourly');
    expect(tracker.getPattern('at work')?.temporalPattern).toBe('business_days');
  });
});

describe('the forecast of the workload', () => {
  it('conformance 98: has its fields, and recommends at least 5', async () => {
    const { tracker, runAfter } = setup();
    const before = tracker.getWorkloadForecast();
    expect(before).toEqual({
      horizonMinutes: 60,
      historicalQps: 0,
      expectedTotalQueries: 0,
      expectedQueries: [],
      peakLoadProbability: 0,
      recommendedPoolSize: 5,
      peakHours: [],
    });
    for (let i = 0; i < 100; i++) await runAfter(6 * SECOND, i % 4 === 0 ? 'A' : 'B');
    const after = tracker.getWorkloadForecast(30);
    expect(after.historicalQps).toBeCloseTo(1 / 6, 2);
    expect(after.expectedTotalQueries).toBeGreaterThan(290);
    expect(after.expectedTotalQueries).toBeLessThan(310);
    expect(after.expectedQueries.map(({ fingerprint }) => fingerprint)).toEqual(['B', 'A']);
    expect(after.expectedQueries[0]!.expectedCount / after.expectedQueries[1]!.expectedCount).toBeCloseTo(3);
    expect(after.expectedQueries[0]!.avgExecutionTime).toBe(10);
    expect(after.recommendedPoolSize).toBeGreaterThanOrEqual(5);
  });

  it('conformance 98: a burst of 12 within a millisecond recommends no pool of 50', () => {
    const { tracker, run } = setup();
    for (let i = 0; i < 12; i++) run('A', { executionTimeMs: 100 });
    const forecast = tracker.getWorkloadForecast();
    expect(forecast.recommendedPoolSize).toBe(5);
    expect(forecast.historicalQps).toBe(0.2);
    expect(forecast.expectedTotalQueries).toBe(720);
  });

  it('conformance 98: a window that crosses midnight expects what comes on both sides', async () => {
    const { clock, tracker, run } = setup({ minPatternFrequency: 1 });
    for (let hour = 0; hour < 4 * 24 + 23; hour++) {
      const ofDay = hour % 24;
      run(ofDay === 23 ? 'late' : ofDay === 0 ? 'early' : 'in between');
      await clock.advance(HOUR);
    }
    await clock.advance(30 * MINUTE);
    const { expectedQueries } = tracker.getWorkloadForecast(60);
    expect(expectedQueries.map(({ fingerprint }) => fingerprint).sort()).toEqual(['early', 'late']);
  });

  it('recommends what the busiest rate keeps in use and its root, up to 50', async () => {
    const { tracker, run, runAfter } = setup();
    for (let second = 0; second < 600; second++) {
      await runAfter(SECOND, 'A', { executionTimeMs: 1000 });
      for (let i = 1; i < 16; i++) run('A', { executionTimeMs: 1000 });
    }
    // 16 a second for a second each: 16 + 4, and a little for the minute under way.
    expect(tracker.getWorkloadForecast().recommendedPoolSize).toBeGreaterThanOrEqual(20);
    expect(tracker.getWorkloadForecast().recommendedPoolSize).toBeLessThanOrEqual(21);
    for (let i = 0; i < 100_000; i++) run('A', { executionTimeMs: 1000 });
    expect(tracker.getWorkloadForecast().recommendedPoolSize).toBe(50);
  });

  it('learns the day: the rate of an hour to come, its peak hours, and when a peak is probable', async () => {
    const { clock, tracker, run } = setup();
    expect(tracker.forecastRate(HOUR)).toBeNull();
    const random = randomFrom(1);
    // About ten a minute from 8 to 10, one a minute else. Here are ten days, until 07:30.
    for (let minute = 0; minute < 10 * 24 * 60 + 450; minute++) {
      const hour = Math.floor(minute / 60) % 24;
      for (let i = random() * (hour === 8 || hour === 9 ? 20 : 2); i > 0.5; i--) run('A');
      await clock.advance(MINUTE);
    }
    expect(tracker.forecastRate(HOUR)?.perSecond).toBeGreaterThan(7 / 60);
    expect(tracker.forecastRate(5 * MINUTE)?.perSecond).toBeLessThan(2 / 60);
    const forecast = tracker.getWorkloadForecast();
    expect([...forecast.peakHours].sort()).toEqual([8, 9]);
    expect(forecast.peakLoadProbability).toBeGreaterThanOrEqual(0);
    expect(forecast.peakLoadProbability).toBeLessThanOrEqual(1);
  });

  it('gives no rate where the day before was as good a forecast', async () => {
    const { clock, tracker, run } = setup();
    for (let hour = 0; hour < 10 * 24; hour++) {
      if (hour % 24 === 8) run('A');
      await clock.advance(HOUR);
    }
    expect(tracker.forecastRate(HOUR)).toBeNull();
  });

  it('refuses a horizon that is no time to come', () => {
    const { tracker } = setup();
    for (const horizon of [0, -5, NaN, Infinity, 7 * 24 * 60 + 1])
      expect(() => tracker.getWorkloadForecast(horizon)).toThrow(PatternOptionsError);
  });
});

describe('suggestions', () => {
  const calm = { frequency: 1, avgExecutionTime: 5, temporalPattern: null, typicalResultSize: 10 };

  it('conformance 99: 50 a minute stay on their connections, and are evicted last', () => {
    expect(suggestOptimizations({ ...calm, frequency: 50 })).toEqual({ connectionAffinity: true, cachePriority: 'high' });
    expect(suggestOptimizations(calm)).toEqual({});
  });

  it('conformance 99: 2000 ms get a connection of their own and twice the time', () => {
    expect(suggestOptimizations({ ...calm, avgExecutionTime: 2000 })).toEqual({ dedicatedConnection: true, timeoutExtension: 2.0 });
  });

  it('conformance 99: 50,000 rows are read as a stream; what comes at an hour is prepared for', () => {
    expect(suggestOptimizations({ ...calm, typicalResultSize: 50_000 })).toEqual({ streamingEnabled: true });
    expect(suggestOptimizations({ ...calm, temporalPattern: 'hourly' })).toEqual({ preWarmConnections: true });
  });

  it('conformance 99: a prediction with 0.8 and 0.9 is worth pre-warming, each template once, at most ten', () => {
    const predicted = { fingerprint: 'A', probability: 0.8, confidence: 0.9 };
    expect(suggestPreWarming([predicted, predicted])).toEqual(['A']);
    expect(suggestPreWarming([{ ...predicted, probability: 0.5 }])).toEqual([]);
    expect(suggestPreWarming([{ ...predicted, confidence: 0.6 }])).toEqual([]);
    expect(suggestPreWarming(Array.from({ length: 20 }, (_, i) => ({ ...predicted, fingerprint: `Q${i}` })))).toHaveLength(10);
  });

  it('come from what was recorded', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 100; i++) await runAfter(SECOND, 'AB'[i % 2]!, { executionTimeMs: 1500 });
    expect(tracker.suggestOptimizations('A')).toEqual({
      connectionAffinity: true,
      cachePriority: 'high',
      dedicatedConnection: true,
      timeoutExtension: 2,
    });
    expect(tracker.suggestPreWarming('A')).toEqual(['B']);
    expect(tracker.suggestOptimizations('unknown')).toBeNull();
  });
});

describe('values of parameters', () => {
  const secret = 'hunter2-is-a-secret';

  it('are told apart by digests with their shares, and stand nowhere', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 16; i++) await runAfter(SECOND, 'A', { parameters: i % 4 === 0 ? [42] : [secret] });
    const pattern = tracker.getPattern('A')!;
    expect(pattern.commonParameters.map(({ share }) => share)).toEqual([0.75, 0.25]);
    expect(JSON.stringify([pattern, tracker.exportState(), tracker.predictNextQueries('A')])).not.toContain(secret);
  });

  it('have digests of one process: another salts them otherwise', async () => {
    const digests = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const { tracker, runAfter } = setup({ minPatternFrequency: 1 });
      await runAfter(SECOND, 'A', { parameters: [secret] });
      digests.add(tracker.getPattern('A')!.commonParameters[0]!.digest);
    }
    expect(digests.size).toBe(2);
  });

  it('are not common when there are more than ten lists, and five are told at most', async () => {
    const { tracker, runAfter } = setup();
    for (let i = 0; i < 16; i++) await runAfter(SECOND, 'many', { parameters: [i] });
    for (let i = 0; i < 16; i++) await runAfter(SECOND, 'some', { parameters: [i % 8] });
    expect(tracker.getPattern('many')?.commonParameters).toEqual([]);
    expect(tracker.getPattern('some')?.commonParameters).toHaveLength(5);
  });

  it('may be anything', async () => {
    const { tracker, run } = setup();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const values = [1, '1', 1n, null, undefined, new Date(0), new Uint8Array([1]), circular, Symbol('s')];
    for (const value of values) run('A', { parameters: [value] });
    expect(tracker.getPattern('A')?.commonParameters[0]?.share).toBeCloseTo(1 / values.length);
  });
});

describe('the state', () => {
  async function learned(): Promise<Setup> {
    const all = setup();
    for (let i = 0; i < 300; i++) {
      const workflow = i % 2 === 0 ? 'report' : undefined;
      await all.runAfter(20 * SECOND, ['A', 'B', 'C', 'A', 'B', 'D'][i % 6]!, { sessionId: 's', workflow, success: i % 10 !== 0 });
    }
    return all;
  }

  it('is taken up by another process as it was', async () => {
    const { clock, tracker } = await learned();
    const state = JSON.parse(JSON.stringify(tracker.exportState())) as unknown;
    const other = new QueryPatternTracker({}, clock);
    other.importState(state);
    expect(other.getAllPatterns()).toEqual(tracker.getAllPatterns());
    expect(other.predictNextQueries('B')).toEqual(tracker.predictNextQueries('B'));
    expect(other.predictNextQueries('B', { workflow: 'report' })).toEqual(tracker.predictNextQueries('B', { workflow: 'report' }));
    expect(other.exportState()).toEqual(state);
  });

  it('forgets in the other process what is too old by then', async () => {
    const { clock, tracker } = await learned();
    const state = tracker.exportState();
    await clock.advance(8 * DAY);
    const other = new QueryPatternTracker({}, clock);
    other.importState(state);
    expect(other.size).toBe(0);
    expect(other.predictNextQueries('A')).toEqual([]);
  });

  it('is refused, with its problems, when it is none', async () => {
    const { tracker } = await learned();
    const state = tracker.exportState();
    const before = tracker.exportState();
    expect(() => tracker.importState(null)).toThrow(PatternStateError);
    expect(() => tracker.importState({ ...state, version: 2 })).toThrow(/version/);
    expect(() => tracker.importState({ ...state, templates: [...state.templates, state.templates[0]] })).toThrow(
      /templates: has one of them twice/,
    );
    const [context] = state.contexts;
    expect(() => tracker.importState({ ...state, contexts: [{ ...context, statements: [99] }] })).toThrow(/contexts\.0: names a template/);
    expect(() => tracker.importState({ ...state, savedAt: state.savedAt + DAY })).toThrow(/ahead of the clock/);
    expect(() => new QueryPatternTracker({ forecastIntervalMs: HOUR }).importState(state)).toThrow(/forecastIntervalMs is 3600000 ms/);
    expect(tracker.exportState()).toEqual(before);
  });
});

describe('the options', () => {
  it('are checked, all at once', () => {
    const options = { retentionHours: 0, minPatternFrequency: 1.5, forecastIntervalMs: 7 * MINUTE, retentionHour: 5 } as PatternOptions;
    expect(() => new QueryPatternTracker(options)).toThrow(PatternOptionsError);
    expect(() => new QueryPatternTracker(options)).toThrow(
      /retentionHours.*minPatternFrequency.*forecastIntervalMs.*did you mean "retentionHours"/,
    );
  });
});
