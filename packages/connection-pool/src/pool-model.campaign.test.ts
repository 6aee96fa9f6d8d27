/**
 * Random sequences of all that can happen to a pool, against a model of what it owes (`testing/pool-model.ts`) and a server that keeps
 * what a client may do (`testing/model-server.ts`), in virtual time. After each command the invariants must hold.
 */
import fc from 'fast-check';
import { afterAll, describe, it } from 'vitest';
import { commands, windDown, type Ending, type PoolCommand } from './testing/pool-commands.ts';
import { checkAtRest } from './testing/pool-model-checks.ts';
import { PoolModel, type Settings, type Tally } from './testing/pool-model.ts';
import type { Mood, Script } from './testing/model-server.ts';

/** `campaign pool-model` takes its time; `test` runs the short form. */
const isCampaign = process.env['KAILASH_CAMPAIGN'] === 'pool-model';
/** `mutations` wants to know for sure whether something fails, but not the shortest way to it. */
const isMutated = process.env['KAILASH_MUTATION'] !== undefined;
const RUNS = isCampaign ? 10_000 : isMutated ? 1500 : 300;

const weighted = <T>(...options: (readonly [weight: number, value: T])[]): fc.Arbitrary<T> =>
  fc.oneof(...options.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const rests = weighted([4, true], [1, false]);
const at = fc.nat(11);
const byId = fc.boolean();
const runId = fc.constantFrom(undefined, 'a', 'b', 'c');
const aRun = fc.constantFrom('a', 'b', 'c');
const role = weighted([3, 'primary' as const], [1, 'replica' as const]);
const timeoutMs = weighted<number | undefined>([3, undefined], [1, 1], [2, 100], [2, 1000], [2, 10_000]);
const asking = { runId, role, timeoutMs, rests };

const script: fc.Arbitrary<Script> = fc.record({
  ms: weighted([4, 0], [3, 20], [2, 150], [2, Infinity]),
  effect: weighted<Script['effect']>([5, 'none'], [3, 'dirty'], [3, 'begin'], [2, 'mistake'], [1, 'lost'], [1, 'stubborn'], [1, 'stuck']),
  cancelMs: weighted([2, 0], [2, 10], [1, 100], [1, 1000]),
  obeys: weighted([3, true], [1, false]),
});

const mood = weighted<Mood>([6, 'up'], [2, 'slow'], [3, 'down'], [1, 'full'], [1, 'denied'], [1, 'hanging'], [1, 'late']);

/** Mostly callers, a little trouble: so that there is something to lose when it comes. */
const steps = (): fc.Arbitrary<PoolCommand>[] => {
  const often: fc.Arbitrary<PoolCommand>[] = [
    fc.record(asking).map(commands.acquire),
    fc.record(asking).map(commands.acquire),
    fc.record({ at, byId, rests }).map(commands.release),
    fc.record({ at, byId, rests }).map(commands.release),
    fc.record({ at, script, timeoutMs, rests }).map(commands.execute),
    fc.record({ ms: fc.constantFrom(1, 10, 100, 1000) }).map(commands.pass),
  ];
  const sometimes: fc.Arbitrary<PoolCommand>[] = [
    fc.record({ ...asking, script }).map(commands.query),
    fc.record({ at, rests }).map(commands.abortAsk),
    fc.record({ at, rests }).map(commands.abortStatement),
    fc.record({ at, byId, how: fc.constantFrom('release' as const, 'execute' as const), rests }).map(commands.useEnded),
    fc.record({ at, what: fc.constantFrom('idle' as const, 'held' as const, 'any' as const), rests }).map(commands.kill),
    fc.record({ at, mood, kills: fc.boolean(), rests }).map(commands.server),
    fc.record({ to: fc.nat(4), rests }).map(commands.resize),
    fc.record({ runId: aRun, again: weighted([3, true], [1, false]), rests }).map(commands.endRun),
    fc.record({ runId: aRun, rests }).map(commands.beginRun),
    fc.record({ at, rests }).map(commands.silence),
    fc.record(asking).map(commands.acquire),
    fc.record(asking).map(commands.acquire),
    fc.record({ ms: fc.constantFrom(5000, 30_000, 120_000) }).map(commands.pass),
  ];
  const seldom = fc.oneof(
    { weight: 8, arbitrary: fc.record({ rests }).map(commands.initialize) },
    { weight: 1, arbitrary: fc.record({ rests }).map(commands.close) },
  );
  return [...often, ...often, ...often, ...sometimes, seldom];
};

const settings: fc.Arbitrary<Settings> = fc
  .record({
    maxConnections: fc.integer({ min: 1, max: 4 }),
    minConnections: weighted([3, 0], [1, 1], [1, 2], [1, 4]),
    hosts: weighted<1 | 2>([3, 1], [1, 2]),
    maxConnectionsPerRun: weighted<'unlimited' | number>([3, 'unlimited'], [1, 1], [1, 2]),
    reservedConnections: weighted([4, 0], [1, 1]),
    maxWaiting: weighted<'unlimited' | number>([3, 'unlimited'], [1, 3], [1, 1]),
    maxConcurrentConnects: fc.integer({ min: 1, max: 3 }),
    deadlockAfterMs: weighted<'never' | number>([1, 'never'], [1, 5000]),
    leakThresholdMs: weighted<'never' | number>([2, 'never'], [1, 20_000]),
    reclaimLeaks: fc.boolean(),
    maxLifetimeMs: weighted<'never' | number>([1, 'never'], [1, 30_000]),
    idleTimeoutMs: weighted<'never' | number>([1, 'never'], [1, 10_000]),
    healthCheckIntervalMs: weighted<'never' | number>([1, 'never'], [1, 5000]),
    preWarm: fc.boolean(),
    supervisor: fc.record({ strategy: fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const) }),
  })
  .map(({ maxConnections, minConnections, reservedConnections, ...rest }) => ({
    ...rest,
    maxConnections,
    minConnections: Math.min(minConnections, maxConnections),
    reservedConnections: Math.min(reservedConnections, maxConnections - 1),
  }));

describe('any sequence', () => {
  const tally: Tally = { commands: 0, answers: new Map() };

  it(
    'keeps every promise of the pool',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          settings,
          fc.commands(steps(), { maxCommands: 60, size: 'max' }),
          weighted<Ending>([2, 'in order'], [1, 'abrupt']),
          async (given, sequence, ending) => {
            const model = new PoolModel(given, tally);
            await fc.asyncModelRun(() => ({ model, real: model }), sequence);
            await model.clock.advance(0);
            checkAtRest(model);
            await windDown(model, ending);
          },
        ),
        { numRuns: RUNS, endOnFailure: isMutated },
      );
    },
    isCampaign ? 0 : 240_000,
  );

  afterAll(() => {
    if (!isCampaign) return;
    const answers = [...tally.answers].sort(([, a], [, b]) => b - a).map(([answer, count]) => `${count} ${answer}`);
    console.log(`${RUNS} runs, ${tally.commands} commands, those of shrinking included\n${answers.join(', ')}`);
  });
});
