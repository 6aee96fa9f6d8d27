import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineNode,
  Runtime,
  sleep,
  WorkflowBuilder,
  RunFailedError,
  RunCancelledError,
  type NodeContext,
  type RunResult,
  type RuntimeOptions,
} from './index.ts';
import { SimulatedClock } from './testing.ts';

/** A runtime in virtual time, and a node that sleeps in it and writes down when it began and ended. */
function setUp(options: RuntimeOptions = {}) {
  const clock = new SimulatedClock();
  const runtime = new Runtime({ clock, random: () => 0.5, ...options });
  const log: string[] = [];
  const task = defineNode({
    name: 'task',
    process: async (input: { ms?: number; in?: unknown; fail?: string }, context: NodeContext) => {
      log.push(`+${context.nodeId}@${clock.now()}`);
      await sleep(clock, input.ms ?? 0, context.signal);
      if (input.fail !== undefined) throw new Error(input.fail);
      log.push(`-${context.nodeId}@${clock.now()}`);
      return { out: context.nodeId, got: input.in };
    },
  });
  return { clock, runtime, log, task };
}

async function failureOf(work: Promise<unknown>): Promise<RunFailedError<RunResult> & RunCancelledError<RunResult>> {
  return work.then(
    () => expect.unreachable('the run should not complete'),
    (error: unknown) => error as RunFailedError<RunResult> & RunCancelledError<RunResult>,
  );
}

