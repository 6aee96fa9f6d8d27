import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineNode, Runtime, sleep, Workflow, type NodeContext, type RunResult, type WorkflowDefinition } from './index.ts';
import { SimulatedClock } from './testing.ts';

/** `campaign random-graphs` takes its time; `test` runs the short form. */
const RUNS = process.env['KAILASH_CAMPAIGN'] === 'random-graphs' ? 20_000 : 150;

interface Step {
  readonly ms: number;
  readonly sync: boolean;
  /** Earlier steps whose output it takes, and those that it only comes after. */
  readonly takes: readonly number[];
  readonly after: readonly number[];
  /** Runs only if step `takes[0]` said so. */
  readonly guarded: boolean;
  readonly says: boolean;
  readonly merges: boolean;
  readonly failures: number;
  readonly limited: boolean;
}

const step = (i: number): fc.Arbitrary<Step> => {
  const earlier = i === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(i - 1), { maxLength: 3 });
  return fc.record({
    ms: fc.nat(20),
    sync: fc.boolean(),
    takes: earlier,
    after: earlier,
    guarded: fc.boolean(),
    says: fc.boolean(),
    merges: fc.boolean(),
    failures: fc.constantFrom(0, 0, 0, 1, 2),
    limited: fc.boolean(),
  });
};

const graphs = fc.integer({ min: 1, max: 25 }).chain((size) => fc.tuple(...Array.from({ length: size }, (_, i) => step(i))));

const RETRY_MS = 7;

function definitionOf(steps: readonly Step[]): WorkflowDefinition {
  return {
    name: 'random',
    nodes: steps.map(({ after, takes, guarded, merges, limited }, i) => ({
      id: `n${i}`,
      node: `${merges ? 'merging' : 'plain'}${limited ? 'Limited' : ''}`,
      input: { i },
      ...(after.length > 0 ? { after: after.map((a) => `n${a}`) } : {}),
      ...(guarded && takes.length > 0 ? { when: { from: `n${takes[0]}`, output: 'says' } } : {}),
      retry: { attempts: 3, initialDelayMs: RETRY_MS, factor: 1, jitter: 'none' as const },
    })),
    edges: steps.flatMap(({ takes }, i) => takes.map((from, k) => ({ from: `n${from}`, output: 'id', to: `n${i}`, input: `data.${k}` }))),
  };
}

/** What must come out with no limits on concurrency, told by a few lines that know nothing of the executor. */
function expected(steps: readonly Step[]) {
  const end: number[] = [];
  const ran: boolean[] = [];
  steps.forEach((node, i) => {
    const needs = [...node.takes, ...node.after];
    const ready = Math.max(0, ...needs.map((n) => end[n]!));
    const allRan = needs.every((n) => ran[n]);
    const someData = node.takes.length === 0 || node.takes.some((n) => ran[n]);
    const guardHolds = !(node.guarded && node.takes.length > 0) || (ran[node.takes[0]!] === true && steps[node.takes[0]!]!.says);
    ran[i] = (node.merges ? allRan || someData : allRan) && guardHolds;
    const work = node.sync ? 0 : node.ms;
    end[i] = ran[i] ? ready + (node.failures + 1) * work + node.failures * RETRY_MS : ready;
  });
  return { ran, makespan: Math.max(...end) };
}

interface Limits {
  readonly concurrency?: number;
  readonly maxInFlight?: number;
  readonly nodeLimit: number;
}

