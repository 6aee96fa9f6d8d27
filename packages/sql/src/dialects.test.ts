/** Labelled statements of our own, per dialect: one line each, `kind | tables | statement`. */
import { beforeAll, describe, expect, it } from 'vitest';
import { classify, loadSql, type Dialect } from './index.ts';

beforeAll(loadSql);

/**
 * The kinds: `read` and `complex` go to a replica; `write`, `bulk`, `ddl`, `other` (unknown) to the primary; `pin` is unknown or a write,
 * and keeps its session; `tx` is transaction control.
 */
const KINDS: Readonly<Record<string, { types: readonly string[]; pins?: boolean }>> = {
  read: { types: ['read_simple'], pins: false },
  complex: { types: ['read_complex'], pins: false },
  write: { types: ['write_simple'], pins: false },
  bulk: { types: ['write_bulk'] },
  ddl: { types: ['ddl'], pins: false },
  other: { types: ['unknown'], pins: false },
  pin: { types: ['unknown', 'write_simple', 'ddl'], pins: true },
  tx: { types: ['transaction'] },
};

function table(dialect: Dialect, text: string): void {
  const rows = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  it.each(rows.map((row) => row.split(' | ').map((cell) => cell.trim())))('%s | %s | %s', (kind, tables, ...rest) => {
    const found = classify(rest.join(' | ').replaceAll('\\n', '\n'), dialect);
    const expected = KINDS[kind]!;
    expect(expected.types, found.reasons.join('; ')).toContain(found.queryType);
    expect(found.target).toBe(kind === 'read' || kind === 'complex' ? 'replica' : 'primary');
    if (expected.pins !== undefined) expect(found.pinsSession).toBe(expected.pins);
    expect(found.tables.join(' ')).toBe(tables === '-' ? '' : tables);
  });
}

