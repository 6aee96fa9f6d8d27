/**
 * `bench pool`: our pool beside others, on real servers (and a stub where times must be given), each subject in a process of its own.
 * The scenarios, in `pool/scenarios`: `cycles` (acquire and release), `selects` (point SELECT), `violations` (statements that fail),
 * `spike` (50 callers at once), `down` (no database). `--only <scenario>` runs one, `--quick` shows in a minute that all run; figures of a
 * quick run mean nothing. CPU figures are those of the subject's process alone, without the server's.
 */
import { cpus, loadavg } from 'node:os';
import { startDatabases } from './pool/databases.ts';
import { FULL, note, QUICK, say, type PoolBench } from './pool/bench.ts';
import { benchCycles } from './pool/scenarios/cycles.ts';
import { benchDown } from './pool/scenarios/down.ts';
import { benchSelects } from './pool/scenarios/selects.ts';
import { benchSpike } from './pool/scenarios/spike.ts';
import { benchViolations } from './pool/scenarios/violations.ts';
import { currentCommit, currentMachine, printReport } from './report.ts';

const SCENARIOS: Readonly<Record<string, (bench: PoolBench) => Promise<void>>> = {
  cycles: benchCycles,
  selects: benchSelects,
  violations: benchViolations,
  spike: benchSpike,
  down: benchDown,
};

const options = process.argv.slice(2);
const only = options.includes('--only') ? options[options.indexOf('--only') + 1] : undefined;
if (options.includes('--only') && (only === undefined || !Object.hasOwn(SCENARIOS, only))) {
  say(`--only takes one of: ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(1);
}

const loadBefore = loadavg()[0]!;
say('starting the databases ...');
const { postgres, mysql } = await startDatabases();
const bench: PoolBench = {
  plan: options.includes('--quick') ? QUICK : FULL,
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
  for (const [name, run] of Object.entries(SCENARIOS)) if (only === undefined || only === name) await run(bench);
} finally {
  await Promise.all([postgres.stop(), typeof mysql === 'string' ? undefined : mysql.stop()]);
}
const { results, goals, notes } = bench;
printReport({ name: 'pool', commit: currentCommit(), machine: currentMachine(), results, goals, notes }, options.includes('--json'));
// Node.js 20 never ends by itself when a socket was reset in the middle of its closing, as the fault proxy does: it waits for a request that
// is gone (`Environment::CleanupHandles`, at full load). All that is ours has ended here.
process.exit();
