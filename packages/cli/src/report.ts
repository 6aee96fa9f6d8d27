import type { RunError } from '@kailash-ts/core';
import type { RunResult, Runtime, RuntimeEventName, RuntimeEvents, WorkflowDefinition } from '@kailash-ts/core';

/** How a run ended: its result, and its error where it did not complete. */
export interface RunEnd {
  readonly result: RunResult;
  readonly error?: RunError;
}

/** Tells somebody how a run goes. One run, one report. */
export interface Report {
  /** Takes an event of the runtime; those of the run itself and of runs inside of it. */
  on<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name]): void;
  /** The user wants the run to stop; it is being cancelled. */
  stopping(hint: string): void;
  /** Called once when the run is over. */
  end(end: RunEnd): void;
  /**
   * Leaves terminal and output as they should be; may be called twice.
   * @param reason the process is about to end although the run has not: the last chance to say so
   */
  close(reason?: Error): void;
}

/** What a report is made for. */
export interface ReportSubject {
  readonly definition: WorkflowDefinition;
  readonly runId: string;
}

const EVENTS: readonly RuntimeEventName[] = [
  'run:started',
  'run:finished',
  'node:started',
  'node:progress',
  'node:retrying',
  'node:finished',
  'runtime:warning',
];

/** Lets a report hear everything that a runtime says. */
export function subscribe(runtime: Runtime, report: Report): void {
  for (const name of EVENTS) runtime.on(name, (event) => report.on(name, event));
}