describe('PostgreSQL', () => {
  table(
    'postgresql',
    String.raw`
    read | t | TABLE t
    read | - | VALUES (1), (2)
    read | - | SHOW search_path
    read | t | SELECT lower(a), count(*) FROM t
    read | t | SELECT count(*) FILTER (WHERE a > 0) OVER (PARTITION BY b ORDER BY c) FROM t
    read | t | (SELECT * FROM t)
    read | t | SELECT * FROM ONLY t TABLESAMPLE system (10)
    read | - | SELECT * FROM generate_series(1, 3) g
    read | - | SELECT now(), current_user, CURRENT_DATE, random(), gen_random_uuid()
    read | - | SELECT EXTRACT(year FROM now()), position('a' in 'b'), trim(both from ' x '), overlay('a' placing 'b' from 1)
    read | - | SELECT pg_catalog.lower('A'), CAST('1' AS int), '1'::numeric(10,2)
    read | - | SELECT ARRAY[1,2], ROW(1,2), (ARRAY[1])[1], '{"a":1}'::jsonb -> 'a'
    read | - | SELECT CASE WHEN true THEN 1 END, COALESCE(NULL, 1), GREATEST(1, 2), NULLIF(1, 2)
    read | t | SELECT * FROM t WHERE EXISTS (SELECT 1 FROM t) AND a = ANY ($1)
    read | t | SELECT * FROM t WHERE data ? 'key' AND data ?| array['a'] AND b = $1
    read | t | SELECT * FROM t WHERE a = ? AND b = ?
    read | t | SELECT * FROM t WHERE a = :name
    read | t | SELECT * FROM t WHERE a IS DISTINCT FROM 1
    read | - | SELECT xmlelement(name a), xmlserialize(content '<a/>' as text)
    read | - | SELECT json_object('a' : 1), json_array(1, 2), JSON_VALUE('{}', '$.a')
    read | - | SELECT a FROM JSON_TABLE('[]', '$[*]' COLUMNS (a int PATH '$')) AS j
    read | - | SELECT pg_size_pretty(pg_total_relation_size('t')), current_setting('work_mem')
    read | - | SELECT $$; DELETE FROM t$$
    read | - | SELECT regclass('t'), int4('1')
    read | t | SELECT * FROM t ORDER BY a FETCH FIRST 1 ROW WITH TIES
    read | t | EXPLAIN (COSTS OFF) UPDATE t SET a = 1
    read | t | EXPLAIN (FORMAT json) SELECT nextval('s') FROM t
    complex | a b | SELECT * FROM a, b
    complex | a b | SELECT * FROM a NATURAL LEFT JOIN b
    complex | a b | SELECT * FROM a CROSS JOIN LATERAL (SELECT * FROM b) x
    complex | t | SELECT a, count(*) FROM t GROUP BY ROLLUP (a)
    complex | t u | WITH RECURSIVE c AS (SELECT * FROM t UNION ALL SELECT * FROM u JOIN c ON true) SELECT * FROM c
    complex | t | WITH t AS (SELECT * FROM t) SELECT * FROM t
    complex | a b | SELECT * FROM a EXCEPT SELECT * FROM b
    complex | s.t | WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x, s.t
    write | - | SELECT nextval('s')
    other | - | SELECT my_function(1)
    other | - | SELECT public.lower('a')
    write | - | SELECT U&"n\0065xtval"('s')
    write | - | SELECT "nextval"('s')
    write | - | SELECT pg_catalog.nextval('s')
    write | - | SELECT txid_current()
    write | - | SELECT pg_current_xact_id()
    write | - | SELECT setval('s', 1)
    write | - | SELECT pg_notify('a', 'b')
    other | - | SELECT query_to_xml('DELETE FROM t', true, true, '')
    other | - | SELECT pg_terminate_backend(1)
    other | - | SELECT pg_reload_conf(), pg_switch_wal()
    write | - | SELECT lo_create(0), lo_unlink(1)
    write | - | SELECT lo_export(1, '/tmp/x')
    other | - | SELECT pg_read_file('x')
    other | - | SELECT dblink_exec_all('a')
    other | t | SELECT * FROM t WHERE f(a)
    other | - | SELECT * FROM f()
    other | - | SELECT * FROM ROWS FROM (generate_series(1,2), f())
    other | t | SELECT count(*) FILTER (WHERE f(a)) FROM t
    other | t | SELECT sum(a) OVER (ORDER BY f(a)) FROM t
    other | t | SELECT * FROM t ORDER BY f(a) LIMIT (SELECT f(1))
    pin | - | SELECT pg_advisory_lock(1)
    pin | - | SELECT pg_try_advisory_xact_lock(1)
    pin | - | SELECT set_config('a.b', 'c', false)
    pin | - | SELECT currval('s')
    pin | - | SELECT lastval()
    pin | - | SELECT setseed(0.5)
    pin | - | SET search_path TO a
    pin | - | SET LOCAL work_mem = '1MB'
    pin | - | SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
    pin | - | SET TRANSACTION READ ONLY
    pin | - | RESET ALL
    pin | - | DISCARD ALL
    pin | - | LISTEN a
    pin | - | UNLISTEN *
    other | - | NOTIFY a
    pin | - | PREPARE p AS SELECT 1
    pin | - | EXECUTE p
    pin | - | DEALLOCATE p
    pin | t | DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t
    pin | - | FETCH 1 FROM c
    pin | - | CLOSE c
    pin | - | LOAD 'x'
    pin | t | LOCK TABLE t
    pin | - | DO $$ BEGIN END $$
    pin | - | CALL p(1)
    pin | x | CREATE TEMP TABLE x (a int)
    pin | x t | CREATE TEMPORARY TABLE x AS SELECT * FROM t
    pin | x t | SELECT * INTO TEMP x FROM t
    pin | pg_temp.x | SELECT * FROM pg_temp.x
    pin | pg_cursors | SELECT * FROM pg_cursors
    pin | v | CREATE TEMP VIEW v AS SELECT 1
    write | t | WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x
    write | t | SELECT * FROM t FOR UPDATE
    write | t | SELECT 1 FROM (SELECT 1 FROM t FOR SHARE) x
    write | t | SELECT (SELECT a FROM t LIMIT 1 FOR UPDATE)
    write | t | INSERT INTO t DEFAULT VALUES
    write | t | UPDATE ONLY t SET a = 1 RETURNING *
    write | t u | UPDATE t SET a = u.a FROM u WHERE u.id = t.id
    write | t u | DELETE FROM t USING u WHERE u.id = t.id
    write | t | EXPLAIN ANALYZE UPDATE t SET a = 1
    write | t | EXPLAIN (ANALYZE true, BUFFERS) WITH x AS (DELETE FROM t RETURNING 1) SELECT 1
    bulk | t u | INSERT INTO t SELECT * FROM u
    bulk | t | COPY t FROM STDIN
    bulk | t | COPY t TO STDOUT
    bulk | t | COPY (SELECT * FROM t) TO PROGRAM 'cat'
    ddl | x t | CREATE TABLE x AS SELECT * FROM t
    ddl | x | EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1
    ddl | v t | CREATE VIEW v AS SELECT * FROM t
    ddl | t | CREATE INDEX i ON t (a)
    ddl | s.t u | DROP TABLE s.t, u
    ddl | t u | TRUNCATE t, u
    ddl | - | CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END
    ddl | t | ALTER TABLE t RENAME TO u
    ddl | - | GRANT SELECT ON ALL TABLES IN SCHEMA a TO b
    ddl | - | ALTER SYSTEM SET a = 1
    ddl | - | REINDEX DATABASE a
    ddl | v | REFRESH MATERIALIZED VIEW v
    other | - | VACUUM
    other | - | ANALYZE t
    other | - | CHECKPOINT
    other | - | SELECT FROM FROM
    other | - | SELECT 1 AS
    tx | - | BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
    tx | - | ABORT
    tx | - | END
    tx | - | PREPARE TRANSACTION 'x'
    tx | - | COMMIT PREPARED 'x'
    tx | - | COMMIT AND CHAIN
    read | t | SELECT * FROM t WHERE a LIKE 'x\_y' ESCAPE '\'
    read | t | SELECT * FROM t -- FOR UPDATE
    read | t | SELECT * FROM t /* FOR UPDATE */`,
  );

  it('tells the details of transaction control', () => {
    const details = (sql: string): unknown => classify(sql, 'postgresql').transaction;
    expect(details('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')).toEqual({
      action: 'begin',
      readOnly: true,
      isolation: 'repeatable read',
    });
    expect(details('START TRANSACTION READ WRITE')).toEqual({ action: 'begin', readOnly: false });
    expect(details('COMMIT AND CHAIN')).toEqual({ action: 'commit', chain: true });
    for (const sql of ['COMMIT', 'ABORT', 'COMMIT AND CHAIN', "PREPARE TRANSACTION 'x'"])
      expect(classify(sql, 'postgresql').pinsSession).toBe(true);
    expect(classify("COMMIT PREPARED 'x'", 'postgresql').pinsSession).toBe(false);
    expect(details("PREPARE TRANSACTION 'x'")).toEqual({ action: 'prepare', name: 'x' });
    expect(details('ROLLBACK AND NO CHAIN')).toEqual({ action: 'rollback' });
  });

  it('wants both readings of a backslash before a quote to be reads', () => {
    // With standard_conforming_strings off, the call stands outside the strings.
    expect(classify(String.raw`SELECT 'it\'`, 'postgresql').target).toBe('replica');
    expect(classify(String.raw`SELECT '\', nextval($$s$$), $$'$$`, 'postgresql').target).toBe('primary');
    expect(classify(String.raw`SELECT '\'', nextval($$s$$), $$'$$`, 'postgresql').target).toBe('primary');
  });
});

