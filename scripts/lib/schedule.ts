/** A check of the whole workspace, one of the scripts of the root package.json. */
export interface Check {
  readonly name: string;
  /** Names of the checks that must have passed before this one makes sense. */
  readonly after?: readonly string[];
}

export type CheckOutcome = 'passed' | 'failed' | 'not run';

/**
 * Runs checks, `concurrency` at a time, in the order given; one whose predecessors did not pass is not run.
 * `run` must not reject. Resolves with every check's outcome.
 */
export async function runChecks(
  checks: readonly Check[],
  concurrency: number,
  run: (check: Check) => Promise<boolean>,
): Promise<Map<string, CheckOutcome>> {
  const outcomes = new Map<string, CheckOutcome>();
  const waiting = [...checks];
  const running = new Set<Promise<void>>();

  const startOne = (): boolean => {
    const index = waiting.findIndex((check) => (check.after ?? []).every((name) => outcomes.get(name) !== undefined));
    if (index === -1) return false;
    const check = waiting.splice(index, 1)[0]!;
    if ((check.after ?? []).some((name) => outcomes.get(name) !== 'passed')) {
      outcomes.set(check.name, 'not run');
      return true;
    }
    const task: Promise<void> = run(check).then((passed) => {
      outcomes.set(check.name, passed ? 'passed' : 'failed');
      running.delete(task);
    });
    running.add(task);
    return true;
  };

  for (;;) {
    while (running.size < concurrency && startOne());
    if (running.size === 0) return outcomes;
    await Promise.race(running);
  }
}
