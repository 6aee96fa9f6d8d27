/** `validate` and `run` on everything that can be wrong with a workflow, in each form in which it can be written. */
import { formatWorkflow, type WorkflowDefinition } from '@kailash-ts/core';
import { afterAll, describe, expect, it } from 'vitest';
import { Project, type Ended } from './testing/kailash.ts';

const CONFIG = `
  import { defineConfig } from '@kailash-ts/cli';
  import { defineNode } from '@kailash-ts/core';
  import { z } from 'zod';
  export default defineConfig({ nodes: {
    add: defineNode({
      input: z.object({ x: z.number(), y: z.number().optional() }), output: z.object({ sum: z.number() }),
      process: ({ x, y = 0 }) => ({ sum: x + y }),
    }),
    say: defineNode({ output: z.object({ text: z.string() }), process: () => ({ text: 'hello' }) }),
  } });
`;

/** A definition without its name, and the same as code. */
interface BrokenGraph {
  readonly title: string;
  readonly definition: Omit<WorkflowDefinition, 'name'>;
  readonly code: string;
  readonly messages: readonly string[];
}

const graphs: readonly BrokenGraph[] = [
  {
    title: 'a cycle',
    definition: {
      nodes: [
        { id: 'a', node: 'add', input: { x: 1 } },
        { id: 'b', node: 'add' },
      ],
      edges: [
        { from: 'a', output: 'sum', to: 'b', input: 'x' },
        { from: 'b', output: 'sum', to: 'a', input: 'y' },
      ],
    },
    code: `const a = wf.addNode('a', 'add', { x: 1 });
           const b = wf.addNode('b', 'add', { x: a.sum });
           wf.connect(b, 'sum', a, 'y');`,
    messages: ['a -> b -> a'],
  },
  {
    title: 'a self-edge',
    definition: { nodes: [{ id: 'a', node: 'add', input: { x: 1 } }], edges: [{ from: 'a', output: 'sum', to: 'a', input: 'y' }] },
    code: `const a = wf.addNode('a', 'add', { x: 1 }); wf.connect(a, 'sum', a, 'y');`,
    messages: ['Node "a" waits for itself'],
  },
  {
    title: 'an unknown node',
    definition: { nodes: [{ id: 'abc', node: 'add', input: { x: 1 } }], edges: [{ from: 'acb', output: 'sum', to: 'abc', input: 'y' }] },
    code: `wf.addNode('abc', 'add', { x: 1 }); wf.connect('acb', 'sum', 'abc', 'y');`,
    messages: ['there is no node "acb" (did you mean "abc"?)'],
  },
  {
    title: 'an unknown registered name',
    definition: { nodes: [{ id: 'a', node: 'addd', input: { x: 1 } }] },
    code: `wf.addNode('a', 'addd', { x: 1 });`,
    messages: ['no node is registered as "addd" (did you mean "add"?)', 'Nodes are registered in kailash.config.ts.'],
  },
  {
    title: 'a wrong field',
    definition: {
      nodes: [
        { id: 'a', node: 'add', input: { x: 1 } },
        { id: 'b', node: 'add' },
      ],
      edges: [{ from: 'a', output: 'sun', to: 'b', input: 'x' }],
    },
    code: `const a = wf.addNode('a', 'add', { x: 1 }); wf.addNode('b', 'add', { x: a.sun });`,
    messages: ['node "a" has no output "sun" (did you mean "sum"?)'],
  },
  {
    title: 'a wrong type',
    definition: {
      nodes: [
        { id: 'a', node: 'say' },
        { id: 'b', node: 'add' },
      ],
      edges: [{ from: 'a', output: 'text', to: 'b', input: 'x' }],
    },
    code: `const a = wf.addNode('a', 'say', {}); wf.addNode('b', 'add', { x: a.text });`,
    messages: ['Edge a.text -> b.x: string does not fit number'],
  },
  {
    title: 'a missing input',
    definition: { nodes: [{ id: 'a', node: 'add' }] },
    code: `wf.addNode('a', 'add', {});`,
    messages: ['Node "a" (add) lacks input "x"'],
  },
  {
    title: 'an extra input',
    definition: { nodes: [{ id: 'a', node: 'add', input: { x: 1, z: 2 } }] },
    code: `wf.addNode('a', 'add', { x: 1, z: 2 });`,
    messages: ['Node "a" (add) has no input "z"'],
  },
  {
    title: 'a duplicate id',
    definition: {
      nodes: [
        { id: 'a', node: 'add', input: { x: 1 } },
        { id: 'a', node: 'add', input: { x: 2 } },
      ],
    },
    code: `wf.addNode('a', 'add', { x: 1 }); wf.addNode('a', 'add', { x: 2 });`,
    messages: ['Node id "a" is used more than once'],
  },
  {
    title: 'an unreachable node',
    definition: {
      nodes: [
        { id: 'a', node: 'add', input: { x: 1 } },
        { id: 'b', node: 'add', input: { x: 2 } },
      ],
      output: { sum: { from: 'a', output: 'sum' } },
    },
    code: `const a = wf.addNode('a', 'add', { x: 1 }); wf.addNode('b', 'add', { x: 2 }); wf.output({ sum: a.sum });`,
    messages: ['Node "b" is connected to nothing'],
  },
  {
    title: 'many mistakes',
    definition: {
      nodes: [
        { id: 'a', node: 'ad', input: { x: 1 } },
        { id: 'b', node: 'add', input: { z: 1 } },
        { id: 'b', node: 'say' },
      ],
      edges: [
        { from: 'a', output: 'sum', to: 'a', input: 'y' },
        { from: 'c', output: 'sum', to: 'b', input: 'y' },
      ],
    },
    code: `wf.addNode('a', 'ad', { x: 1 }); wf.addNode('b', 'add', { z: 1 }); wf.addNode('b', 'say', {});
           wf.connect('a', 'sum', 'a', 'y'); wf.connect('c', 'sum', 'b', 'y');`,
    messages: [
      'no node is registered as "ad"',
      'has no input "z"',
      'lacks input "x"',
      'Node id "b" is used more than once',
      'Node "a" waits for itself',
      'there is no node "c"',
    ],
  },
];

