/** `kailash run`, as a child process. */
import { afterAll, describe, expect, it } from 'vitest';
import { Project } from './testing/kailash.ts';

const NODES = `
  import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
  import { z } from 'zod';
  export const double = defineNode({
    name: 'double', input: z.object({ value: z.number() }), output: z.object({ value: z.number() }),
    process: ({ value }) => ({ value: value * 2 }),
  });
  export const fail = defineNode({ name: 'fail', process: () => { throw new TypeError('the leaf broke'); } });
`;

/** A workflow of one node that does \`body\`. */
const workflow = (body: string, more = ''): string => `
  import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
  const wf = new WorkflowBuilder('one');
  ${more}
  wf.addNode('only', defineNode({ name: 'only', process: async (input, context) => { ${body} } }));
  export default wf;
`;

const project = new Project({
  'nodes.ts': NODES,
  'double.ts': `
    import { WorkflowBuilder } from '@kailash-ts/core';
    import { z } from 'zod';
    import { double } from './nodes.ts';
    const wf = new WorkflowBuilder('doubling', { input: z.object({ value: z.number() }) });
    const once = wf.addNode('once', double, { value: wf.input.value });
    const constant = wf.addNode('constant', double, { value: 10 });
    export default wf.output({ once: once.value, constant: constant.value });
  `,
  'failing.ts': `
    import { WorkflowBuilder } from '@kailash-ts/core';
    import { double, fail } from './nodes.ts';
    const wf = new WorkflowBuilder('failing');
    const first = wf.addNode('first', double, { value: 1 });
    wf.addNode('leaf', fail, { value: first.value });
    export default wf;
  `,
  'input.json': '\uFEFF{ "value": 4 }',
  'broken.json': '{\n  "secret": "hunter2",\n  oops\n}',
});
afterAll(() => project.remove());

