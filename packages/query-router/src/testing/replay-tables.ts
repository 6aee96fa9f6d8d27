/**
 * What the files of PostgreSQL's regression suite find in their database: the tables that its `test_setup` makes, which are not among
 * the labelled files. The rows are our own, and fewer.
 */
const GENERATED = `SELECT (i * 7) % 1000, i, i % 2, i % 4, i % 10, i % 20, i % 100, i % 1000, i % 2000, i % 5000, i, i % 100 * 2 + 1, i % 100 * 2,
  chr(65 + i % 26) || 'AAAAA', chr(65 + i % 20) || 'BAAAA', (ARRAY['AAAAxx', 'HHHHxx', 'OOOOxx', 'VVVVxx'])[i % 4 + 1]
  FROM generate_series(0, 999) i`;
const COLUMNS = `(unique1 int4, unique2 int4, two int4, four int4, ten int4, twenty int4, hundred int4, thousand int4, twothousand int4,
  fivethous int4, tenthous int4, odd int4, even int4, stringu1 name, stringu2 name, string4 name)`;

export const POSTGRES_SUITE_TABLES: readonly string[] = [
  'CREATE TABLE char_tbl (f1 char(4))',
  "INSERT INTO char_tbl VALUES ('a'), ('ab'), ('abcd'), ('abcd    ')",
  'CREATE TABLE float8_tbl (f1 float8)',
  "INSERT INTO float8_tbl VALUES ('0.0'), ('-34.84'), ('-1004.30'), ('-1.2345678901234e+200'), ('-1.2345678901234e-200')",
  'CREATE TABLE int2_tbl (f1 int2)',
  'INSERT INTO int2_tbl VALUES (0), (1234), (-1234), (32767), (-32767)',
  'CREATE TABLE int4_tbl (f1 int4)',
  'INSERT INTO int4_tbl VALUES (0), (123456), (-123456), (2147483647), (-2147483647)',
  'CREATE TABLE int8_tbl (q1 int8, q2 int8)',
  'INSERT INTO int8_tbl VALUES (123, 456), (123, 4567890123456789), (4567890123456789, 123), (4567890123456789, -4567890123456789)',
  'CREATE TABLE point_tbl (f1 point)',
  "INSERT INTO point_tbl VALUES ('(0.0,0.0)'), ('(-10.0,0.0)'), ('(-3.0,4.0)'), ('(5.1,34.5)'), (NULL)",
  'CREATE TABLE text_tbl (f1 text)',
  "INSERT INTO text_tbl VALUES ('doh!'), ('hi de ho neighbor')",
  'CREATE TABLE varchar_tbl (f1 varchar(4))',
  "INSERT INTO varchar_tbl VALUES ('a'), ('ab'), ('abcd')",
  ...['onek', 'onek2', 'tenk1', 'tenk2'].flatMap((table) => [
    `CREATE TABLE ${table} ${COLUMNS}`,
    `INSERT INTO ${table} ${GENERATED}`,
    `CREATE INDEX ${table}_unique1 ON ${table} (unique1)`,
  ]),
  'CREATE TABLE person (name text, age int4, location point)',
  "INSERT INTO person VALUES ('mike', 40, '(3.1,6.2)'), ('joe', 20, '(5.5,2.5)'), ('sally', 34, '(3.8,8.5)')",
  'CREATE TABLE emp (salary int4, manager name) INHERITS (person)',
  "INSERT INTO emp VALUES ('sharon', 25, '(15,12)', 1000, 'sam'), ('sam', 30, '(10,5)', 2000, 'bill')",
  'CREATE TABLE student (gpa float8) INHERITS (person)',
  "INSERT INTO student VALUES ('fred', 28, '(3.1,-1.5)', 3.7), ('larry', 60, '(21.8,4.9)', 3.1)",
  'CREATE TABLE road (name text, thepath path)',
  "INSERT INTO road VALUES ('I- 580', '(1,2),(3,4)'), ('Apricot', '(5,6),(7,8),(9,10)')",
];
