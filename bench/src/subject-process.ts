import { fork, type ChildProcess, type Serializable } from 'node:child_process';
import { once } from 'node:events';
import { LeftOut } from './harness.ts';

export interface SubjectProcessOptions {
  readonly name: string;
  /** What runs in the process: says `ready`, then answers each job with one message. */
  readonly child: URL;
  /** The subject's module, which the child imports. */
  readonly module: URL;
  /** How long one job may take. */
  readonly limitMs: number;
}

/**
 * A subject in a process of its own: own heap, own compiled code, so that no subject pays for the garbage of another. A job that takes too
 * long, or that the subject cannot do (stack overflow, out of memory), ends the process; the next job starts a new one.
 */
export class SubjectProcess<Job extends Serializable, Answer> {
  readonly name: string;
  readonly #options: SubjectProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: SubjectProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** @throws LeftOut when the subject did not get it done. */
  async work(job: Job): Promise<Answer> {
    const child = (this.#child ??= await this.#start());
    child.send(job);
    const result = await this.#answer(child);
    if (isFailure(result)) {
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
    // Subjects that print (Mastra warns, LangGraph traces) must not stand in the bench's own output.
    const child = fork(this.#options.child, [this.#options.module.href], {
      execArgv: ['--expose-gc', '--no-warnings', '--max-old-space-size=8192', '--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (message !== 'ready') throw new Error(`The process of ${this.name} ended before it was ready.`);
    return child;
  }

  async #answer(child: ChildProcess): Promise<Answer | Failure> {
    const { limitMs } = this.#options;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), limitMs);
    try {
      const ended = once(child, 'exit', { signal: stop.signal }).then(([code]): Failure => ({
        error: `its process ended with code ${code}`,
      }));
      const answered = once(child, 'message', { signal: stop.signal }).then(([result]) => result as Answer | Failure);
      return await Promise.race([answered, ended]);
    } catch {
      return { error: `not finished within ${limitMs / 1000} s` };
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
}

/** How a child says that the subject could not do the job. */
export interface Failure {
  readonly error: string;
}

function isFailure(result: unknown): result is Failure {
  return typeof result === 'object' && result !== null && 'error' in result;
}

/** The child's side: answers each job of the parent, and ends with it. */
export function serveJobs<Job, Answer>(work: (job: Job) => Promise<Answer>): void {
  process.on('message', (job: Job) => {
    void work(job)
      .catch((error: unknown): Failure => ({ error: error instanceof Error ? error.message : String(error) }))
      .then((result) => process.send!(result));
  });
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}
