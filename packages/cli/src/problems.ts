import type { WorkflowProblem } from '@kailash-ts/core';
import { RefusedError } from './errors.ts';

/** Everything that an error says is wrong, one by one, for programs. An error without a list is one problem itself. */
export function problemsOf(error: unknown): readonly WorkflowProblem[] {
  if (error instanceof RefusedError) return error.errors.flatMap(problemsOf);
  // A workflow that is built where it is defined throws on import: the list is in the cause.
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    const { problems } = current as { problems?: unknown };
    if (Array.isArray(problems)) return problems as readonly WorkflowProblem[];
  }
  const { code, message } = error as { code?: unknown; message?: unknown };
  return [{ code: typeof code === 'string' ? code : 'error', message: typeof message === 'string' ? message : String(error) }];
}

/** The stacks of an error and all that is behind it, for `--verbose`. */
export function stacksOf(error: unknown): string {
  const stacks: string[] = [];
  const visit = (current: unknown, depth: number): void => {
    if (!(current instanceof Error) || depth > 10) return;
    if (current instanceof RefusedError) return current.errors.forEach((inner) => visit(inner, depth + 1));
    stacks.push(`${stacks.length === 0 ? '' : 'Caused by: '}${current.stack ?? current.message}`);
    visit(current.cause, depth + 1);
  };
  visit(error, 0);
  return stacks.join('\n');
}
