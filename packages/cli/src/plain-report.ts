import { performance } from 'node:perf_hooks';
import type { RuntimeEventName, RuntimeEvents } from '@kailash-ts/core';
import type { Colors } from './colors.ts';
import { formatDuration } from './durations.ts';
import { oneLine } from './frame.ts';
import type { Report, ReportSubject, RunEnd } from './report.ts';
import { RunState } from './run-state.ts';
import type { Stdout } from './stdout.ts';
import { endLines } from './summary.ts';

/** Progress of a step is told again after so much of its way. */
const PROGRESS_STEP = 0.1;

/** Plain lines, for pipes, logs and CI. */
export class PlainReport implements Report {
  readonly #stdout: Stdout;
  readonly #colors: Colors;
  readonly #subject: ReportSubject;
  readonly #state: RunState;
  readonly #told = new Map<string, number>();

  constructor(stdout: Stdout, subject: ReportSubject, colors: Colors) {
    this.#stdout = stdout;
    this.#colors = colors;
    this.#subject = subject;
    this.#state = new RunState(subject.definition.nodes.map(({ id }) => id));
  }

  on<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name]): void {
    if ('runId' in event && event.runId !== this.#subject.runId) return;
    this.#state.apply(name, event, performance.now());
    const line = this.#lineOf(name, event);
    if (line !== undefined) this.#stdout.line(line);
  }

  stopping(hint: string): void {
    process.stderr.write(`${hint}\n`);
  }

  end(end: RunEnd): void {
    for (const line of endLines(end, this.#state.counts, this.#colors)) this.#stdout.line(line);
  }

  close(): void {
    this.#stdout.flushSync();
  }

  #lineOf<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name]): string | undefined {
    switch (name) {
      case 'run:started': {
        const { workflow, nodeCount, runId } = event as RuntimeEvents['run:started'];
        return `${workflow}: ${nodeCount} ${nodeCount === 1 ? 'node' : 'nodes'}, run ${runId}`;
      }
      case 'node:started': {
        const { nodeId, attempt } = event as RuntimeEvents['node:started'];
        return `  ${nodeId}: started${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
      }
      case 'node:progress':
        return this.#progressLine(event as RuntimeEvents['node:progress']);
      case 'node:retrying': {
        const { nodeId, delayMs, error } = event as RuntimeEvents['node:retrying'];
        return `  ${nodeId}: ${this.#colors.yellow('failed')}, again in ${formatDuration(delayMs)}: ${oneLine(error.message)}`;
      }
      case 'node:finished':
        return this.#finishedLine(event as RuntimeEvents['node:finished']);
      case 'runtime:warning':
        process.stderr.write(`kailash: warning: ${(event as RuntimeEvents['runtime:warning']).message}\n`);
        return undefined;
      default:
        return undefined;
    }
  }

  #progressLine({ nodeId, fraction, note }: RuntimeEvents['node:progress']): string | undefined {
    const told = this.#told.get(nodeId);
    if (told !== undefined && Math.round(Math.abs(fraction - told) * 100) < PROGRESS_STEP * 100 && fraction < 1) return undefined;
    this.#told.set(nodeId, fraction);
    return `  ${nodeId}: ${Math.round(fraction * 100)} %${note ? ` ${oneLine(note)}` : ''}`;
  }

  #finishedLine({ nodeId, status, attempts, durationMs, error }: RuntimeEvents['node:finished']): string | undefined {
    this.#told.delete(nodeId);
    // What never began because the run ended first is counted at the end.
    if (status === 'cancelled' && attempts === 0) return undefined;
    if (status === 'skipped') return `  ${nodeId}: skipped`;
    const paint = status === 'completed' ? this.#colors.green : this.#colors.red;
    const times = attempts > 1 ? ` after ${attempts} attempts` : '';
    return `  ${nodeId}: ${paint(status)}${times} in ${formatDuration(durationMs)}${error ? `: ${oneLine(error.message)}` : ''}`;
  }
}
