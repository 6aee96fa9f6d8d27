import { describe, expect, it } from 'vitest';
import { StatementTexts } from './statement-text.ts';

const postgres = new StatementTexts('postgresql');
const mysql = new StatementTexts('mysql');
const sqlite = new StatementTexts('sqlite');

describe('what traces call a statement', () => {
  it.each([
    ["SELECT * FROM users WHERE name = 'Bob'", 'SELECT', 'SELECT users'],
    ['select u.* from public.users u join "Orders" o on true', 'SELECT', 'SELECT public.users "Orders"'],
    ['INSERT INTO audit (a) SELECT a FROM users', 'INSERT', 'INSERT audit SELECT users'],
    ['UPDATE ONLY users SET a = 1', 'UPDATE', 'UPDATE users'],
    ['DELETE FROM users WHERE id IN (SELECT id FROM gone)', 'DELETE', 'DELETE users SELECT gone'],
    ['WITH x AS (SELECT 1 FROM a) INSERT INTO b SELECT * FROM x', 'INSERT', 'SELECT a INSERT b SELECT x'],
    ['INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2', 'INSERT', 'INSERT t'],
    ['SELECT a FROM t FOR UPDATE', 'SELECT', 'SELECT t'],
    ['SELECT EXTRACT(YEAR FROM born) FROM users WHERE a IS DISTINCT FROM b', 'SELECT', 'SELECT users'],
    ['CREATE TABLE IF NOT EXISTS t (a int)', 'CREATE', 'CREATE t'],
    ['SELECT * FROM generate_series(1, 3)', 'SELECT', 'SELECT'],
    ['/* hint */ BEGIN', 'BEGIN', 'BEGIN'],
    ['SELECT 1; DROP TABLE t', 'SELECT', 'SELECT; DROP t'],
  ])('%s', (sql, operation, summary) => {
    expect(postgres.describe(sql)).toMatchObject({ operation, summary });
  });

  it('is nothing for a text that begins with no known word: it may be anything', () => {
    expect(postgres.describe('hunter2 is my password')).toEqual({ operation: undefined, summary: undefined, template: '?' });
    expect(postgres.describe('')).toEqual({ operation: undefined, summary: undefined, template: '?' });
    expect(postgres.describe('COPY t FROM STDIN; hunter2')).toMatchObject({ summary: 'COPY STDIN; ?', template: '?' });
  });

  it('has the text without its values, comments and halves of strings', () => {
    expect(postgres.describe("SELECT 'hunter2', $$hunter2$$, 42 /* hunter2 */ FROM t WHERE a = $1").template).toBe(
      'SELECT ?, ?, ? FROM t WHERE a = ?',
    );
    expect(mysql.describe('SELECT * FROM `t` WHERE a = "hunter2"').template).toBe('SELECT * FROM `t` WHERE a = ?');
  });

  it.each([
    ['is unterminated', "SELECT 'hunter2"],
    ['has a value pasted in with an apostrophe', "SELECT * FROM t WHERE a = 'it's hunter2' AND b = 'it's'"],
    ['has a backslash before a quote, whose meaning is the setting of a server', "SELECT 'a\\', 'hunter2'"],
    ['sets something: such values need no quotes', 'SET app.key TO hunter2'],
    ['sets something second', 'SELECT 1; SET app.key TO hunter2'],
  ])('has no template for a text that %s', (_name, sql) => {
    expect(postgres.describe(sql).template).toBe('?');
    expect(postgres.describe(sql).summary).not.toContain('hunter2');
  });

  it('takes a double-quoted name that is compared with for a value, elsewhere for a name', () => {
    const sql =
      'SELECT "a", "b"."c" FROM "Orders" WHERE "a" = "hunter2" AND b IN ("hunter2", "hunter3") AND "a" = "b"."c" AND d LIKE "hunter2"';
    expect(postgres.describe(sql).template).toBe(
      'SELECT "a", "b"."c" FROM "Orders" WHERE "a" = ? AND b IN (?) AND "a" = "b"."c" AND d LIKE ?',
    );
  });

  it('takes a double-quoted name of SQLite for a value, as SQLite may', () => {
    expect(sqlite.describe('SELECT * FROM t WHERE a = "hunter""2"').template).toBe('SELECT * FROM t WHERE a = ?');
  });

  it('bounds what it tells and remembers, and is quick with huge texts', () => {
    const many = `SELECT * FROM a${' JOIN abcdefghij ON x = y'.repeat(20_000)}`;
    const { summary, template } = postgres.describe(many);
    expect(summary).toHaveLength(255);
    expect(template).toHaveLength(4096);
    for (let i = 0; i < 2000; i++) expect(postgres.describe(`SELECT a${i} FROM t`).template).toBe(`SELECT a${i} FROM t`);
  });
});