describe.concurrent('kailash run', { timeout: 120_000 }, () => {
  it('prints plain lines, the output and a summary when it is piped, and ends with 0', async () => {
    const { exitCode, stdout, stderr } = await project.kailash(['run', 'double.ts', '--input', '{"value":5}']);
    expect(stdout).toMatch(/^doubling: 2 nodes, run [0-9a-f-]{36}\n/);
    expect(stdout).toContain('  once: completed in ');
    expect(stdout).toContain('output:\n{\n  "once": 10,\n  "constant": 20\n}\n');
    expect(stdout).toMatch(/completed in .+: 2 completed\n$/);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('colours a pipe only when FORCE_COLOR asks for it, and never with NO_COLOR', async () => {
    const args = ['run', 'double.ts', '--input', '{"value":5}'];
    expect((await project.kailash(args, { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[32m');
    expect((await project.kailash(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
  });

  it('conformance 117: a leaf that fails makes the exit code 1, and the error names the node', async () => {
    const { exitCode, stdout, stderr } = await project.kailash(['run', 'failing.ts']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/failed in .+: 1 failed, 1 completed\n$/);
    expect(stderr).toContain('failed at node "leaf": the leaf broke');
    expect(stderr).not.toContain('    at ');
  });

  it('shows the stack of a failure with --verbose', async () => {
    const { exitCode, stderr } = await project.kailash(['run', 'failing.ts', '--verbose']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Caused by: TypeError: the leaf broke');
  });

  it('with --json, the last line of a failed run has its status, error and output', async () => {
    const { exitCode, events } = await project.kailash(['run', 'failing.ts', '--json']);
    expect(exitCode).toBe(1);
    expect(events[0]).toMatchObject({ event: 'run:started', workflow: 'failing', nodeCount: 2 });
    const last = events.at(-1);
    expect(last).toMatchObject({ event: 'run:finished', status: 'failed', error: { code: 'RUN_FAILED', cause: { name: 'TypeError' } } });
    expect(last).toHaveProperty('output');
    expect(last?.['runId']).toBe(events[0]?.['runId']);
    expect(events.filter(({ event }) => event === 'run:finished')).toHaveLength(1);
  });

  it('with --json, standard output holds nothing but events, whatever the code of the user prints', async () => {
    project.write(
      'noisy.ts',
      workflow(
        `console.log('noise of a node'); console.table([{ a: 1 }]);
         await new Promise((resolve) => process.stdout.write('raw noise', resolve));
         process.stdout.write('6869', 'hex');
         context.progress(0.5, 'half');
         return { big: 2n ** 70n, bytes: new Uint8Array([1, 2]), when: new Date(0), map: new Map([['k', 1]]) };`,
        `console.log('noise of an import');`,
      ),
    );
    const { exitCode, events, stderr } = await project.kailash(['run', 'noisy.ts', '--json']);
    expect(exitCode).toBe(0);
    expect(events.map(({ event }) => event)).toEqual(['run:started', 'node:started', 'node:progress', 'node:finished', 'run:finished']);
    expect(events.at(-1)).toMatchObject({
      status: 'completed',
      output: { only: { big: '1180591620717411303424', bytes: 'AQI=', when: '1970-01-01T00:00:00.000Z', map: [['k', 1]] } },
    });
    for (const noise of ['noise of a node', 'noise of an import', 'raw noise', 'hi', '│ a']) expect(stderr).toContain(noise);
  });

  it('writes all of a large output into a pipe', async () => {
    project.write('large.ts', workflow(`return Array.from({ length: 300_000 }, (_, i) => 'row ' + i);`));
    const { exitCode, events } = await project.kailash(['run', 'large.ts', '--json']);
    expect(exitCode).toBe(0);
    const { only } = events.at(-1)!['output'] as { only: string[] };
    expect(only).toHaveLength(300_000);
    expect(only.at(-1)).toBe('row 299999');
  });

  it('goes on to the end of the run when the reader of its output goes away', async () => {
    project.write(
      'chatty.ts',
      workflow(
        `for (let i = 0; i < 3000; i++) { context.progress(i / 3000, 'x'.repeat(1000)); if (i % 100 === 0) await new Promise((r) => setTimeout(r, 1)); }
         console.error('reached the end');`,
      ),
    );
    const running = project.start(['run', 'chatty.ts', '--json']);
    await running.saw('node:progress');
    running.closeStdout();
    const { exitCode, stderr } = await running.ended;
    expect(stderr).toBe('reached the end\n');
    expect(exitCode).toBe(0);
  });

  it('reads the input from a file, with or without a byte order mark, and from standard input', async () => {
    const fromFile = await project.kailash(['run', 'double.ts', '--json', '--input', '@input.json']);
    expect(fromFile.events.at(-1)).toMatchObject({ output: { once: 8 } });
    const piped = await project.kailash(['run', 'double.ts', '--json', '--input', '@-'], { stdin: '{"value":6}' });
    expect(piped.events.at(-1)).toMatchObject({ output: { once: 12 } });
  });

  it('names all wrong options at once, and shows nothing of the input', async () => {
    const { exitCode, stderr } = await project.kailash([
      'run',
      'double.ts',
      '--input',
      '@broken.json',
      '--param',
      'once',
      '--concurrency',
      '0',
      '--timeout',
      '1.5',
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--input file broken.json is no valid JSON: line 3, column 3.');
    expect(stderr).toContain('--param "once" is not understood; write --param node.key=value.');
    expect(stderr).toContain('--concurrency takes a whole number from 1, received "0".');
    expect(stderr).toContain('--timeout takes a whole number of milliseconds from 1, received "1.5".');
    expect(stderr).not.toContain('hunter2');
  });

  it('refuses an input file that is not there, with the one that was probably meant', async () => {
    const { exitCode, stderr } = await project.kailash(['run', 'double.ts', '--input', '@inptu.json']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('There is no input file "inptu.json" (did you mean "input.json"?)');
  });

  it('refuses an input that does not fit the schema of the workflow', async () => {
    const { exitCode, stderr } = await project.kailash(['run', 'double.ts', '--input', '{"valeu":5}']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('valeu: unknown key (did you mean "value"?)');
  });

  it('tells how to give an input to whoever gave none, or lost its quotation marks to the shell', async () => {
    const none = await project.kailash(['run', 'double.ts']);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('value: expected number, received undefined (no input was given).\nGive the input with --input');
    const unquoted = await project.kailash(['run', 'double.ts', '--input', '{value:5}']);
    expect(unquoted.exitCode).toBe(2);
    expect(unquoted.stderr).toContain('Write it in single quotes');
  });

  it('sets constants of nodes with --param, and suggests the right node and key', async () => {
    const set = await project.kailash(['run', 'double.ts', '--json', '--input', '{"value":1}', '--param', 'constant.value=7']);
    expect(set.events.at(-1)).toMatchObject({ output: { constant: 14 } });
    const wrong = await project.kailash([
      'run',
      'double.ts',
      '--input',
      '{"value":1}',
      '--param',
      'constnat.value=7',
      '--param',
      'constant.valu=7',
    ]);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('there is no node "constnat" (did you mean "constant"?)');
    expect(wrong.stderr).toContain('has no input "valu" (did you mean "value"?)');
  });

  it('cancels a run that takes longer than --timeout, and ends with 1', async () => {
    project.write(
      'sleepy.ts',
      workflow(`await new Promise((_, reject) => { const timer = setTimeout(() => undefined, 60_000);
                context.signal.addEventListener('abort', () => { clearTimeout(timer); reject(context.signal.reason); }); });`),
    );
    const { exitCode, events, stderr } = await project.kailash(['run', 'sleepy.ts', '--json', '--timeout', '50']);
    expect(exitCode).toBe(1);
    expect(events.at(-1)).toMatchObject({ event: 'run:finished', status: 'cancelled', error: { cause: { code: 'DEADLINE_EXCEEDED' } } });
    expect(stderr).toContain('ran out of time (50 ms)');
  });

  it('ends although the code of the user left timers and servers open', async () => {
    project.write(
      'open.ts',
      workflow(
        `return 'done';`,
        `import { createServer } from 'node:net'; setInterval(() => {}, 1000); createServer().listen(0, '127.0.0.1');`,
      ),
    );
    const { exitCode, stdout } = await project.kailash(['run', 'open.ts']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('"only": "done"');
  });

  it('ends a run as a run when an error is thrown where nobody catches it', async () => {
    project.write(
      'stray.ts',
      workflow(`setTimeout(() => { throw new RangeError('behind your back'); }, 1);
                await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)));`),
    );
    const { exitCode, events, stderr } = await project.kailash(['run', 'stray.ts', '--json']);
    expect(exitCode).toBe(1);
    expect(events.at(-1)).toMatchObject({ event: 'run:finished', status: 'cancelled', error: { cause: { code: 'CLI_STRAY_FAILURE' } } });
    expect(stderr).toContain('behind your back');
  });

  it('never takes a node that waits for nothing, or calls process.exit, for success', async () => {
    project.write(
      'nothing.ts',
      workflow(`await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)));`),
    );
    const nothing = await project.kailash(['run', 'nothing.ts', '--json']);
    expect(nothing.exitCode).toBe(1);
    expect(nothing.stderr).toContain('nothing is left to wait for');
    expect(nothing.events.at(-1)).toMatchObject({ event: 'run:finished', status: 'cancelled' });

    project.write('exit.ts', workflow(`process.exit(0);`));
    const exit = await project.kailash(['run', 'exit.ts', '--json']);
    expect(exit.exitCode).toBe(1);
    expect(exit.stderr).toContain('the code of the workflow called process.exit');
    expect(exit.events.at(-1)).toMatchObject({ event: 'run:finished', status: 'cancelled', error: { code: 'CLI_STRAY_FAILURE' } });
  });

  it('imports a config once, whoever asks for it, starts its nodes when they are used, and stops them at the end', async () => {
    const shared = new Project({
      'kailash.config.ts': `
        import { defineConfig } from '@kailash-ts/cli';
        console.log('config imported');
        const logger = (name: string) => ({
          start: () => console.log(name, 'started'), stop: () => console.log(name, 'stopped'),
          process: () => ({ name }),
          onRunStarted: () => console.log(name, 'run started'), onRunFinished: () => console.log(name, 'run finished'),
        });
        export default defineConfig({ nodes: { used: logger('used'), unused: logger('unused') } });
      `,
      'deep/er/workflow.ts': `
        import { WorkflowBuilder } from '@kailash-ts/core';
        import config from '../../kailash.config.ts';
        const wf = new WorkflowBuilder('shared', { nodes: config.nodes });
        const used = wf.addNode('step', 'used');
        export default wf.output({ name: used.name });
      `,
    });
    try {
      const { exitCode, stderr, events } = await shared.kailash(['run', 'deep/er/workflow.ts', '--json']);
      expect(exitCode).toBe(0);
      expect(events.at(-1)).toMatchObject({ output: { name: 'used' } });
      expect(stderr.split('\n').filter((line) => line === 'config imported')).toHaveLength(1);
      expect(stderr).toContain('used started\n');
      expect(stderr).toContain('used run finished\nused stopped\n');
      expect(stderr).not.toContain('unused started');
    } finally {
      shared.remove();
    }
  });

  it('takes a config that is an async function, from --config, and options of the runtime', async () => {
    project.write(
      'other.config.mjs',
      `import { defineConfig } from '@kailash-ts/cli';
       export default defineConfig(async () => ({ nodes: { answer: { process: () => 42 } }, runtime: { concurrency: 1 } }));`,
    );
    project.write('answer.yaml', 'name: answer\nnodes:\n  - { id: a, node: answer }\noutput: { "": { from: a } }\n');
    const { events } = await project.kailash(['run', 'answer.yaml', '--config', 'other.config.mjs', '--json']);
    expect(events.at(-1)).toMatchObject({ status: 'completed', output: 42 });
  });

  it('runs TypeScript of a CommonJS package, whose engine may be another copy', async () => {
    const common = new Project({
      'package.json': '{ "name": "common", "private": true }',
      'kinds.ts': `export enum Kind { Plain = 3 }`,
      'workflow.ts': `
        import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
        import { Kind } from './kinds';
        const wf = new WorkflowBuilder('common');
        const three = wf.addNode('three', defineNode({ name: 'three', process: () => ({ n: Kind.Plain }) }));
        export default wf.output({ n: three.n });
      `,
    });
    try {
      const { stderr, events } = await common.kailash(['run', 'workflow.ts', '--json']);
      expect(stderr).toBe('');
      expect(events.at(-1)).toMatchObject({ status: 'completed', output: { n: 3 } });
    } finally {
      common.remove();
    }
  });

  it('runs what is exported as "workflow", a built workflow, a definition, and the dictionary form', async () => {
    project.write(
      'named.mjs',
      `import { WorkflowBuilder } from '@kailash-ts/core';
      export const workflow = new WorkflowBuilder('named'); workflow.addNode('m', 'merge', { data: [1] });`,
    );
    project.write('definition.js', `export default { name: 'plain', nodes: [{ id: 'm', node: 'merge', input: { data: [2] } }] };`);
    project.write(
      'dictionary.json',
      '{ "name": "d", "nodes": [{ "id": "m", "type": "merge", "config": { "data": [3] } }], "connections": [] }',
    );
    for (const [file, merged] of [
      ['named.mjs', 1],
      ['definition.js', 2],
      ['dictionary.json', 3],
    ] as const) {
      const { events } = await project.kailash(['run', file, '--json']);
      expect(events.at(-1), file).toMatchObject({ status: 'completed', output: { m: { merged } } });
    }
  });
});
