import { beforeAll, describe, expect, it } from 'vitest';
import { Classifier, classify, classifyLine, DIALECTS, loadSql, type Classification, type Dialect } from './index.ts';

beforeAll(loadSql);

const pg = (sql: string): Classification => classify(sql, 'postgresql');
/** The same expectation on every dialect. */
function each(sql: string, expected: Partial<Classification>, dialects: readonly Dialect[] = DIALECTS): void {
  for (const dialect of dialects) expect(classify(sql, dialect), `${dialect}: ${sql}`).toMatchObject(expected);
}
const read = (queryType: 'read_simple' | 'read_complex', tables?: string[]): Partial<Classification> => ({
  queryType,
  readOnly: true,
  target: 'replica',
  pinsSession: false,
  ...(tables ? { tables } : {}),
});

describe('classification', () => {
  it('conformance 1: a plain SELECT is a simple read', () => each('SELECT * FROM users', read('read_simple', ['users'])));
  it('conformance 2: a SELECT with WHERE is a simple read', () =>
    each('SELECT id, name FROM products WHERE active = true', read('read_simple', ['products'])));
  it('conformance 3: lower case is read as well', () =>
    each('select email from customers where id = 1', read('read_simple', ['customers'])));
  it('conformance 4: a join is a complex read', () =>
    each('SELECT u.*, o.* FROM users u JOIN orders o ON u.id = o.user_id', read('read_complex', ['users', 'orders'])));
  it('conformance 5: grouping is a complex read', () =>
    each('SELECT COUNT(*) FROM sales GROUP BY region HAVING COUNT(*) > 10', read('read_complex', ['sales'])));
  it('conformance 6: a union is a complex read', () =>
    each('SELECT * FROM orders UNION SELECT * FROM archived_orders', read('read_complex', ['orders', 'archived_orders'])));
  it('conformance 7: INSERT of one row is a simple write', () =>
    each("INSERT INTO users (name, email) VALUES ('John', 'j@x')", {
      queryType: 'write_simple',
      readOnly: false,
      target: 'primary',
      tables: ['users'],
    }));
  it('conformance 8: UPDATE is a simple write', () =>
    each('UPDATE products SET price = 100 WHERE id = 1', { queryType: 'write_simple', tablesWritten: ['products'] }));
  it('conformance 9: DELETE is a simple write', () =>
    each("DELETE FROM logs WHERE created_at < '2024-01-01'", { queryType: 'write_simple', tables: ['logs'] }));
  it('conformance 10: INSERT of three rows is a bulk write', () =>
    each("INSERT INTO users (name) VALUES ('A'), ('B'), ('C')", { queryType: 'write_bulk' }));
  it('conformance 11: COPY FROM is a bulk write', () =>
    each("COPY users FROM '/tmp/users.csv'", { queryType: 'write_bulk', tables: ['users'] }, ['postgresql']));
  it('conformance 12: definitions are ddl', () => {
    each('CREATE TABLE t (a int)', { queryType: 'ddl', target: 'primary', tablesWritten: ['t'] });
    each('ALTER TABLE t ADD COLUMN b int', { queryType: 'ddl', tablesWritten: ['t'] });
    each('DROP INDEX i', { queryType: 'ddl', tables: [] });
    each('TRUNCATE TABLE t', { queryType: 'ddl', tablesWritten: ['t'] }, ['postgresql', 'mysql']);
  });
  it('conformance 13: transaction control is told', () => {
    each('BEGIN', { queryType: 'transaction', target: 'primary', pinsSession: true, transaction: { action: 'begin' } });
    each('START TRANSACTION', { queryType: 'transaction', transaction: { action: 'begin' } }, ['postgresql', 'mysql']);
    each('COMMIT', { queryType: 'transaction', pinsSession: true, transaction: { action: 'commit' } });
    each('ROLLBACK', { queryType: 'transaction', pinsSession: true, transaction: { action: 'rollback' } });
  });
  it('conformance 14: the same text twice is remembered once', () => {
    const classifier = new Classifier();
    const first = classifier.classify('SELECT 1', 'postgresql');
    expect(classifier.cacheSize).toBe(1);
    expect(classifier.classify(`SELECT ${1}`, 'postgresql')).toBe(first);
    expect(classifier.cacheSize).toBe(1);
    classifier.classify('SELECT 1', 'mysql');
    expect(classifier.cacheSize).toBe(2);
  });
  it('conformance 15: SELECT of a constant is a read', () => each('SELECT 1', read('read_simple', [])));
  it('conformance 16: alias, ORDER BY and LIMIT keep a read simple', () =>
    each('SELECT * FROM users u WHERE u.id = 1 ORDER BY id LIMIT 5', read('read_simple', ['users'])));
  it('conformance 17: quoted and qualified names are the right table', () => {
    each('SELECT * FROM "Users"', read('read_simple', ['Users']), ['postgresql', 'sqlite']);
    each('SELECT * FROM public.users', read('read_simple', ['public.users']));
    each('SELECT * FROM [t]', read('read_simple', ['t']), ['sqlite']);
    each('SELECT * FROM `t`', read('read_simple', ['t']), ['mysql', 'sqlite']);
    each('SELECT * FROM "we""ird"', read('read_simple', ['we"ird']), ['postgresql', 'sqlite']);
    each('SELECT * FROM Users', read('read_simple', ['users']), ['postgresql', 'sqlite']);
  });
  it('conformance 18: row locks go to the primary', () => {
    for (const lock of ['FOR UPDATE', 'FOR SHARE', 'FOR UPDATE NOWAIT', 'FOR UPDATE SKIP LOCKED']) {
      each(`SELECT * FROM t WHERE id=1 ${lock}`, { queryType: 'write_simple', readOnly: false, target: 'primary' }, [
        'postgresql',
        'mysql',
      ]);
      each(`SELECT * FROM (SELECT * FROM t ${lock}) x`, { readOnly: false, target: 'primary' }, ['postgresql', 'mysql']);
    }
    each('SELECT * FROM t FOR NO KEY UPDATE', { target: 'primary' }, ['postgresql']);
    each('SELECT * FROM t FOR KEY SHARE OF t', { target: 'primary' }, ['postgresql']);
    each('SELECT * FROM t LOCK IN SHARE MODE', { target: 'primary' }, ['mysql']);
  });
  it('conformance 19: a common table expression is a complex read and no table', () =>
    each('WITH a AS (SELECT 1) SELECT * FROM a', read('read_complex', [])));
  it('finds no table in a common table expression of one side of a UNION', () =>
    each('SELECT 1 UNION ALL (WITH a AS (SELECT 2 FROM t) SELECT * FROM a)', read('read_complex', ['t']), ['postgresql']));
  it('conformance 20: a data-modifying common table expression is a write', () =>
    each(
      'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d',
      { queryType: 'write_simple', target: 'primary', tables: ['t'], tablesWritten: ['t'] },
      ['postgresql'],
    ));
  it('conformance 21: INSERT from a common table expression is a bulk write', () =>
    each(
      'WITH s AS (SELECT * FROM a) INSERT INTO t SELECT * FROM s',
      { queryType: 'write_bulk', tablesRead: ['a'], tablesWritten: ['t'] },
      ['postgresql', 'sqlite'],
    ));
  it('conformance 22: a table named joins is no join', () => each('SELECT * FROM joins', read('read_simple', ['joins'])));
  it('conformance 23: copy as a name or in text is no COPY', () =>
    each("SELECT copy FROM t WHERE x='copy me'", read('read_simple', ['t'])));
  it('conformance 24: what stands behind a comment sign in a string survives', () =>
    each("SELECT * FROM t WHERE x = 'a -- b' AND y = 2", { template: 'SELECT * FROM t WHERE x = ? AND y = ?' }));
  it('conformance 25: comments and white space do not hide transaction control', () => {
    each('/* hi */ -- note\n BEGIN', { queryType: 'transaction', transaction: { action: 'begin' } });
    each('START   TRANSACTION', { transaction: { action: 'begin' } }, ['postgresql', 'mysql']);
  });
  it('conformance 26: the strongest of several statements counts', () => {
    each('SELECT * FROM t; DROP TABLE t', { queryType: 'ddl', readOnly: false, target: 'primary', statementCount: 2 });
    each('SELECT 1; SELECT 2', { ...read('read_simple'), statementCount: 2 });
    each('BEGIN; INSERT INTO t VALUES (1); COMMIT', { queryType: 'write_simple', pinsSession: true, statementCount: 3 });
    expect(pg('BEGIN; COMMIT').transaction).toBeUndefined();
  });
  it('conformance 27: two rows, and rows from a query, are bulk; calls in rows count', () => {
    each('INSERT INTO t VALUES (1), (2)', { queryType: 'write_bulk' });
    each('INSERT INTO t SELECT * FROM u', { queryType: 'write_bulk', tablesRead: ['u'] });
    each('INSERT INTO t VALUES (abs(1)), (abs(2))', { queryType: 'write_bulk' });
    each('INSERT INTO t (a) VALUES (abs((1)))', { queryType: 'write_simple' });
    each('INSERT INTO t (a) VALUES ((SELECT max(a) FROM u))', { queryType: 'write_simple', tablesRead: ['u'] });
  });
  it('conformance 28: SELECT INTO is no read', () => {
    each('SELECT * INTO n FROM t', { queryType: 'ddl', readOnly: false, tablesWritten: ['n'], tablesRead: ['t'] }, ['postgresql']);
    each("SELECT * INTO OUTFILE 'x' FROM t", { readOnly: false, target: 'primary' }, ['mysql']);
    each('SELECT a INTO @x FROM t', { target: 'primary', pinsSession: true }, ['mysql']);
  });
  it('conformance 29: EXPLAIN reads, EXPLAIN ANALYZE does what it explains', () => {
    each('EXPLAIN SELECT * FROM t', read('read_simple', ['t']));
    each('EXPLAIN ANALYZE DELETE FROM t', { queryType: 'write_simple', target: 'primary' }, ['postgresql', 'mysql']);
    each('EXPLAIN (ANALYZE false) DELETE FROM t', read('read_simple', ['t']), ['postgresql']);
    each('EXPLAIN (ANALYZE, VERBOSE) DELETE FROM t', { target: 'primary' }, ['postgresql']);
    each('EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM t', { target: 'primary' }, ['postgresql']);
    each('EXPLAIN (ANALYZE 0) DELETE FROM t', read('read_simple'), ['postgresql']);
    each('EXPLAIN (ANALYZE) SELECT 1', read('read_simple'), ['postgresql']);
    each('EXPLAIN QUERY PLAN DELETE FROM t', read('read_simple', ['t']), ['sqlite']);
    each('EXPLAIN DELETE FROM t', { target: 'primary' }, ['mysql']);
  });
  it('conformance 30: merging and replacing writes name the right table', () => {
    each(
      'MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1',
      { queryType: 'write_simple', tablesWritten: ['t'], tablesRead: ['s'] },
      ['postgresql'],
    );
    each('REPLACE INTO t VALUES (1)', { queryType: 'write_simple', tables: ['t'] }, ['mysql', 'sqlite']);
    each('INSERT OR REPLACE INTO t VALUES (1)', { queryType: 'write_simple', tables: ['t'] }, ['sqlite']);
    each('INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2', { queryType: 'write_simple', tables: ['t'] }, [
      'postgresql',
      'sqlite',
    ]);
    each('INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE b = VALUES(b)', { queryType: 'write_simple', tables: ['t'] }, ['mysql']);
  });
  it('conformance 31: savepoints control a transaction without ending it', () => {
    each('SAVEPOINT s', { queryType: 'transaction', pinsSession: true, transaction: { action: 'savepoint', name: 's' } });
    each('RELEASE SAVEPOINT s', { pinsSession: true, transaction: { action: 'release', name: 's' } });
    each('RELEASE s', { transaction: { action: 'release', name: 's' } }, ['postgresql', 'sqlite']);
    each('ROLLBACK TO s', { pinsSession: true, transaction: { action: 'rollback_to', name: 's' } });
    each('ROLLBACK TO SAVEPOINT s', { pinsSession: true, transaction: { action: 'rollback_to', name: 's' } });
  });
  it('conformance 32: unknown words are unknown, and what may write is never a read', () => {
    each('BEGINNER', { queryType: 'unknown', target: 'primary' });
    each('CALL p()', { readOnly: false, pinsSession: true }, ['postgresql', 'mysql']);
    each("DO 'BEGIN END'", { readOnly: false, pinsSession: true }, ['postgresql']);
    each('DO RELEASE_LOCK(1)', { readOnly: false, pinsSession: true }, ['mysql']);
    each('SET a = 1', { readOnly: false, pinsSession: true }, ['postgresql', 'mysql']);
    each('VACUUM', { readOnly: false, target: 'primary' }, ['postgresql', 'sqlite']);
    each('PRAGMA x=1', { readOnly: false, target: 'primary', pinsSession: true }, ['sqlite']);
  });
  it('conformance 33: dollar quotes, escapes and nested comments confuse nothing', () => {
    each('DO $$ BEGIN; DELETE FROM t; END $$', { statementCount: 1, readOnly: false }, ['postgresql']);
    each("SELECT $$; DROP TABLE t$$, E'\\'; DROP TABLE t' /* /* ; DROP */ TABLE t */", { ...read('read_simple', []), statementCount: 1 }, [
      'postgresql',
    ]);
  });
});

