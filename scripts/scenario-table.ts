/**
 * Plays the fault scenarios on real servers and shows what came of each; `--update` writes it as a table into the guide.
 * `pnpm scenarios [--update]`. Fails when a scenario does, or when a database is missing: the table would not be whole.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { main, runCommand, StepFailed } from './lib/command.ts';
import { declaredScenarios, SCENARIO_FOLDERS, SCENARIO_PAGE, scenarioTable, withTable, type Outcome } from './lib/scenarios.ts';
import { ROOT, withTemporaryFolder } from './lib/workspace.ts';

interface TestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly meta?: { readonly scenario?: Outcome };
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function play(): Promise<Outcome[]> {
  return withTemporaryFolder('outside', async (folder) => {
    const file = join(folder, 'report.json');
    const args = ['exec', 'vitest', 'run', ...SCENARIO_FOLDERS, '--reporter=json', `--outputFile=${file}`];
    const { exitCode, output } = await runCommand('pnpm', args, { cwd: ROOT, env: { ...process.env, KAILASH_REQUIRE_DATABASES: '1' } });
    if (!existsSync(file)) throw new StepFailed(`The scenarios could not be played.\n${output}`);
    const results = (JSON.parse(readFileSync(file, 'utf8')) as TestReport).testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = results.filter(({ status }) => status === 'failed');
    const list = failed.map(({ fullName, failureMessages }) => `${fullName}\n  ${failureMessages.join('\n  ')}`).join('\n');
    if (exitCode !== 0) throw new StepFailed(`Not all scenarios end as expected.\n${list || output}`);
    return results.flatMap(({ meta }) => meta?.scenario ?? []);
  });
}

await main(async () => {
  const outcomes = await play();
  const played = new Set(outcomes.map(({ number, title }) => `${number} ${title}`));
  const missing = declaredScenarios().filter((one) => !played.has(one));
  if (missing.length > 0) throw new StepFailed(`Declared, but not played:\n${missing.join('\n')}`);
  const table = scenarioTable(outcomes);
  console.log(table);
  if (!process.argv.includes('--update')) return;
  const file = join(ROOT, SCENARIO_PAGE);
  const options = { ...(await resolveConfig(file)), filepath: file };
  writeFileSync(file, await format(withTable(readFileSync(file, 'utf8'), table), options));
});