function play(steps: readonly Step[], limits: Limits, signal?: AbortSignal, breaking = -1) {
  const clock = new SimulatedClock();
  const state = { inFlight: 0, most: 0, limited: { plain: 0, merging: 0 }, limitedMost: 0, calls: new Map<number, number>() };
  const make = (kind: 'plain' | 'merging', limited: boolean) =>
    defineNode({
      acceptsSkipped: kind === 'merging',
      ...(limited ? { concurrency: limits.nodeLimit } : {}),
      process: ({ i }: { i: number; data?: string[] }, { attempt, nodeId, signal: nodeSignal }: NodeContext) => {
        const { sync, ms, failures, says } = steps[i]!;
        state.calls.set(i, (state.calls.get(i) ?? 0) + 1);
        state.most = Math.max(state.most, ++state.inFlight);
        if (limited) state.limitedMost = Math.max(state.limitedMost, ++state.limited[kind]);
        const end = () => {
          state.inFlight--;
          if (limited) state.limited[kind]--;
          if (i === breaking) throw Object.assign(new Error('broken'), { retryable: false });
          if (attempt <= failures) throw new Error('again');
          return { id: nodeId, says };
        };
        return sync
          ? end()
          : sleep(clock, ms, nodeSignal).then(end, (reason: unknown) => {
              state.inFlight--;
              if (limited) state.limited[kind]--;
              throw reason;
            });
      },
    });
  const nodes = {
    plain: make('plain', false),
    merging: make('merging', false),
    plainLimited: make('plain', true),
    mergingLimited: make('merging', true),
  };
  const runtime = new Runtime({ clock, nodes, ...(limits.maxInFlight === undefined ? {} : { maxInFlight: limits.maxInFlight }) });
  const workflow = Workflow.create(definitionOf(steps));
  const execute = (options: { signal?: AbortSignal } = {}) =>
    runtime.execute(workflow, { ...options, ...(limits.concurrency === undefined ? {} : { concurrency: limits.concurrency }) });
  const run = execute(signal ? { signal } : {});
  return { clock, state, runtime, execute, run, result: clock.runUntil<RunResult>(run) };
}

describe('any graph', () => {
  it('runs what must run, once, when it can, in the shortest time that there is', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (steps) => {
        const { clock, state, result } = play(steps, { nodeLimit: 1000 });
        const { ran, makespan } = expected(steps);
        const { nodes, durationMs, results } = await result;
        expect(steps.map((_, i) => nodes[`n${i}`]!.status)).toEqual(ran.map((did) => (did ? 'completed' : 'skipped')));
        expect(durationMs).toBe(makespan);
        steps.forEach(({ failures }, i) => expect(state.calls.get(i) ?? 0).toBe(ran[i] ? failures + 1 : 0));
        expect(Object.keys(results)).toHaveLength(ran.filter(Boolean).length);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps every limit, and still runs the same nodes', async () => {
    const limits = fc.record({
      concurrency: fc.integer({ min: 1, max: 3 }),
      maxInFlight: fc.integer({ min: 1, max: 3 }),
      nodeLimit: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(graphs, limits, async (steps, bounds) => {
        const { clock, state, result } = play(steps, bounds);
        const { nodes } = await result;
        expect(steps.map((_, i) => nodes[`n${i}`]!.status)).toEqual(expected(steps).ran.map((did) => (did ? 'completed' : 'skipped')));
        expect(state.most).toBeLessThanOrEqual(Math.min(bounds.concurrency, bounds.maxInFlight));
        expect(state.limitedMost).toBeLessThanOrEqual(bounds.nodeLimit);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('leaves nothing behind when it is cancelled or breaks at any moment', async () => {
    const limits = fc.record({
      concurrency: fc.integer({ min: 1, max: 3 }),
      maxInFlight: fc.integer({ min: 1, max: 3 }),
      nodeLimit: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(graphs, limits, fc.nat(60), fc.integer({ min: -1, max: 24 }), async (steps, bounds, abortAt, breaking) => {
        const controller = new AbortController();
        const { clock, state, execute, result } = play(steps, bounds, controller.signal, breaking);
        clock.setTimer(() => controller.abort(new Error('stop')), abortAt);
        const ended = await result.catch((error: { result: RunResult }) => error.result);
        const statuses = Object.values(ended.nodes).map(({ status }) => status);
        expect(statuses).toHaveLength(steps.length);
        for (const status of statuses) expect(['completed', 'failed', 'skipped', 'cancelled']).toContain(status);
        expect(ended.status === 'completed').toBe(!statuses.includes('failed') && !statuses.includes('cancelled'));
        expect(state.inFlight).toBe(0);
        await clock.advance(100);
        expect(clock.pendingTimers).toBe(0);
        if (breaking >= steps.length || breaking < 0) expect((await clock.runUntil(execute())).status).toBe('completed');
      }),
      { numRuns: RUNS },
    );
  });
});
