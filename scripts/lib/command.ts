import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly exitCode: number;
  /** Standard output alone. */
  readonly stdout: string;
  /** Standard output and standard error, in the order in which they came. */
  readonly output: string;
  readonly durationMs: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The program is killed after that time; its exit code is then not 0. Default: none. */
  readonly limitMs?: number;
}

/** Runs a program to its end and collects what it printed. Never rejects: a program that cannot be started has exit code 127. */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const { cwd, env = process.env, limitMs } = options;
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let output = '';
    const end = (exitCode: number): void => resolve({ exitCode, stdout, output, durationMs: performance.now() - startedAt });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', (error) => {
      output += `${program}: ${error.message}\n`;
      end(127);
    });
    child.on('close', (code, signal) => end(code ?? (signal === null ? 1 : 128)));
  });
}

/** Like `runCommand`, for steps that have no meaning when they fail. @throws StepFailed with everything that was printed. */
export async function mustRun(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const result = await runCommand(program, args, options);
  if (result.exitCode !== 0) throw new StepFailed(`${program} ${args.join(' ')} ended with exit code ${result.exitCode}\n${result.output}`);
  return result;
}

/** A check found something, or one of its steps failed. The message is for people and complete. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** Runs a script's main function; a `StepFailed` is printed without a stack. */
export async function main(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    console.error(error instanceof StepFailed ? error.message : error);
    process.exitCode = 1;
  }
}
