import { distance } from 'fastest-levenshtein';

/** camelCase, snake_case and kebab-case spellings of one name compare as equal. */
const fold = (name: string): string => name.replace(/[_\-\s]/g, '').toLowerCase();

const letters = (name: string): string => [...name].sort().join('');

/** Letters in another order count as one change: `cvs` for `csv`. */
const changes = (a: string, b: string): number => (a !== b && a.length === b.length && letters(a) === letters(b) ? 1 : distance(a, b));

/**
 * The candidate that was probably meant, or undefined when none is near.
 * Near is: same letters in another spelling (`connection_id`, `connectionId`), or at most a third of the letters changed.
 */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(name);
  let best: string | undefined;
  let bestDistance = (wanted.length < 3 ? 0 : Math.max(1, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const cost = changes(wanted, fold(candidate));
    if (cost < bestDistance) [best, bestDistance] = [candidate, cost];
  }
  return best;
}

/** ` (did you mean "connectionId"?)`, or ` (known: a, b, c)` when nothing is near, or nothing when nothing is known. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const known = [...candidates];
  const best = closest(name, known);
  if (best !== undefined) return ` (did you mean "${best}"?)`;
  if (known.length === 0) return '';
  const shown = known.slice(0, 12);
  return ` (known: ${shown.join(', ')}${known.length > shown.length ? `, and ${known.length - shown.length} more` : ''})`;
}
