import { describe, expect, it } from 'vitest';
import { PreparedNames, type Prepared } from './prepared-names.ts';

function used(names: PreparedNames, text: string): Prepared<unknown> {
  const prepared = names.find(text, true)!;
  names.confirm(prepared, undefined);
  return prepared;
}

describe('the names of prepared statements', () => {
  it('prepares from the second use on, and knows the statement from the third', () => {
    const names = new PreparedNames(10);
    expect(names.find('SELECT 1', undefined)).toBeUndefined();
    const second = names.find('SELECT 1', undefined)!;
    expect(second.known).toBe(false);
    expect(second.name).not.toBe('');
    names.confirm(second, 'its rows');
    expect(names.find('SELECT 1', undefined)).toMatchObject({ name: second.name, known: true, description: 'its rows' });
  });

  it('prepares at once when told to, and never when told not to', () => {
    const names = new PreparedNames(10);
    expect(used(names, 'a').name).not.toBe('');
    expect(names.find('a', false)).toBeUndefined();
  });

  it('gives different texts different names, however alike', () => {
    const names = new PreparedNames(10);
    const all = ['SELECT 1', 'SELECT 2', 'SELECT  1', 'select 1'].map((text) => used(names, text).name);
    expect(new Set(all).size).toBe(4);
  });

  it('takes what was never confirmed for unknown', () => {
    const names = new PreparedNames(10);
    names.find('a', true);
    expect(names.find('a', true)).toMatchObject({ known: false });
  });

  it('closes the least recently used one when there are too many', () => {
    const names = new PreparedNames(2);
    const [a, b] = [used(names, 'a'), used(names, 'b')];
    used(names, 'a');
    expect(names.takeEvicted()).toEqual([]);
    used(names, 'c');
    expect(names.takeEvicted()).toEqual([b.name]);
    expect(names.takeEvicted()).toEqual([]);
    expect(names.find('a', true)).toMatchObject({ name: a.name, known: true });
  });

  it('closes what it forgets, and gives it a new name', () => {
    const names = new PreparedNames(2);
    const a = used(names, 'a');
    names.forget('a');
    expect(names.takeEvicted()).toEqual([a.name]);
    expect(names.find('a', true)).toMatchObject({ known: false });
    expect(names.find('a', true)!.name).not.toBe(a.name);
  });

  it('keeps none with a limit of 0', () => {
    expect(new PreparedNames(0).find('a', true)).toBeUndefined();
  });
});
