/** A MariaDB database with views and stored functions that read, and such that write, and statements that use them. */
import { sharedCluster, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';

/** One statement each; `@@` stands for the database. */
const SCHEMA: readonly string[] = [
  'CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(50), v_nextval INT)',
  "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
  'CREATE TABLE u (id INT, t_id INT)',
  'INSERT INTO u VALUES (1, 1)',
  'CREATE TABLE log (id INT)',
  'CREATE TABLE audited (id INT)',
  'CREATE TRIGGER audit BEFORE INSERT ON audited FOR EACH ROW INSERT INTO log VALUES (NEW.id)',
  'CREATE TABLE parted (id INT) PARTITION BY HASH (id) PARTITIONS 4',
  'CREATE TABLE computed (id INT, twice INT AS (id * 2) VIRTUAL)',
  'CREATE SEQUENCE s',
  'CREATE FUNCTION f_pure(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1',
  'CREATE FUNCTION f_reads(a INT) RETURNS INT READS SQL DATA BEGIN DECLARE n, m INT DEFAULT 0; SELECT COUNT(*), MAX(id) INTO n, m FROM t WHERE id < a; SET n = n + 1, m := 2; RETURN (n); END',
  'CREATE FUNCTION f_lies(a INT) RETURNS INT DETERMINISTIC NO SQL BEGIN INSERT INTO log VALUES (a); RETURN a; END',
  'CREATE FUNCTION f_updates(a INT) RETURNS INT DETERMINISTIC BEGIN UPDATE t SET name = name WHERE id = a; RETURN a; END',
  'CREATE FUNCTION f_nextval() RETURNS INT READS SQL DATA RETURN NEXTVAL(s)',
  'CREATE FUNCTION f_locks() RETURNS INT READS SQL DATA BEGIN DECLARE n INT; SELECT id INTO n FROM t WHERE id = 1 FOR UPDATE; RETURN n; END',
  'CREATE FUNCTION f_calls_writer(a INT) RETURNS INT DETERMINISTIC RETURN f_lies(a)',
  'CREATE FUNCTION f_calls_reader(a INT) RETURNS INT READS SQL DATA RETURN f_reads(a) + `f_pure`(a)',
  "CREATE FUNCTION f_control(a INT) RETURNS VARCHAR(20) DETERMINISTIC BEGIN DECLARE i INT DEFAULT 0; WHILE i < a DO SET i = i + 1; END WHILE; IF (i > 3) THEN RETURN 'many'; ELSEIF (i > 1) THEN RETURN 'some'; ELSE CASE i WHEN 0 THEN RETURN 'none'; ELSE RETURN 'one'; END CASE; END IF; END",
  'CREATE FUNCTION f_cursor() RETURNS INT READS SQL DATA BEGIN DECLARE done INT DEFAULT 0; DECLARE n INT; DECLARE c CURSOR FOR SELECT id FROM t; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c; FETCH c INTO n; CLOSE c; RETURN n; END',
  'CREATE FUNCTION f_variable() RETURNS INT NO SQL BEGIN SET @x = 1; RETURN @x; END',
  'CREATE FUNCTION uuid_to_bin(a INT) RETURNS INT DETERMINISTIC BEGIN INSERT INTO log VALUES (a); RETURN a; END',
  'CREATE FUNCTION f_reads_view() RETURNS INT READS SQL DATA RETURN (SELECT MAX(id) FROM v_writes)',
  'CREATE VIEW v_reads AS SELECT id, UPPER(name) AS name FROM t WHERE id > 0',
  'CREATE VIEW v_nextval AS SELECT NEXTVAL(s) AS n',
  'CREATE VIEW v_over AS SELECT n FROM v_nextval',
  'CREATE VIEW v_over_reads AS SELECT COUNT(*) AS n FROM v_reads JOIN u ON u.t_id = v_reads.id',
  'CREATE VIEW v_function AS SELECT f_reads(2) AS n',
  'CREATE VIEW v_writes AS SELECT f_lies(2) AS id',
  'CREATE VIEW v_setval AS SELECT SETVAL(s, 10) AS n',
  'CREATE VIEW v_updatable AS SELECT id FROM u',
  'CREATE VIEW v_system AS SELECT table_name FROM information_schema.tables',
];

/** The administrator creates it, since ordinary users may create no functions; all of it belongs to the ordinary user. */
export async function createMysqlFixture({ url, name }: FreshDatabase): Promise<void> {
  const user = await mysql.createConnection(url);
  const [[definer]] = await user.query<mysql.RowDataPacket[]>("SELECT REPLACE(CURRENT_USER(), '@', \"'@'\") AS name");
  await user.end();
  const admin = await mysql.createConnection({ uri: (await sharedCluster('mysql')).adminUrl, database: name });
  try {
    for (const sql of ["SET sql_mode = 'STRICT_TRANS_TABLES'", ...SCHEMA])
      await admin.query(sql.replaceAll('@@', name).replace(/^CREATE (?=FUNCTION|VIEW)/, `CREATE DEFINER = '${definer!['name']}' `));
  } finally {
    await admin.end();
  }
}

/** Statements; the read-only replica itself says which of them only read. */
export const MYSQL_STATEMENTS: readonly string[] = `
SELECT * FROM t
SELECT t.id, u.id FROM t JOIN u ON u.t_id = t.id
SELECT f_pure(1), F_PURE(2), @@.f_pure(3)
SELECT \`f_pure\`(1)
SELECT f_reads(2) FROM t WHERE id = f_pure(1)
SELECT f_lies(1)
SELECT @@.f_lies(1)
SELECT \`@@\`.\`f_lies\`(1)
SELECT f_lies (1)
SELECT f_updates(1)
SELECT f_nextval()
SELECT f_locks()
SELECT f_calls_writer(1)
SELECT f_calls_reader(1)
SELECT f_control(2)
SELECT f_cursor()
SELECT f_reads_view()
SELECT uuid_to_bin(1)
SELECT * FROM v_reads
SELECT * FROM v_nextval
SELECT * FROM \`v_nextval\`
SELECT * FROM @@.v_nextval
SELECT * FROM v_over
SELECT * FROM v_over_reads
SELECT * FROM v_function
SELECT * FROM v_writes
SELECT * FROM v_setval
SELECT * FROM v_updatable
SELECT * FROM v_system LIMIT 1
WITH q AS (SELECT * FROM v_writes) SELECT * FROM q
SELECT (SELECT n FROM v_nextval)
SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM v_writes)
SELECT id FROM t UNION SELECT n FROM v_nextval
SELECT * FROM /*!50000 v_nextval */
SELECT * FROM audited
SELECT * FROM parted
SELECT * FROM computed
SELECT * FROM s
SELECT COUNT(*), GROUP_CONCAT(name) FROM t GROUP BY id HAVING COUNT(*) > 0
SELECT 1 FROM DUAL
SELECT * FROM information_schema.tables LIMIT 1
SELECT * FROM t LOCK IN SHARE MODE
SELECT * FROM t FOR UPDATE
SELECT NEXTVAL(s)
SELECT NEXT VALUE FOR s
INSERT INTO u VALUES (2, 2)
INSERT INTO audited VALUES (1)
UPDATE v_updatable SET id = id
DELETE FROM u WHERE id = -1
EXPLAIN SELECT * FROM v_reads
DESCRIBE v_writes
SHOW CREATE VIEW v_writes
SHOW TABLES
`
  .trim()
  .split('\n');
