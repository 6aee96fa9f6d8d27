import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { StubCounts } from './stub-control.ts';

/** A stub server in a process of its own, and what it counts. Owned by the scenario, which closes it. */
export class StubProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param module specifier of the server's module, relative to this folder */
  static async start(module: string): Promise<StubProcess> {
    const child = fork(new URL(module, import.meta.url), [], {
      execArgv: ['--no-warnings', '--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [port] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (typeof port !== 'number' || child.exitCode !== null) throw new Error(`The stub server ${module} ended before it was ready.`);
    return new StubProcess(child, port);
  }

  /** Begins to count anew. */
  reset(): Promise<StubCounts> {
    return this.#ask('reset');
  }

  counts(): Promise<StubCounts> {
    return this.#ask('counts');
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(question: 'reset' | 'counts'): Promise<StubCounts> {
    const answered = once(this.#child, 'message') as Promise<[StubCounts]>;
    this.#child.send(question);
    return (await answered)[0];
  }
}
