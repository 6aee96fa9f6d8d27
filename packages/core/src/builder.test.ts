import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectLater, defineNode, ref, Runtime, Workflow, WorkflowBuilder, WorkflowError, type WorkflowProblem } from './index.ts';

const read = defineNode({
  name: 'read',
  input: z.object({ path: z.string(), limit: z.number().default(10) }),
  output: z.object({ records: z.array(z.object({ id: z.number() })), count: z.number(), note: z.string().optional() }),
  process: () => ({ records: [{ id: 1 }], count: 1 }),
});
const sum = defineNode({
  name: 'sum',
  input: z.object({ values: z.array(z.number()), by: z.string().optional() }),
  output: z.object({ sum: z.number() }),
  process: ({ values }) => ({ sum: values.length }),
});

function problemsOf(build: () => unknown): readonly WorkflowProblem[] {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(WorkflowError);
    return (error as WorkflowError).problems;
  }
  return [];
}

describe('the definition of a workflow', () => {
  it('is plain data: handles become edges, what is below an input becomes a dotted path', () => {
    const wf = new WorkflowBuilder('report', { description: 'for the board', input: z.object({ csv: z.string() }) });
    const rows = wf.addNode('rows', read, { path: wf.input.csv, limit: 5 });
    const total = wf.addNode(
      'total',
      sum,
      { values: [rows.count, 7, rows.records[0]!.id] },
      { after: [rows], retry: { attempts: 3 }, timeoutMs: 1000 },
    );
    const { definition } = wf.output({ n: rows.count, deep: { total: total.sum } }).build();
    expect(JSON.parse(JSON.stringify(definition))).toEqual({
      name: 'report',
      description: 'for the board',
      input: { type: 'object', properties: { csv: { type: 'string' } }, required: ['csv'] },
      nodes: [
        { id: 'rows', node: 'read', input: { limit: 5 } },
        { id: 'total', node: 'sum', input: { values: [null, 7] }, after: ['rows'], retry: { attempts: 3 }, timeoutMs: 1000 },
      ],
      edges: [
        { from: '$input', output: 'csv', to: 'rows', input: 'path' },
        { from: 'rows', output: 'count', to: 'total', input: 'values.0' },
        { from: 'rows', output: 'records.0.id', to: 'total', input: 'values.2' },
      ],
      output: { n: { from: 'rows', output: 'count' }, 'deep.total': { from: 'total', output: 'sum' } },
    });
  });

  it('keeps keys with dots apart from paths', async () => {
    const source = defineNode({ name: 'source', process: () => ({ 'a.b': 1 }) });
    const sink = defineNode({ name: 'sink', process: (input: Record<string, unknown>) => input });
    const wf = new WorkflowBuilder('dots');
    const to = wf.addNode('to', sink, { 'x.y': wf.addNode('from', source, {})['a.b'] });
    const result = await new Runtime().execute(wf.output(to));
    expect(wf.build().definition.edges).toEqual([{ from: 'from', output: 'a\\.b', to: 'to', input: 'x\\.y' }]);
    expect(result.output).toEqual({ 'x.y': 1 });
  });

  it('points at a field called "then" with ref', async () => {
    const source = defineNode({ name: 'source', process: () => ({ then: 4 }) });
    const wf = new WorkflowBuilder('then');
    const from = wf.addNode('from', source, {});
    expect((await Promise.resolve(from)) === from).toBe(true);
    expect(wf.output({ n: ref(from, 'then') }).build().definition.output).toEqual({ n: { from: 'from', output: 'then' } });
  });

  it('takes edges by name, also below a handle', () => {
    const wf = new WorkflowBuilder('named', { input: z.object({ csv: z.string() }) });
    const rows = wf.addNode('rows', read, connectLater());
    wf.addNode('total', sum, connectLater({ by: 'id' }));
    wf.connect('$input', 'csv', rows, 'path').connect(rows.records[0]!, 'id', 'total', 'values.0');
    expect(wf.build().definition.edges).toEqual([
      { from: '$input', output: 'csv', to: 'rows', input: 'path' },
      { from: 'rows', output: 'records.0.id', to: 'total', input: 'values.0' },
    ]);
  });

  it('does not change after build', () => {
    const wf = new WorkflowBuilder('fixed');
    wf.addNode('a', read, { path: 'x' });
    const first = wf.build();
    wf.addNode('b', read, { path: 'y' });
    expect(first.definition.nodes).toHaveLength(1);
    expect(wf.build().definition.nodes).toHaveLength(2);
  });
});

