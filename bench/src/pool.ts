/**
 * `bench pool`: our pool beside others, on real servers (and a stub where times must be given), each subject in a process of its own.
 * The scenarios, in `pool/scenarios`: `cycles` (acquire and release), `selects` (point SELECT), `violations` (statements that fail),
 * `spike` (50 callers at once), `down` (no database). `--only <scenario>` runs one, `--quick` shows in a minute that all run; figures of a
 * quick run mean nothing. CPU figures are those of the subject's process alone, without the server's.
 */
import { FULL, QUICK } from './pool/bench.ts';
import { runDatabaseBench } from './pool/run.ts';
import { benchCycles } from './pool/scenarios/cycles.ts';
import { benchDown } from './pool/scenarios/down.ts';
import { benchSelects } from './pool/scenarios/selects.ts';
import { benchSpike } from './pool/scenarios/spike.ts';
import { benchViolations } from './pool/scenarios/violations.ts';

await runDatabaseBench({
  name: 'pool',
  scenarios: { cycles: benchCycles, selects: benchSelects, violations: benchViolations, spike: benchSpike, down: benchDown },
  full: FULL,
  quick: QUICK,
});
