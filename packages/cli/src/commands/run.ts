import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { KailashError, RunError, RunInputError, serializeError, type ExecuteOptions, type RunResult } from '@kailash-ts/core';
import { colorsFor } from '../colors.ts';
import { complain } from '../complain.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { JsonReport } from '../json-report.ts';
import { toJsonLine } from '../json.ts';
import { parseRunOptions, type RunOptions } from '../options.ts';
import { PlainReport } from '../plain-report.ts';
import { problemsOf } from '../problems.ts';
import { subscribe, type Report, type ReportSubject, type RunEnd } from '../report.ts';
import { openSession, type Session } from '../session.ts';
import { Stdout } from '../stdout.ts';
import { watchStrays } from '../strays.ts';

const STOPPING = 'Stopping: running nodes may end cleanly. Once more ends at once.';
const INPUT_HINT = `Give the input with --input '{"key": value}', or --input @file.json.`;

/** `kailash run`: one run of one workflow, in a runtime of its own. @returns the exit code */
export async function run(path: string, options: RunOptions): Promise<number> {
  return new RunCommand(path, options).run();
}

/** `loading` -> `running` -> `closing`. What happens from outside (signals, stray errors) stops whichever of these it meets. */
class RunCommand {
  readonly #path: string;
  readonly #options: RunOptions;
  readonly #stdout = new Stdout();
  readonly #stop = new AbortController();
  readonly #interrupts: Interrupts;
  readonly #endWatch: () => void;
  #report: Report | undefined;

  constructor(path: string, options: RunOptions) {
    this.#path = path;
    this.#options = options;
    if (options.json) this.#stdout.divert();
    this.#endWatch = watchStrays(this.#stop, (reason) => {
      this.#report?.close(reason);
      complain(reason, false);
    });
    this.#interrupts = new Interrupts(this.#stop, {
      onFirst: () => this.#report?.stopping(STOPPING),
      onSecond: (reason) => {
        this.#endWatch();
        this.#report?.close(reason);
      },
    });
  }

  async run(): Promise<number> {
    try {
      const code = await this.#runSession();
      await this.#stdout.drain();
      return code;
    } finally {
      this.#endWatch();
    }
  }

  async #runSession(): Promise<number> {
    let session: Session;
    let options: ExecuteOptions;
    try {
      options = parseRunOptions(this.#options);
      session = await this.#unlessStopped(openSession(this.#path, this.#options));
    } catch (error) {
      return this.#refuse(error);
    }
    try {
      return await this.#execute(session, options);
    } finally {
      await session.runtime.close().catch((error: unknown) => complain(error, this.#options.verbose));
    }
  }

  async #execute({ runtime, workflow }: Session, options: ExecuteOptions): Promise<number> {
    const runId = randomUUID();
    const report = await this.#makeReport({ definition: workflow.definition, runId });
    this.#report = report;
    subscribe(runtime, report);
    try {
      report.end({ result: await runtime.execute(workflow, { ...options, runId, signal: this.#stop.signal, results: 'output' }) });
      return EXIT.completed;
    } catch (error) {
      if (!(error instanceof RunError)) return this.#refuse(error);
      report.end({ result: error.result as RunResult, error } satisfies RunEnd);
      this.#stdout.flush();
      complain(error, this.#options.verbose);
      return (error.result as RunResult).status === 'cancelled' ? (this.#interrupts.exitCode ?? EXIT.failed) : EXIT.failed;
    } finally {
      report.close();
    }
  }

  /** Nothing has run. */
  #refuse(error: unknown): number {
    complain(error, this.#options.verbose);
    if (error instanceof RunInputError && this.#options.input === undefined) process.stderr.write(`${INPUT_HINT}\n`);
    if (this.#options.json)
      this.#stdout.line(toJsonLine({ event: 'run:refused', problems: problemsOf(error), error: serializeError(error) }));
    return this.#interrupts.exitCode ?? (error instanceof KailashError ? EXIT.refused : EXIT.failed);
  }

  /** Loading user code cannot be aborted; a stop leaves it behind. */
  async #unlessStopped<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return Promise.race([work, stopped]);
  }

  async #makeReport(subject: ReportSubject): Promise<Report> {
    if (this.#options.json) return new JsonReport(this.#stdout, subject);
    const colors = colorsFor(process.stdout);
    const { isTTY } = process.stdout;
    if (!isTTY || process.env['TERM'] === 'dumb' || process.env['CI']) return new PlainReport(this.#stdout, subject, colors);
    const { openLiveReport } = await import('../live-report.ts');
    return openLiveReport(this.#stdout, subject, colors);
  }
}
