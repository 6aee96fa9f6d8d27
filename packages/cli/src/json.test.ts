import { describe, expect, it } from 'vitest';
import { toJson, toJsonLine } from './json.ts';

describe('toJson', () => {
  it('writes what JSON cannot say as text that loses nothing', () => {
    const value = {
      big: 9007199254740993n,
      bytes: new Uint8Array([255, 0]),
      buffer: Buffer.from('hi'),
      when: new Date(0),
      never: new Date(NaN),
      map: new Map([['a', 1n]]),
      set: new Set([1, 2]),
      list: [undefined, () => 1, Symbol('x')],
      nothing: undefined,
    };
    expect(JSON.parse(toJson(value))).toEqual({
      big: '9007199254740993',
      bytes: '/wA=',
      buffer: 'aGk=',
      when: '1970-01-01T00:00:00.000Z',
      never: null,
      map: [['a', '1']],
      set: [1, 2],
      list: [null, null, null],
    });
  });

  it('marks a value inside itself, and repeats one that merely stands twice', () => {
    const shared = { n: 1 };
    const circle: Record<string, unknown> = { first: shared, second: shared };
    circle['self'] = circle;
    expect(toJson(circle)).toBe('{"first":{"n":1},"second":{"n":1},"self":"[circular]"}');
  });

  it('survives depth, getters and toJSON methods that throw, and hostile keys', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(toJson(deep)).toContain('[too deep]');
    const hostile = {
      get field(): never {
        throw new TypeError('getter');
      },
    };
    expect(toJson({ ok: 1, hostile })).toBe('{"ok":1,"hostile":"[not writable as JSON: getter]"}');
    expect(toJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
    expect(toJson(undefined)).toBe('null');
  });

  it('writes errors without their stacks', () => {
    expect(toJson(new TypeError('boom'))).toBe('{"name":"TypeError","message":"boom"}');
  });
});

describe('toJsonLine', () => {
  it('is one line, without the fields that are undefined', () => {
    expect(toJsonLine({ event: 'a\nb', gone: undefined, kept: null })).toBe('{"event":"a\\nb","kept":null}');
  });
});
