import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CloseError, defineNode, Runtime, RuntimeClosedError, sleep, WorkflowBuilder, type AnyNode, type NodeHost } from './index.ts';
import { SimulatedClock } from './testing.ts';

const echo = defineNode({ input: z.object({ text: z.string() }), output: z.object({ text: z.string() }), process: (input) => input });

/** A node with a life, which it writes down. */
function living(name: string, log: string[], options: Partial<AnyNode> = {}): AnyNode {
  return {
    start: () => void log.push(`start ${name}`),
    process: () => ({ name }),
    stop: () => void log.push(`stop ${name}`),
    ...options,
  };
}

describe('registering', () => {
  it('refuses a name that is taken, malformed or reserved', () => {
    const runtime = new Runtime().registerNode('echo', echo);
    expect(() => runtime.registerNode('echo', echo)).toThrow('A node is already registered as "echo"');
    expect(() => runtime.registerNode('1 bad name', echo)).toThrow('is not valid');
    expect(() => runtime.registerNode('', echo)).toThrow('is not valid');
    expect(() => runtime.registerNode('switch', echo)).toThrow('belongs to a built-in node');
  });

  const answer = (): number => 1;
  it.each([
    [null, 'received null'],
    [{}, 'has no process method'],
    [{ process: answer, concurrency: 0 }, 'concurrency must be a whole number from 1'],
    [{ process: answer, input: {} }, 'its input is no Standard Schema'],
    [{ process: answer, needs: 'db' }, 'needs must be an array'],
  ])('refuses what is no node: %o', (node, message) => {
    expect(() => new Runtime().registerNode('x', node as never)).toThrow(message);
  });

  it.each([
    [{ name: 'a', inputs: echo.input, process: answer }, 'Node "a": unknown option "inputs" (did you mean "input"?).'],
    [{ run: answer }, 'defineNode: unknown option "run"'],
    [{ name: 'a' }, 'Node "a": "process" is undefined, not a function; write process: (input) => ({ ... }).'],
  ])('refuses options of defineNode that make no node: %o', (options, message) => {
    expect(() => defineNode(options as never)).toThrow(message);
  });

  it('gives nodes back by name, or suggests one', () => {
    const runtime = new Runtime({ nodes: { query_router: echo } });
    expect(runtime.getNode('query_router')).toBe(echo);
    expect(() => runtime.getNode('queryRouter' as never)).toThrow('No node is registered as "queryRouter" (did you mean "query_router"?)');
  });

  it('refuses options that it does not know, all at once', () => {
    expect(() => new Runtime({ concurency: 3, stopTimeoutMs: -1 } as never)).toThrow(
      /concurency: unknown key \(did you mean "concurrency"\?\)/,
    );
    expect(() => new Runtime({ concurency: 3, stopTimeoutMs: -1 } as never)).toThrow(/stopTimeoutMs/);
  });
});