describe('scheduling', () => {
  it('starts a node the moment that its inputs are there, without level barriers', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('eager');
    const quick = wf.addNode('quick', task, { ms: 10 });
    wf.addNode('slow', task, { ms: 100 });
    wf.addNode('afterQuick', task, { ms: 10, in: quick.out });
    await clock.runUntil(runtime.execute(wf));
    expect(log).toEqual(['+quick@0', '+slow@0', '-quick@10', '+afterQuick@10', '-afterQuick@20', '-slow@100']);
  });

  it('conformance 115: four independent nodes of 0.3 s finish in 0.3 s', async () => {
    const { clock, runtime, task } = setUp();
    const wf = new WorkflowBuilder('four');
    for (const id of ['a', 'b', 'c', 'd']) wf.addNode(id, task, { ms: 300 });
    const result = await clock.runUntil(runtime.execute(wf));
    expect(result.durationMs).toBe(300);
  });

  it('orders by "after" without data', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('after');
    const first = wf.addNode('first', task, { ms: 5 });
    wf.addNode('second', task, {}, { after: [first] });
    await clock.runUntil(runtime.execute(wf));
    expect(log).toEqual(['+first@0', '-first@5', '+second@5', '-second@5']);
  });

  it.each([
    ['of the run', {}, { concurrency: 2 }, undefined],
    ['of the runtime', { maxInFlight: 2 }, {}, undefined],
    ['of the node', {}, {}, 2],
  ])('keeps to the concurrency %s', async (_, runtimeOptions, executeOptions, nodeLimit) => {
    const clock = new SimulatedClock();
    const runtime = new Runtime({ clock, ...runtimeOptions });
    let inFlight = 0;
    let most = 0;
    const node = defineNode({
      name: 'counted',
      ...(nodeLimit === undefined ? {} : { concurrency: nodeLimit }),
      process: async () => {
        most = Math.max(most, ++inFlight);
        await sleep(clock, 10);
        inFlight--;
      },
    });
    const wf = new WorkflowBuilder('limited');
    for (let i = 0; i < 7; i++) wf.addNode(`n${i}`, node, {});
    const result = await clock.runUntil(runtime.execute(wf, executeOptions));
    expect(most).toBe(2);
    expect(result.durationMs).toBe(40);
  });

  it('shares the permits of the runtime between runs, in turn', async () => {
    const { clock, runtime, log, task } = setUp({ maxInFlight: 1 });
    const make = (name: string) => {
      const wf = new WorkflowBuilder(name);
      for (let i = 0; i < 3; i++) wf.addNode(`${name}${i}`, task, { ms: 1 });
      return wf;
    };
    await clock.runUntil(Promise.all([runtime.execute(make('x')), runtime.execute(make('y'))]));
    expect(log.filter((line) => line.startsWith('+')).map((line) => line.slice(1, 3))).toEqual(['x0', 'x1', 'y0', 'x2', 'y1', 'y2']);
  });

  it('hands permits from run to run without piling up on one stack', async () => {
    const { clock, runtime, task } = setUp({ maxInFlight: 1 });
    const gate = new WorkflowBuilder('gate');
    gate.addNode('gate', task, { ms: 10 });
    const quick = new WorkflowBuilder('quick');
    quick.addNode('quick', defineNode({ name: 'quick', process: () => ({ n: 1 }) }), {});
    const workflow = quick.build();
    const first = runtime.execute(gate);
    const rest = Promise.all(Array.from({ length: 5000 }, () => runtime.execute(workflow)));
    await clock.runUntil(first);
    expect((await rest).every(({ status }) => status === 'completed')).toBe(true);
  });

  it('limits a node over all runs, and lets direct messages wait their turn too', async () => {
    const clock = new SimulatedClock();
    let inFlight = 0;
    let most = 0;
    const node = defineNode({
      concurrency: 1,
      process: async () => {
        most = Math.max(most, ++inFlight);
        await sleep(clock, 10);
        inFlight--;
      },
    });
    const runtime = new Runtime({ clock }).registerNode('single', node);
    const wf = new WorkflowBuilder('one', { runtime });
    wf.addNode('a', 'single', {});
    await clock.runUntil(
      Promise.all([runtime.execute(wf), runtime.execute(wf), runtime.process('single', {}), runtime.process('single', {})]),
    );
    expect(most).toBe(1);
    expect(clock.now()).toBe(40);
  });

  it.each(['chain', 'fan-out'])('runs a %s of 100,000 nodes that end at once, without deep stacks', async (shape) => {
    let calls = 0;
    const runtime = new Runtime();
    const node = defineNode({ name: 'noop', process: (_: { in?: number }) => ({ out: ++calls }) });
    const wf = new WorkflowBuilder('big');
    let last = wf.addNode('n0', node, {});
    for (let i = 1; i < 100_000; i++) {
      const next = wf.addNode(`n${i}`, node, { in: last.out });
      if (shape === 'chain') last = next;
    }
    const result = await runtime.execute(wf, { results: 'output' });
    expect(result.status).toBe('completed');
    expect(calls).toBe(100_000);
  });

  it('gives the event loop a turn while nodes end at once, so that a run can be cancelled', async () => {
    const runtime = new Runtime();
    const node = defineNode({ name: 'noop', process: async (_: { in?: number }) => ({ out: 1 }) });
    const wf = new WorkflowBuilder('busy');
    let last = wf.addNode('n0', node, {});
    for (let i = 1; i < 60_000; i++) last = wf.addNode(`n${i}`, node, { in: last.out });
    const controller = new AbortController();
    const run = runtime.execute(wf.build(), { signal: controller.signal, results: 'output' });
    setTimeout(() => controller.abort(new Error('enough')), 1);
    const error = await failureOf(run);
    expect(error).toBeInstanceOf(RunCancelledError);
    expect(error.result.nodes.n59999?.status).toBe('cancelled');
  });
});

