/**
 * `npx -y pnpm@10.34.9 bench <name> [--json]`: builds the packages (what users get is what is measured), installs the peers on first use,
 * and runs `bench/src/<name>.ts`. With `--json`, standard output is one JSON object and nothing else.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { main, mustRun, StepFailed } from './lib/command.ts';
import { ROOT } from './lib/workspace.ts';

const BENCH = join(ROOT, 'bench');
/** The benches that there are, and what they are about. */
const BENCHES: Readonly<Record<string, string>> = {
  engine: 'what the engine adds to a node, against other engines',
  router: 'deciding, SELECT, reads on replicas, stale reads, and by hand or by router (--quick, --only <scenario>)',
  'self-tuning': 'the next statement and the load of the next hour, as forecast and as they came (--quick, --only <scenario>)',
  pool: 'acquire, SELECT, errors, spike and outage, against other pools (--quick, --only <scenario>)',
};

function isInstalled(): boolean {
  const installed = join(BENCH, 'node_modules/.pnpm/lock.yaml');
  return existsSync(installed) && readFileSync(installed, 'utf8') === readFileSync(join(BENCH, 'pnpm-lock.yaml'), 'utf8');
}

await main(async () => {
  const [name, ...options] = process.argv.slice(2).filter((argument) => argument !== '--');
  if (name === undefined || !Object.hasOwn(BENCHES, name)) {
    const list = Object.entries(BENCHES).map(([known, about]) => `  ${known}  ${about}`);
    throw new StepFailed(`Usage: pnpm bench <name> [--json]\n${list.join('\n')}`);
  }
  if (!isInstalled()) {
    console.error('Installing the peers (once) ...');
    await mustRun('pnpm', ['install', '--frozen-lockfile'], { cwd: BENCH });
  }
  await mustRun('pnpm', ['-s', 'run', 'build'], { cwd: ROOT });
  const child = spawn(process.execPath, ['--import', 'tsx', join(BENCH, 'src', `${name}.ts`), ...options], {
    cwd: BENCH,
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
});
