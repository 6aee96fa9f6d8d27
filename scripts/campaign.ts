/**
 * Long campaigns (soaks, thousands of kills, big property runs): `npx -y pnpm@10.34.9 campaign <name>`.
 *
 * A campaign is a test file `<name>.campaign.test.ts` (or `<name>.campaign.db.test.ts`). `test` runs its short form; here the variable
 * KAILASH_CAMPAIGN holds its name, by which the file knows that it may take its time, and vitest's time limits are off.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from './lib/workspace.ts';

const [name, ...options] = process.argv.slice(2).filter((argument) => argument !== '--');
const files = readdirSync(join(ROOT, 'packages'))
  .flatMap((folder) =>
    readdirSync(join(ROOT, 'packages', folder, 'src'), { recursive: true, encoding: 'utf8' }).map((file) =>
      join('packages', folder, 'src', file),
    ),
  )
  .filter((file) => /[.]campaign([.]db)?[.]test[.]ts$/.test(file));
const names = new Map(files.map((file) => [basename(file).split('.')[0]!, file]));
const file = name === undefined ? undefined : names.get(name);

if (file === undefined || name === undefined) {
  const known = names.size === 0 ? 'There are none yet.' : `Campaigns: ${[...names.keys()].sort().join(', ')}`;
  console.error(`${name === undefined ? 'Usage: pnpm campaign <name>' : `No campaign is named ${name}.`} ${known}`);
  process.exitCode = 2;
} else {
  const args = ['exec', 'vitest', 'run', file, '--testTimeout=0', '--hookTimeout=0', ...options];
  const child = spawn('pnpm', args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, KAILASH_CAMPAIGN: name } });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}
