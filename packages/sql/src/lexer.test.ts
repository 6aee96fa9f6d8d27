import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DIALECTS, lex, parseDialect, SqlError, splitStatements, type Dialect } from './index.ts';

const shown = (sql: string, dialect: Dialect): string[] => {
  const { tokens } = lex(sql, dialect);
  return tokens.map((token) => `${token.kind}:${sql.slice(token.start, token.end)}`);
};
const count = (sql: string, dialect: Dialect): number => splitStatements(lex(sql, dialect)).length;

/** Fragments out of which hostile text is made: every delimiter, and what stands around them. */
const fragment = fc.constantFrom(
  ...`' '' " \` [ ] ( ) ; -- --\n /* */ /*! /*!50000 /*M! /*!99999 # \n \r \\ $$ $a$ $1 ? ?? ?| ?& @? :: := :a : . , E' U&' U&" N' x' select SELECT from t 1 1.5 1e 0x1 .5 @ @@x @' begin end atomic create trigger function case {`.split(
    ' ',
  ),
  ' ',
  '\n',
  'ſ',
  '\ud83d\ude00',
  '\ufeff',
);
const text = fc.oneof(
  fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join('')),
  fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join(' ')),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

describe('lex', () => {
  it('covers any text exactly: between tokens and comments stands nothing but white space', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...DIALECTS), fc.boolean(), (sql, dialect, other) => {
        const lexed = lex(sql, dialect, other ? { backslashEscapes: dialect !== 'mysql', versionedComments: 'comment' } : {});
        const parts = [...lexed.tokens, ...lexed.comments].sort((a, b) => a.start - b.start);
        let at = 0;
        for (const part of parts) {
          expect(part.end).toBeGreaterThan(part.start);
          expect(sql.slice(at, part.start)).toMatch(/^[ \t\n\r\f\v]*$/);
          at = part.end;
        }
        expect(sql.slice(at)).toMatch(/^[ \t\n\r\f\v]*$/);
        splitStatements(lexed);
      }),
      { numRuns: 3000 },
    );
  });

  it('gives a string with doubled quotes, escapes, and prefixes as one token', () => {
    for (const sql of ["'it''s'", "E'\\''", "U&'d\\0061t'", "N'x'", "X'1f'", "b'01'", '$$a;b$$', '$x$ $$ $x$'])
      expect(shown(sql, 'postgresql')).toEqual([`string:${sql}`]);
    for (const sql of ["'a\\'b'", '"a\\"b"', "'it''s'", "_x'"]) expect(shown(sql, 'mysql')[0]).toMatch(/^(string|word)/);
    expect(shown("'a\\'", 'postgresql')).toEqual(["string:'a\\'"]);
    expect(shown("'a\\'", 'sqlite')).toEqual(["string:'a\\'"]);
    expect(lex("'a\\'", 'mysql').problem).toBe('unterminated string');
  });

  it('nests comments in PostgreSQL only', () => {
    expect(shown('/* a /* b */ c */ 1', 'postgresql')).toEqual(['number:1']);
    expect(shown('/* a /* b */ c', 'mysql')).toEqual(['word:c']);
    expect(shown('/* a /* b */ c', 'sqlite')).toEqual(['word:c']);
    expect(lex('/*/ 1', 'postgresql').problem).toBe('unterminated comment');
  });

  it('takes dashes for a comment in MySQL only before white space', () => {
    expect(shown('1--1', 'mysql')).toEqual(['number:1', 'operator:-', 'operator:-', 'number:1']);
    expect(shown('1-- 1', 'mysql')).toEqual(['number:1']);
    expect(shown('1--1', 'postgresql')).toEqual(['number:1']);
    expect(shown('1 # 2', 'mysql')).toEqual(['number:1']);
    expect(shown('1 # 2', 'postgresql')).toEqual(['number:1', 'operator:#', 'number:2']);
  });

  it('ends a line comment at a carriage return in PostgreSQL alone', () => {
    expect(shown('-- a\rb', 'postgresql')).toEqual(['word:b']);
    expect(shown('-- a\rb', 'mysql')).toEqual([]);
    expect(shown('-- a\rb', 'sqlite')).toEqual([]);
  });

  it('reads executable comments of MySQL as code, up to the version that no server has', () => {
    expect(shown('/*!50000 a */ b', 'mysql')).toEqual(['executable:/*!50000', 'word:a', 'executable:*/', 'word:b']);
    expect(shown('/*M!100100 a */ b', 'mysql')).toEqual(['executable:/*M!100100', 'word:a', 'executable:*/', 'word:b']);
    expect(shown('/*! a */ b', 'mysql')).toEqual(['executable:/*!', 'word:a', 'executable:*/', 'word:b']);
    expect(shown('/*!99999 a /* x */ y */ b', 'mysql')).toEqual(['word:b']);
    expect(lex('/*!50000 a', 'mysql').problem).toBe('unterminated executable comment');
    expect(shown('/*!50000 a */ b', 'postgresql')).toEqual(['word:b']);
  });

  it('tells quoted identifiers of each dialect', () => {
    expect(shown('"a""b"', 'postgresql')).toEqual(['quoted:"a""b"']);
    expect(shown('U&"n\\0065xtval"', 'postgresql')).toEqual(['quoted:U&"n\\0065xtval"']);
    expect(shown('`a``b` "c"', 'mysql')).toEqual(['quoted:`a``b`', 'string:"c"']);
    expect(shown('[a b] `c` "d"', 'sqlite')).toEqual(['quoted:[a b]', 'quoted:`c`', 'quoted:"d"']);
  });

  it('tells placeholders from operators, casts and slices', () => {
    expect(shown('a::int, :b, c[1:d], $1, ?', 'postgresql').filter((token) => token.startsWith('placeholder'))).toEqual([
      'placeholder::b',
      'placeholder:$1',
      'placeholder:?',
    ]);
    expect(
      shown("a ?| b, a ?& b, a ?? 'x', a @? 'x', a ? 'x', a #- b", 'postgresql').filter((token) => token.startsWith('placeholder')),
    ).toEqual([]);
    expect(shown("? || ?||'x'", 'postgresql')).toEqual(['placeholder:?', 'operator:||', 'placeholder:?', 'operator:||', "string:'x'"]);
    expect(shown('?1 :a @b $c', 'sqlite')).toEqual(['placeholder:?1', 'placeholder::a', 'placeholder:@b', 'placeholder:$c']);
    expect(shown('@a @@b @`c d` :e ?', 'mysql')).toEqual([
      'variable:@a',
      'variable:@@b',
      'variable:@`c d`',
      'placeholder::e',
      'placeholder:?',
    ]);
  });

  it('cuts an operator of PostgreSQL before a comment and before a sign', () => {
    expect(shown('a=-1', 'postgresql')).toEqual(['word:a', 'operator:=', 'operator:-', 'number:1']);
    expect(shown('a@-1', 'postgresql')).toEqual(['word:a', 'operator:@-', 'number:1']);
    expect(shown('a+--1', 'postgresql')).toEqual(['word:a', 'operator:+']);
    expect(shown('a*/*c*/b', 'postgresql')).toEqual(['word:a', 'operator:*', 'word:b']);
  });

  it('reads numbers, and names that begin with a digit in MySQL', () => {
    for (const sql of ['1', '1.5', '.5', '1e5', '1.5e-10', '0x1f'])
      for (const dialect of DIALECTS) expect(shown(sql, dialect)).toEqual([`number:${sql}`]);
    expect(shown('1a', 'mysql')).toEqual(['word:1a']);
    expect(shown('1e+5', 'mysql')).toEqual(['number:1e+5']);
  });

  it('does not take letters that only look like ASCII for keywords', () => {
    expect(lex('ſelect', 'mysql').tokens[0]?.text).toBe('ſelect');
    expect(lex('ＳＥＬＥＣＴ', 'postgresql').tokens[0]?.text).toBe('ＳＥＬＥＣＴ');
    expect(lex('\ufeffSELECT', 'postgresql').tokens[0]?.text).not.toBe('SELECT');
  });

  it('stops at the most tokens that it was asked for', () => {
    const { tokens, problem } = lex('a '.repeat(100), 'sqlite', { maxTokens: 10 });
    expect(tokens).toHaveLength(11);
    expect(problem).toBe('more than 10 tokens');
  });

  it('refuses what is no text, and dialects that it does not know, with a suggestion', () => {
    expect(() => lex(1 as unknown as string, 'mysql')).toThrow(SqlError);
    expect(() => lex('', 'oracle' as Dialect)).toThrow(/Known: postgresql/);
    expect(() => parseDialect('postgre')).toThrow(/Did you mean "postgres"/);
    expect(parseDialect('MariaDB')).toBe('mysql');
  });
});

