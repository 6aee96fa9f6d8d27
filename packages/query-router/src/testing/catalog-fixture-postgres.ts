/** A PostgreSQL schema in which hardly anything is what it looks like, and statements that use it. */
import type { FreshDatabase } from '@kailash-ts/test-databases/vitest';
import pg from 'pg';

const SCHEMA = `
CREATE SCHEMA other; CREATE SCHEMA hidden;
CREATE SEQUENCE s; CREATE SEQUENCE other.s2;
CREATE TABLE t (id int PRIMARY KEY, name text, total numeric);
INSERT INTO t SELECT i, 'n' || i, i FROM generate_series(1, 10) i;
CREATE TABLE other.u (id int, t_id int);
INSERT INTO other.u SELECT i, i FROM generate_series(1, 10) i;

-- Functions of every volatility, in SQL and PL/pgSQL.
CREATE FUNCTION sql_immutable(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a + 1';
CREATE FUNCTION sql_stable(a int) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) FROM t WHERE id < a';
CREATE FUNCTION sql_volatile_reads(a int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t WHERE id < a';
CREATE FUNCTION sql_volatile_writes(a int) RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (a + 1000) ON CONFLICT DO NOTHING; SELECT 1';
CREATE FUNCTION sql_stable_writes() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT nextval(''public.s'')';
CREATE FUNCTION sql_immutable_writes(a int) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT nextval(''public.s'') + a';
CREATE FUNCTION sql_atomic(a int) RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM t WHERE id < a; END;
CREATE FUNCTION sql_atomic_return(a int) RETURNS int IMMUTABLE RETURN a * 2;
CREATE FUNCTION sql_atomic_writes() RETURNS bigint VOLATILE BEGIN ATOMIC SELECT nextval('public.s'); END;
CREATE FUNCTION sql_return_writes() RETURNS bigint VOLATILE RETURN nextval('public.s');
CREATE FUNCTION sql_locks() RETURNS SETOF int LANGUAGE sql AS 'SELECT id FROM t FOR UPDATE';
CREATE FUNCTION sql_txid() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT txid_current()';
CREATE FUNCTION pl_reads(a int) RETURNS int STABLE LANGUAGE plpgsql AS $$
  DECLARE r record; n int := 0; BEGIN FOR r IN SELECT id FROM t WHERE id < a LOOP n := n + r.id; END LOOP; RETURN n; END $$;
CREATE FUNCTION pl_volatile_reads(a int) RETURNS int LANGUAGE plpgsql AS $$
  DECLARE n int; BEGIN IF a > 5 THEN SELECT count(*) INTO n FROM t; ELSE n := (SELECT max(id) FROM t); END IF; RETURN n; EXCEPTION WHEN division_by_zero THEN RETURN 0; END $$;
CREATE FUNCTION pl_writes(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET name = 'x' WHERE id = a; RETURN 1; END $$;
CREATE FUNCTION pl_writes_in_branch(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF a > 0 THEN PERFORM nextval('public.s'); END IF; RETURN 1; END $$;
CREATE FUNCTION pl_writes_in_default() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint := nextval('public.s'); BEGIN RETURN n; END $$;
CREATE FUNCTION pl_dynamic(a text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; RETURN 1; END $$;
CREATE FUNCTION pl_rowtype(a int) RETURNS text STABLE LANGUAGE plpgsql AS $$ DECLARE r t%ROWTYPE; n t.name%TYPE; BEGIN SELECT * INTO r FROM t WHERE id = a; n := r.name; RETURN n; END $$;
CREATE FUNCTION pl_cursor() RETURNS int STABLE LANGUAGE plpgsql AS $$ DECLARE c CURSOR FOR SELECT id FROM t; n int; BEGIN OPEN c; FETCH c INTO n; CLOSE c; RETURN n; END $$;
CREATE FUNCTION pl_query() RETURNS SETOF t STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM t; END $$;
CREATE FUNCTION pl_calls_writer() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN sql_volatile_writes(1); END $$;
CREATE FUNCTION with_default(a int DEFAULT 1, b int DEFAULT 2) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION default_writes(a bigint DEFAULT nextval('public.s')) RETURNS bigint LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION variadic_reads(VARIADIC a int[]) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT count(*) FROM unnest(a)';
CREATE FUNCTION recursive_reads(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF a < 1 THEN RETURN 0; END IF; RETURN recursive_reads(a - 1); END $$;
CREATE FUNCTION mutual_b(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION mutual_a(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF a < 1 THEN RETURN 0; END IF; RETURN mutual_b(a - 1); END $$;
CREATE OR REPLACE FUNCTION mutual_b(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN mutual_a(a - 1); END $$;
CREATE FUNCTION internal_reads(text) RETURNS text IMMUTABLE STRICT LANGUAGE internal AS 'upper';
CREATE FUNCTION internal_writes() RETURNS bigint STABLE LANGUAGE internal AS 'pg_current_xact_id';

-- Security definer, and search paths.
CREATE FUNCTION other.helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION hidden.helper() RETURNS int LANGUAGE sql AS 'SELECT nextval(''public.s'')::int';
CREATE FUNCTION definer_reads() RETURNS int SECURITY DEFINER SET search_path = other LANGUAGE sql AS 'SELECT helper()';
CREATE FUNCTION definer_writes() RETURNS int SECURITY DEFINER SET search_path = hidden LANGUAGE sql AS 'SELECT helper()';
CREATE FUNCTION definer_plain() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM public.t';
CREATE FUNCTION definer_pl_writes() RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.t WHERE id = -1; RETURN 1; END $$;

-- Overloads: one reads and one writes.
CREATE FUNCTION overloaded(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION overloaded(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT nextval(''public.s'')::int';
-- Shadowing: never reached before pg_catalog's, reached for other types, reached by schema only.
CREATE FUNCTION lower(text) RETURNS text LANGUAGE sql AS 'SELECT nextval(''public.s'')::text';
CREATE FUNCTION length(a text, b int) RETURNS int LANGUAGE sql AS 'SELECT nextval(''public.s'')::int';
CREATE FUNCTION upper(t) RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''public.s'')';
CREATE FUNCTION hidden.round(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT nextval(''public.s'')::numeric';
CREATE FUNCTION quote_ident(a bytea) RETURNS text LANGUAGE sql AS 'SELECT ''read''';
-- Called like a column.
CREATE FUNCTION bump(t) RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''public.s'')';
CREATE FUNCTION label(t) RETURNS text STABLE LANGUAGE sql AS 'SELECT $1.name';

-- Aggregates and operators.
CREATE FUNCTION agg_reads(a int, b int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce(a, 0) + b';
CREATE FUNCTION agg_writes(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN coalesce(a, 0) + b; END $$;
CREATE AGGREGATE sum_reads(int) (SFUNC = agg_reads, STYPE = int);
CREATE AGGREGATE sum_writes(int) (SFUNC = agg_writes, STYPE = int);
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = agg_reads);
CREATE OPERATOR <=== (LEFTARG = int, RIGHTARG = int, FUNCTION = agg_writes);
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION pair_writes(a pair, b pair) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN 1; END $$;
CREATE FUNCTION pair_reads(a pair, b pair) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT ($1).a + ($2).a';
CREATE OPERATOR + (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_writes);
CREATE OPERATOR * (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_reads);
CREATE TABLE pairs (id int, p pair); INSERT INTO pairs VALUES (1, (1, 2));

-- Types: domains with checks, casts, enums.
CREATE FUNCTION check_reads(a int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT a > 0';
CREATE FUNCTION check_writes(a int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN true; END $$;
CREATE DOMAIN positive AS int CHECK (check_reads(VALUE));
CREATE DOMAIN counted AS int CHECK (check_writes(VALUE));
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE moods (id int, m mood, p positive); INSERT INTO moods VALUES (1, 'sad', 1);
CREATE TYPE coin AS (cents int);
CREATE FUNCTION coin_cast(a coin) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN 'coin'; END $$;
CREATE CAST (coin AS text) WITH FUNCTION coin_cast(coin);

-- Views.
CREATE VIEW v_reads AS SELECT id, upper(name) AS name FROM t WHERE id > 0;
CREATE VIEW v_nextval AS SELECT nextval('s') AS n;
CREATE VIEW v_over_view AS SELECT * FROM v_nextval;
CREATE VIEW v_over_reads AS SELECT count(*) FROM v_reads JOIN other.u ON u.t_id = v_reads.id;
CREATE VIEW v_locks AS SELECT id FROM t FOR UPDATE;
CREATE VIEW v_over_locks AS SELECT * FROM v_locks;
CREATE VIEW v_function AS SELECT sql_stable(5) AS n;
CREATE VIEW v_function_writes AS SELECT sql_volatile_writes(5) AS n;
CREATE VIEW v_operator AS SELECT 1 <=== 2 AS n;
CREATE VIEW other.v_other AS SELECT other.helper() AS n;
CREATE VIEW v_settings AS SELECT name FROM pg_catalog.pg_settings;
CREATE MATERIALIZED VIEW m_nextval AS SELECT nextval('s') AS n;
CREATE RECURSIVE VIEW v_recursive (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM v_recursive WHERE n < 3;

-- Triggers, rules, partitions, policies: only what a read meets counts.
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.s'); RETURN NEW; END $$;
CREATE TABLE audited (id int); CREATE TRIGGER a BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TABLE ruled (id int); CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT nextval('public.s');
CREATE TABLE parted (id int, k int) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1); CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE parted_2_1 PARTITION OF parted_2 FOR VALUES IN (1); INSERT INTO parted VALUES (1, 1), (1, 2);
CREATE TABLE guarded (id int); INSERT INTO guarded VALUES (1); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded FOR SELECT USING (id > 0 AND check_reads(id));
CREATE TABLE guarded_writes (id int); INSERT INTO guarded_writes VALUES (1);
ALTER TABLE guarded_writes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON guarded_writes FOR SELECT USING (check_writes(id));
CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO generated VALUES (1);
CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1);
CREATE TABLE "Quoted Table" ("Id" int); CREATE FUNCTION "Quoted Fn"() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION "Quoted Writer"() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''public.s'')';
`;

