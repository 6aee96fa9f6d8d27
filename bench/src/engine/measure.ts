import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LeftOut, type BenchCase } from '../harness.ts';
import { SubjectProcess } from '../subject-process.ts';
import type { Job, JobResult, Shape } from './subject.ts';

/** A process for an engine. @param module specifier of the subject's module, relative to this folder */
export function engineProcess(name: string, module: string, limitMs: number): EngineProcess {
  return new SubjectProcess({ name, child: new URL('./child.ts', import.meta.url), module: new URL(module, import.meta.url), limitMs });
}

export type EngineProcess = SubjectProcess<Job, JobResult>;

/** A round of a case repeats its run for at least this long, so that the clock's grain and single hiccups do not matter. */
const ROUND_MS = 50;
/** The first job of a case is longer, in CPU time: the compiler has then seen the code, however busy the machine is. */
const WARM_UP_CPU_MS = 400;

/** Microseconds a node of running a workflow that has been defined before. */
export function runCase(subject: EngineProcess, shape: Shape, nodes: number): BenchCase {
  return timedCase(
    subject,
    { scenario: `${shape}-${nodes}`, unit: 'us/node' },
    { shape, nodes },
    ({ totalMs, runs }) => (totalMs * 1000) / runs / nodes,
  );
}

/** Milliseconds of a run with one node: what an engine costs before it does anything. */
export function fixedCostCase(subject: EngineProcess): BenchCase {
  return timedCase(
    subject,
    { scenario: 'one-node-run', unit: 'ms/run' },
    { shape: 'chain', nodes: 1 },
    ({ totalMs, runs }) => totalMs / runs,
  );
}

/** Microseconds a node of defining (and checking) a workflow and running it once, as a script does. */
export function onceCase(subject: EngineProcess, shape: Shape, nodes: number): BenchCase {
  const job = { shape, nodes, minMs: 0, minCpuMs: 0, fresh: true };
  return {
    scenario: `define-and-run-once-${shape}-${nodes}`,
    subject: subject.name,
    unit: 'us/node',
    measure: async () => {
      const { totalMs, prepareMs } = await subject.work(job);
      return ((totalMs + prepareMs) * 1000) / nodes;
    },
  };
}

function timedCase(
  subject: EngineProcess,
  names: { readonly scenario: string; readonly unit: string },
  work: { readonly shape: Shape; readonly nodes: number },
  figure: (result: { readonly totalMs: number; readonly runs: number }) => number,
): BenchCase {
  let limits = { minMs: 0, minCpuMs: WARM_UP_CPU_MS };
  return {
    ...names,
    subject: subject.name,
    measure: async () => {
      const result = await subject.work({ ...work, ...limits });
      limits = { minMs: ROUND_MS, minCpuMs: 0 };
      return figure(result);
    },
  };
}

/** Stands for a case that an engine did not even reach, because a smaller one was too much already. */
export function notTried(one: BenchCase, reason: string): BenchCase {
  return { ...one, measure: () => Promise.reject(new LeftOut(reason)) };
}

/** Runs one of our own measuring scripts in a fresh process, and reads the JSON object that it prints. */
export function measureAlone<T>(script: string): T {
  const file = fileURLToPath(new URL(script, import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', '--import', 'tsx', file], { encoding: 'utf8' })) as T;
}
