/**
 * `bench engine`: what an engine adds to the work itself. No-op nodes, in a chain and in a fan-out; ours, hand-written code and peers, each
 * in a process of its own, interleaved.
 */
import {
  measureInterleaved,
  round3,
  toResult,
  atMost,
  type BenchCase,
  type BenchGoal,
  type BenchResult,
  type Measurement,
} from './harness.ts';
import { engineProcess, fixedCostCase, measureAlone, notTried, onceCase, runCase, type EngineProcess } from './engine/measure.ts';
import type { Shape } from './engine/subject.ts';
import { currentCommit, currentMachine, printReport } from './report.ts';

const ROUNDS = 7;
/** An engine that takes longer for one job is left out from there on. */
const LIMIT_MS = 10_000;
const SHAPES: readonly Shape[] = ['chain', 'fan-out'];
const SIZES = [100, 1_000, 10_000] as const;
const LARGE_SIZES = [100_000, 1_000_000] as const;
const OURS = 'kailash-ts';

const handwritten = engineProcess('hand-written', './handwritten.ts', LIMIT_MS);
const ours = engineProcess(OURS, './ours/plain.ts', 120_000);
const variants = [
  engineProcess(`${OURS}, listeners on every event`, './ours/listeners.ts', LIMIT_MS),
  engineProcess(`${OURS}, zod schemas on every edge`, './ours/schemas.ts', LIMIT_MS),
  engineProcess(`${OURS}, retry policies`, './ours/retries.ts', LIMIT_MS),
];
const peers = [
  engineProcess('p-graph', './peers/p-graph.ts', LIMIT_MS),
  engineProcess('flowed', './peers/flowed.ts', LIMIT_MS),
  engineProcess('Effect', './peers/effect.ts', LIMIT_MS),
  engineProcess('LangGraph.js', './peers/langgraph.ts', LIMIT_MS),
  engineProcess('Mastra', './peers/mastra.ts', LIMIT_MS),
];
const everyone = [handwritten, ours, ...variants, ...peers];

const results: BenchResult[] = [];
/** Why a subject went no further, by shape and subject. */
const stopped = new Map<string, string>();

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function measure(cases: readonly BenchCase[]): Promise<Measurement[]> {
  say(`${cases[0]!.scenario} ...`);
  const measurements = await measureInterleaved(cases, ROUNDS);
  const measured = measurements.flatMap((one) => toResult(one) ?? []);
  results.push(...measured, ...ratios(measured));
  for (const one of measurements) if ('leftOut' in one) leaveOut(one.case, one.leftOut);
  return measurements;
}

/** How many times ours each subject takes. */
function ratios(measured: readonly BenchResult[]): BenchResult[] {
  const own = measured.find(({ subject }) => subject === OURS);
  if (own === undefined) return [];
  return measured
    .filter(({ subject }) => subject !== OURS)
    .map(({ scenario, subject, value }) => ({ scenario, subject, unit: 'times ours', value: round3(value / own.value) }));
}

function leaveOut({ scenario, subject }: BenchCase, reason: string): void {
  say(`  ${subject} is left out: ${reason}`);
  results.push({ scenario, subject, unit: 's, not finished within', value: LIMIT_MS / 1000 });
}

async function measureRuns(subjects: readonly EngineProcess[], shape: Shape, nodes: number): Promise<void> {
  const cases = subjects.map((subject) => {
    const one = runCase(subject, shape, nodes);
    const reason = stopped.get(`${shape} ${subject.name}`);
    return reason === undefined ? one : notTried(one, reason);
  });
  for (const one of await measure(cases)) {
    if ('leftOut' in one) stopped.set(`${shape} ${one.case.subject}`, `${nodes} nodes: ${one.leftOut}`);
  }
}

const valuesOf = (scenarios: readonly string[]): number[] =>
  results
    .filter(({ scenario, subject, unit }) => subject === OURS && unit !== 'times ours' && scenarios.includes(scenario))
    .map(({ value }) => value);

const scenariosOf = (sizes: readonly number[]): string[] => SHAPES.flatMap((shape) => sizes.map((nodes) => `${shape}-${nodes}`));

function goals(heapBytes: number, longestStallMs: number, pastDeadlineMs: number): BenchGoal[] {
  const upTo100k = Math.max(...valuesOf(scenariosOf([1_000, 10_000, 100_000])));
  const at1M = Math.max(...valuesOf(scenariosOf([1_000_000])));
  const fixedMs = Math.max(...valuesOf(['one-node-run']));
  return [
    atMost('engine-node', 'microseconds a node, worst of 1,000 to 100,000 nodes', 3, upTo100k),
    atMost('engine-node-1m', 'microseconds a node, worst at 1,000,000 nodes', 5, at1M),
    atMost('engine-fixed', 'milliseconds fixed a run', 0.5, fixedMs),
    atMost('engine-heap', 'bytes of heap for a node that has not started (its definition, plan and run)', 400, heapBytes),
    atMost(
      'engine-event-loop',
      'milliseconds that the event loop stands still during a run of 100,000 synchronous nodes',
      5,
      longestStallMs,
    ),
    atMost('engine-deadline', 'milliseconds that a run keeps its caller past a deadline', 50, pastDeadlineMs),
  ];
}

try {
  await measure(everyone.map(fixedCostCase));
  for (const shape of SHAPES) {
    for (const nodes of SIZES) await measureRuns(everyone, shape, nodes);
    for (const nodes of LARGE_SIZES) await measureRuns([handwritten, ours], shape, nodes);
  }
  for (const shape of SHAPES) await measure(everyone.map((subject) => onceCase(subject, shape, 1_000)));
} finally {
  for (const subject of everyone) subject.close();
}

say('heap and responsiveness ...');
const heap = measureAlone<{ definition: number; planAndRun: number; run: number }>('./ours/heap.ts');
const { longestStallMs, pastDeadlineMs } = measureAlone<{ longestStallMs: number; pastDeadlineMs: number }>('./ours/responsiveness.ts');
const own = (scenario: string, unit: string, value: number): BenchResult => ({ scenario, subject: OURS, unit, value: round3(value) });
results.push(
  own('heap-definition', 'bytes/node', heap.definition),
  own('heap-first-run-with-plan', 'bytes/node', heap.planAndRun),
  own('heap-further-run', 'bytes/node', heap.run),
  own('event-loop-longest-stall', 'ms', longestStallMs),
  own('past-deadline', 'ms', pastDeadlineMs),
);

const report = {
  name: 'engine',
  commit: currentCommit(),
  machine: currentMachine(),
  results,
  goals: goals(heap.definition + heap.planAndRun, longestStallMs, pastDeadlineMs),
};
printReport(report, process.argv.includes('--json'));