describe('fingerprint and complexity', () => {
  it('conformance 34: a point read is simple, with a template', () =>
    each("SELECT * FROM users WHERE id = 123 AND name = 'John'", {
      ...read('read_simple', ['users']),
      template: 'SELECT * FROM users WHERE id = ? AND name = ?',
      complexityScore: 0.1,
    }));
  it('conformance 35: every kind of statement tells its tables', () => {
    each('SELECT * FROM users JOIN orders ON users.id = orders.user_id', { tables: ['users', 'orders'] });
    each('INSERT INTO products VALUES (1)', { tables: ['products'] });
    each('UPDATE customers SET a = 1', { tables: ['customers'] });
    each('DELETE FROM logs', { tables: ['logs'] });
  });
  it('conformance 36: one template for all ways to write a value', () => {
    const values = ['$1', '?', ':n', '5', "'it''s'", '-1.5e10'];
    for (const dialect of DIALECTS)
      expect(new Set(values.map((value) => classify(`SELECT a FROM t WHERE b = ${value}`, dialect).templateHash)).size).toBe(1);
  });
  it('conformance 37: one template for lists, two for two names', () => {
    expect(pg('SELECT 1 WHERE a IN (1,2)').template).toBe(pg('SELECT 1 WHERE a IN (1,2,3)').template);
    expect(pg('SELECT "a"').template).not.toBe(pg('SELECT "b"').template);
  });
  it('conformance 38: joins, groups and order add up, to 1 at most', () => {
    each('SELECT * FROM a JOIN b ON a.x = b.x', { complexityScore: 0.6 });
    each('SELECT a.x FROM a JOIN b ON a.x = b.x GROUP BY a.x', { complexityScore: 0.75 });
    each(`SELECT DISTINCT a.x FROM a ${'JOIN b ON true '.repeat(9)} GROUP BY a.x ORDER BY a.x`, { complexityScore: 1 });
  });
  it('conformance 39: case does not change the score', () => {
    each('SELECT DISTINCT a FROM t WHERE b IN (SELECT c FROM u)', { ...read('read_simple', ['t', 'u']), complexityScore: 0.4 });
    each('select distinct a from t where b in (select c from u)', { complexityScore: 0.4 });
  });
});

