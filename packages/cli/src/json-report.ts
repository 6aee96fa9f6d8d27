import { serializeError, type RuntimeEventName, type RuntimeEvents } from '@kailash-ts/core';
import { toJsonLine } from './json.ts';
import type { Report, ReportSubject, RunEnd } from './report.ts';
import type { Stdout } from './stdout.ts';

/**
 * One JSON object a line, `{"event": ...}` and the event's own fields. The last line is the end of the run, with its output,
 * whatever that end was.
 */
export class JsonReport implements Report {
  readonly #stdout: Stdout;
  readonly #subject: ReportSubject;
  #hasEnded = false;

  constructor(stdout: Stdout, subject: ReportSubject) {
    this.#stdout = stdout;
    this.#subject = subject;
  }

  on<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name]): void {
    // The run's own end is told by `end`, which knows the output.
    if (name === 'run:finished' && (event as RuntimeEvents['run:finished']).runId === this.#subject.runId) return;
    this.#stdout.line(toJsonLine({ event: name, ...event }));
  }

  stopping(hint: string): void {
    process.stderr.write(`${hint}\n`);
  }

  end({ result, error }: RunEnd): void {
    const { status, durationMs, output } = result;
    this.#lastLine({
      status,
      durationMs,
      output: output === undefined ? null : output,
      ...(error ? { error: serializeError(error) } : {}),
    });
  }

  close(reason?: Error): void {
    if (reason && !this.#hasEnded) this.#lastLine({ status: 'cancelled', output: null, error: serializeError(reason) });
    this.#stdout.flushSync();
  }

  #lastLine(fields: Readonly<Record<string, unknown>>): void {
    this.#hasEnded = true;
    const { runId, definition } = this.#subject;
    this.#stdout.line(toJsonLine({ event: 'run:finished', runId, workflow: definition.name, ...fields }));
  }
}
