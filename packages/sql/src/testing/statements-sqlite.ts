import { labelled } from './statements.ts';

/** What the statements need. */
export const SQLITE_SCHEMA = `
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price REAL, data TEXT DEFAULT '{"k": 1}');
INSERT INTO t (name, price) VALUES ('n1', 1.5), ('n2', 3), ('n3', 4.5);
CREATE TABLE u (id INTEGER, t_id INTEGER, note TEXT); INSERT INTO u VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE TABLE "Mixed Case" ("Id" INTEGER, "select" INTEGER); CREATE TABLE joins (id INTEGER);
CREATE VIEW v AS SELECT id, name FROM t; CREATE INDEX t_name ON t (name);
CREATE TABLE audited (id INTEGER); CREATE TRIGGER audit AFTER INSERT ON audited BEGIN INSERT INTO u VALUES (NEW.id, 0, 'a'); END;
`;

export const SQLITE_LABELLED = labelled(String.raw`
Reads
read    | SELECT 1
read    | select id, name from t where id = 3
read    | SELECT * FROM t AS a WHERE a.id BETWEEN 2 AND 4 ORDER BY a.name DESC NULLS LAST LIMIT 2 OFFSET 1
read    | SELECT * FROM main.t
read    | SELECT "Id", [select] FROM ${'`'}Mixed Case${'`'}
read    | SELECT * FROM joins
read    | SELECT * FROM t, u WHERE t.id = u.t_id
read    | SELECT DISTINCT name FROM t
read    | VALUES (1, 'a'), (2, 'b')
read    | SELECT * FROM t INDEXED BY t_name WHERE name = 'n1'
read    | SELECT * FROM t JOIN u ON u.t_id = t.id
read    | SELECT * FROM t LEFT JOIN u ON u.t_id = t.id WHERE u.id IS NULL
read    | SELECT * FROM t NATURAL JOIN u
read    | SELECT name, count(*), sum(price), total(price) FROM t GROUP BY name HAVING count(*) > 0
read    | SELECT id FROM t UNION ALL SELECT id FROM u
read    | SELECT id FROM t INTERSECT SELECT id FROM u EXCEPT SELECT 9
read    | WITH a AS (SELECT * FROM t) SELECT * FROM a
read    | WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
read    | WITH a(x) AS (VALUES (1)) SELECT x FROM a
read    | SELECT row_number() OVER w, rank() OVER (PARTITION BY name ORDER BY id) FROM t WINDOW w AS (ORDER BY id)
read    | SELECT id FROM t WHERE id IN (SELECT t_id FROM u) AND EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
read    | SELECT (SELECT max(id) FROM u), CASE WHEN id > 1 THEN 'a' ELSE 'b' END FROM t
read    | SELECT coalesce(name, 'x'), ifnull(id, 1), iif(id > 1, 2, 3), nullif(id, 1) FROM t
read    | SELECT data->>'$.k', json_extract(data, '$.k'), json_object('a', 1) FROM t
read    | SELECT * FROM json_each('[1, 2]')
read    | SELECT CAST('1' AS INTEGER), typeof(1), 1 IS NOT DISTINCT FROM 1
read    | SELECT date('now'), strftime('%Y', 'now'), julianday('now'), current_timestamp
read    | SELECT substr(name, 1, 2), instr(name, 'n'), trim(name), replace(name, 'n', 'm'), upper(name) FROM t
read    | SELECT name LIKE 'n%' ESCAPE '!', name GLOB 'n*', name COLLATE NOCASE FROM t
read    | SELECT random(), hex(randomblob(4)), sqlite_version()
read    | SELECT group_concat(name, ','), count(DISTINCT id) FROM t
read    | SELECT 'it''s; DELETE', x'4D', 0x4D, 1e3, "name" FROM t
read    | SELECT * FROM sqlite_master
read    | SELECT * FROM pragma_table_info('t')
read    | SELECT * FROM v
read    | /* DELETE FROM t */ SELECT 1
read    | -- DROP TABLE t\nSELECT 1
read    | SELECT 1 /* unterminated
read    | SELECT 1;
read    | EXPLAIN SELECT * FROM t
read    | EXPLAIN QUERY PLAN SELECT * FROM t JOIN u USING (id)
read    | EXPLAIN DELETE FROM t
read    | PRAGMA table_info(t)
read    | PRAGMA index_list('t')
read    | PRAGMA user_version
read    | PRAGMA foreign_keys
read    | PRAGMA integrity_check
Writes and definitions
write   | INSERT INTO u VALUES (1, 1, 'x')
write   | INSERT INTO u VALUES (1, 1, 'x'), (2, 2, 'y')
write   | INSERT INTO u SELECT id, id, name FROM t
write   | INSERT INTO u DEFAULT VALUES
write   | INSERT OR REPLACE INTO t (id, name) VALUES (1, 'x')
write   | INSERT INTO t (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y'
write   | INSERT INTO u VALUES (1, 1, 'x') RETURNING id
write   | INSERT INTO audited VALUES (1)
write   | REPLACE INTO t (id, name) VALUES (1, 'x')
write   | UPDATE t SET name = 'x' WHERE id = 1
write   | UPDATE OR IGNORE t SET name = u.note FROM u WHERE u.t_id = t.id
write   | DELETE FROM u
write   | DELETE FROM u WHERE id = -1 RETURNING id
write   | WITH x AS (SELECT 1) DELETE FROM u
write   | WITH x AS (SELECT 1) INSERT INTO u SELECT 1, 1, 'x' FROM x
write   | CREATE TABLE made (id INTEGER)
write   | CREATE TABLE made AS SELECT * FROM t
write   | CREATE VIEW made AS SELECT 1
write   | CREATE INDEX made ON t (price)
write   | CREATE TRIGGER made AFTER INSERT ON t BEGIN DELETE FROM u; END
write   | ALTER TABLE t ADD COLUMN z INTEGER
write   | DROP TABLE u
write   | REINDEX t
write   | ANALYZE
write   | PRAGMA user_version = 5
primary | SELECT last_insert_rowid()
primary | SELECT changes(), total_changes()
primary | CREATE TEMP TABLE made (id INTEGER)
primary | ATTACH ':memory:' AS other
primary | PRAGMA foreign_keys = ON
primary | PRAGMA cache_size(100)
primary | BEGIN
primary | BEGIN IMMEDIATE
primary | COMMIT
primary | ROLLBACK
primary | SAVEPOINT a
`);
