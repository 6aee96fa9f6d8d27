/** The main part of the benches with databases: which scenarios, on which servers, where the report goes. */
import { cpus, loadavg } from 'node:os';
import { currentCommit, currentMachine, printReport } from '../report.ts';
import { note, say, type Plan, type PoolBench } from './bench.ts';
import { startDatabases } from './databases.ts';

export interface DatabaseBench<P extends Plan> {
  readonly name: string;
  readonly scenarios: Readonly<Record<string, (bench: PoolBench<P>) => Promise<void>>>;
  readonly full: P;
  /** As little as shows that all runs. */
  readonly quick: P;
}

/** Runs the scenarios that the command line asks for (`--only <scenario>`, `--quick`), prints the report (`--json`), and ends the process. */
export async function runDatabaseBench<P extends Plan>({ name, scenarios, full, quick }: DatabaseBench<P>): Promise<never> {
  const options = process.argv.slice(2);
  const only = options.includes('--only') ? options[options.indexOf('--only') + 1] : undefined;
  if (options.includes('--only') && (only === undefined || !Object.hasOwn(scenarios, only))) {
    say(`--only takes one of: ${Object.keys(scenarios).join(', ')}`);
    process.exit(1);
  }

  const loadBefore = loadavg()[0]!;
  say('starting the databases ...');
  const { postgres, mysql } = await startDatabases();
  const bench: PoolBench<P> = {
    plan: options.includes('--quick') ? quick : full,
    postgresUrl: postgres.url,
    mysqlUrl: typeof mysql === 'string' ? undefined : mysql.url,
    results: [],
    goals: [],
    notes: [],
  };
  if (loadBefore > cpus().length / 2) {
    note(
      bench,
      `the machine was busy before the bench began (load ${loadBefore.toFixed(1)}): ratios of CPU time are worth more than those of time.`,
    );
  }
  if (typeof mysql === 'string') note(bench, `MySQL is left out: ${mysql}`);
  try {
    for (const [scenario, run] of Object.entries(scenarios)) if (only === undefined || only === scenario) await run(bench);
  } finally {
    await Promise.all([postgres.stop(), typeof mysql === 'string' ? undefined : mysql.stop()]);
  }
  const { results, goals, notes } = bench;
  printReport({ name, commit: currentCommit(), machine: currentMachine(), results, goals, notes }, options.includes('--json'));
  // Node.js 20 never ends by itself when a socket was reset in the middle of its closing, as the fault proxy does: it waits for a request
  // that is gone (`Environment::CleanupHandles`, at full load). All that is ours has ended here.
  process.exit();
}