/** The original's dictionary form; undefined where it cannot say the same. */
function asDictionary({ nodes, edges = [], output }: BrokenGraph['definition']): string | undefined {
  if (output) return undefined;
  return JSON.stringify({
    name: 'broken',
    nodes: nodes.map(({ id, node, input }) => ({ id, type: node, config: input })),
    connections: edges.map(({ from, output: field, to, input }) => ({ from_node: from, from_output: field, to_node: to, to_input: input })),
  });
}

const project = new Project({ 'kailash.config.ts': CONFIG });
afterAll(() => project.remove());

/** Both commands load files in the same way; each mistake meets both, in different forms. */
const command = (index: number): string => (index % 2 === 0 ? 'validate' : 'run');

function expectRefusal({ exitCode, stdout, stderr }: Ended, messages: readonly string[]): void {
  for (const message of messages) expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
  expect(exitCode).toBe(2);
  expect(stdout).toBe('');
}

describe.concurrent(
  'a broken workflow is refused with exit code 2, and everything that is wrong with it is named',
  { timeout: 120_000 },
  () => {
    for (const [index, { title, definition, code, messages }] of graphs.entries()) {
      it(`${title}, in TypeScript`, async () => {
        const file = project.write(
          `code-${index}.ts`,
          `import { WorkflowBuilder } from '@kailash-ts/core';
         const wf = new WorkflowBuilder('broken');
         ${code}
         export default wf;`,
        );
        expectRefusal(await project.kailash(['validate', file]), messages);
        expectRefusal(await project.kailash(['run', file]), messages);
      });

      it(`${title}, in YAML`, async () => {
        const file = project.write(`definition-${index}.yaml`, formatWorkflow({ name: 'broken', ...definition }, 'yaml'));
        expectRefusal(await project.kailash(['run', file]), messages);
      });

      const dictionary = asDictionary(definition);
      if (dictionary !== undefined) {
        it(`${title}, in the dictionary form`, async () => {
          expectRefusal(await project.kailash([command(index), project.write(`dictionary-${index}.json`, dictionary)]), messages);
        });
      }
    }

    const files: readonly [title: string, name: string, text: string, messages: readonly string[]][] = [
      [
        'bad YAML, with its line',
        'syntax.yaml',
        'name: bad\nnodes:\n  - id: a\n    node: add: 1\n    input: {}\n',
        ['syntax.yaml', 'line 4'],
      ],
      ['bad JSON, with its line', 'syntax.json', '{\n  "name": "bad",\n  "nodes": [}\n}', ['syntax.json', 'line 3']],
      [
        'data of another shape, with its lines',
        'shape.yaml',
        'name: bad\nnodes:\n  - id: a\n    nod: add\nedge: []\n',
        ['line 4: nodes.0.nod: unknown key (did you mean "node"?)', 'line 5: edge: unknown key (did you mean "edges"?)'],
      ],
      [
        'a bad schema of the run input',
        'schema.yaml',
        'name: bad\ninput: { type: nonsense }\nnodes: [{ id: a, node: add, input: { x: 1 } }]\n',
        ['no usable JSON Schema', 'nonsense'],
      ],
      ['data that is no workflow', 'list.yaml', '- a\n- b\n', ['list.yaml is no readable workflow', 'expected object, received array']],
      ['code that exports something else', 'number.ts', 'export default 5;', ['number.ts is not a workflow: its export is number']],
      ['code that exports no workflow', 'names.ts', 'export const a = 5;', ['names.ts is not a workflow: it exports only a']],
      [
        'an import that throws, with its place',
        'throws.ts',
        `import './thrower.ts';\nexport default {};`,
        ['throws.ts cannot be imported: out of order', 'thrower.ts:2:7'],
      ],
      [
        'an import that is not there',
        'missing.ts',
        `import { x } from './nowhere.ts';\nexport default x;`,
        ['missing.ts cannot be imported', 'nowhere.ts'],
      ],
      ['code that does not parse', 'parse.ts', 'const x: number = ;\nexport default x;', ['parse.ts:1:18', 'Unexpected ";"']],
      [
        'a workflow that is built where it is defined',
        'built.ts',
        `import { WorkflowBuilder } from '@kailash-ts/core';
       const wf = new WorkflowBuilder('broken');
       const a = wf.addNode('a', 'add', { x: 1 }); wf.connect(a, 'sum', a, 'y');
       export default wf.build();`,
        ['built.ts cannot be imported', 'Node "a" waits for itself'],
      ],
      ['a file of another kind', 'workflow.txt', 'name: bad', ['workflow.txt is no workflow file: ".txt" is not among']],
    ];
    project.write('thrower.ts', `interface Unused { x: number }\nthrow new TypeError('out of order');\nexport {};`);
    for (const [title, name, text, messages] of files) {
      it(title, async () => {
        const file = project.write(name, text);
        expectRefusal(await project.kailash(['validate', file]), messages);
        expectRefusal(await project.kailash(['run', file]), messages);
      });
    }

    it('a file that is not there', async () => {
      project.write('here/report.yaml', '');
      expectRefusal(await project.kailash(['run', 'here/rpeort.yaml']), [
        'There is no workflow file',
        '(did you mean "here/report.yaml"?)',
      ]);
    });

    it('a broken config and a broken workflow, both at once', async () => {
      const broken = new Project({
        'kailash.config.ts': `export default { nodes: { 'bad name': {}, merge: { process: () => 1 }, ok: { input: {}, process: () => 1 } } };`,
        'self.yaml': 'name: self\nnodes: [{ id: a, node: ok, after: [a] }]\n',
      });
      try {
        expectRefusal(await broken.kailash(['run', 'self.yaml']), [
          'Node name "bad name" is not valid',
          'Node name "merge" belongs to a built-in node',
          'its input is no Standard Schema',
          'Node "a" waits for itself',
        ]);
      } finally {
        broken.remove();
      }
    });

    it('a broken config that the workflow imports, once', async () => {
      const broken = new Project({
        'kailash.config.ts': `import 'no-such-package'; export default { nodes: {} };`,
        'w.ts': `import config from './kailash.config.ts'; export default config;`,
      });
      try {
        const { exitCode, stderr } = await broken.kailash(['run', 'w.ts']);
        expect(exitCode).toBe(2);
        expect(stderr.match(/cannot be imported/g)).toHaveLength(1);
        expect(stderr).toContain('kailash.config.ts cannot be imported: Cannot find package');
        expect(stderr).toContain('Add "no-such-package" to the dependencies');
        expect(stderr).not.toContain('    at ');
      } finally {
        broken.remove();
      }
    });

    it('a registered name without any config', async () => {
      const bare = new Project({ 'y.yaml': 'name: y\nnodes: [{ id: a, node: add }]\n' });
      try {
        expectRefusal(await bare.kailash(['run', 'y.yaml']), ['no node is registered as "add"', 'No kailash.config.ts was found']);
      } finally {
        bare.remove();
      }
    });

    it('with --json, the problems stand on standard output as one event', async () => {
      const file = project.write('json.yaml', formatWorkflow({ name: 'broken', ...graphs[1]!.definition }, 'yaml'));
      const ran = await project.kailash(['run', file, '--json']);
      expect(ran.exitCode).toBe(2);
      expect(ran.events).toMatchObject([{ event: 'run:refused', problems: [{ code: 'self_edge', nodeId: 'a' }] }]);
      const validated = await project.kailash(['validate', file, '--json']);
      expect(JSON.parse(validated.stdout)).toMatchObject({ valid: false, problems: [{ code: 'self_edge', nodeId: 'a' }] });
    });

    it('with --verbose, and only then, the stack is shown', async () => {
      const file = project.write('verbose.ts', `throw new TypeError('boom');`);
      const { exitCode, stderr } = await project.kailash(['run', file, '--verbose']);
      expect(exitCode).toBe(2);
      expect(stderr).toContain('Caused by: TypeError: boom');
      expect(stderr).toContain('    at ');
    });
  },
);