describe('data', () => {
  it('conformance 111: two connections between one pair both deliver', async () => {
    const runtime = new Runtime();
    const source = defineNode({ name: 'source', process: () => ({ a: 1, b: { c: 2 } }) });
    const sink = defineNode({ name: 'sink', process: (input: { x: number; y: { deep: number }[] }) => ({ ...input }) });
    const wf = new WorkflowBuilder('pair');
    const from = wf.addNode('from', source, {});
    const to = wf.addNode('to', sink, { x: from.a, y: [{ deep: from.b.c }] });
    const result = await runtime.execute(wf.output(to));
    expect(result.output).toEqual({ x: 1, y: [{ deep: 2 }] });
  });

  it('takes a whole output as the whole input', async () => {
    const runtime = new Runtime();
    const source = defineNode({ name: 'source', process: () => ({ n: 7 }) });
    const sink = defineNode({ name: 'sink', input: z.object({ n: z.number() }), process: ({ n }) => ({ n: n + 1 }) });
    const wf = new WorkflowBuilder('whole');
    const result = await runtime.execute(wf.output({ n: wf.addNode('sink', sink, wf.addNode('source', source, {})).n }));
    expect(result.output).toEqual({ n: 8 });
  });

  it('conformance 112: the second run does not see the parameters of the first', async () => {
    const runtime = new Runtime();
    const node = defineNode({
      name: 'echo',
      input: z.object({ limit: z.number().default(1), tags: z.array(z.string()).default([]) }),
      process: (input) => input,
    });
    const wf = new WorkflowBuilder('runs');
    const echo = wf.addNode('echo', node, { tags: ['a'] });
    const workflow = wf.output(echo).build();
    const first = await runtime.execute(workflow, { parameters: { echo: { limit: 9, tags: ['z'] } } });
    const second = await runtime.execute(workflow);
    expect(first.output).toEqual({ limit: 9, tags: ['z'] });
    expect(second.output).toEqual({ limit: 1, tags: ['a'] });
  });

  it('refuses that a node writes to the constants that all runs share', async () => {
    const runtime = new Runtime();
    const node = defineNode({ name: 'writer', process: (input: { list: string[] }) => ({ n: input.list.push('leak') }) });
    const wf = new WorkflowBuilder('leak');
    wf.addNode('writer', node, { list: ['a'] });
    const workflow = wf.build();
    await expect(runtime.execute(workflow)).rejects.toThrow('writer');
    expect(workflow.definition.nodes[0]!.input).toEqual({ list: ['a'] });
  });

  it('conformance 116: an unknown source output is an error with a suggestion, at run time where only that can tell', async () => {
    const runtime = new Runtime();
    const source = defineNode({ name: 'source', process: (): Record<string, unknown> => ({ records: [1] }) });
    const sink = defineNode({ name: 'sink', process: (input: { rows?: unknown }) => input });
    const wf = new WorkflowBuilder('typo');
    const from = wf.addNode('from', source, {});
    wf.addNode('to', sink, {});
    wf.connect(from, 'recrods', 'to', 'rows');
    const error = await failureOf(runtime.execute(wf));
    expect(error.message).toContain(
      'Node "to" wants output "recrods" of node "from", which returned object {records} (did you mean "records"?)',
    );
    expect(error.result.nodes.from?.status).toBe('completed');
    expect(error.result.nodes.to).toMatchObject({ status: 'failed', error: { code: 'NODE_OUTPUT_INVALID' } });
  });

  it('conformance 116: an output of the workflow that its node did not return fails the run', async () => {
    const runtime = new Runtime();
    const source = defineNode({ name: 'source', process: (): Record<string, unknown> => ({ count: 1 }) });
    const wf = new WorkflowBuilder('typo');
    const from = wf.addNode('from', source, {});
    await expect(runtime.execute(wf.output({ n: from.cuont }))).rejects.toThrow(
      'Output "n" of the workflow wants output "cuont" of node "from", which returned object {count} (did you mean "count"?)',
    );
  });

  it.each([
    ['an unknown node id', { eho: { limit: 1 } }, 'there is no node "eho" (did you mean "echo"?)'],
    ['an unknown key', { echo: { limti: 1 } }, 'has no input "limti" (did you mean "limit"?)'],
    ['a value of the wrong type', { echo: { limit: 'x' } }, 'limit: expected number, received string'],
    ['an input that an edge feeds', { echo: { from: 'x' } }, 'input "from" is both a constant and fed by source.out; keep one'],
  ])('conformance 116: parameters with %s are an error, and nothing runs', async (_, parameters, message) => {
    let calls = 0;
    const source = defineNode({ name: 'source', process: () => ({ out: String(calls++) }) });
    const node = defineNode({
      name: 'node',
      input: z.object({ limit: z.number().default(1), from: z.string() }),
      process: (input) => input,
    });
    const wf = new WorkflowBuilder('runs');
    wf.addNode('echo', node, { from: wf.addNode('source', source, {}).out });
    await expect(new Runtime().execute(wf, { parameters })).rejects.toThrow(message);
    expect(calls).toBe(0);
  });

  it('conformance 118: executing twice gives the same shape, each with its own run id', async () => {
    const runtime = new Runtime();
    const both = [
      defineNode({ name: 'sync', process: () => ({ n: 1 }) }),
      defineNode({ name: 'async', process: async () => ({ n: 1 }) }),
    ].map((node) => {
      const wf = new WorkflowBuilder('w');
      return runtime.execute(wf.output({ n: wf.addNode('a', node, {}).n }));
    });
    const [one, two] = await Promise.all(both);
    expect(one!.output).toEqual(two!.output);
    expect(Object.keys(one!)).toEqual(Object.keys(two!));
    expect(one!.runId).not.toBe(two!.runId);
  });

  it('keeps only what the output needs when asked to', async () => {
    const runtime = new Runtime();
    const node = defineNode({ name: 'node', process: (input: { in?: number }) => ({ out: (input.in ?? 0) + 1 }) });
    const wf = new WorkflowBuilder('kept');
    const a = wf.addNode('a', node, {});
    const b = wf.addNode('b', node, { in: a.out });
    const c = wf.addNode('c', node, { in: b.out });
    wf.addNode('leaf', node, { in: c.out });
    const result = await runtime.execute(wf.output({ b: b.out }), { results: 'output' });
    expect(result.results).toEqual({ b: { out: 2 } });
    expect(result.output).toEqual({ b: 2 });
  });

  it('without a declared output gives the results of the nodes that nothing hangs on', async () => {
    const node = defineNode({ name: 'node', process: (input: { in?: number }) => ({ out: (input.in ?? 0) + 1 }) });
    const wf = new WorkflowBuilder('open');
    const a = wf.addNode('a', node, {});
    wf.addNode('b', node, { in: a.out });
    wf.addNode('c', node, { in: a.out });
    const result = await new Runtime().execute(wf, { results: 'output' });
    expect(result.output).toEqual({ b: { out: 2 }, c: { out: 2 } });
  });
});

