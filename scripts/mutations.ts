/**
 * Tests the tests of the pool: `npx -y pnpm@10.34.9 mutations`.
 *
 * Plants the mistakes of `lib/pool-mutations.ts` one by one in a copy of the packages outside of the checkout, and runs the pool's unit
 * tests and its model on each. Exit code 0 only when the copy passes as it is and every mistake is caught by a test. A mistake whose
 * place cannot be found is an error: it must move with the code.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { main, runCommand, StepFailed } from './lib/command.ts';
import { POOL_MUTATIONS, type Mutation } from './lib/pool-mutations.ts';
import { ROOT, withTemporaryFolder } from './lib/workspace.ts';

const SOURCES = 'packages/connection-pool/src';

/** What catches mistakes, and how it is called below. */
const SUITES = {
  model: ['pool-model.campaign.test.ts'],
  'unit tests': ['pool.test.ts', 'pool-upkeep.test.ts', 'pool-statements.test.ts', 'waiters.test.ts'],
} as const;

/** A mistake that keeps a test from ending is caught, too. */
const SUITE_LIMIT_MS = 300_000;

interface Verdict {
  readonly passed: boolean;
  /** The first test that failed. */
  readonly failure: string;
  readonly durationMs: number;
  readonly output: string;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The packages with their links to each other, and what vitest needs; what is installed is only linked to. */
function copyWorkspace(folder: string): void {
  const isSource = (path: string): boolean => !/^(dist|[.]turbo|[.]scratch|coverage)$/.test(basename(path));
  cpSync(join(ROOT, 'packages'), join(folder, 'packages'), { recursive: true, verbatimSymlinks: true, filter: isSource });
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(ROOT, 'scripts/vitest'), join(folder, 'scripts/vitest'), { recursive: true });
  for (const file of ['package.json', 'vitest.config.ts', 'tsconfig.base.json']) cpSync(join(ROOT, file), join(folder, file));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

async function runSuite(folder: string, suite: keyof typeof SUITES): Promise<Verdict> {
  const files = SUITES[suite].map((file) => join(SOURCES, file));
  const reportFile = join(folder, 'report.json');
  writeFileSync(reportFile, '{"testResults":[]}');
  // Not through pnpm, which would install here, through the link.
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [
    vitest,
    'run',
    ...files,
    '--project',
    'unit',
    '--bail',
    '1',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
  ];
  const env = { ...process.env, KAILASH_MUTATION: 'true' };
  const { exitCode, output, durationMs } = await runCommand(process.execPath, args, { cwd: folder, env, limitMs: SUITE_LIMIT_MS });
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  return {
    passed: exitCode === 0,
    failure: failureIn(report) ?? (durationMs >= SUITE_LIMIT_MS ? 'it did not end' : 'it broke off'),
    durationMs,
    output,
  };
}

function failureIn({ testResults }: Report): string | undefined {
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed');
    if (failed) return `${basename(name)}: ${failed.fullName.trim()}`;
  }
  const broken = testResults.find(({ message }) => message !== undefined && message !== '');
  return broken && `${basename(broken.name)}: ${broken.message!.split('\n')[0]!}`;
}

/** @throws StepFailed when its place is not found, or not alone */
function mutated(source: string, { name, file, find, replacement }: Mutation): string {
  const places = source.split(find).length - 1;
  if (places !== 1)
    throw new StepFailed(
      `The mutation "${name}" finds ${places} places in ${file} instead of one. Give it the new text of its place:\n  ${find}`,
    );
  return source.replace(find, () => replacement);
}

async function runMutation(folder: string, mutation: Mutation): Promise<boolean> {
  const path = join(folder, SOURCES, mutation.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, mutated(source, mutation));
  const verdicts = [];
  for (const suite of Object.keys(SUITES) as (keyof typeof SUITES)[]) verdicts.push({ suite, ...(await runSuite(folder, suite)) });
  writeFileSync(path, source);
  const caught = verdicts.some(({ passed }) => !passed);
  console.log(`${caught ? 'caught' : 'MISSED'}  ${mutation.name}`);
  for (const { suite, passed, failure } of verdicts) console.log(`        ${suite}: ${passed ? 'passed' : failure}`);
  return caught;
}

await main(async () => {
  for (const mutation of POOL_MUTATIONS) mutated(readFileSync(join(ROOT, SOURCES, mutation.file), 'utf8'), mutation);
  await withTemporaryFolder('outside', async (folder) => {
    copyWorkspace(folder);
    for (const suite of Object.keys(SUITES) as (keyof typeof SUITES)[]) {
      const { passed, output, durationMs } = await runSuite(folder, suite);
      if (!passed) throw new StepFailed(`Without any mutation the ${suite} must pass, and does not:\n${output}`);
      console.log(`passed  no mutation, ${suite} (${(durationMs / 1000).toFixed(1)} s)`);
    }
    let caught = 0;
    for (const mutation of POOL_MUTATIONS) if (await runMutation(folder, mutation)) caught += 1;
    console.log(`${caught} of ${POOL_MUTATIONS.length} mutations caught`);
    if (caught < POOL_MUTATIONS.length) process.exitCode = 1;
  });
});
