import { describe, expect, it } from 'vitest';
import { PreparedNames } from './prepared-names.ts';

describe('the names of prepared statements', () => {
  it('prepares from the second use on, and knows the statement from the third', () => {
    const names = new PreparedNames(10);
    expect(names.nameFor('SELECT 1', undefined).name).toBe('');
    const second = names.nameFor('SELECT 1', undefined);
    expect(second).toMatchObject({ known: false });
    expect(second.name).not.toBe('');
    names.confirm('SELECT 1');
    expect(names.nameFor('SELECT 1', undefined)).toMatchObject({ name: second.name, known: true });
  });

  it('prepares at once when told to, and never when told not to', () => {
    const names = new PreparedNames(10);
    expect(names.nameFor('a', true).name).not.toBe('');
    names.confirm('a');
    expect(names.nameFor('a', false)).toMatchObject({ name: '', known: false });
  });

  it('gives different texts different names, however alike, and a failed parse a new one', () => {
    const names = new PreparedNames(10);
    const all = ['SELECT 1', 'SELECT 2', 'SELECT  1', 'SELECT 1'].map((text) => names.nameFor(text, true).name);
    expect(new Set(all).size).toBe(4);
  });

  it('closes the least recently used one when there are too many', () => {
    const names = new PreparedNames(2);
    const use = (text: string): ReturnType<PreparedNames['nameFor']> => {
      const name = names.nameFor(text, true);
      names.confirm(text);
      return name;
    };
    const [a, b] = [use('a'), use('b')];
    use('a');
    expect(use('c').evict).toBe(b.name);
    expect(use('a')).toMatchObject({ name: a.name, known: true });
  });

  it('keeps none with a limit of 0', () => {
    expect(new PreparedNames(0).nameFor('a', true)).toMatchObject({ name: '', known: false });
  });
});