describe('branches', () => {
  const pass = defineNode({ name: 'pass', process: (input: { in: unknown }) => ({ out: input.in }) });

  it.each([
    ['big', ['big']],
    ['small', ['small']],
    ['other', ['default']],
  ])('conformance 113: for %s the switch runs only its branch, and the merge tolerates the skipped ones', async (kind, taken) => {
    const wf = new WorkflowBuilder('switch', { input: z.object({ kind: z.string() }) });
    const route = wf.addSwitch('route', { kind: wf.input.kind }, { cases: ['big', 'small'], field: 'kind' });
    const branches = (['big', 'small', 'default'] as const).map((branch) => {
      const first = wf.addNode(`${branch}1`, pass, { in: route[branch].kind });
      return wf.addNode(`${branch}2`, pass, { in: first.out });
    });
    const merged = wf.addMerge(
      'merge',
      branches.map((branch) => branch.out),
    );
    const result = await new Runtime().execute(wf.output({ merged: merged.merged }), { input: { kind } });
    expect(result.output).toEqual({ merged: kind });
    for (const branch of ['big', 'small', 'default']) {
      const expected = taken.includes(branch) ? 'completed' : 'skipped';
      expect([result.nodes[`${branch}1`]!.status, result.nodes[`${branch}2`]!.status]).toEqual([expected, expected]);
    }
  });

  it('skip a merge when all of its inputs were skipped', async () => {
    const wf = new WorkflowBuilder('none');
    const never = defineNode({ name: 'never', process: () => ({ ok: false }) });
    const check = wf.addNode('check', never, {});
    const a = wf.addNode('a', pass, { in: 1 }, { when: check.ok });
    const result = await new Runtime().execute(wf.output({ m: wf.addMerge('m', [a.out]).merged }));
    expect(result.nodes.m!.status).toBe('skipped');
    expect(result.output).toEqual({});
    expect(result.status).toBe('completed');
  });

  it('close the gaps that skipped inputs leave in what is merged', async () => {
    const wf = new WorkflowBuilder('gaps');
    const check = wf.addNode('check', defineNode({ name: 'check', process: () => ({ no: false, yes: true, kind: 'x' }) }), {});
    const inputs = [
      wf.addNode('a', pass, { in: [1] }, { when: check.no }),
      wf.addNode('b', pass, { in: [2] }, { when: check.yes }),
      wf.addNode('c', pass, { in: [3] }, { when: { ref: check.kind, equals: 'y' } }),
      wf.addNode('d', pass, { in: [4] }, { when: { ref: check.kind, equals: 'x' } }),
    ];
    const merged = wf.addMerge(
      'm',
      inputs.map((input) => input.out),
      { mode: 'concat' },
    );
    const result = await new Runtime().execute(wf.output({ merged: merged.merged }));
    expect(result.output).toEqual({ merged: [2, 4] });
  });

  it('skip what is ordered after a skipped node, too', async () => {
    const wf = new WorkflowBuilder('ordered');
    const check = wf.addNode('check', defineNode({ name: 'check', process: () => ({ no: false }) }), {});
    const a = wf.addNode('a', pass, { in: 1 }, { when: check.no });
    wf.addNode('b', pass, { in: 2 }, { after: [a] });
    const result = await new Runtime().execute(wf);
    expect(result.nodes.b!.status).toBe('skipped');
  });
});

