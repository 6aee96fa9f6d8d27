/** The agreed black-box cases: each has a test that bears its number, or a reason why not yet. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const CASES = 118;

/** Whole areas that are not built yet, by their numbers. */
const LATER: readonly (readonly [from: number, to: number, what: string])[] = [
  [108, 110, 'pipelines'],
  [114, 114, 'loops'],
];

function covered(): Set<number> {
  const numbers = new Set<number>();
  for (const folder of ['packages', 'examples']) {
    for (const file of readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.test.ts') || file.includes('node_modules')) continue;
      const text = readFileSync(new URL(`${folder}/${file}`, root), 'utf8');
      for (const [, list] of text.matchAll(/conformance (\d+(?:, \d+)*)/g))
        for (const number of list!.split(', ')) numbers.add(Number(number));
    }
  }
  return numbers;
}

describe('the conformance list', () => {
  const known = covered();
  const all = Array.from({ length: CASES }, (_, index) => index + 1);
  const isLater = (number: number): boolean => LATER.some(([from, to]) => number >= from && number <= to);

  it('has a test for every case that is not for later', () => {
    expect(all.filter((number) => !known.has(number) && !isLater(number))).toEqual([]);
  });

  it('names nothing as for later that has a test', () => {
    expect(all.filter((number) => known.has(number) && isLater(number))).toEqual([]);
    console.log(
      `Conformance: ${known.size} of ${CASES} cases have tests. For later: ${LATER.map(([from, to, what]) => `${from}-${to} (${what})`).join(', ')}.`,
    );
  });
});