export async function createPostgresFixture({ url }: FreshDatabase): Promise<void> {
  const admin = new pg.Client(url);
  await admin.connect();
  await admin.query(SCHEMA).finally(() => admin.end());
}

/** Statements; the server itself says which of them only read. */
export const POSTGRES_STATEMENTS: readonly string[] = `
SELECT * FROM t
SELECT t.id, t.name FROM t JOIN other.u ON u.t_id = t.id
SELECT sql_immutable(1)
SELECT sql_stable(1), sql_immutable(id) FROM t
SELECT sql_volatile_reads(3)
SELECT sql_volatile_writes(3)
SELECT sql_stable_writes()
SELECT sql_immutable_writes(1)
SELECT * FROM t WHERE id = sql_immutable_writes(1)
SELECT sql_atomic(3)
SELECT sql_atomic_return(3)
SELECT sql_atomic_writes()
SELECT sql_return_writes()
SELECT sql_locks()
SELECT * FROM sql_locks()
SELECT sql_txid()
SELECT pl_reads(4)
SELECT pl_volatile_reads(4), pl_volatile_reads(7)
SELECT pl_writes(1)
SELECT pl_writes_in_branch(1)
SELECT pl_writes_in_default()
SELECT pl_dynamic('SELECT nextval(''public.s'')')
SELECT pl_rowtype(1)
SELECT pl_cursor()
SELECT * FROM pl_query()
SELECT pl_calls_writer()
SELECT with_default(), with_default(1), with_default(b => 3), with_default(1, 2)
SELECT default_writes()
SELECT variadic_reads(1, 2, 3), variadic_reads(VARIADIC ARRAY[1, 2])
SELECT recursive_reads(3)
SELECT mutual_a(3)
SELECT internal_reads('x')
SELECT internal_writes()
SELECT definer_reads()
SELECT definer_writes()
SELECT definer_plain()
SELECT definer_pl_writes()
SELECT other.helper()
SELECT hidden.helper()
SELECT overloaded(1)
SELECT overloaded(1, 2)
SELECT overloaded(b => 1, a => 2)
SELECT lower('X')
SELECT public.lower('X')
SELECT length('X')
SELECT length('X', 1)
SELECT upper(name) FROM t
SELECT upper(t) FROM t
SELECT upper('x')
SELECT round(1.5)
SELECT hidden.round(1.5)
SELECT quote_ident('x')
SELECT t.bump FROM t
SELECT (t).bump FROM t
SELECT bump(t) FROM t
SELECT t.label FROM t
SELECT t.total FROM t
SELECT ('s'::regclass).nextval
SELECT q.nextval FROM cast('s' AS regclass) q
SELECT sum_reads(id) FROM t
SELECT sum_writes(id) FROM t
SELECT sum_writes(id) OVER (ORDER BY id) FROM t
SELECT 1 === 2
SELECT 1 <=== 2
SELECT 1 OPERATOR(public.<===) 2
SELECT id FROM t ORDER BY id <=== 2
SELECT 1 + 2, 3 * 4
SELECT p + p FROM pairs
SELECT p * p FROM pairs
SELECT (1, 2)::pair + (3, 4)::pair
SELECT id + 1 FROM t
SELECT a.p = b.p FROM pairs a, pairs b
SELECT 1::positive
SELECT 1::counted
SELECT CAST(id AS counted) FROM t
SELECT 'sad'::mood < 'happy'::mood
SELECT m, p FROM moods ORDER BY m
SELECT ROW(1)::coin::text
SELECT * FROM v_reads
SELECT * FROM v_nextval
SELECT * FROM v_over_view
SELECT * FROM v_over_reads
SELECT * FROM v_locks
SELECT * FROM v_over_locks
SELECT * FROM v_function
SELECT * FROM v_function_writes
SELECT * FROM v_operator
SELECT * FROM other.v_other
SELECT * FROM v_settings
SELECT * FROM m_nextval
SELECT * FROM v_recursive
WITH v_nextval AS (SELECT 1) SELECT * FROM v_nextval
WITH q AS (SELECT * FROM v_nextval) SELECT * FROM q
SELECT 1 AS n UNION ALL (WITH v_nextval AS (SELECT 2 AS n) SELECT n FROM v_nextval)
SELECT 1 AS n UNION ALL (WITH q AS (SELECT 2) SELECT n FROM v_nextval)
SELECT (SELECT n FROM v_nextval)
SELECT 1 WHERE EXISTS (SELECT FROM v_nextval)
SELECT * FROM t WHERE id IN (SELECT n FROM v_nextval)
SELECT * FROM audited
SELECT * FROM ruled
SELECT * FROM parted
SELECT * FROM parted_2_1 JOIN parted_1 USING (k)
SELECT * FROM guarded
SELECT * FROM generated
SELECT * FROM parent
SELECT * FROM ONLY parent
SELECT "Id" FROM "Quoted Table"
SELECT "Quoted Fn"()
SELECT "Quoted Writer"()
SELECT U&"\\0051uoted Writer"()
SELECT last_value FROM s
SELECT * FROM information_schema.tables WHERE table_schema = 'public'
SELECT * FROM information_schema.columns LIMIT 1
SELECT c.relname FROM pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
SELECT count(*) FROM pg_stat_activity
SELECT now(), random(), gen_random_uuid()
SELECT to_json(t), row_to_json(t) FROM t
SELECT array_agg(id ORDER BY id DESC), string_agg(name, ',') FROM t
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FROM t
SELECT CASE id WHEN 1 THEN 'a' ELSE 'b' END FROM t
SELECT * FROM t NATURAL JOIN other.u
SELECT id FROM t UNION SELECT id FROM other.u ORDER BY 1
SELECT * FROM generate_series(1, 3) g, LATERAL (SELECT sql_immutable(g)) q
TABLE t
TABLE v_nextval
VALUES (1), (sql_immutable(2))
VALUES (sql_stable_writes())
SHOW search_path
EXPLAIN SELECT * FROM t
EXPLAIN SELECT * FROM v_nextval
EXPLAIN SELECT sql_volatile_writes(1)
EXPLAIN SELECT pl_writes(1)
EXPLAIN SELECT * FROM t WHERE id = sql_stable_writes()
EXPLAIN SELECT * FROM t WHERE id = sql_immutable_writes(1)
EXPLAIN SELECT * FROM t WHERE id = txid_current()
EXPLAIN SELECT * FROM t WHERE id = sql_txid()
EXPLAIN ANALYZE SELECT * FROM v_reads
EXPLAIN ANALYZE SELECT * FROM v_nextval
EXPLAIN INSERT INTO t VALUES (100)
INSERT INTO ruled VALUES (1)
INSERT INTO audited VALUES (1)
UPDATE t SET name = name WHERE id = 1
WITH d AS (DELETE FROM t WHERE id = -1 RETURNING id) SELECT * FROM d
SELECT * FROM t FOR UPDATE
SELECT * FROM t FOR KEY SHARE SKIP LOCKED
SELECT * INTO made FROM t
SELECT nextval('s')
SELECT pg_catalog.nextval('s')
SELECT U&"n\\0065xtval"('s')
`
  .trim()
  .split('\n');