describe('failure', () => {
  it('of a leaf fails the run, and tells where', async () => {
    const { clock, runtime, task } = setUp();
    const wf = new WorkflowBuilder('leaf');
    wf.addNode('good', task, { ms: 1 });
    wf.addNode('bad', task, { ms: 2, fail: 'disk full' });
    const error = await failureOf(clock.runUntil(runtime.execute(wf, { runId: 'r1' })));
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error.message).toBe('Run "r1" of workflow "leaf" failed at node "bad": disk full');
    expect(error.cause).toMatchObject({ message: 'disk full' });
    expect(error.result).toMatchObject({ runId: 'r1', status: 'failed' });
    expect(error.result.nodes).toMatchObject({
      good: { status: 'completed' },
      bad: { status: 'failed', attempts: 1, durationMs: 2, error: { message: 'disk full' } },
    });
  });

  const nothing: unknown = undefined;
  it.each([
    [
      'throws',
      () => {
        throw nothing;
      },
    ],
    ['rejects with', () => Promise.reject(nothing)],
  ])('is told as such when a node %s nothing at all', async (_, process) => {
    const wf = new WorkflowBuilder('silent');
    wf.addNode('silent', defineNode({ name: 'silent', process }), {});
    const error = await failureOf(new Runtime().execute(wf));
    expect(error.message).toContain('failed at node "silent": no reason was given');
    expect(error.result.nodes['silent']).toMatchObject({ status: 'failed', error: { message: 'no reason was given' } });
  });

  it('cancels what runs, and starts nothing more', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('stop');
    wf.addNode('bad', task, { ms: 5, fail: 'no' });
    const long = wf.addNode('long', task, { ms: 1000 });
    wf.addNode('never', task, { in: long.out });
    const error = await failureOf(clock.runUntil(runtime.execute(wf)));
    expect(clock.now()).toBe(5);
    expect(log).toEqual(['+bad@0', '+long@0']);
    expect(error.result.nodes).toMatchObject({ long: { status: 'cancelled', attempts: 1 }, never: { status: 'cancelled', attempts: 0 } });
    expect(clock.pendingTimers).toBe(0);
  });

  it('is retried with growing waits and jitter, as often as the policy says', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('retry');
    wf.addNode('flaky', task, { fail: 'again' }, { retry: { attempts: 4, initialDelayMs: 100, maxDelayMs: 300, factor: 2 } });
    const retrying: number[] = [];
    runtime.on('node:retrying', ({ delayMs }) => retrying.push(delayMs));
    const error = await failureOf(clock.runUntil(runtime.execute(wf)));
    expect(log).toEqual(['+flaky@0', '+flaky@50', '+flaky@150', '+flaky@300']);
    expect(retrying).toEqual([50, 100, 150]);
    expect(error.message).toContain('failed at node "flaky" after 4 attempts: again');
    expect(error.result.nodes.flaky).toMatchObject({ attempts: 4, durationMs: 300 });
  });

  it('is not retried when the error says that it is of no use, or the input is wrong', async () => {
    const { clock, runtime } = setUp();
    let calls = 0;
    const node = defineNode({
      name: 'final',
      process: () => {
        calls++;
        throw Object.assign(new Error('syntax'), { retryable: false });
      },
    });
    const wf = new WorkflowBuilder('final');
    wf.addNode('a', node, {}, { retry: { attempts: 5 } });
    await failureOf(clock.runUntil(runtime.execute(wf)));
    expect(calls).toBe(1);
  });

  it('comes back as success when a later attempt succeeds', async () => {
    const { clock, runtime } = setUp();
    const node = defineNode({
      name: 'third',
      process: (_: unknown, { attempt }: NodeContext) => {
        if (attempt < 3) throw new Error('not yet');
        return { attempt };
      },
    });
    const wf = new WorkflowBuilder('third');
    const third = wf.addNode('third', node, {}, { retry: { attempts: 3, jitter: 'none' } });
    const result = await clock.runUntil(runtime.execute(wf.output({ attempt: third.attempt })));
    expect(result.output).toEqual({ attempt: 3 });
    expect(result.nodes.third).toMatchObject({ status: 'completed', attempts: 3, durationMs: 300 });
  });

  it('by timeout ends the attempt at once, aborts its signal, and may be retried', async () => {
    const clock = new SimulatedClock();
    const runtime = new Runtime({ clock });
    const reasons: unknown[] = [];
    const deaf = defineNode({
      name: 'deaf',
      process: async (_: unknown, { signal, attempt }: NodeContext) => {
        signal.addEventListener('abort', () => reasons.push((signal.reason as Error).message));
        await sleep(clock, attempt === 1 ? 10_000 : 1);
        return { attempt };
      },
    });
    const wf = new WorkflowBuilder('deaf');
    const node = wf.addNode('deaf', deaf, {}, { timeoutMs: 50, retry: { attempts: 2, initialDelayMs: 0 } });
    const result = await clock.runUntil(runtime.execute(wf.output({ attempt: node.attempt })));
    expect(result.output).toEqual({ attempt: 2 });
    expect(reasons).toEqual(['Node "deaf" took longer than its timeout of 50 ms (attempt 1).']);
    expect(result.durationMs).toBe(51);
  });

  it('of a schema names node, path, expected and received shape, and no values', async () => {
    const node = defineNode({ name: 'strict', input: z.object({ user: z.object({ age: z.number() }) }), process: (input) => input });
    const source = defineNode({ name: 'source', process: (): { age: number } => ({ age: 'secret-age' as never }) });
    const wf = new WorkflowBuilder('schema');
    wf.addNode('check', node, { user: wf.addNode('source', source, {}) });
    const error = await failureOf(new Runtime().execute(wf));
    expect(error.message).toContain('Node "check" got an input that does not fit: user.age: expected number, received string');
    expect(JSON.stringify(error.result.nodes)).not.toContain('secret-age');
  });

  it('of an output against its schema is the node’s own failure', async () => {
    const node = defineNode({ name: 'liar', output: z.object({ n: z.number() }), process: () => ({ n: 'x' as never }) });
    const wf = new WorkflowBuilder('liar');
    wf.addNode('liar', node, {});
    await expect(new Runtime().execute(wf)).rejects.toThrow(
      'Node "liar" returned an output that does not fit its own schema: n: expected number, received string',
    );
  });
});

