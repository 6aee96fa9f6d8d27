import { describe, expect, it } from 'vitest';
import { DIALECTS, hashTemplate, lex, templateOf, type Dialect } from './index.ts';

const template = (sql: string, dialect: Dialect = 'postgresql'): string => templateOf(lex(sql, dialect));

describe('templateOf', () => {
  it('conformance 24: a comment sign inside a string hides nothing behind it', () => {
    for (const dialect of DIALECTS)
      expect(template("SELECT * FROM t WHERE x = 'a -- b' AND y = 2", dialect)).toBe('SELECT * FROM t WHERE x = ? AND y = ?');
  });

  it('conformance 36: placeholders of every style and literals of every kind give one template', () => {
    for (const dialect of DIALECTS) {
      const forms = ['$1', '?', ':n', '5', "'it''s'", '-1.5e10'].map((value) => template(`SELECT a FROM t WHERE b = ${value}`, dialect));
      expect(new Set(forms)).toEqual(new Set(['SELECT a FROM t WHERE b = ?']));
    }
  });

  it('conformance 37: lists of any length give one template, quoted names of different case do not', () => {
    expect(template('SELECT * FROM t WHERE a IN (1,2)')).toBe(template('SELECT * FROM t WHERE a IN (1, 2, 3)'));
    expect(template('SELECT "a" FROM t')).not.toBe(template('SELECT "b" FROM t'));
    expect(template('SELECT "a" FROM t')).not.toBe(template('SELECT "A" FROM t'));
  });

  it('keeps schema and order of columns, and drops white space and comments', () => {
    expect(template('SELECT a,b FROM foo . t -- x')).toBe('SELECT a, b FROM foo.t');
    expect(template('SELECT  b , a\nFROM /* y */ foo.t;')).toBe('SELECT b, a FROM foo.t');
  });

  it('keeps the arguments of a function apart and collapses no row of values', () => {
    expect(template('SELECT f(1, 2)')).toBe('SELECT f(?, ?)');
    expect(template('INSERT INTO t (a, b) VALUES (1, 2)')).toBe('INSERT INTO t(a, b) VALUES (?, ?)');
    expect(template('SELECT ARRAY[1,2,3]')).toBe('SELECT ARRAY[?]');
  });

  it('tells a sign from a minus', () => {
    expect(template('SELECT a - 5, -5, (-5), a -5')).toBe('SELECT a - ?, ?, (?), a - ?');
  });

  it('shows no value, not even of text that cannot be lexed', () => {
    for (const sql of [
      "SELECT 'secret",
      'SELECT "secret',
      "ALTER USER u PASSWORD 'secret'",
      'SELECT $x$secret',
      "SET a = E'secret",
      '/* secret */ SELECT 1',
    ]) {
      expect(template(sql)).not.toContain('secret');
    }
    expect(template('SELECT "secret", \'secret\' # secret', 'mysql')).toBe('SELECT ?, ?');
  });

  it('takes executable comments of MySQL for code', () => {
    expect(template('SELECT 1 /*!50000 FOR UPDATE */', 'mysql')).toBe('SELECT ? FOR UPDATE');
  });
});

describe('hashTemplate', () => {
  it('is 64 bits wide, and differs for templates that differ in one letter or in order', () => {
    expect(hashTemplate('SELECT ?')).toMatch(/^[0-9a-f]{16}$/);
    const hashes = Array.from({ length: 20_000 }, (_, i) => hashTemplate(`SELECT a${i} FROM t${i % 97}`));
    expect(new Set(hashes).size).toBe(20_000);
    expect(new Set(hashes.map((hash) => hash.slice(0, 8))).size).toBeGreaterThan(19_900);
    expect(hashTemplate('SELECT a, b')).not.toBe(hashTemplate('SELECT b, a'));
    expect(hashTemplate('ab')).not.toBe(hashTemplate('ba'));
  });
});
