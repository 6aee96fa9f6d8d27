import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defineNode,
  formatWorkflow,
  parseWorkflow,
  Runtime,
  toMermaid,
  workflowJsonSchema,
  Workflow,
  WorkflowSyntaxError,
  type WorkflowDefinition,
} from './index.ts';

const definition: WorkflowDefinition = {
  name: 'report',
  nodes: [
    { id: 'rows', node: 'read', input: { path: 'a.csv' } },
    { id: 'end', node: 'sum', after: ['rows'], when: { from: 'rows', output: 'ok', equals: 'yes' }, retry: { attempts: 2 }, timeoutMs: 50 },
  ],
  edges: [{ from: 'rows', output: 'records.0', to: 'end', input: 'values.0' }],
  output: { 'a.b': { from: 'end' } },
};

function problemsOf(text: string) {
  try {
    parseWorkflow(text, 'flow.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(WorkflowSyntaxError);
    return (error as WorkflowSyntaxError).problems;
  }
  return [];
}

describe('a workflow as a document', () => {
  it.each(['json', 'yaml'] as const)('survives the way to %s and back', (format) => {
    expect(parseWorkflow(formatWorkflow(definition, format))).toEqual(definition);
  });

  it('survives it whatever its names and constants', () => {
    const name = fc.string({ minLength: 1 });
    const anyDefinition = fc.record({
      name,
      nodes: fc.array(fc.record({ id: name, node: name, input: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }) }), {
        maxLength: 4,
      }),
      edges: fc.array(fc.record({ from: name, output: fc.string(), to: name, input: fc.string() })),
    });
    fc.assert(
      fc.property(anyDefinition, fc.constantFrom('json', 'yaml'), (data, format) => {
        const plain = JSON.parse(JSON.stringify(data)) as WorkflowDefinition;
        expect(parseWorkflow(formatWorkflow(plain, format))).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });

  it('tells the line of broken YAML', () => {
    expect(problemsOf('name: x\nnodes:\n  - id: a\n   node: [')).toContainEqual(expect.objectContaining({ line: 4 }));
    expect(problemsOf('name: x\nname: y\nnodes: []')).toContainEqual(expect.objectContaining({ line: 2 }));
  });

  it('tells every misplaced thing with its line, and what was meant', () => {
    expect(problemsOf('name: x\nnodes:\n  - id: a\n    nod: b\n  - id: c\n    node: 5\n    retry: { attempt: 3 }\nedgs: []\n')).toEqual([
      { code: 'invalid_shape', line: 3, message: 'nodes.0.node: expected string, received undefined' },
      { code: 'unknown_key', line: 4, message: 'nodes.0.nod: unknown key (did you mean "node"?)' },
      { code: 'invalid_shape', line: 6, message: 'nodes.1.node: expected string, received number' },
      { code: 'invalid_shape', line: 7, message: 'nodes.1.retry.attempts: expected number, received undefined' },
      { code: 'unknown_key', line: 7, message: 'nodes.1.retry.attempt: unknown key (did you mean "attempts"?)' },
      { code: 'unknown_key', line: 8, message: 'edgs: unknown key (did you mean "edges"?)' },
    ]);
  });

  it('suggests only what the dictionary form has, where that is what was written', () => {
    expect(problemsOf('nodes:\n  - id: a\n    type: b\n    timeout: 5\n    confg: {}\n')).toEqual([
      { code: 'unknown_key', line: 4, message: 'nodes.0.timeout: unknown key (known: id, type, config)' },
      { code: 'unknown_key', line: 5, message: 'nodes.0.confg: unknown key (did you mean "config"?)' },
    ]);
  });

  it('takes a definition with the "connections" of the dictionary form for a definition', () => {
    expect(problemsOf('name: x\nnodes:\n  - id: a\n    node: b\nconnections: []\n')).toEqual([
      expect.objectContaining({ code: 'unknown_key', line: 5, message: expect.stringMatching(/^connections: unknown key/) as string }),
    ]);
  });

  it.each(['', '5', '[]', 'null', 'just text'])('refuses %j, which is no workflow', (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });

  it('does not blow up over aliases of aliases', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ].join('\n');
    expect(problemsOf(bomb).length).toBeGreaterThan(0);
  });

  it('reads the dictionary form of the original', async () => {
    const dictionary = {
      workflow_id: 'legacy',
      version: '1.0',
      nodes: [
        { id: 'a', type: 'Source', config: { n: 2 } },
        { id: 'b', type: 'Double' },
      ],
      connections: [{ from_node: 'a', from_output: 'n', to_node: 'b', to_input: 'n' }],
    };
    const read = parseWorkflow(JSON.stringify(dictionary));
    expect(read).toEqual({
      name: 'legacy',
      metadata: { version: '1.0' },
      nodes: [
        { id: 'a', node: 'Source', input: { n: 2 } },
        { id: 'b', node: 'Double' },
      ],
      edges: [{ from: 'a', output: 'n', to: 'b', input: 'n' }],
    });
    const nodes = {
      Source: defineNode({ process: ({ n }: { n: number }) => ({ n }) }),
      Double: defineNode({ process: ({ n }: { n: number }) => ({ n: n * 2 }) }),
    };
    expect((await new Runtime({ nodes }).execute(read)).output).toEqual({ b: { n: 4 } });
    expect(
      problemsOf(JSON.stringify({ nodes: [{ id: 'a', type: 'X' }], connections: [{ from: 'a' }] }))
        .map(({ message }) => message)
        .join(),
    ).toContain('from_node');
  });

  it('checks the input of a run by the JSON Schema in the document', async () => {
    const read = parseWorkflow(
      'name: x\ninput: { type: object, properties: { n: { type: number } }, required: [n] }\nnodes: [{ id: a, node: echo }]\nedges: [{ from: $input, output: n, to: a, input: n }]',
    );
    const runtime = new Runtime({ nodes: { echo: defineNode({ process: (input: { n: number }) => input }) } });
    expect((await runtime.execute(read, { input: { n: 3 } })).output).toEqual({ a: { n: 3 } });
    await expect(runtime.execute(read, { input: { n: 'x' } })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' });
  });

  it('names an unusable JSON Schema of its input together with all else that is wrong', () => {
    const read = parseWorkflow('name: x\ninput: { type: nonsense }\nnodes: [{ id: a, node: echo }, { id: a, node: echo }]');
    expect(() => Workflow.create(read)).toThrow(/has 2 problems:[\s\S]*no usable JSON Schema[\s\S]*"a" is used more than once/);
  });

  it('is drawn as a Mermaid flowchart', () => {
    expect(toMermaid(definition)).toBe(
      [
        'flowchart TD',
        '  n_rows["rows (read)"]',
        '  n_end["end (sum)"]',
        '  run_output([output])',
        '  n_rows -->|"records.0 → values.0"| n_end',
        '  n_rows -.-> n_end',
        '  n_rows -.->|"when ok = #34;yes#34;"| n_end',
        '  n_end -->|"* → a.b"| run_output',
        '',
      ].join('\n'),
    );
  });

  it('has a published JSON Schema that is up to date', () => {
    const published = JSON.parse(readFileSync(new URL('../workflow.schema.json', import.meta.url), 'utf8')) as unknown;
    expect(published).toEqual(JSON.parse(JSON.stringify(workflowJsonSchema())));
  });
});