describe('splitStatements', () => {
  it('counts statements at semicolons only, and not empty ones', () => {
    for (const dialect of DIALECTS) {
      expect(count('', dialect)).toBe(0);
      expect(count(' ; ; /* x */ -- y', dialect)).toBe(0);
      expect(count("select ';' ; select 2;", dialect)).toBe(2);
    }
    expect(count('select $$;$$; select 1', 'postgresql')).toBe(2);
  });

  it('takes a trigger of SQLite, with its body, for one statement', () => {
    const trigger = 'CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN a THEN 1 ELSE 2 END; DELETE FROM u; END';
    expect(count(trigger, 'sqlite')).toBe(1);
    expect(count(`${trigger}; SELECT 1`, 'sqlite')).toBe(2);
  });

  it('takes BEGIN ATOMIC of PostgreSQL, with its body, for one statement', () => {
    const made = 'CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END';
    expect(count(made, 'postgresql')).toBe(1);
    expect(count(`${made}; SELECT 1`, 'postgresql')).toBe(2);
    expect(count('BEGIN; SELECT 1; END', 'postgresql')).toBe(3);
  });

  it('takes a stored program of MySQL, with its body, for one statement', () => {
    expect(count('CREATE PROCEDURE p() BEGIN DELETE FROM t; SELECT 1; END', 'mysql')).toBe(1);
    expect(count('CREATE TABLE t (a int); SELECT 1', 'mysql')).toBe(2);
  });
});
