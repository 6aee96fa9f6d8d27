/** What zod found, in the words of this house: a path, what is wrong, and what was probably meant. Never a value. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** @param suggest the nearest of the candidates, if any is near. */
export function describeIssues(
  issues: readonly Issue[],
  keys: readonly string[],
  suggest: (name: string, candidates: Iterable<string>) => string | undefined,
): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const meant = issue.path.length === 0 ? suggest(key, keys) : undefined;
        return `${[...issue.path.map(String), key].join('.')}: is no known key${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`;
      });
    }
    return [`${path || 'it'}: ${issue.message.replace(/^Invalid input: /, '')}`];
  });
}
