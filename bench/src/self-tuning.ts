/**
 * `bench self-tuning`: what the pool learns of its load, against what could be known of it. The scenarios, in `self-tuning`: `prediction`
 * (the next statement, of mixes whose optimum is known), `forecast` (the load in an hour, of two traces), `sizing` (sizes
 * that follow a load, simulated), `real` (the same on a PostgreSQL, for half an hour), `guide` (the migration guide's criteria before and
 * after, for ten minutes). `--only <scenario>` runs one,
 * `--quick` shows in seconds that all run; figures of a quick run mean nothing.
 */
import { currentCommit, currentMachine, printReport } from './report.ts';
import { benchForecast } from './self-tuning/forecast.ts';
import { FULL, QUICK, type SelfTuningBench } from './self-tuning/plan.ts';
import { benchPrediction } from './self-tuning/prediction.ts';
import { benchGuide } from './self-tuning/real/guide.ts';
import { benchReal } from './self-tuning/real/postgres.ts';
import { benchSizing } from './self-tuning/sizing.ts';

const SCENARIOS: Readonly<Record<string, (bench: SelfTuningBench) => void | Promise<void>>> = {
  prediction: benchPrediction,
  forecast: benchForecast,
  sizing: benchSizing,
  real: benchReal,
  guide: benchGuide,
};

const options = process.argv.slice(2);
const only = options.includes('--only') ? options[options.indexOf('--only') + 1] : undefined;
if (options.includes('--only') && (only === undefined || !Object.hasOwn(SCENARIOS, only))) {
  console.error(`--only takes one of: ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(1);
}

const bench: SelfTuningBench = { plan: options.includes('--quick') ? QUICK : FULL, results: [], goals: [], notes: [] };
for (const [scenario, run] of Object.entries(SCENARIOS)) if (only === undefined || only === scenario) await run(bench);
const { results, goals, notes } = bench;
const report = { name: 'self-tuning', commit: currentCommit(), machine: currentMachine(), results, goals, notes };
printReport(report, options.includes('--json'));