describe('MySQL and MariaDB', () => {
  table(
    'mysql',
    String.raw`
    read | t | TABLE t
    read | - | VALUES ROW(1, 2)
    read | t | (SELECT * FROM t)
    read | t | SELECT SQL_NO_CACHE * FROM t USE INDEX (i) WHERE a = "x"
    read | t | SELECT COUNT(*), IF(a, 1, 2), LEFT(b, 1), CAST(c AS CHAR(10)), CONVERT(d, DECIMAL(10,2)) FROM t
    read | t | SELECT * FROM t PARTITION (p0) WHERE MATCH(a) AGAINST ('x' IN BOOLEAN MODE)
    read | Db.T | SELECT * FROM Db.T
    read | - | SELECT NOW(), CURRENT_USER(), UUID(), RAND(), @@version, @@global.max_connections
    read | - | SELECT EXTRACT(YEAR FROM NOW()), TRIM(LEADING 'x' FROM 'xa'), SUBSTRING('abc' FROM 1 FOR 2), DATE_ADD(NOW(), INTERVAL 1 DAY)
    read | t | SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t
    read | t | SELECT a -> '$.x', a ->> '$.y' FROM t
    read | - | SELECT 'it\'s; DELETE FROM t', "a\"b"
    read | - | SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a INT PATH '$')) AS j
    read | t | SELECT * FROM (SELECT * FROM t) AS d(a, b)
    read | - | SELECT ST_AsText(ST_GeomFromText('POINT(1 1)'))
    read | t | SELECT * FROM t WHERE a = ? AND b = :name
    read | - | SHOW TABLES
    read | - | SHOW FULL COLUMNS FROM t
    read | - | SHOW CREATE TABLE t
    read | - | SHOW VARIABLES LIKE 'a%'
    read | - | DESCRIBE t
    read | - | DESC t a
    read | t | EXPLAIN SELECT * FROM t
    read | t | EXPLAIN FORMAT=JSON SELECT * FROM t
    read | t | EXPLAIN EXTENDED SELECT * FROM t
    read | t | ANALYZE FORMAT=JSON SELECT * FROM t
    read | t | SELECT * FROM t /*!99999 FOR UPDATE */
    read | t | SELECT /*!50000 STRAIGHT_JOIN */ * FROM t
    read | t | SELECT * FROM t # FOR UPDATE
    read | t | SELECT * FROM t -- FOR UPDATE
    complex | a b | SELECT * FROM a, b
    complex | a b | SELECT * FROM a STRAIGHT_JOIN b
    complex | t | WITH c (x) AS (SELECT a FROM t) SELECT * FROM c
    complex | t | WITH RECURSIVE c AS (SELECT 1 UNION ALL SELECT * FROM c) (SELECT * FROM t)
    complex | t | SELECT a FROM t GROUP BY a WITH ROLLUP
    complex | a b | (SELECT * FROM a) UNION (SELECT * FROM b)
    write | t | SELECT * FROM t FOR UPDATE
    write | t | (SELECT * FROM t FOR UPDATE)
    write | t | SELECT * FROM t LOCK IN SHARE MODE
    write | t | SELECT * FROM t /*!50000 FOR UPDATE */
    write | t | SELECT * FROM t /*M! FOR UPDATE */
    write | t | SELECT * FROM t /*! INTO OUTFILE 'x' */
    write | - | SELECT 1 INTO OUTFILE '/tmp/x'
    write | - | SELECT 1 INTO DUMPFILE '/tmp/x'
    pin | - | SELECT NEXTVAL(s)
    write | - | SELECT NEXT VALUE FOR s
    write | - | SELECT s.nextval
    write | t | SELECT * FROM t PROCEDURE ANALYSE()
    write | t | EXPLAIN UPDATE t SET a = 1
    write | t | ANALYZE UPDATE t SET a = 1
    other | - | SELECT f(1)
    other | - | SELECT f (1)
    other | - | SELECT db.lower('A')
    other | t | WITH f(a) AS (SELECT 1 FROM t) SELECT f(a) FROM f
    other | - | SHOW OPEN TABLES WHERE f() = 0
    other | - | SELECT LOAD_FILE('/etc/passwd')
    other | - | SELECT MASTER_POS_WAIT('a', 1)
    other | - | SHOW MASTER STATUS
    other | - | EXPLAIN FOR CONNECTION 5
    other | t | ANALYZE TABLE t
    other | t | OPTIMIZE TABLE t
    other | - | KILL 5
    other | - | CHECK TABLE t
    pin | - | SELECT GET_LOCK('a', 1)
    pin | - | SELECT LAST_INSERT_ID()
    pin | - | SELECT FOUND_ROWS()
    pin | - | SELECT ROW_COUNT()
    pin | t | SELECT SQL_CALC_FOUND_ROWS * FROM t
    pin | - | SELECT @a
    pin | - | SELECT @a := 1
    pin | - | SELECT @@last_insert_id
    pin | t | SELECT a INTO @b FROM t
    pin | - | SHOW WARNINGS
    pin | - | SHOW COUNT(*) ERRORS
    pin | - | SET @a = 1
    pin | - | SET autocommit = 0
    pin | - | SET GLOBAL a = 1
    pin | - | SET STATEMENT max_statement_time = 1 FOR SELECT 1
    pin | - | USE db
    pin | - | LOCK TABLES t WRITE
    pin | - | UNLOCK TABLES
    pin | - | FLUSH TABLES WITH READ LOCK
    pin | - | PREPARE p FROM 'SELECT 1'
    pin | - | EXECUTE p
    pin | - | DEALLOCATE PREPARE p
    pin | - | DROP PREPARE p
    pin | - | HANDLER t OPEN
    pin | - | CALL p()
    pin | - | DO SLEEP(1)
    pin | x | CREATE TEMPORARY TABLE x (a INT)
    pin | t | INSERT INTO t VALUES (@a)
    pin | t | UPDATE t SET a = LAST_INSERT_ID()
    pin | - | BEGIN NOT ATOMIC SELECT 1; END
    write | t | INSERT INTO t SET a = 1
    write | t | INSERT IGNORE INTO t (a) VALUES (1)
    write | t | INSERT INTO t VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a
    write | t | UPDATE LOW_PRIORITY t SET a = 1
    write | t | WITH c AS (SELECT 1) DELETE FROM t
    bulk | t | INSERT INTO t VALUES (1), (2)
    bulk | t u | INSERT INTO t (SELECT * FROM u)
    bulk | t u | REPLACE INTO t SELECT * FROM u
    bulk | t | LOAD DATA INFILE 'x' INTO TABLE t
    ddl | t | CREATE TABLE IF NOT EXISTS t (a INT)
    ddl | t u | DROP TABLE IF EXISTS t, u
    ddl | t | TRUNCATE t
    ddl | t | CREATE INDEX i ON t (a)
    ddl | t | CREATE PROCEDURE p() BEGIN DELETE FROM t; END
    ddl | - | GRANT ALL ON *.* TO 'a'@'b'
    tx | - | BEGIN WORK
    tx | - | START TRANSACTION WITH CONSISTENT SNAPSHOT
    tx | - | COMMIT AND CHAIN
    tx | - | ROLLBACK WORK TO SAVEPOINT s
    tx | - | XA START 'x'
    other | - | SELECT 'a
    other | - | SELECT 1 /* a
    other | - | ſelect 1`,
  );

  it('wants every reading of a text to be a read, whatever the server makes of versions and backslashes', () => {
    // Code on MySQL 8, where a string then hides the lock; a comment on MariaDB, where the lock is seen.
    expect(classify("SELECT * FROM t /*!80000 WHERE a = 'x */ FOR UPDATE /*!80000 ' */", 'mysql').target).toBe('primary');
    // A string under backslash escapes; without them it ends earlier.
    expect(classify(String.raw`SELECT 'a\' INTO OUTFILE '/tmp/x'`, 'mysql').target).toBe('primary');
    expect(classify(String.raw`SELECT 'it\'s'`, 'mysql').target).toBe('replica');
  });

  it('tells the details of transaction control', () => {
    const details = (sql: string): unknown => classify(sql, 'mysql').transaction;
    expect(details('START TRANSACTION READ ONLY')).toEqual({ action: 'begin', readOnly: true });
    expect(details('START TRANSACTION READ WRITE')).toEqual({ action: 'begin', readOnly: false });
    expect(details('ROLLBACK AND CHAIN NO RELEASE')).toEqual({ action: 'rollback', chain: true });
    expect(details('COMMIT AND NO CHAIN')).toEqual({ action: 'commit' });
    expect(details('ROLLBACK TO `a b`')).toEqual({ action: 'rollback_to', name: 'a b' });
  });
});

