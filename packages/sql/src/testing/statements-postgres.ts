import { labelled } from './statements.ts';

/** What the statements need. */
export const POSTGRES_SCHEMA = `
CREATE TABLE t (id int PRIMARY KEY, name text, price numeric, tags text[], data jsonb, at timestamptz DEFAULT now());
INSERT INTO t SELECT i, 'n' || i, i * 1.5, ARRAY['a', 'b'], '{"k": 1}', now() FROM generate_series(1, 20) i;
CREATE TABLE u (id int, t_id int, note text); INSERT INTO u SELECT i, i, 'x' FROM generate_series(1, 20) i;
CREATE TABLE "Mixed Case" ("Id" int, "select" int); CREATE TABLE joins (id int); CREATE TABLE exceptions (id int, copy text, note text);
CREATE SEQUENCE s; CREATE VIEW v AS SELECT id, name FROM t; CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t; CREATE SCHEMA app; CREATE TABLE app.t (id int);
CREATE FUNCTION own(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a'; CREATE PROCEDURE proc() LANGUAGE sql AS 'INSERT INTO u VALUES (0, 0, ''p'')';
`;

export const POSTGRES_LABELLED = labelled(String.raw`
Plain reads
read    | SELECT 1
read    | SELECT * FROM t
read    | select id, name from t where id = 3
read    | SELECT * FROM t AS a WHERE a.id BETWEEN 2 AND 4 ORDER BY a.name DESC NULLS LAST LIMIT 2 OFFSET 1
read    | SELECT * FROM public.t
read    | SELECT * FROM app.t
read    | SELECT "Id", "select" FROM "Mixed Case"
read    | SELECT * FROM joins
read    | SELECT copy FROM exceptions WHERE note = 'copy me; DROP TABLE t'
read    | SELECT * FROM t, u WHERE t.id = u.t_id
read    | SELECT DISTINCT name FROM t
read    | SELECT DISTINCT ON (name) name, id FROM t ORDER BY name, id
read    | SELECT ALL id FROM t FETCH FIRST 3 ROWS ONLY
read    | SELECT id FROM t ORDER BY id FETCH FIRST 3 ROWS WITH TIES
write   | SELECT id FROM t ORDER BY id FETCH FIRST 3 ROWS ONLY FOR UPDATE
read    | TABLE t
read    | VALUES (1, 'a'), (2, 'b')
read    | (SELECT 1)
read    | ((SELECT id FROM t))
read    | SELECT
read    | SELECT FROM t
read    | SELECT id FROM ONLY t
read    | SELECT t.* FROM t
read    | SELECT (t).name FROM t
read    | SELECT t FROM t
read    | SELECT 1;
read    | SELECT 1; SELECT 2
read    | ;;SELECT 1;;
Joins, groups, sets, common tables, windows
read    | SELECT * FROM t JOIN u ON u.t_id = t.id
read    | SELECT * FROM t LEFT JOIN u ON u.t_id = t.id WHERE u.id IS NULL
read    | SELECT * FROM t NATURAL JOIN u
read    | SELECT * FROM t FULL OUTER JOIN u USING (id)
read    | SELECT * FROM t CROSS JOIN LATERAL (SELECT * FROM u WHERE u.t_id = t.id) x
read    | SELECT name, count(*), sum(price) FROM t GROUP BY name HAVING count(*) > 0
read    | SELECT name, id, count(*) FROM t GROUP BY GROUPING SETS ((name), (id), ())
read    | SELECT name, grouping(name) FROM t GROUP BY ROLLUP (name)
read    | SELECT id FROM t UNION ALL SELECT id FROM u
read    | SELECT id FROM t INTERSECT SELECT id FROM u
read    | SELECT id FROM t EXCEPT (SELECT id FROM u) ORDER BY 1
read    | WITH a AS (SELECT * FROM t) SELECT * FROM a
read    | WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
read    | WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT x FROM a) TABLE b
read    | WITH u AS (SELECT 1 AS id) SELECT * FROM u
read    | SELECT row_number() OVER w, rank() OVER (PARTITION BY name ORDER BY id) FROM t WINDOW w AS (ORDER BY id)
read    | SELECT sum(price) FILTER (WHERE id > 1) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
read    | SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY price), mode() WITHIN GROUP (ORDER BY name) FROM t
read    | SELECT * FROM t TABLESAMPLE SYSTEM (50)
read    | SELECT * FROM t TABLESAMPLE BERNOULLI (50) REPEATABLE (1)
read    | SELECT id FROM t WHERE id IN (SELECT t_id FROM u) AND EXISTS (SELECT FROM u WHERE u.id = t.id)
read    | SELECT id FROM t WHERE id = ANY (ARRAY[1, 2]) OR id > ALL (SELECT 1)
read    | SELECT ARRAY(SELECT id FROM t), (SELECT max(id) FROM u)
Expressions, built-in functions, types
read    | SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, coalesce(name, 'x'), nullif(id, 1), greatest(id, 2) FROM t
read    | SELECT data->>'k', data #> '{k}', data @> '{"k": 1}' FROM t
read    | SELECT data ?? 'k', data ??| ARRAY['k'] FROM t
read    | SELECT tags[1], tags[1:2], cardinality(tags), unnest(tags) FROM t
read    | SELECT CAST('1' AS int), '1'::numeric(10, 2), int '1', interval '1 day', now() AT TIME ZONE 'UTC'
read    | SELECT extract(year FROM at), date_trunc('day', at), age(at) FROM t
read    | SELECT substring(name FROM 1 FOR 2), position('n' IN name), trim(BOTH ' ' FROM name), overlay(name PLACING 'x' FROM 1) FROM t
read    | SELECT name LIKE 'n%', name ILIKE 'N_', name SIMILAR TO 'n+', name ~ '^n' FROM t
read    | SELECT now(), current_timestamp, localtime, current_date, statement_timestamp(), clock_timestamp()
read    | SELECT random(), gen_random_uuid(), version(), current_user, current_database(), pg_backend_pid()
read    | SELECT string_agg(name, ',' ORDER BY id), array_agg(id), jsonb_agg(t), json_object_agg(id, name) FROM t
read    | SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(n, o)
read    | SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS x(a, b)
read    | SELECT * FROM json_to_recordset('[{"a": 1}]') AS x(a int, b text)
read    | SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS x(a, b)
read    | SELECT to_tsvector('english', name) @@ to_tsquery('n1') FROM t
read    | SELECT md5(name), encode(sha256(name::bytea), 'hex') FROM t
read    | SELECT to_char(price, '999.99'), format('%s', name), regexp_replace(name, 'n', 'm') FROM t
read    | SELECT (1, 2) < (3, 4), ROW(1, 'a'), (NULL IS DISTINCT FROM 1)
read    | SELECT pg_sleep(0)
read    | SELECT pg_relation_size('t'), pg_size_pretty(1024::bigint), obj_description('t'::regclass)
read    | SELECT has_table_privilege('t', 'SELECT'), to_regclass('t'), pg_get_viewdef('v'::regclass)
read    | SELECT xmlelement(name a, 'b'), xmlforest(1 AS x)
read    | SELECT current_setting('work_mem')
read    | SELECT txid_current_snapshot(), pg_current_snapshot()
read    | SELECT pg_catalog.lower('A'), pg_catalog.count(*) FROM t
read    | SELECT U&'d\0061t\+000061', E'it''s \' ; DELETE', $$; DROP TABLE t$$, $q$a$q$
read    | SELECT 'a'\n'b'
read    | SELECT B'101', X'1F', 1e3, .5
Comments and white space
read    | /* DELETE FROM t */ SELECT 1
read    | -- DROP TABLE t\nSELECT 1
read    | SELECT /* a /* nested */ comment */ 1
read    | \n  SELECT\n1\n
read    | SELECT 1 --
write   | /* SELECT 1 */ DELETE FROM u WHERE id = -1
write   | SELECT id FROM t /* */ FOR /* */ UPDATE
Views, catalogs, settings, plans
read    | SELECT * FROM v
read    | SELECT * FROM m
read    | SELECT * FROM pg_catalog.pg_class LIMIT 1
read    | SELECT * FROM information_schema.tables LIMIT 1
read    | SELECT count(*) FROM pg_stat_activity
read    | SELECT last_value, is_called FROM s
read    | SHOW work_mem
read    | SHOW ALL
read    | SHOW TIME ZONE
read    | EXPLAIN SELECT * FROM t
read    | EXPLAIN (COSTS off, FORMAT json) SELECT * FROM t JOIN u USING (id)
read    | EXPLAIN (ANALYZE false) DELETE FROM t
read    | EXPLAIN DELETE FROM t
read    | EXPLAIN INSERT INTO u VALUES (1, 1, 'x')
read    | EXPLAIN ANALYZE SELECT count(*) FROM t
read    | EXPLAIN (ANALYZE, BUFFERS) SELECT 1
write   | EXPLAIN ANALYZE DELETE FROM u WHERE id = -1
write   | EXPLAIN (ANALYZE true) INSERT INTO u VALUES (1, 1, 'x')
write   | EXPLAIN (ANALYZE off, ANALYZE on) UPDATE u SET id = id
write   | EXPLAIN SELECT * FROM t WHERE id = txid_current()
Locks
write   | SELECT * FROM t WHERE id = 1 FOR UPDATE
write   | SELECT * FROM t FOR NO KEY UPDATE
write   | SELECT * FROM t FOR SHARE
write   | SELECT * FROM t FOR KEY SHARE OF t NOWAIT
write   | SELECT * FROM t JOIN u USING (id) FOR UPDATE OF u SKIP LOCKED
write   | SELECT * FROM (SELECT * FROM t FOR UPDATE) x
write   | WITH a AS (SELECT * FROM t FOR SHARE) SELECT * FROM a
write   | SELECT 1 WHERE EXISTS (SELECT 1 FROM t FOR UPDATE)
write   | SELECT ARRAY(SELECT id FROM t FOR UPDATE)
write   | LOCK TABLE t IN EXCLUSIVE MODE
primary | SELECT 1 FOR UPDATE
primary | SELECT pg_advisory_xact_lock(1)
primary | SELECT pg_try_advisory_lock_shared(1)
primary | SELECT pg_advisory_unlock_all()
Functions that write
write   | SELECT nextval('s')
write   | SELECT pg_catalog.nextval('s'::regclass)
write   | SELECT "nextval"('s')
write   | SELECT U&"n\0065xtval"('s')
write   | SELECT ('s'::regclass).nextval
write   | SELECT q.nextval FROM CAST('s' AS regclass) AS q
write   | SELECT * FROM nextval('s') AS x
write   | SELECT setval('s', 10)
write   | SELECT id, nextval('s') FROM t LIMIT 1
write   | SELECT * FROM t WHERE id = nextval('s')
write   | SELECT * FROM t ORDER BY nextval('s')
write   | VALUES (nextval('s'))
write   | SELECT txid_current()
write   | SELECT pg_current_xact_id()
write   | SELECT lo_creat(-1)
write   | SELECT lo_from_bytea(0, '\x00')
write   | SELECT pg_logical_emit_message(true, 'a', 'b')
write   | SELECT pg_notify('channel', 'x')
primary | SELECT set_config('work_mem', '4MB', true)
primary | SELECT setseed(0.5)
primary | SELECT pg_stat_reset()
primary | SELECT pg_reload_conf()
primary | SELECT query_to_xml('SELECT 1', true, true, '')
unknown | SELECT own(1)
unknown | SELECT public.own(id) FROM t
unknown | SELECT * FROM own(1)
Writes
write   | INSERT INTO u VALUES (1, 1, 'x')
write   | INSERT INTO u (id) SELECT id FROM t
write   | INSERT INTO u VALUES (1), (2), (3)
write   | INSERT INTO u DEFAULT VALUES RETURNING id
write   | INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO NOTHING
write   | INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'
write   | UPDATE t SET name = 'x' WHERE id = 1
write   | UPDATE ONLY t SET name = u.note FROM u WHERE u.t_id = t.id
write   | DELETE FROM u
write   | DELETE FROM u USING t WHERE t.id = u.t_id RETURNING *
write   | MERGE INTO u USING t ON u.t_id = t.id WHEN MATCHED THEN DELETE
write   | WITH d AS (DELETE FROM u WHERE id = -1 RETURNING *) SELECT * FROM d
write   | WITH i AS (INSERT INTO u VALUES (1, 1, 'x')) SELECT 1
write   | WITH x AS (SELECT 1) UPDATE t SET name = 'x'
write   | SELECT * INTO made FROM t
write   | SELECT 1; DELETE FROM u
write   | TRUNCATE u
write   | COPY u FROM '/nowhere'
primary | COPY (SELECT 1) TO STDOUT
Definitions and upkeep
write   | CREATE TABLE made (id int)
write   | CREATE TABLE made AS SELECT * FROM t
write   | CREATE TEMP TABLE made (id int)
write   | CREATE VIEW made AS SELECT 1
write   | CREATE INDEX ON t (name)
write   | ALTER TABLE t ADD COLUMN z int
write   | DROP TABLE IF EXISTS nothing
write   | COMMENT ON TABLE t IS 'x'
write   | GRANT SELECT ON t TO public
write   | REFRESH MATERIALIZED VIEW m
write   | REINDEX TABLE t
write   | VACUUM t
write   | ANALYZE t
write   | CLUSTER t USING t_pkey
write   | CALL proc()
write   | DO $$ BEGIN DELETE FROM u; END $$
write   | NOTIFY channel
write   | LISTEN channel
Session and transaction
primary | SET work_mem = '4MB'
primary | SET LOCAL work_mem = '4MB'
primary | RESET work_mem
primary | DISCARD PLANS
primary | PREPARE p AS SELECT 1
primary | DECLARE c CURSOR WITH HOLD FOR SELECT 1
primary | BEGIN
primary | START TRANSACTION READ ONLY
primary | COMMIT
primary | ROLLBACK
primary | CHECKPOINT
primary | DO $$ BEGIN PERFORM 1; END $$
write   | BEGIN READ WRITE
write   | PREPARE TRANSACTION 'x'
`);