describe('cancelling', () => {
  it('by signal ends the run, with the reason as cause', async () => {
    const { clock, runtime, task } = setUp();
    const wf = new WorkflowBuilder('cancel');
    wf.addNode('long', task, { ms: 1000 });
    const controller = new AbortController();
    const run = failureOf(runtime.execute(wf, { signal: controller.signal }));
    await clock.advance(10);
    controller.abort(new Error('user went home'));
    const error = await clock.runUntil(run);
    expect(error).toBeInstanceOf(RunCancelledError);
    expect(error.message).toContain('was cancelled: user went home');
    expect(error.result.status).toBe('cancelled');
    expect(error.result.nodes.long).toMatchObject({ status: 'cancelled', durationMs: 10 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('by a signal that is aborted already runs nothing', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('cancel');
    wf.addNode('a', task, {});
    const error = await failureOf(clock.runUntil(runtime.execute(wf, { signal: AbortSignal.abort(new Error('before')) })));
    expect(error).toBeInstanceOf(RunCancelledError);
    expect(log).toEqual([]);
    expect(error.result.nodes.a).toMatchObject({ status: 'cancelled', attempts: 0 });
  });

  it('by deadline ends the run', async () => {
    const { clock, runtime, task } = setUp();
    const wf = new WorkflowBuilder('late');
    wf.addNode('long', task, { ms: 1000 });
    const error = await failureOf(clock.runUntil(runtime.execute(wf, { deadline: clock.wallTime() + 30, timeoutMs: 500 })));
    expect(error.cause).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(clock.now()).toBe(30);
  });

  it('leaves a node behind that does not heed the signal within the grace, and drops what it returns', async () => {
    const clock = new SimulatedClock();
    const runtime = new Runtime({ clock, cancelGraceMs: 100 });
    const warnings: string[] = [];
    runtime.on('runtime:warning', ({ message, error }) => warnings.push(`${message} ${error.message}`));
    const deaf = defineNode({ name: 'deaf', process: async () => (await sleep(clock, 10_000), { late: true }) });
    const wf = new WorkflowBuilder('deaf');
    wf.addNode('deaf', deaf, {});
    const error = await failureOf(clock.runUntil(runtime.execute(wf, { timeoutMs: 50 })));
    expect(clock.now()).toBe(150);
    expect(error.result.nodes.deaf!.status).toBe('cancelled');
    expect(warnings[0]).toContain('ended without node "deaf", which did not heed the abort signal within 100 ms.');
    expect(warnings[0]).toContain('ran out of time (50 ms)');
    await clock.advance(20_000);
    expect(error.result.results).toEqual({});
  });

  it('frees the permits that waiting and retrying nodes of the run hold', async () => {
    const { clock, runtime, log, task } = setUp({ maxInFlight: 1 });
    const single = defineNode({
      name: 'single',
      concurrency: 1,
      process: (input: { ms?: number; fail?: string }, context) => task.process(input, context),
    });
    const wf = new WorkflowBuilder('held');
    for (let i = 0; i < 3; i++)
      wf.addNode(`held${i}`, single, { ms: 100, fail: 'x' }, { retry: { attempts: 3, initialDelayMs: 1000, jitter: 'none' } });
    const controller = new AbortController();
    const run = failureOf(runtime.execute(wf, { signal: controller.signal }));
    await clock.advance(150);
    controller.abort();
    await clock.runUntil(run);
    const next = new WorkflowBuilder('next');
    next.addNode('next', single, { ms: 1 });
    const result = await clock.runUntil(runtime.execute(next));
    expect(result.status).toBe('completed');
    expect(result.durationMs).toBe(1);
    expect(log.at(-1)).toContain('-next@');
  });
});

describe('what nodes and listeners may do to a run', () => {
  const unreadable = [
    ['an object without text', () => Object.create(null) as object],
    [
      'an error whose message throws',
      () =>
        Object.defineProperty(new Error('x'), 'message', {
          get: () => {
            throw new Error('unreadable');
          },
        }),
    ],
    [
      'an object whose retryable throws',
      () => ({
        get retryable(): boolean {
          throw new Error('unreadable');
        },
      }),
    ],
  ] as const;
  it.each(unreadable)('a node that throws %s fails its run', async (_, thrown) => {
    const { clock, runtime } = setUp();
    runtime.on('node:finished', () => undefined).on('node:retrying', () => undefined);
    const wf = new WorkflowBuilder('odd');
    const odd = defineNode({ name: 'odd', process: () => Promise.reject(thrown() as Error) });
    wf.addNode('a', odd, {}, { retry: { attempts: 2, initialDelayMs: 1 } });
    const failure = await failureOf(clock.runUntil(runtime.execute(wf)));
    expect(failure.code).toBe('RUN_FAILED');
    expect(failure.result.nodes['a']).toMatchObject({ status: 'failed', attempts: 2 });
  });

  it('a listener that cancels a run between two attempts leaves no timer and no permit behind', async () => {
    const { clock, runtime } = setUp();
    const controller = new AbortController();
    runtime.on('node:retrying', () => controller.abort(new Error('enough')));
    const once = defineNode({ name: 'once', concurrency: 1, process: () => Promise.reject(new Error('down')) });
    const wf = new WorkflowBuilder('retrying');
    wf.addNode('a', once, {}, { retry: { attempts: 3, initialDelayMs: 1000 } });
    const failure = await failureOf(runtime.execute(wf, { signal: controller.signal }));
    expect(failure.result.nodes['a']!.status).toBe('cancelled');
    expect(clock.pendingTimers).toBe(0);
    expect((await failureOf(clock.runUntil(runtime.execute(wf)))).code).toBe('RUN_FAILED');
  });

  it('a node whose run is cancelled when it is about to start is not called', async () => {
    const { runtime } = setUp();
    const controller = new AbortController();
    runtime.on('node:started', () => controller.abort());
    let calls = 0;
    const wf = new WorkflowBuilder('started');
    wf.addNode('a', defineNode({ name: 'counted', process: () => ++calls }), {}, { timeoutMs: 60_000 });
    expect((await failureOf(runtime.execute(wf, { signal: controller.signal }))).code).toBe('RUN_CANCELLED');
    expect(calls).toBe(0);
  });

  it('constants of a plain definition are the same in every run', async () => {
    const pushy = defineNode({ process: (input: { list: number[] }) => input.list.push(1) });
    const { runtime } = setUp({ nodes: { pushy } });
    const definition = { name: 'plain', nodes: [{ id: 'a', node: 'pushy', input: { list: [] } }] };
    for (let run = 0; run < 2; run++) expect((await failureOf(runtime.execute(definition))).message).toContain('not extensible');
    expect(definition.nodes[0]!.input.list).toEqual([]);
  });

  it('a deadline that has passed starts nothing', async () => {
    const { clock, runtime, log, task } = setUp();
    const wf = new WorkflowBuilder('late');
    wf.addNode('a', task, {});
    expect((await failureOf(runtime.execute(wf, { deadline: clock.wallTime() - 1 }))).code).toBe('RUN_CANCELLED');
    expect(log).toEqual([]);
  });
});
