/** One server process of a cluster: start, wait until it answers, kill, start again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from './account.ts';
import { TestDatabaseError } from './errors.ts';
import type { Watchdog } from './watchdog.ts';

const START_TIMEOUT_MS = 60_000;

export interface ServerCommand {
  /** For messages: 'PostgreSQL primary'. */
  readonly label: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly logFile: string;
  readonly account: Account | undefined;
  /** Signal that ends the server at once with all its children. PostgreSQL: QUIT, MariaDB: KILL. */
  readonly endSignal: 'QUIT' | 'KILL';
  /** Resolves when the server takes connections, rejects when it does not yet. */
  ping(): Promise<void>;
}

/**
 * A server that tests may kill and restart. Modes: stopped -> (start) -> running -> (stop, kill) -> stopped.
 * Data survive a restart. Owned by its cluster, whose `stop` ends it for good.
 */
export class ServerProcess {
  readonly #command: ServerCommand;
  readonly #watchdog: Watchdog;
  #child: ChildProcess | undefined;

  constructor(command: ServerCommand, watchdog: Watchdog) {
    this.#command = command;
    this.#watchdog = watchdog;
  }

  get host(): string {
    return '127.0.0.1';
  }

  get port(): number {
    return this.#command.port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts the server and waits until it takes connections. @throws TestDatabaseError with the end of the server's log. */
  async start(): Promise<void> {
    if (this.running) return;
    this.#child = this.#spawn();
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        return await this.#command.ping();
      } catch (error) {
        if (!this.running) throw this.#failure('ended while starting', error);
        if (performance.now() > deadline) {
          await this.kill();
          throw this.#failure(`did not answer within ${START_TIMEOUT_MS} ms`, error);
        }
      }
      await pause(25);
    }
  }

  /** Ends the server with a signal (default: the one that ends it at once) and waits until the process is gone. */
  async kill(signal: NodeJS.Signals = `SIG${this.#command.endSignal}`): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.ref();
    child.kill(signal);
    await ended;
    this.#watchdog.forget(child.pid!);
  }

  /** Freezes (`SIGSTOP`) or thaws (`SIGCONT`) the process itself. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  #spawn(): ChildProcess {
    const { program, args, logFile, account, endSignal } = this.#command;
    const log = openSync(logFile, 'a');
    const child = spawn(program, args, {
      cwd: '/',
      detached: true, // a terminal's Ctrl-C is for the test runner, which then stops us in order
      stdio: ['ignore', log, log],
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    closeSync(log);
    child.unref();
    child.on('error', () => {});
    if (child.pid !== undefined) this.#watchdog.guard(child.pid, endSignal);
    return child;
  }

  #failure(what: string, cause: unknown): TestDatabaseError {
    const { label, logFile } = this.#command;
    return new TestDatabaseError('TEST_DATABASE_START_FAILED', `${label} ${what}. The end of its log:\n${tail(logFile)}`, { cause });
  }
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  } catch {
    return '(no log)';
  }
}
