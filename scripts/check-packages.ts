/**
 * The packages as users get them: packed, inspected (publint, attw, contents), installed into a folder outside of the workspace,
 * type-checked by a consumer without `skipLibCheck`, imported, and run: the `kailash` bin, and a SQLite pool with its worker thread.
 * Needs `pnpm build` before.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main, mustRun, StepFailed } from './lib/command.ts';
import { inspect, pack, type Tarball } from './lib/tarballs.ts';
import { entryPoints, publicPackages, ROOT, withTemporaryFolder, type WorkspacePackage } from './lib/workspace.ts';

/** npm must not see the settings that pnpm passes on to the scripts that it runs. */
const NPM_ENV = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm|pnpm)_/i.test(key)));

/** Version of a development dependency, so that consumers get what our own tests use. */
function versionOf(name: string, packages: readonly WorkspacePackage[]): string {
  const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
  const version = [root, ...packages.map(({ manifest }) => manifest)].map(({ devDependencies }) => devDependencies?.[name]).find(Boolean);
  if (version === undefined) throw new StepFailed(`No package has ${name} in its devDependencies; the packed-tarball check installs it.`);
  return version;
}

async function npmInstall(consumer: string, dependencies: readonly string[]): Promise<void> {
  await mustRun('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...dependencies], { cwd: consumer, env: NPM_ENV });
}

async function createConsumer(consumer: string, tarballs: readonly Tarball[], packages: readonly WorkspacePackage[]): Promise<void> {
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  for (const file of ['workflow.ts', 'pool.ts']) copyFileSync(join(ROOT, 'scripts/consumer', file), join(consumer, file));
  const others = ['libsql', 'zod', '@types/node'].map((name) => `${name}@${versionOf(name, packages)}`);
  await npmInstall(consumer, [...tarballs.map(({ file }) => file), ...others]);
}

/** The bin: version, help, and a run whose standard output is nothing but JSON lines. */
async function runBin(consumer: string, version: string): Promise<void> {
  const bin = join(consumer, 'node_modules/.bin/kailash');
  const shown = (await mustRun(bin, ['--version'], { cwd: consumer })).stdout.trim();
  if (shown !== version) throw new StepFailed(`The installed kailash says that it is version ${shown}, not ${version}.`);
  const { stdout } = await mustRun(bin, ['run', 'workflow.ts', '--input', '{"value":5}', '--json'], { cwd: consumer });
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; status?: string; output?: { value: number } });
  const last = events.at(-1);
  if (last?.event !== 'run:finished' || last.status !== 'completed' || last.output?.value !== 20) {
    throw new StepFailed(`The installed kailash did not run workflow.ts to its end. Its standard output:\n${stdout}`);
  }
}

/** Without the optional peers `pg` and `mysql2`: a user of SQLite needs neither. */
async function runPool(consumer: string): Promise<void> {
  const tsx = join(ROOT, 'node_modules/tsx/dist/esm/index.mjs');
  const { stdout } = await mustRun(process.execPath, ['--import', tsx, 'pool.ts'], { cwd: consumer, env: NPM_ENV });
  if (!stdout.includes('pool works')) throw new StepFailed(`The pool's consumer ended early. Its output:\n${stdout}`);
}

async function importEverything(consumer: string, specifiers: readonly string[]): Promise<void> {
  const script = specifiers.map((specifier) => `await import(${JSON.stringify(specifier)});`).join('\n');
  writeFileSync(join(consumer, 'imports.mjs'), script);
  await mustRun(process.execPath, ['imports.mjs'], { cwd: consumer, env: NPM_ENV });
}

async function typeCheck(consumer: string, specifiers: readonly string[]): Promise<void> {
  writeFileSync(
    join(consumer, 'imports.ts'),
    specifiers.map((specifier, index) => `export * as m${index} from '${specifier}';`).join('\n'),
  );
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  };
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['imports.ts', 'workflow.ts', 'pool.ts'] }));
  await mustRun(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: consumer });
}

await main(async () => {
  const packages = publicPackages();
  const specifiers = packages.flatMap(entryPoints).map(({ specifier }) => specifier);
  await withTemporaryFolder('outside', async (folder) => {
    const tarballs = await Promise.all(packages.map((pkg) => pack(pkg, folder)));
    const problems = (await Promise.all(tarballs.map(inspect))).flat();
    if (problems.length > 0) throw new StepFailed(problems.join('\n'));

    const consumer = join(folder, 'consumer');
    await createConsumer(consumer, tarballs, packages);
    const cli = packages.find(({ manifest }) => manifest.bin?.['kailash'] !== undefined)!;
    await runBin(consumer, cli.manifest.version);
    await runPool(consumer);

    await npmInstall(
      consumer,
      ['pg', 'mysql2', '@types/pg'].map((name) => `${name}@${versionOf(name, packages)}`),
    );
    await importEverything(consumer, specifiers);
    await typeCheck(consumer, specifiers);
  });
});