describe('messages', () => {
  it('are checked on the way in and on the way out', async () => {
    const runtime = new Runtime()
      .registerNode('echo', echo)
      .registerNode('liar', defineNode({ output: z.object({ n: z.number() }), process: () => ({ n: 'x' as never }) }));
    expect(await runtime.process('echo', { text: 'hi' })).toEqual({ text: 'hi' });
    await expect(runtime.process('echo', { text: 5 as never })).rejects.toThrow(
      'Node "echo" got an input that does not fit: text: expected string, received number (received object {text})',
    );
    await expect(runtime.process('echo', { txt: 'x' })).rejects.toThrow('txt: unknown key (did you mean "text"?)');
    await expect(runtime.process('liar', {})).rejects.toThrow('Node "liar" returned an output that does not fit');
    await expect(runtime.process('ech' as never, {})).rejects.toThrow('did you mean "echo"?');
  });

  it('reach a node that is used without a runtime, with the same checks', async () => {
    expect(await (echo as AnyNode).process({ text: 'hi' }, undefined as never)).toEqual({ text: 'hi' });
    await expect((echo as AnyNode).process({ text: 1 }, undefined as never)).rejects.toMatchObject({ code: 'NODE_INPUT_INVALID' });
  });

  it('end at their deadline or signal, even when the node does not heed it', async () => {
    const clock = new SimulatedClock();
    const runtime = new Runtime({ clock }).registerNode('deaf', defineNode({ process: () => sleep(clock, 10_000) }));
    const late = runtime.process('deaf', {}, { deadline: new Date(clock.wallTime() + 20) });
    await expect(clock.runUntil(late)).rejects.toThrow('Message to node "deaf" ran out of time (20 ms)');
    expect(clock.now()).toBe(20);
    await expect(runtime.process('deaf', {}, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
  });

  it('can be sent from node to node, inside the run', async () => {
    const seen: unknown[] = [];
    const inner = defineNode({
      input: z.object({ n: z.number() }),
      process: ({ n }, context) => (seen.push(context.runId, context.workflow), { n: n + 1 }),
    });
    const outer = defineNode({ name: 'outer', process: async (_: unknown, context) => context.node('inner').process({ n: 1 }) });
    const runtime = new Runtime().registerNode('inner', inner);
    const wf = new WorkflowBuilder('nested');
    wf.addNode('outer', outer, {});
    const result = await runtime.execute(wf, { runId: 'r7' });
    expect(result.output).toEqual({ outer: { n: 2 } });
    expect(seen).toEqual(['r7', 'nested']);
  });
});

describe('the life of nodes', () => {
  it('starts lazily, once, what is needed first, and stops in reverse', async () => {
    const log: string[] = [];
    const runtime = new Runtime({
      nodes: {
        router: living('router', log, { needs: ['pool'] }),
        pool: living('pool', log, { needs: ['disk'] }),
        disk: living('disk', log),
        unused: living('unused', log),
      },
    });
    expect(log).toEqual([]);
    await Promise.all([runtime.process('router', {}), runtime.process('router', {}), runtime.process('pool', {})]);
    expect(log).toEqual(['start disk', 'start pool', 'start router']);
    await runtime.close();
    expect(log.slice(3)).toEqual(['stop router', 'stop pool', 'stop disk']);
  });

  it('a failing start fails that use only, with its cause, and the next use tries again', async () => {
    let tries = 0;
    const node = living('flaky', [], {
      start: () => {
        if (++tries === 1) throw new Error('no disk');
      },
    });
    const runtime = new Runtime({ nodes: { flaky: node } });
    const [a, b] = await Promise.allSettled([runtime.process('flaky', {}), runtime.process('flaky', {})]);
    expect(a).toMatchObject({ reason: { code: 'NODE_START_FAILED', message: 'Node "flaky" failed to start: no disk' } });
    expect(b.status).toBe('rejected');
    expect(await runtime.process('flaky', {})).toEqual({ name: 'flaky' });
  });

  it('a start that hangs is given up after its time', async () => {
    const clock = new SimulatedClock();
    const runtime = new Runtime({
      clock,
      startTimeoutMs: 100,
      nodes: { hangs: living('hangs', [], { start: () => new Promise(() => undefined) }) },
    });
    await expect(clock.runUntil(runtime.process('hangs', {}))).rejects.toThrow('did not start within 100 ms');
  });

  it('nodes that need each other in a circle are refused, and so is a need that nobody registered', async () => {
    const runtime = new Runtime({
      nodes: { a: living('a', [], { needs: ['b'] }), b: living('b', [], { needs: ['a'] }), c: living('c', [], { needs: ['aa'] }) },
    });
    await expect(runtime.process('a', {})).rejects.toThrow('Nodes need each other in a circle: a -> b -> a');
    await expect(runtime.process('c', {})).rejects.toThrow('Node "c" needs node "aa", which is not registered');
  });

  it('a stop that fails or hangs neither hides nor holds up the others', async () => {
    const clock = new SimulatedClock();
    const log: string[] = [];
    const nodes = {
      good: living('good', log),
      fails: living('fails', log, { stop: () => Promise.reject(new Error('stuck file')) }),
      hangs: living('hangs', log, { stop: () => new Promise(() => undefined) }),
    };
    const runtime = new Runtime({ clock, stopTimeoutMs: 100, nodes });
    for (const name of ['good', 'fails', 'hangs'] as const) await runtime.process(name, {});
    const error = await clock.runUntil(runtime.close().catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(CloseError);
    expect((error as CloseError).errors).toHaveLength(2);
    expect((error as Error).message).toContain('"fails": stuck file');
    expect((error as Error).message).toContain('"hangs": did not stop within 100 ms');
    expect(log).toContain('stop good');
  });

  it('attaches nodes to the runtime, so that they find each other by name', async () => {
    let host: NodeHost | undefined;
    const log: string[] = [];
    const router: AnyNode = {
      attach: (given) => (host = given),
      process: async () => ((await host!.node('pool')) as { size: number } & AnyNode).size,
    };
    const runtime = new Runtime({ nodes: { router, pool: Object.assign(living('pool', log), { size: 3 }) } });
    expect(await runtime.process('router', {})).toBe(3);
    expect(log).toEqual(['start pool']);
    expect(host!.name).toBe('router');
    expect(() => host!.node('pol')).toThrow('did you mean "pool"?');
  });

  it('tells nodes when a run that uses them begins and ends, also through what they need', async () => {
    const log: string[] = [];
    const hooks = (name: string): Partial<AnyNode> => ({
      onRunStarted: ({ runId, workflow }) => void log.push(`${name} + ${runId} ${workflow}`),
      onRunFinished: ({ runId, status }) => void log.push(`${name} - ${runId} ${status}`),
    });
    const nodes = {
      pool: living('pool', [], hooks('pool')),
      router: living('router', [], { needs: ['pool'], ...hooks('router') }),
      other: living('other', [], hooks('other')),
    };
    const runtime = new Runtime({ nodes });
    const wf = new WorkflowBuilder('hooked');
    wf.addNode('q', 'router', {});
    await runtime.execute(wf, { runId: 'r1' });
    expect(log).toEqual(['pool + r1 hooked', 'router + r1 hooked', 'pool - r1 completed', 'router - r1 completed']);
    const failing = new WorkflowBuilder('failing');
    const q = failing.addNode('q', 'router', {});
    failing.addNode('bad', defineNode({ name: 'bad', process: () => Promise.reject(new Error('x')) }), {}, { after: [q] });
    await expect(runtime.execute(failing, { runId: 'r2' })).rejects.toThrow();
    expect(log.slice(4)).toEqual(['pool + r2 failing', 'router + r2 failing', 'pool - r2 failed', 'router - r2 failed']);
  });

  it('a clean-up after a run that fails or hangs becomes a warning, and does not change the result', async () => {
    const clock = new SimulatedClock();
    const warnings: string[] = [];
    const nodes = {
      bad: living('bad', [], { onRunFinished: () => Promise.reject(new Error('rollback failed')) }),
      slow: living('slow', [], { onRunFinished: () => new Promise<void>(() => undefined) }),
    };
    const runtime = new Runtime({ clock, stopTimeoutMs: 100, nodes });
    runtime.on('runtime:warning', ({ message }) => warnings.push(message));
    const wf = new WorkflowBuilder('hooked');
    wf.addNode('a', 'bad', {});
    wf.addNode('b', 'slow', {});
    expect((await clock.runUntil(runtime.execute(wf))).status).toBe('completed');
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toContain('Node "bad" failed to clean up after run');
  });
});

describe('closing', () => {
  it('refuses new work, cancels runs and messages, and is idempotent', async () => {
    const clock = new SimulatedClock();
    const node = defineNode({ name: 'long', process: (_: unknown, { signal }) => sleep(clock, 10_000, signal) });
    const runtime = new Runtime({ clock, nodes: { long: node } });
    const wf = new WorkflowBuilder('w');
    wf.addNode('a', 'long', {});
    const run = runtime.execute(wf).catch((error: unknown) => error);
    const message = runtime.process('long', {}).catch((error: unknown) => error);
    await clock.advance(1);
    const closing = runtime.close();
    expect(runtime.close()).toBe(closing);
    await clock.runUntil(closing);
    expect(await run).toMatchObject({ code: 'RUN_CANCELLED', cause: { code: 'RUNTIME_CLOSED' } });
    expect(await message).toBeInstanceOf(RuntimeClosedError);
    await expect(runtime.process('long', {})).rejects.toBeInstanceOf(RuntimeClosedError);
    await expect(runtime.execute(wf)).rejects.toBeInstanceOf(RuntimeClosedError);
    expect(() => runtime.registerNode('x', node)).toThrow(RuntimeClosedError);
    expect(clock.pendingTimers).toBe(0);
  });

  it('happens at the end of a block with "await using"', async () => {
    const log: string[] = [];
    {
      await using runtime = new Runtime({ nodes: { node: living('node', log) } });
      await runtime.process('node', {});
    }
    expect(log).toEqual(['start node', 'stop node']);
  });
});

describe('executing', () => {
  const wf = new WorkflowBuilder('w', { input: z.object({ n: z.number() }) });
  const workflow = wf.output({
    n: wf.addNode('a', defineNode({ name: 'id', process: ({ n }: { n: number }) => ({ n }) }), { n: wf.input.n }).n,
  });
  let runtime = new Runtime();
  afterEach(async () => {
    await runtime.close();
    runtime = new Runtime();
  });

  it('checks the input of the run before anything runs', async () => {
    await expect(runtime.execute(workflow, { input: { n: 'x' as never } })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' });
    await expect(runtime.execute(workflow, { input: { m: 1 } as never })).rejects.toThrow('m: unknown key (known: n)');
    await expect(runtime.execute(workflow)).rejects.toThrow('n: expected number, received undefined (no input was given).');
  });

  it('refuses unknown options and a run id that is under way', async () => {
    await expect(runtime.execute(workflow, { inputs: { n: 1 } } as never)).rejects.toThrow('inputs: unknown key (did you mean "input"?)');
    const first = runtime.execute(workflow, { input: { n: 1 }, runId: 'same' });
    await expect(runtime.execute(workflow, { input: { n: 1 }, runId: 'same' })).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' });
    await first;
    expect((await runtime.execute(workflow, { input: { n: 2 }, runId: 'same' })).output).toEqual({ n: 2 });
  });

  it('refuses what is no workflow', async () => {
    await expect(runtime.execute(5 as never)).rejects.toThrow(
      'A workflow is a Workflow, a WorkflowBuilder or a definition; received number.',
    );
    await expect(runtime.execute({} as never)).rejects.toThrow('A workflow is');
  });

  it('checks the shape of a plain definition, where a misspelt key would have no effect', async () => {
    runtime.registerNode('echo', echo);
    const definition = { name: 'plain', nodes: [{ id: 'a', node: 'echo', input: { text: 'x' }, timeoutms: 5, retry: { attempts: 0 } }] };
    await expect(runtime.execute(definition)).rejects.toMatchObject({
      code: 'WORKFLOW_SYNTAX',
      message: expect.stringContaining('nodes.0.timeoutms: unknown key (did you mean "timeoutMs"?)') as unknown,
    });
    expect(runtime.validate(definition).map(({ code }) => code)).toEqual(expect.arrayContaining(['unknown_key', 'invalid_shape']));
  });

  it('runs the dictionary form as it is', async () => {
    runtime.registerNode('echo', echo);
    const dictionary = {
      workflow_id: 'legacy',
      nodes: [
        { id: 'a', type: 'echo', config: { text: 'x' } },
        { id: 'b', type: 'echo' },
      ],
      connections: [{ from_node: 'a', from_output: 'text', to_node: 'b', to_input: 'text' }],
    };
    expect(runtime.validate(dictionary as never)).toEqual([]);
    expect((await runtime.execute(dictionary as never)).output).toEqual({ b: { text: 'x' } });
  });

  it('checks registered names and schemas when the workflow was built without them', async () => {
    const loose = new WorkflowBuilder('loose');
    loose.addNode('a', 'ech', { text: 'x' });
    loose.addNode('b', 'echo', { text: 4 });
    runtime.registerNode('echo', echo);
    const error = await runtime.execute(loose).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'WORKFLOW_INVALID', problems: [{ code: 'unknown_node' }, { code: 'invalid_input' }] });
  });
});

describe('bad manners', () => {
  it('a run whose onRunStarted never ends can be cancelled, and closing does not wait for it', async () => {
    const runtime = new Runtime({ nodes: { stuck: { process: () => 1, onRunStarted: () => new Promise<void>(() => undefined) } } });
    const controller = new AbortController();
    const definition = { name: 'w', nodes: [{ id: 'a', node: 'stuck' }] };
    const run = runtime.execute(definition, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(run).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    const begun = new Promise((resolve) => runtime.on('run:started', resolve));
    const other = runtime.execute(definition);
    await begun;
    await Promise.all([expect(other).rejects.toMatchObject({ code: 'RUN_CANCELLED' }), runtime.close()]);
  });

  it.each([{ timeoutMs: NaN }, { deadline: NaN }, { deadline: new Date('?') }, { timeout: 5 }])(
    'refuses %o as options of a message',
    async (options) => {
      const runtime = new Runtime({ nodes: { echo } });
      await expect(runtime.process('echo', { text: 'a' }, options as never)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    },
  );

  it('an output, a guard and a merge take data for what it is', async () => {
    const given = defineNode({ process: () => ({ tags: ['a', { b: 1 }], odd: JSON.parse('{"__proto__":{"polluted":1}}') as object }) });
    const runtime = new Runtime({ nodes: { given, echo: defineNode({ process: (input: unknown) => input }) } });
    const nodes = [
      { id: 'a', node: 'given' },
      { id: 'guarded', node: 'echo', when: { from: 'a', output: 'tags', equals: ['a', { b: 1 }] } },
      { id: 'merged', node: 'merge', input: { mode: 'merge_dict' } },
    ];
    const { nodes: reports, results } = await runtime.execute({
      name: 'w',
      nodes,
      edges: [{ from: 'a', output: 'odd', to: 'merged', input: 'data.0' }],
    });
    expect(reports['guarded']!.status).toBe('completed');
    expect((results['merged'] as { merged: { polluted?: number } }).merged.polluted).toBeUndefined();
    const inherited = {
      name: 'w',
      nodes: nodes.slice(0, 1).concat({ id: 'b', node: 'echo' } as never),
      edges: [{ from: 'a', output: 'toString', to: 'b', input: 'x' }],
    };
    await expect(runtime.execute(inherited)).rejects.toThrow('wants output "toString"');
    expect(runtime.validate({ name: 'w', nodes: nodes.slice(0, 1), output: { '__proto__.x': { from: 'a' } } })).toMatchObject([
      { code: 'invalid_path' },
    ]);
  });
});
