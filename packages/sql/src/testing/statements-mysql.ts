import { labelled } from './statements.ts';

/** What the statements need, one statement each. */
export const MYSQL_SCHEMA: readonly string[] = [
  'CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(50), price DECIMAL(10, 2), data JSON, at DATETIME DEFAULT NOW(), FULLTEXT (name))',
  `INSERT INTO t (id, name, price, data) VALUES (1, 'n1', 1.5, '{"k": 1}'), (2, 'n2', 3, '{"k": 2}'), (3, 'n3', 4.5, '{"k": 3}')`,
  'CREATE TABLE u (id INT, t_id INT, note VARCHAR(50))',
  "INSERT INTO u VALUES (1, 1, 'x'), (2, 2, 'y')",
  'CREATE TABLE `Mixed Case` (`Id` INT, `select` INT)',
  'CREATE TABLE joins (id INT)',
  'CREATE TABLE exceptions (id INT, `update` INT, note VARCHAR(50))',
  'CREATE SEQUENCE s',
  'CREATE VIEW v AS SELECT id, name FROM t',
  'CREATE PROCEDURE proc() INSERT INTO u VALUES (0, 0, NULL)',
];

/** `@@` stands for the database. */
export const MYSQL_LABELLED = labelled(String.raw`
Plain reads
read    | SELECT 1
read    | select id, name from t where id = 3
read    | SELECT * FROM t AS a WHERE a.id BETWEEN 2 AND 4 ORDER BY a.name DESC LIMIT 2 OFFSET 1
read    | SELECT * FROM t LIMIT 1, 2
read    | SELECT * FROM @@.t
read    | SELECT ${'`'}Id${'`'}, ${'`'}select${'`'} FROM ${'`'}Mixed Case${'`'}
read    | SELECT * FROM joins
read    | SELECT ${'`'}update${'`'} FROM exceptions WHERE note = 'x for update'
read    | SELECT e.update FROM exceptions e
read    | SELECT * FROM t, u WHERE t.id = u.t_id
read    | SELECT DISTINCT name FROM t
read    | SELECT DISTINCTROW name FROM t
read    | SELECT SQL_NO_CACHE HIGH_PRIORITY id FROM t
read    | SELECT STRAIGHT_JOIN t.id FROM t JOIN u
read    | VALUES (1, 'a'), (2, 'b')
read    | (SELECT 1)
read    | ((SELECT id FROM t))
read    | SELECT t.* FROM t
read    | SELECT 1 FROM DUAL
read    | SELECT 1;
read    | SELECT id FROM t USE INDEX (PRIMARY) USE INDEX FOR ORDER BY (PRIMARY)
Joins, groups, sets, common tables, windows
read    | SELECT * FROM t JOIN u ON u.t_id = t.id
read    | SELECT * FROM t LEFT OUTER JOIN u ON u.t_id = t.id WHERE u.id IS NULL
read    | SELECT * FROM t NATURAL JOIN u
read    | SELECT * FROM t STRAIGHT_JOIN u ON t.id = u.id
read    | SELECT name, COUNT(*), SUM(price) FROM t GROUP BY name WITH ROLLUP
read    | SELECT name, COUNT(*) FROM t GROUP BY name HAVING COUNT(*) > 0 ORDER BY NULL
read    | SELECT id FROM t UNION ALL SELECT id FROM u
read    | (SELECT id FROM t) UNION (SELECT id FROM u) ORDER BY 1 LIMIT 1
read    | SELECT id FROM t INTERSECT SELECT id FROM u
read    | SELECT id FROM t EXCEPT SELECT id FROM u
read    | WITH a AS (SELECT * FROM t) SELECT * FROM a
read    | WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
read    | SELECT ROW_NUMBER() OVER w, RANK() OVER (PARTITION BY name ORDER BY id) FROM t WINDOW w AS (ORDER BY id)
read    | SELECT * FROM t PROCEDURE_LIKE
read    | SELECT id FROM t WHERE id IN (SELECT t_id FROM u) AND EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
read    | SELECT (SELECT MAX(id) FROM u), id > ALL (SELECT 1) FROM t
read    | SELECT * FROM (SELECT id FROM t) x
Expressions and functions
read    | SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, COALESCE(name, 'x'), IFNULL(id, 1), IF(id > 1, 2, 3), GREATEST(id, 2) FROM t
read    | SELECT JSON_EXTRACT(data, '$.k'), JSON_VALUE(data, '$.k'), JSON_OBJECT('a', 1) FROM t
read    | SELECT CAST('1' AS SIGNED), CONVERT('1', DECIMAL(10, 2)), CONVERT(name USING utf8mb4) FROM t
read    | SELECT EXTRACT(YEAR FROM at), DATE_FORMAT(at, '%Y'), DATE_ADD(at, INTERVAL 1 DAY), at + INTERVAL '1:1' MINUTE_SECOND FROM t
read    | SELECT SUBSTRING(name FROM 1 FOR 2), POSITION('n' IN name), TRIM(BOTH ' ' FROM name), INSERT(name, 1, 1, 'x'), REPLACE(name, 'n', 'm') FROM t
read    | SELECT name LIKE 'n%' ESCAPE '!', name REGEXP '^n', name RLIKE 'n', NOT name <=> NULL FROM t
read    | SELECT NOW(), CURRENT_TIMESTAMP, CURDATE(), UTC_TIMESTAMP(), SYSDATE()
read    | SELECT RAND(), UUID(), VERSION(), USER(), DATABASE(), CONNECTION_ID()
read    | SELECT GROUP_CONCAT(DISTINCT name ORDER BY id SEPARATOR ','), COUNT(DISTINCT id, name) FROM t
read    | SELECT MATCH (name) AGAINST ('n1' IN BOOLEAN MODE) FROM t
read    | SELECT MD5(name), SHA2(name, 256), HEX(name), INET_ATON('1.2.3.4') FROM t
read    | SELECT 1 DIV 2, 5 MOD 3, 1 XOR 0, 1 << 2, ~1, !1, 1 || 0, 1 && 1
read    | SELECT "text", 'it''s', 'it\'s; DELETE', _utf8mb4'x', N'x', X'4D', b'101', 0x4D, 1e3
read    | SELECT 'a' 'b'
read    | SELECT @@version, @@global.max_connections, @@session.sql_mode
read    | SELECT SLEEP(0), BENCHMARK(1, 1)
read    | SELECT ST_AsText(ST_GeomFromText('POINT(1 1)'))
read    | SELECT DEFAULT(at) FROM t
read    | SELECT 1--1
read    | SELECT 1 -- 1
Comments
read    | /* DELETE FROM t */ SELECT 1
read    | # DROP TABLE t\nSELECT 1
read    | -- DROP TABLE t\nSELECT 1
read    | SELECT /*! 1 */
read    | SELECT /*!50000 1, */ 2
read    | SELECT 1 /*!99999 FOR UPDATE */
read    | SELECT 1 /*+ MAX_EXECUTION_TIME(1000) */
write   | SELECT * FROM t /*!50000 FOR UPDATE */
write   | /*!50000 DELETE FROM u */
write   | /*M!100000 DELETE FROM u */
write   | /* SELECT 1 */ DELETE FROM u WHERE id = -1
write   | SELECT id FROM t FOR/**/UPDATE
Views, catalogs, plans
read    | SELECT * FROM v
read    | SELECT * FROM information_schema.tables LIMIT 1
read    | SHOW TABLES
read    | SHOW FULL COLUMNS FROM t
read    | SHOW CREATE TABLE t
read    | SHOW INDEX FROM t
read    | SHOW VARIABLES LIKE 'max%'
read    | SHOW GLOBAL STATUS LIKE 'Uptime'
read    | SHOW DATABASES
read    | DESCRIBE t
read    | DESC t name
read    | EXPLAIN t
read    | EXPLAIN SELECT * FROM t
read    | EXPLAIN FORMAT=JSON SELECT * FROM t JOIN u USING (id)
read    | ANALYZE SELECT * FROM t
read    | HELP 'SELECT'
write   | EXPLAIN DELETE FROM u
write   | EXPLAIN UPDATE u SET id = 1
write   | ANALYZE DELETE FROM u WHERE id = -1
primary | SHOW WARNINGS
primary | SHOW PROCESSLIST
Locks
write   | SELECT * FROM t WHERE id = 1 FOR UPDATE
write   | SELECT * FROM t FOR UPDATE SKIP LOCKED
write   | SELECT * FROM t FOR UPDATE NOWAIT
write   | SELECT * FROM (SELECT * FROM t FOR UPDATE) x
primary | SELECT * FROM t LOCK IN SHARE MODE
primary | SELECT GET_LOCK('a', 0)
primary | SELECT RELEASE_LOCK('a')
primary | SELECT IS_FREE_LOCK('a')
write   | LOCK TABLES t WRITE
primary | LOCK TABLES t READ
primary | UNLOCK TABLES
Sequences and session state
write   | SELECT NEXTVAL(s)
write   | SELECT NEXT VALUE FOR s
write   | SELECT SETVAL(s, 10)
primary | SELECT LASTVAL(s)
read    | SELECT * FROM s
primary | SELECT @a
primary | SELECT @a := 1
primary | SELECT id INTO @a FROM t LIMIT 1
primary | SELECT 1 INTO OUTFILE '/nowhere/x'
primary | SELECT LAST_INSERT_ID()
primary | SELECT FOUND_ROWS()
primary | SELECT ROW_COUNT()
primary | SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1
primary | SELECT @@last_insert_id
primary | SET @a = 1
primary | SET SESSION sort_buffer_size = 100000
primary | SET NAMES utf8mb4
primary | USE @@
primary | PREPARE p FROM 'SELECT 1'
primary | DO 1
primary | BEGIN
primary | START TRANSACTION READ ONLY
primary | COMMIT
primary | ROLLBACK
Writes and definitions
write   | INSERT INTO u VALUES (1, 1, 'x')
write   | INSERT u SET id = 1
write   | INSERT INTO u (id) SELECT id FROM t
write   | INSERT INTO u VALUES (1, 1, 'x'), (2, 2, 'y')
write   | INSERT IGNORE INTO u VALUES (1, 1, 'x') ON DUPLICATE KEY UPDATE id = 2
write   | INSERT INTO u VALUES (1, 1, 'x') RETURNING id
write   | REPLACE INTO u VALUES (1, 1, 'x')
write   | UPDATE t SET name = 'x' WHERE id = 1
write   | UPDATE t JOIN u ON u.t_id = t.id SET t.name = u.note
write   | DELETE FROM u
write   | DELETE u FROM u JOIN t ON t.id = u.t_id
write   | DELETE FROM u WHERE id = -1 RETURNING id
write   | TRUNCATE u
write   | CREATE TABLE made (id INT)
write   | CREATE TABLE made AS SELECT * FROM t
write   | CREATE OR REPLACE VIEW made AS SELECT 1
write   | CREATE INDEX made ON t (name)
write   | ALTER TABLE t ADD COLUMN z INT
write   | DROP TABLE t
write   | RENAME TABLE t TO z
write   | ANALYZE TABLE t
write   | OPTIMIZE TABLE t
write   | CALL proc()
write   | CREATE SEQUENCE made
`);