describe('SQLite', () => {
  table(
    'sqlite',
    String.raw`
    read | t | SELECT * FROM t WHERE a = ?1 AND b = @c
    read | - | VALUES (1), (2)
    read | t | SELECT count(*), max(a), strftime('%Y', b), json_extract(c, '$.x') FROM t
    read | - | SELECT * FROM json_each('[1]')
    read | - | SELECT * FROM pragma_table_info('t')
    read | t | SELECT * FROM "t" WHERE a GLOB 'x*' AND b NOT IN (1)
    read | main.t | SELECT * FROM main.t
    read | - | PRAGMA table_info(t)
    read | - | PRAGMA main.table_info('t')
    read | - | PRAGMA user_version
    read | - | PRAGMA journal_mode
    read | t | EXPLAIN DELETE FROM t
    read | t | SELECT a FROM t WINDOW w AS (ORDER BY a)
    complex | a b | SELECT * FROM a LEFT JOIN b USING (x)
    complex | a b | SELECT * FROM a, b
    complex | t | WITH c(x) AS (SELECT a FROM t) SELECT * FROM c
    pin | - | PRAGMA user_version = 1
    pin | - | PRAGMA journal_mode(WAL)
    pin | - | PRAGMA wal_checkpoint
    pin | - | PRAGMA foreign_keys = ON
    pin | - | EXPLAIN PRAGMA foreign_keys = ON
    pin | - | ATTACH 'x' AS y
    pin | - | DETACH y
    pin | - | SELECT last_insert_rowid()
    pin | - | SELECT changes()
    pin | x | CREATE TEMP TABLE x (a)
    pin | - | SELECT total_changes()
    other | - | SELECT load_extension('x')
    other | - | SELECT "f"(1)
    other | t | WITH f(a) AS (SELECT 1 FROM t) SELECT f(a) FROM f
    other | - | VACUUM INTO 'x'
    other | - | REINDEX
    other | - | ANALYZE
    other | - | SELECT 'x
    write | t | INSERT OR IGNORE INTO t VALUES (1)
    write | t | INSERT INTO t (a) VALUES (1) ON CONFLICT DO UPDATE SET a = 2 RETURNING a
    write | t | UPDATE OR REPLACE t SET a = 1
    write | t | DELETE FROM t RETURNING *
    write | t | WITH c AS (SELECT 1) UPDATE t SET a = 1
    bulk | t u | INSERT INTO t SELECT * FROM u
    bulk | t | INSERT INTO t VALUES (1), (2)
    ddl | t | CREATE TABLE t (a) STRICT
    ddl | t | DROP TABLE IF EXISTS t
    ddl | t u | CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END
    tx | - | BEGIN IMMEDIATE
    tx | - | BEGIN EXCLUSIVE TRANSACTION
    tx | - | END TRANSACTION
    tx | - | COMMIT TRANSACTION
    tx | - | ROLLBACK TRANSACTION TO SAVEPOINT s`,
  );
});
