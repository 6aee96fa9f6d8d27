import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, formatPath, lookUp, parsePath } from './paths.ts';
import { closest, didYouMean } from './suggest.ts';

describe('paths', () => {
  it('survive the way to text and back, whatever their keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 1 }).filter(([first, ...rest]) => rest.length > 0 || first !== ''),
        (path) => {
          expect(parsePath(formatPath(path))).toEqual(path);
        },
      ),
    );
  });

  it('put a value where they find it again, and leave the original alone', () => {
    const safeKey = fc.string().filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key));
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(safeKey, { minLength: 1, maxLength: 4 }), fc.integer(), (original, path, value) => {
        const before = JSON.stringify(original);
        const changed = assign(typeof original === 'object' && original !== null ? original : {}, path, value, new Set());
        expect(lookUp(changed, path)).toMatchObject({ found: true, value });
        expect(JSON.stringify(original)).toBe(before);
      }),
    );
  });

  it('never reach a prototype', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) expect(lookUp({}, [key]).found).toBe(false);
  });

  it('tell how far they went where nothing is', () => {
    expect(lookUp({ a: { b: 1 } }, ['a', 'x', 'y'])).toEqual({ found: false, value: undefined, depth: 1 });
  });
});

describe('suggestions', () => {
  it.each([
    ['connection_id', ['connectionId', 'query'], 'connectionId'],
    ['cvs', ['csv', 'tsv'], 'csv'],
    ['qurey', ['query', 'params'], 'query'],
    ['c', ['a', 'b'], undefined],
    ['zebra', ['query', 'params'], undefined],
  ])('for %s of %j is %s', (name, candidates, expected) => expect(closest(name, candidates)).toBe(expected));

  it('list what is known when nothing is near, within reason', () => {
    expect(didYouMean('zzz', [])).toBe('');
    expect(
      didYouMean(
        'zzz',
        Array.from({ length: 20 }, (_, i) => `name${i}`),
      ),
    ).toMatch(/^ \(known: name0, .*, and 8 more\)$/);
  });
});
