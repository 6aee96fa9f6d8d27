/**
 * Compile time is a feature: a workflow of 200 nodes must type-check in at most 1.5 times the time of a file with the same imports and
 * one node. Both files are compiled by fresh `tsc` processes, interleaved; medians of the processes' CPU time are compared as a ratio,
 * since CPU time is what a busy machine disturbs least. Needs `pnpm build` before. Method: kysely's `test/ts-benchmarks`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main, mustRun, StepFailed } from './lib/command.ts';
import { median } from './lib/statistics.ts';
import { nodeDefinitions, workflowSource } from './lib/type-cost-source.ts';
import { ROOT, withTemporaryFolder } from './lib/workspace.ts';

const NODES = 200;
const ROUNDS = 5;
const LIMIT = 1.5;

/** Runs the compiler and reports its own CPU time on the way out. */
const RUNNER = `
process.on('exit', () => { const { user, system } = process.cpuUsage(); process.stderr.write('cpuMs=' + (user + system) / 1000 + '\\n'); });
process.argv = [process.argv[0], 'tsc', '-p', process.argv[2]];
require(${JSON.stringify(join(ROOT, 'node_modules/typescript/lib/_tsc.js'))});
`;

function writeProject(folder: string, nodes: number): string {
  const project = join(folder, `nodes-${nodes}`);
  mkdirSync(project);
  writeFileSync(join(project, 'nodes.ts'), nodeDefinitions());
  writeFileSync(join(project, 'workflow.ts'), workflowSource(nodes));
  // Without the source condition: users compile against the built declarations.
  const compilerOptions = { noEmit: true, rewriteRelativeImportExtensions: false, customConditions: [] };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ extends: '../../../tsconfig.base.json', compilerOptions, files: ['workflow.ts'] }),
  );
  return project;
}

async function compileMs(project: string, runner: string): Promise<number> {
  const { output } = await mustRun(process.execPath, [runner, project], { cwd: ROOT });
  const match = /cpuMs=([\d.]+)/.exec(output);
  if (!match) throw new StepFailed(`The compiler did not report its CPU time. It printed:\n${output}`);
  return Number(match[1]);
}

await main(async () => {
  await withTemporaryFolder('inside', async (folder) => {
    const runner = join(folder, 'run-tsc.cjs');
    writeFileSync(runner, RUNNER);
    const [one, many] = [writeProject(folder, 1), writeProject(folder, NODES)];
    await compileMs(many, runner);
    const times: Record<'one' | 'many', number[]> = { one: [], many: [] };
    for (let round = 0; round < ROUNDS; round++) {
      times.one.push(await compileMs(one, runner));
      times.many.push(await compileMs(many, runner));
    }
    const [oneMs, manyMs] = [median(times.one), median(times.many)];
    const ratio = manyMs / oneMs;
    const figures = `1 node ${oneMs.toFixed(0)} ms, ${NODES} nodes ${manyMs.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (limit ${LIMIT})`;
    if (ratio > LIMIT) throw new StepFailed(`A workflow of ${NODES} nodes is too dear to type-check: ${figures}.`);
    console.log(figures);
  });
});