describe('hints', () => {
  it('keep a read on the primary, wherever the comment stands', () => {
    for (const sql of ['/* route:primary */ SELECT 1', 'SELECT /*route: PRIMARY*/ 1', 'SELECT 1 /* route:primary */'])
      each(sql, { hint: 'primary', target: 'primary', readOnly: true, queryType: 'read_simple' });
  });
  it('never move anything to a replica, and are none inside of a string', () => {
    each('/* route:replica */ DELETE FROM t', { hint: undefined, target: 'primary', readOnly: false });
    each('/* route:primary */ DELETE FROM t', { target: 'primary', readOnly: false });
    each("SELECT '/* route:primary */'", { hint: undefined, target: 'replica' });
  });
});

describe('the answer', () => {
  it('is one frozen object for everyone', () => {
    const answer = pg('SELECT * FROM t');
    expect(
      Object.isFrozen(answer) && Object.isFrozen(answer.tables) && Object.isFrozen(answer.reasons) && Object.isFrozen(answer.tablesRead),
    ).toBe(true);
  });
  it('keeps a bounded number of texts', () => {
    const classifier = new Classifier({ cacheSize: 100 });
    for (let i = 0; i < 1000; i++) classifier.classify(`SELECT ${i}`, 'sqlite');
    expect(classifier.cacheSize).toBeLessThanOrEqual(100);
    classifier.clear();
    expect(classifier.cacheSize).toBe(0);
  });
  it('never shows a value in reasons, not even of text that no parser takes', () => {
    for (const sql of [
      "SELECT FROM 'secret' x",
      "SELEC 'secret'",
      "SELECT set_config('secret', 'secret', true)",
      "UPDATE t SET a = 'secret",
    ]) {
      for (const dialect of DIALECTS) expect(JSON.stringify(classify(sql, dialect))).not.toContain('secret');
    }
  });
  it('as a line of output has six fields, and survives what is no text', () => {
    expect(classifyLine('SELECT a FROM t WHERE b = 1', 'postgresql')).toEqual({
      queryType: 'read_simple',
      target: 'replica',
      pinsSession: false,
      tables: ['t'],
      template: 'SELECT a FROM t WHERE b = ?',
      reasons: [expect.any(String)],
    });
    for (const none of [undefined, null, 5, {}])
      expect(classifyLine(none, 'postgresql')).toMatchObject({ queryType: 'unknown', target: 'primary', reasons: ['the SQL is no text'] });
  });
});
