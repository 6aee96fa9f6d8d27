/**
 * `npx -y pnpm@10.34.9 start`: runs the first example (on an embedded SQLite file, unless DATABASE_URL says otherwise) and shows the
 * report that it wrote.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './lib/workspace.ts';

const EXAMPLE = join(ROOT, 'examples/01-flight-delays');
const REPORT = join(EXAMPLE, 'out/report.md');

const cli = ['--import', 'tsx', '--conditions=@kailash-ts/source', join(ROOT, 'packages/cli/src/main.ts')];
const child = spawn(process.execPath, [...cli, 'run', join(EXAMPLE, 'workflow.ts')], { cwd: ROOT, stdio: 'inherit' });
// The child decides what Ctrl-C means (it cancels its run cleanly); this process only waits for it.
process.on('SIGINT', () => {});
const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];

if (code === 0 && existsSync(REPORT)) {
  console.log(`\n${readFileSync(REPORT, 'utf8').trimEnd()}\n\nWritten to ${relative(ROOT, join(EXAMPLE, 'out'))}/`);
}
process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