describe('build', () => {
  it('reports all problems at once', () => {
    const problems = problemsOf(() => {
      const wf = new WorkflowBuilder('bad', { runtime: new Runtime({ nodes: { read, sum } }) });
      const a = wf.addNode('a', read, { path: 5 as never });
      wf.addNode('a', read, { path: 'x' });
      wf.addNode('b', sum, connectLater());
      (wf as WorkflowBuilder).addNode('c', 'raed', {});
      wf.connect(a, 'cuont', 'b', 'value');
      wf.connect('nowhere', 'x', 'b', 'by');
      return wf.build();
    });
    expect(problems.map(({ code }) => code)).toEqual([
      'duplicate_id',
      'unknown_node_id',
      'invalid_input',
      'unknown_output',
      'unknown_input',
      'missing_input',
      'unknown_node',
    ]);
    expect(problems.map(({ message }) => message).join('\n')).toMatchInlineSnapshot(`
      "Node id "a" is used more than once; give each node its own.
      Edge nowhere -> b: there is no node "nowhere" (known: a, b, c).
      Node "a" (read): path: expected string, received number
      Node "b", input "value": node "a" has no output "cuont" (did you mean "count"?).
      Node "b" (sum) has no input "value" (did you mean "values"?).
      Node "b" (sum) lacks input "values": give a constant, or connect a node's output to it.
      Node "c": no node is registered as "raed" (did you mean "read"?)."
    `);
  });

  it('says that a handle is no value yet, wherever one calculates with it or puts it into text', () => {
    const { count } = new WorkflowBuilder('values').addNode('a', read, { path: 'x' });
    expect(() => `${count as unknown as string}`).toThrow(/^"a.count" is a handle: .*Hand it to a node as an input/);
    expect(() => (count as unknown as number) + 1).toThrow('"a.count" is a handle');
  });

  it('says once that a node without a name has none', () => {
    const wf = new WorkflowBuilder('unnamed', { runtime: new Runtime() });
    wf.addNode('a', defineNode({ process: () => 1 }));
    expect(problemsOf(() => wf.build()).map(({ code }) => code)).toEqual(['unnamed_node']);
  });

  it('names misspelt options, an "after" that is no list, and a node that a registered one misses', () => {
    const caller = defineNode({ name: 'caller', needs: ['dbpool'], process: () => 1 });
    const problems = problemsOf(() => {
      const runtime = new Runtime({ nodes: { caller, db_pool: read } });
      const wf = new WorkflowBuilder('misspelt', { inputs: z.object({}), runtime } as never);
      const a = wf.addNode('a', 'caller', {});
      wf.addNode('b', 'caller', {}, { after: a as never });
      return wf.build();
    });
    expect(problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'invalid_option: Workflow: unknown option "inputs" (did you mean "input"?).',
      'invalid_step: Node "b": "after" takes a list of handles or ids; write after: [step].',
      'unknown_node: Node "caller" needs node "dbpool", which is not registered (did you mean "db_pool"?).',
    ]);
  });

  it('names the circle, once, and what can never start behind it', () => {
    const pass = defineNode({ name: 'pass', process: (input: { in?: unknown }) => ({ out: input.in }) });
    const problems = problemsOf(() => {
      const wf = new WorkflowBuilder('circle');
      for (const id of ['start', 'a', 'b', 'c', 'behind', 'self']) wf.addNode(id, pass, {});
      wf.connect('start', 'out', 'a', 'in');
      wf.connect('a', 'out', 'b', 'in').connect('b', 'out', 'c', 'in').connect('c', 'out', 'a', 'in2');
      wf.connect('c', 'out', 'behind', 'in').connect('self', 'out', 'self', 'in');
      return wf.build();
    });
    expect(problems.map(({ message }) => message)).toEqual([
      'Nodes wait for each other in a circle: a -> b -> c -> a. Remove one of these edges.',
      'Node "self" waits for itself; remove the edge from it to itself.',
      'Node "behind" can never start: it waits for a node on a circle.',
    ]);
  });

  it.each([
    [
      'a node connected to nothing',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('lonely', read, { path: 'x' });
        wf.output({ n: a.count });
      },
      'Node "lonely" is connected to nothing',
    ],
    [
      'a branch that a switch does not have',
      (wf: WorkflowBuilder) => {
        wf.addSwitch('s', 1, { cases: ['big', 'small'] });
        wf.addNode('n', sum, connectLater({ values: [] }));
        wf.connect('s', 'bigg', 'n', 'by');
      },
      'Node "n", input "by" can never be fed: "s" has no branch "bigg" (did you mean "big"?)',
    ],
    [
      'two edges into one input',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('n', sum, { values: [a.count] });
        wf.connect(a, 'count', 'n', 'values.0');
      },
      'input "values.0" is fed by both a.count and a.count',
    ],
    [
      'an edge onto a constant',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', read, { path: 'y' });
        wf.connect(a, 'note', 'b', 'path');
      },
      'input "path" is both a constant and fed by a.note',
    ],
    [
      'types that cannot fit',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', read, connectLater());
        wf.connect(a, 'count', 'b', 'path');
      },
      'Edge a.count -> b.path: number does not fit string',
    ],
    [
      'items whose types cannot fit',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', sum, connectLater());
        wf.connect(a, 'records', 'b', 'values');
      },
      'Edge a.records -> b.values: of its items, object does not fit number',
    ],
    [
      'a constant that is not plain data',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', read, { path: new Date() as never });
      },
      'Node "a": input "path" is a Date; constants must be plain data',
    ],
    [
      'a handle of another workflow',
      (wf: WorkflowBuilder) => {
        const other = new WorkflowBuilder('other').addNode('x', read, { path: 'x' });
        wf.addNode('b', sum, { values: [other.count] });
      },
      'handle "x.count" belongs to another workflow',
    ],
    [
      'a node without a name',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', defineNode({ process: () => 1 }), {});
      },
      'the node passed here has no name',
    ],
    [
      'two nodes of one name',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', defineNode({ name: 'n', process: () => 1 }), {});
        wf.addNode('b', defineNode({ name: 'n', process: () => 2 }), {});
      },
      'two different nodes of this workflow are named "n"',
    ],
    [
      'an invalid id',
      (wf: WorkflowBuilder) => {
        wf.addNode('a b', read, { path: 'x' });
      },
      'Node id "a b" is not valid',
    ],
    [
      'step options out of range',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', read, { path: 'x' }, { retry: { attempts: 0 }, timeoutMs: -1, retries: 1 } as never);
      },
      'timeoutMs does not fit',
    ],
    [
      '"after" an unknown node',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', read, { path: 'x' }, { after: ['bb'] });
      },
      '"after" of node "a": there is no node "bb"',
    ],
    [
      'a guard on an unknown output',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', read, { path: 'x' }, { when: (a as never as { ok: never }).ok });
      },
      '"when" of node "b": node "a" has no output "ok"',
    ],
    [
      'a guard that can never hold',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', read, { path: 'x' }, { when: a.count as never });
        wf.addNode('c', read, { path: 'x' }, { when: { ref: a.count, equals: 3 } });
        wf.addNode('d', read, { path: 'x' }, { when: { ref: a.note, equals: 'yes' } });
      },
      '"when" of node "b" can never hold: number does not fit boolean. Say which value it takes with "equals".',
    ],
    [
      'an output of the workflow that does not exist',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.output({ n: (a as never as { cont: never }).cont });
      },
      'Output "n": node "a" has no output "cont" (did you mean "count"?)',
    ],
    [
      'an output that is no handle',
      (wf: WorkflowBuilder) => {
        wf.addNode('a', read, { path: 'x' });
        wf.output({ n: 5 });
      },
      'The output holds something that is no handle',
    ],
    [
      'a path into a prototype',
      (wf: WorkflowBuilder) => {
        const a = wf.addNode('a', read, { path: 'x' });
        wf.addNode('b', sum, connectLater({ values: [] }));
        wf.connect(a, 'count', 'b', '__proto__.polluted');
      },
      '"__proto__" cannot stand in a path',
    ],
    ['no nodes at all', () => undefined, 'The workflow has no nodes'],
  ])('refuses %s', (_, write, message) => {
    const wf = new WorkflowBuilder('bad');
    write(wf);
    expect(
      problemsOf(() => wf.build())
        .map((problem) => problem.message)
        .join('\n'),
    ).toContain(message);
  });

  it('says each thing once, and checks the input of an edge that comes from nowhere', () => {
    const problems = problemsOf(() =>
      Workflow.create({
        name: 'twice',
        nodes: [
          { id: 'a', node: 'switch', input: { value: 1, cases: [1] } },
          { id: 'b', node: 'merge' },
          { id: 'b', node: 'merge' },
        ],
        edges: [
          { from: 'a', output: '2', to: 'b', input: 'data.0' },
          { from: 'nowhere', output: 'x', to: 'b', input: 'dtaa' },
        ],
      }),
    );
    expect(problems.map(({ message }) => message)).toEqual([
      'Node id "b" is used more than once; give each node its own.',
      'Edge nowhere -> b: there is no node "nowhere" (known: a, b).',
      'Node "b", input "data.0" can never be fed: "a" has no branch "2" (known: 1, default).',
      'Node "b" (merge) has no input "dtaa" (did you mean "data"?).',
    ]);
  });

  it('takes linear work over thousands of unknown ids among thousands of nodes', () => {
    const nodes = Array.from({ length: 5000 }, (_, i) => ({ id: `node${i}`, node: 'switch' }));
    const edges = nodes.map(({ id }, i) => ({ from: `nodes${i}`, to: id, input: 'value' }));
    const problems = problemsOf(() => Workflow.create({ name: 'lost', nodes, edges }));
    expect(problems.filter(({ code }) => code === 'unknown_node_id')).toHaveLength(5000);
    expect(problems[0]!.message).toContain('did you mean');
  });

  it('accepts an edge into a part of an input, next to constants of the same list', () => {
    const wf = new WorkflowBuilder('mixed');
    const a = wf.addNode('a', read, { path: 'x' });
    wf.addNode('b', sum, { values: [1, a.count, 3] });
    expect(problemsOf(() => wf.build())).toEqual([]);
  });

  it('checks 100,000 nodes, and names the circle among them', () => {
    const nodes = Array.from({ length: 100_000 }, (_, i) => ({ id: `n${i}`, node: 'x' }));
    const edges = nodes.slice(1).map(({ id }, i) => ({ from: `n${i}`, output: 'o', to: id, input: 'i' }));
    expect(Workflow.create({ name: 'long', nodes, edges }).definition.nodes).toHaveLength(100_000);
    const problems = problemsOf(() =>
      Workflow.create({ name: 'long', nodes, edges: [...edges, { from: 'n99999', output: 'o', to: 'n0', input: 'i' }] }),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toContain('n0 -> n1 -> n2');
  });
});

describe('schemas with code of their own', () => {
  const source = defineNode({ name: 'source', output: z.object({ text: z.string() }), process: () => ({ text: ' 5 ' }) });
  const trims = z.preprocess((value) => (value as string).trim(), z.string());
  it.each([
    ['coerces', z.object({ v: z.coerce.number() })],
    ['preprocesses a field', z.object({ v: z.preprocess(Number, z.number()) })],
    ['stumbles over what is not there yet', z.object({ v: trims })],
    ['preprocesses the whole', z.preprocess((all) => ({ w: (all as { v: string }).v }), z.object({ w: z.string() }))],
    ['catches', z.object({ v: z.number().catch(5) })],
  ])('an edge may feed a schema that %s', async (_, input) => {
    const wf = new WorkflowBuilder('coded');
    const { text } = wf.addNode('source', source);
    wf.addNode('target', defineNode({ name: 'target', input: input as z.ZodType<unknown, { v: string }>, process: (parsed) => parsed }), {
      v: text,
    });
    expect(() => wf.build()).not.toThrow();
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});
