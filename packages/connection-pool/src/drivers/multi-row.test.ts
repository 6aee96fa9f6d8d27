import { describe, expect, it } from 'vitest';
import { multiRowInsert } from './multi-row.ts';

const twice = (sql: string): string | undefined => multiRowInsert(sql, 'mysql')?.textFor(2);

describe('an INSERT for many rows', () => {
  it('repeats the row of VALUES, and nothing else', () => {
    expect(twice('INSERT INTO t (a, b) VALUES (?, ?)')).toBe('INSERT INTO t (a, b) VALUES (?, ?), (?, ?)');
    expect(multiRowInsert('INSERT INTO t (a, b) VALUES (?, ?)', 'mysql')!.parametersPerRow).toBe(2);
    expect(twice('replace t values (?, upper(?), now())')).toBe('replace t values (?, upper(?), now()), (?, upper(?), now())');
    expect(twice('INSERT IGNORE INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a)')).toBe(
      'INSERT IGNORE INTO t VALUES (?), (?) ON DUPLICATE KEY UPDATE a = VALUES(a)',
    );
  });

  it('is not misled by strings, comments and names', () => {
    expect(twice("INSERT INTO `values (` (a) /* VALUES (?) */ VALUES (?, ') VALUES (?')")).toBe(
      "INSERT INTO `values (` (a) /* VALUES (?) */ VALUES (?, ') VALUES (?'), (?, ') VALUES (?')",
    );
  });

  it.each([
    'UPDATE t SET a = ? WHERE b = ?',
    'INSERT INTO t SELECT ? FROM u',
    'INSERT INTO t VALUES (?), (?)',
    'INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = ?',
    'INSERT INTO t SET a = ?',
    'INSERT INTO t VALUES (1)',
    'INSERT INTO t VALUES (?',
  ])('leaves alone what does not fit: %s', (sql) => {
    expect(multiRowInsert(sql, 'mysql')).toBeUndefined();
  });
});
