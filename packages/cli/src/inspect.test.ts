/** `validate`, `graph`, `nodes`, and the program itself, as child processes. */
import { parseWorkflow } from '@kailash-ts/core';
import { afterAll, describe, expect, it } from 'vitest';
import { Project } from './testing/kailash.ts';

const project = new Project({
  'kailash.config.ts': `
    import { defineConfig } from '@kailash-ts/cli';
    import { defineNode } from '@kailash-ts/core';
    import { z } from 'zod';
    console.log('noise of the config');
    export default defineConfig({ nodes: {
      load: defineNode({
        description: 'Loads rows.', needs: ['pool'],
        input: z.object({ rows: z.array(z.object({ id: z.int(), tag: z.enum(['a', 'b']).optional() })), limit: z.number().nullable() }),
        output: z.object({ loaded: z.int() }), process: ({ rows }) => ({ loaded: rows.length }),
      }),
      pool: { start: () => { throw new TypeError('nobody may start this'); }, process: () => undefined },
    } });
  `,
  'workflow.yaml': `
name: loading
nodes:
  - { id: load-rows, node: load, input: { rows: [{ id: 1 }], limit: null } }
  - { id: all, node: merge, input: { mode: first } }
edges:
  - { from: load-rows, output: loaded, to: all, input: data.0 }
output: { loaded: { from: all, output: merged } }
`,
});
afterAll(() => project.remove());

describe.concurrent('kailash', { timeout: 120_000 }, () => {
  it('validate says ok, and counts what it found', async () => {
    const { exitCode, stdout } = await project.kailash(['validate', 'workflow.yaml']);
    expect(stdout).toBe('ok: workflow.yaml: workflow "loading", 2 nodes, 1 edge\n');
    expect(exitCode).toBe(0);
    const json = await project.kailash(['validate', 'workflow.yaml', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ valid: true, workflow: 'loading', nodes: 2, edges: 1 });
  });

  it('graph draws Mermaid, and writes JSON and YAML that read back as the same workflow', async () => {
    const mermaid = await project.kailash(['graph', 'workflow.yaml']);
    expect(mermaid.stdout).toContain('flowchart TD\n');
    expect(mermaid.stdout).toContain('n_load_d_rows["load-rows (load)"]');
    const [json, yaml] = await Promise.all(
      ['json', 'yaml'].map((format) => project.kailash(['graph', 'workflow.yaml', '--format', format])),
    );
    expect(JSON.parse(json!.stdout)).toMatchObject({ name: 'loading' });
    expect(parseWorkflow(yaml!.stdout)).toEqual(parseWorkflow(json!.stdout));
    const wrong = await project.kailash(['graph', 'workflow.yaml', '--format', 'ymal']);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('--format "ymal" is unknown (did you mean "yaml"?)');
  });

  it('nodes lists the registered nodes and the built-in ones with their types, and starts none', async () => {
    const { exitCode, stdout, stderr } = await project.kailash(['nodes']);
    expect(stdout).toContain(
      'load  Loads rows.\n' +
        '  input:  { rows: { id: integer, tag?: "a" | "b" }[], limit: number | null }\n' +
        '  output: { loaded: integer }\n' +
        '  needs:  pool\n' +
        'pool\n  input:  any\n  output: any\n',
    );
    expect(stdout).toContain('switch  ');
    expect(stderr).toBe('noise of the config\n');
    expect(exitCode).toBe(0);
    const json = await project.kailash(['nodes', '--json']);
    const listed = JSON.parse(json.stdout) as { nodes: { name: string }[] };
    expect(listed.nodes.map(({ name }) => name)).toEqual(['load', 'pool', 'switch', 'merge']);
    expect(listed.nodes[0]).toMatchObject({ input: { type: 'object', required: ['rows', 'limit'] }, output: { type: 'object' } });
  });

  it('refuses a config with mistakes, and says what they are', async () => {
    const configs: [name: string, text: string, message: string][] = [
      ['none.ts', 'export const x = 1;', 'none.ts is no config: it has no default export'],
      ['keys.ts', 'export default { nodes: {}, runtimes: {} };', 'unknown key "runtimes" (did you mean "runtime"?)'],
      ['list.ts', 'export default { nodes: [] };', 'its "nodes" is array(0), not an object'],
      ['throws.ts', `export default () => { throw new TypeError('no password'); };`, 'its config function failed: no password'],
      [
        'stuck.ts',
        'await new Promise(() => {}); export default {};',
        'stuck.ts cannot be imported: it waits for something that never comes',
      ],
      [
        'stuck-call.ts',
        'export default () => new Promise(() => {});',
        'its config function failed: it waits for something that never comes',
      ],
      ['runtime.ts', 'export default { nodes: {}, runtime: { concurrency: 0 } };', 'concurrency'],
    ];
    for (const [name, text, message] of configs) {
      const { exitCode, stderr, stdout } = await project.kailash(['nodes', '--config', project.write(name, text)]);
      expect(stderr).toContain(message);
      expect([exitCode, stdout]).toEqual([2, '']);
    }
  });

  it('answers --version and --help with 0, and bad usage with 2', async () => {
    const version = await project.kailash(['--version']);
    expect([version.exitCode, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
    const help = await project.kailash(['run', '--help']);
    expect([help.exitCode, help.stdout]).toEqual([0, expect.stringContaining('--param <node.key=value>')]);
    const usages: [args: string[], message: string][] = [
      [['rnu'], "unknown command 'rnu'"],
      [['run'], "missing required argument 'workflow'"],
      [['run', 'a.ts', '--jsn'], "unknown option '--jsn'"],
      [['run', 'a.ts', 'b.ts'], 'too many arguments'],
      [['classify', 'SELECT 1'], "required option '--dialect <dialect>' not specified"],
      [[], 'Usage: kailash'],
    ];
    for (const [args, message] of usages) {
      const { exitCode, stderr, stdout } = await project.kailash(args);
      expect(stderr).toContain(message);
      expect([exitCode, stdout]).toEqual([2, '']);
    }
  });
});
