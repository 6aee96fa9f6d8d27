import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { LeftOut } from '../harness.ts';
import type { Job, JobResult } from './subject.ts';

const CHILD = new URL('./child.ts', import.meta.url);

/**
 * A subject in a process of its own: own heap, own compiled code, so that no engine pays for the garbage of another. A job that takes too
 * long, or that the engine cannot do (stack overflow, out of memory), ends the process; the next job starts a new one.
 */
export class SubjectProcess {
  readonly name: string;
  readonly #module: string;
  readonly #limitMs: number;
  #child: ChildProcess | undefined;

  /** @param module specifier of the subject's module, relative to this folder. @param limitMs how long one job may take. */
  constructor(name: string, module: string, limitMs: number) {
    this.name = name;
    this.#module = module;
    this.#limitMs = limitMs;
  }

  /** @throws LeftOut when the engine did not get it done. */
  async work(job: Job): Promise<Exclude<JobResult, { error: string }>> {
    const child = (this.#child ??= await this.#start());
    child.send(job);
    const result = await this.#answer(child);
    if ('error' in result) {
      this.close();
      throw new LeftOut(result.error);
    }
    return result;
  }

  /** Ends the process, if there is one. */
  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #start(): Promise<ChildProcess> {
    // Engines that print (Mastra warns, LangGraph traces) must not stand in the bench's own output.
    const child = fork(CHILD, [new URL(this.#module, import.meta.url).href], {
      execArgv: ['--expose-gc', '--no-warnings', '--max-old-space-size=8192', '--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (message !== 'ready') throw new Error(`The process of ${this.name} ended before it was ready.`);
    return child;
  }

  async #answer(child: ChildProcess): Promise<JobResult> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), this.#limitMs);
    try {
      const ended = once(child, 'exit', { signal: stop.signal }).then(([code]): JobResult => ({
        error: `its process ended with code ${code}`,
      }));
      const answered = once(child, 'message', { signal: stop.signal }).then(([result]) => result as JobResult);
      return await Promise.race([answered, ended]);
    } catch {
      return { error: `not finished within ${this.#limitMs / 1000} s` };
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
}
