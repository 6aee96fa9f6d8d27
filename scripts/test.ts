/**
 * Everything that must hold before a change is merged: `npx -y pnpm@10.34.9 test`.
 *
 * Checks run two at a time and print one line each, with their whole output when they fail. The tests come last and alone (database
 * servers need the cores), so that vitest's own summary ends the output. The exit code is 0 only when every check and every test passed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { runCommand } from './lib/command.ts';
import { runChecks, type Check } from './lib/schedule.ts';
import { ROOT } from './lib/workspace.ts';

/** Each is a script of the root package.json and can be run alone; the longest come first. */
const CHECKS: readonly Check[] = [
  { name: 'build' },
  { name: 'lint' },
  { name: 'packages', after: ['build'] },
  { name: 'types' },
  { name: 'format' },
  { name: 'cycles' },
  { name: 'unused' },
  { name: 'surface', after: ['build'] },
];

/** Measures time, so it runs when nothing else does. */
const TYPE_COST: Check = { name: 'type-cost' };

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function runScript({ name }: Check): Promise<boolean> {
  const { exitCode, output, durationMs } = await runCommand('pnpm', ['-s', 'run', name], { cwd: ROOT });
  const passed = exitCode === 0;
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(10)} ${seconds(durationMs).padStart(7)}`);
  if (!passed) console.log(output.replace(/^/gm, '        '));
  return passed;
}

async function runTests(): Promise<boolean> {
  const child = spawn('pnpm', ['-s', 'run', 'unit'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

const startedAt = performance.now();
const outcomes = await runChecks(CHECKS, 2, runScript);
for (const [name, outcome] of await runChecks([TYPE_COST], 1, runScript)) outcomes.set(name, outcome);

const bad = [...outcomes].filter(([, outcome]) => outcome !== 'passed').map(([name, outcome]) => `${name} (${outcome})`);
const summary = bad.length === 0 ? 'all checks passed' : `not all checks passed: ${bad.join(', ')}`;
console.log(`${summary}, after ${seconds(performance.now() - startedAt)}; now the tests\n`);

const testsPassed = await runTests();
process.exitCode = bad.length === 0 && testsPassed ? 0 : 1;
