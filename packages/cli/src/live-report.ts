import { performance } from 'node:perf_hooks';
import type { RuntimeEventName, RuntimeEvents } from '@kailash-ts/core';
import { createLogUpdate } from 'log-update';
import type { Colors } from './colors.ts';
import { drawFrame, drawSteps, type Scene, type Size } from './frame.ts';
import type { Report, ReportSubject, RunEnd } from './report.ts';
import { RunState } from './run-state.ts';
import { divertedWrite, type Stdout } from './stdout.ts';
import { endLines } from './summary.ts';
import { layOutTree } from './tree.ts';

const REDRAW_MS = 80;
/** Above this many steps no terminal shows the tree. */
const MAX_TREE = 300;
const MAX_OUTPUT_LINES = 60;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** A terminal: something to write to that has a size. */
export interface Terminal {
  write(text: string | Uint8Array): void;
  readonly isTTY: true;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** A terminal that nobody has told its size says 0 (`script`, `docker exec -t`); nothing could be drawn on that. */
export function sizeOf({ columns, rows }: { readonly columns?: number | undefined; readonly rows?: number | undefined }): Size {
  return { columns: columns || 80, rows: rows || 24 };
}

/** A live report on this process's terminal. What others write to standard output or error goes above the picture. */
export function openLiveReport(stdout: Stdout, subject: ReportSubject, colors: Colors): LiveReport {
  const report = new LiveReport(
    {
      write: (text) => stdout.raw(text),
      isTTY: true,
      get columns() {
        return sizeOf(process.stdout).columns;
      },
      get rows() {
        return sizeOf(process.stdout).rows;
      },
    },
    subject,
    colors,
  );
  stdout.divert((chunk) => report.print(chunk));
  if (process.stderr.isTTY) {
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = divertedWrite((chunk) => report.print(chunk, write));
  }
  return report;
}

/**
 * A live tree on a terminal: a picture that is drawn again where it stands. Text that nodes print meanwhile goes above it, if it
 * comes through `print`.
 */
export class LiveReport implements Report {
  readonly #terminal: Terminal;
  readonly #colors: Colors;
  readonly #runId: string;
  readonly #scene: Scene;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;
  #isDrawn = false;

  constructor(terminal: Terminal, { definition, runId }: ReportSubject, colors: Colors) {
    this.#terminal = terminal;
    this.#colors = colors;
    this.#runId = runId;
    this.#scene = {
      title: colors.bold(definition.name),
      state: new RunState(definition.nodes.map(({ id }) => id)),
      tree: definition.nodes.length <= MAX_TREE ? layOutTree(definition) : undefined,
      startedMs: performance.now(),
    };
    // log-update would hide the cursor through standard error, which may be diverted to here.
    this.#draw = createLogUpdate(terminal as unknown as NodeJS.WritableStream, { showCursor: true });
    terminal.write(HIDE_CURSOR);
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
    this.#timer.unref();
  }

  on<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name]): void {
    if (name === 'runtime:warning') this.print(`warning: ${(event as RuntimeEvents['runtime:warning']).message}\n`);
    else if ('runId' in event && event.runId === this.#runId) this.#scene.state.apply(name, event, performance.now());
  }

  /** Writes text of others above the picture. */
  print(text: string | Uint8Array, write: (text: string | Uint8Array) => void = (shown) => this.#terminal.write(shown)): void {
    if (this.#isClosed) return write(text);
    if (this.#isDrawn) this.#draw.clear();
    write(text);
    // The picture begins on a line of its own.
    if (!text.toString().endsWith('\n')) this.#terminal.write('\n');
    if (this.#isDrawn) this.#redraw();
  }

  stopping(hint: string): void {
    this.print(`${this.#colors.yellow(hint)}\n`);
  }

  end(end: RunEnd): void {
    this.#redraw(drawSteps);
    this.close();
    const lines = endLines(end, this.#scene.state.counts, this.#colors, MAX_OUTPUT_LINES);
    this.#terminal.write(`${lines.join('\n')}\n`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#draw.done();
    this.#terminal.write(SHOW_CURSOR);
  }

  #redraw(draw = drawFrame): void {
    if (this.#isClosed) return;
    this.#isDrawn = true;
    this.#draw(draw(this.#scene, this.#size(), performance.now(), this.#colors));
  }

  #size(): Size {
    return sizeOf(this.#terminal);
  }
}
