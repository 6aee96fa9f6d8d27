import { describe, expect, it } from 'vitest';
import { isListen, mayChangeSession } from './session-effects.ts';

describe('what may change a session', () => {
  it.each([
    'SET search_path TO x',
    '/* hi */ -- there\n set x = 1',
    'LISTEN c',
    ';SET x = 1',
    '# hi\nSET x = 1',
    '/* a /* b */ c */ SET x = 1',
    '-- a\rSET x = 1\nSELECT 1',
    'PREPARE p AS SELECT 1',
    'CREATE TEMP TABLE t (a int)',
    "SELECT set_config('a', 'b', false)",
    'SELECT pg_try_advisory_lock(1)',
    "SELECT get_lock('a', 1)",
    'SELECT @a := 1',
    'SELECT 1 /*!50000 INTO @x */',
    'PRAGMA foreign_keys = OFF',
    "ATTACH 'x' AS y",
    'CALL anything()',
  ])('resets after %s', (sql) => expect(mayChangeSession(sql)).toBe(true));

  it.each([
    'SELECT * FROM t',
    'UPDATE t SET a = 1',
    'INSERT INTO settings VALUES (1)',
    'BEGIN',
    'DELETE FROM prepare_list',
    '(SELECT 1)',
    '-- a\r\nSELECT 1',
  ])('saves the round trip after %s', (sql) => expect(mayChangeSession(sql)).toBe(false));
});

describe('a LISTEN', () => {
  it.each(['LISTEN c', 'listen c', '/* a /* b */ c */ LISTEN c', '-- x\n listen "c"', ';; LISTEN c'])('is seen: %s', (sql) => {
    expect(isListen(sql)).toBe(true);
  });

  it.each(["NOTIFY c, 'LISTEN'", 'UNLISTEN c', 'SELECT listen FROM t', '/* LISTEN */ SELECT 1', "SELECT 'LISTEN'"])(
    'is none: %s',
    (sql) => {
      expect(isListen(sql)).toBe(false);
    },
  );
});
