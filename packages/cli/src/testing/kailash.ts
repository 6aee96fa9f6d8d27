/**
 * The real `kailash` as a child process, for tests: from source, or the bin that the environment variable KAILASH_BIN names (then
 * KAILASH_TEST_FOLDER is a folder in which `@kailash-ts/core`, `@kailash-ts/cli` and `zod` are installed).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

function commandLine(): [string, string[]] {
  const bin = process.env['KAILASH_BIN'];
  if (bin) return [bin, []];
  const tsx = import.meta.resolve('tsx');
  return [process.execPath, ['--import', tsx, '--conditions=@kailash-ts/source', join(PACKAGE, 'src/main.ts')]];
}

/** How a `kailash` ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Every line of standard output, which must all be JSON. */
  readonly events: readonly Event[];
}

/** A line of `--json`. */
export interface Event {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A `kailash` that runs. */
export class RunningKailash {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], options: StartOptions) {
    const [command, first] = commandLine();
    const { CI: _ci, NO_COLOR: _noColor, FORCE_COLOR: _forceColor, NODE_OPTIONS: _options, ...env } = process.env;
    this.#child = spawn(command, [...first, ...args], { cwd: options.cwd, env: { ...env, ...options.env }, stdio: 'pipe' });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.#stdout += text)));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.#stderr += text)));
    this.#child.stdin!.on('error', () => undefined).end(options.stdin ?? '');
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject).on('close', (exitCode) => {
        this.#hear(() => undefined);
        const stdout = this.#stdout;
        resolve({
          exitCode,
          stdout,
          stderr: this.#stderr,
          get events() {
            return stdout
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line) as Event);
          },
        });
      });
    });
  }

  /** Resolves when standard output or error holds `text`; rejects when the process ends without it. */
  async saw(text: string): Promise<void> {
    const sees = (): boolean => (this.#stdout + this.#stderr).includes(text);
    while (!sees()) {
      const heard = new Promise<void>((resolve) => this.#watchers.add(resolve));
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new TypeError(`kailash ended without saying "${text}":\n${this.#stdout}\n${this.#stderr}`);
      await heard;
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The reader of standard output goes away. */
  closeStdout(): void {
    this.#child.stdout!.destroy();
  }

  #hear(take: () => void): void {
    take();
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}

export interface StartOptions {
  readonly cwd: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder with files, in which `kailash` is called. */
export class Project {
  readonly folder: string;

  constructor(files: Readonly<Record<string, string>> = {}) {
    const root = process.env['KAILASH_TEST_FOLDER'] ?? join(PACKAGE, '.scratch');
    mkdirSync(root, { recursive: true });
    this.folder = mkdtempSync(join(root, 'project-'));
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  /** Writes a file, and the folders that it is in. @returns its name */
  write(name: string, text: string): string {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return name;
  }

  start(args: readonly string[], options: Partial<StartOptions> = {}): RunningKailash {
    return new RunningKailash(args, { cwd: this.folder, ...options });
  }

  /** Runs `kailash` to its end. */
  kailash(args: readonly string[], options: Partial<StartOptions> = {}): Promise<Ended> {
    return this.start(args, options).ended;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
