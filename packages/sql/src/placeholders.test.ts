import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bindPlaceholders,
  compilePlaceholders,
  DIALECTS,
  lex,
  splitStatements,
  SqlError,
  type Dialect,
  type SqlErrorCode,
  type SqlParameters,
} from './index.ts';
import { compileLexed } from './placeholders.ts';

const bind = (sql: string, params: SqlParameters, dialect: Dialect): [string, readonly unknown[]] => {
  const { text, values } = bindPlaceholders(sql, params, dialect);
  return [text, values];
};
const failure = (sql: string, params: SqlParameters | undefined, dialect: Dialect = 'postgresql'): SqlError => {
  try {
    bindPlaceholders(sql, params, dialect);
  } catch (error) {
    expect(error).toBeInstanceOf(SqlError);
    return error as SqlError;
  }
  throw new SqlError('SQL_TEXT_INVALID', `nothing was refused in: ${sql}`);
};
const code = (sql: string, params: SqlParameters | undefined, dialect: Dialect = 'postgresql'): SqlErrorCode =>
  failure(sql, params, dialect).code;

describe('bindPlaceholders', () => {
  it('turns positional placeholders into what each driver wants', () => {
    expect(bind('a = ? AND b = ?', [1, 2], 'postgresql')).toEqual(['a = $1 AND b = $2', [1, 2]]);
    expect(bind('a = ? AND b = ?', [1, 2], 'mysql')).toEqual(['a = ? AND b = ?', [1, 2]]);
    expect(bind('a = ? AND b = ?', [1, 2], 'sqlite')).toEqual(['a = ? AND b = ?', [1, 2]]);
  });

  it('reorders and repeats numbered values where the driver knows only positions', () => {
    expect(bind('$2, $1, $2', ['a', 'b'], 'postgresql')).toEqual(['$2, $1, $2', ['a', 'b']]);
    expect(bind('$2, $1, $2', ['a', 'b'], 'mysql')).toEqual(['?, ?, ?', ['b', 'a', 'b']]);
    expect(bind('?2, ?1', ['a', 'b'], 'sqlite')).toEqual(['?, ?', ['b', 'a']]);
  });

  it('maps names, repeated ones included', () => {
    expect(bind(':a, :b, :a', { b: 2, a: 1 }, 'postgresql')).toEqual(['$1, $2, $1', [1, 2]]);
    expect(bind(':a, :b, :a', { b: 2, a: 1 }, 'sqlite')).toEqual(['?, ?, ?', [1, 2, 1]]);
    expect(bind('@a, $b', { b: 2, a: 1 }, 'sqlite')).toEqual(['?, ?', [1, 2]]);
  });

  it("hands the caller's own array through when nothing has to move", () => {
    const values = [1, 2];
    expect(bindPlaceholders('?, ?', values, 'mysql').values).toBe(values);
    expect(bindPlaceholders('?, ?', values, 'postgresql').values).toBe(values);
  });

  it('leaves strings, comments, identifiers and dollar quotes alone', () => {
    const pg = `SELECT '?', "?", $$?$$, $a$ $1 ? $a$, E'\\'?', :: /* ? /* :x */ */ -- $1 ?`;
    expect(compilePlaceholders(pg, 'postgresql')).toMatchObject({ text: pg, count: 0, style: 'none' });
    const my = "SELECT '?', \"?\", `?`, 'a\\'?', @x /* ? */ # ?";
    expect(compilePlaceholders(my, 'mysql')).toMatchObject({ text: my, count: 0 });
    const lite = `SELECT '?', "?", [?], \`?\` -- ?`;
    expect(compilePlaceholders(lite, 'sqlite')).toMatchObject({ text: lite, count: 0 });
  });

  it('leaves operators of PostgreSQL alone, and unescapes doubled question marks', () => {
    expect(bind("data ?? 'a' AND data ??| ? AND data ??& ?", [1, 2], 'postgresql')).toEqual([
      "data ? 'a' AND data ?| $1 AND data ?& $2",
      [1, 2],
    ]);
    expect(bind("data ? 'a' AND x = ?", [1], 'postgresql')).toEqual(["data ? 'a' AND x = $1", [1]]);
    expect(bind('data ? $1', ['k'], 'postgresql')).toEqual(['data ? $1', ['k']]);
    expect(bind('data ?| ? AND data ?& ?', [1, 2], 'postgresql')).toEqual(['data ?| $1 AND data ?& $2', [1, 2]]);
    expect(bind("data @? '$.a' AND data #- ? AND x LIKE ?||'%'", [1, 2], 'postgresql')).toEqual([
      "data @? '$.a' AND data #- $1 AND x LIKE $2||'%'",
      [1, 2],
    ]);
  });

  it('takes neither casts nor slices for names', () => {
    expect(bind('SELECT a::int, b[1:n], c := 1, :d', { d: 1 }, 'postgresql')).toEqual(['SELECT a::int, b[1:n], c := 1, $1', [1]]);
  });

  it('says how many values were expected and given', () => {
    expect(failure('?, ?', [1])).toMatchObject({
      code: 'SQL_PARAMETERS_COUNT',
      facts: { expected: 2, given: 1 },
      message: expect.stringMatching(/2 placeholders, but 1 value/),
    });
    expect(failure("SELECT '?'", [1]).message).toMatch(/inside quotes/);
    expect(code('?', undefined)).toBe('SQL_PARAMETERS_COUNT');
    expect(code('$2', [1])).toBe('SQL_PARAMETERS_COUNT');
    expect(bind('SELECT 1', [], 'mysql')).toEqual(['SELECT 1', []]);
  });

  it('refuses mixed styles, with the place of the second', () => {
    expect(failure('a = ? AND b = $1', [1])).toMatchObject({ code: 'SQL_PLACEHOLDERS_MIXED', facts: { offset: 14 } });
    expect(code(':a, ?', [1])).toBe('SQL_PLACEHOLDERS_MIXED');
    expect(code('$0', [1])).toBe('SQL_TEXT_INVALID');
  });

  it('refuses unknown and missing names with a suggestion, and the wrong shape of values', () => {
    expect(failure(':customerId', { customerid: 1 }).message).toMatch(/Did you mean "customerId"/);
    expect(failure(':customerId', { customer_id: 1 }).code).toBe('SQL_PARAMETER_UNKNOWN');
    expect(failure(':first, :last', { first: 1 })).toMatchObject({ code: 'SQL_PARAMETER_MISSING', facts: { parameter: 'last' } });
    expect(code(':constructor', {})).toBe('SQL_PARAMETER_MISSING');
    expect(code(':a', [1])).toBe('SQL_PARAMETERS_SHAPE');
    expect(code('?', { a: 1 })).toBe('SQL_PARAMETERS_SHAPE');
  });

  it('allows 65,535 values on PostgreSQL and MySQL, and 32,766 on SQLite', () => {
    const text = (count: number): string => `IN (${Array(count).fill('?').join(',')})`;
    const values = (count: number): number[] => Array<number>(count).fill(1);
    expect(bind(text(65_535), values(65_535), 'postgresql')[1]).toHaveLength(65_535);
    expect(code(text(65_536), values(65_536), 'postgresql')).toBe('SQL_PARAMETERS_LIMIT');
    expect(code(text(65_536), values(65_536), 'mysql')).toBe('SQL_PARAMETERS_LIMIT');
    expect(code(text(32_767), values(32_767), 'sqlite')).toBe('SQL_PARAMETERS_LIMIT');
  });

  it('refuses several statements with parameters, and NUL in the text', () => {
    expect(failure('SELECT ?; DROP TABLE t', [1])).toMatchObject({ code: 'SQL_STATEMENTS_SEVERAL', facts: { statementCount: 2 } });
    expect(bind('SELECT 1; SELECT 2', [], 'postgresql')[0]).toBe('SELECT 1; SELECT 2');
    expect(bind('SELECT ?;', [1], 'postgresql')[0]).toBe('SELECT $1;');
    expect(code('SELECT 1\0; DROP TABLE t', [])).toBe('SQL_TEXT_INVALID');
  });

  it('refuses values that databases cannot store, by position or name, and never shows them', () => {
    const values: [unknown, RegExp][] = [
      [undefined, /is undefined; pass null/],
      [NaN, /is NaN/],
      [-Infinity, /is infinite/],
      [2 ** 53, /beyond 2\^53.*bigint/],
      [Symbol('secret'), /is a symbol/],
      [() => 'secret', /is a function/],
      ['secret\0', /NUL/],
      ['secret\ud800', /lone surrogate/],
      [new Date(NaN), /invalid Date/],
      [[1, ['secret', undefined]], /element \[1\] that has an element \[1\] that is undefined/],
    ];
    for (const [value, message] of values) {
      expect(failure('?, ?', [null, value])).toMatchObject({
        code: 'SQL_PARAMETER_INVALID',
        facts: { parameter: 2 },
        message: expect.stringMatching(message),
      });
      const named = failure(':x', { x: value });
      expect(named.message).toMatch(/":x"/);
      expect(JSON.stringify([named.message, named.facts])).not.toContain('secret');
    }
    const deep: unknown[] = [];
    deep.push(deep);
    expect(code('?', [deep])).toBe('SQL_PARAMETER_INVALID');
  });

  it('accepts null, bigint, big decimals, text, dates, bytes, arrays and plain objects', () => {
    const values = [null, 2n ** 64n, 1.5, -0, 1e300, '', 'ünï 😀', new Date(0), new Uint8Array([0]), [1, [2]], { a: 1 }, true];
    expect(bindPlaceholders(values.map(() => '?').join(), values, 'postgresql').values).toBe(values);
  });

  it('of a text without marks says what lexing it would', () => {
    const piece = fc.constantFrom(
      ...`SELECT a ( ) , 1 'x' ' " \` -- # /* */ /*! /*M! E' \\ [ ] \n FROM BEGIN CREATE TRIGGER END`.split(' '),
      '\u00a0',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.constantFrom(...DIALECTS), (pieces, dialect) => {
        const sql = pieces.join(' ');
        const lexed = lex(sql, dialect);
        expect(compilePlaceholders(sql, dialect)).toEqual(compileLexed(lexed, splitStatements(lexed).length));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not lex a megabyte of values, so that this test ends', { timeout: 10_000 }, () => {
    for (let number = 0; number < 40; number++)
      for (const dialect of DIALECTS)
        expect(compilePlaceholders(`SELECT ${number} IN (${'1,'.repeat(500_000)}1)`, dialect)).toMatchObject({
          style: 'none',
          statementCount: 1,
        });
  });

  it('compiles a text once', () => {
    expect(compilePlaceholders('SELECT ?', 'postgresql')).toBe(compilePlaceholders(`SELECT ${'?'}`, 'postgresql'));
    expect(compilePlaceholders('SELECT ?', 'postgresql')).not.toBe(compilePlaceholders('SELECT ?', 'mysql'));
  });

  it('changes nothing but placeholder tokens, in any text', () => {
    const piece = fc.constantFrom(
      "'?'",
      "'a''?'",
      '"?"',
      '/* ? */',
      '-- ?\n',
      '$$ ? $$',
      '?',
      ' ',
      'a',
      ',',
      '=',
      '(',
      ')',
      '`?`',
      '[?]',
      ';',
      "E'\\'?'",
      '||',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom(...DIALECTS), (pieces, dialect) => {
        // Outside PostgreSQL a dollar sign begins a name.
        fc.pre(dialect === 'postgresql' || !pieces.some((each) => each.includes('$')));
        const sql = pieces.join('');
        const { text, count } = compilePlaceholders(sql, dialect);
        // The same pass over the answer: what was a string or comment still is, with the same content.
        const before = lex(sql, dialect);
        const after = lex(text, dialect);
        const kept = (lexed: typeof before): string[] =>
          lexed.tokens
            .filter((token) => token.kind === 'string' || token.kind === 'quoted')
            .map((token) => lexed.sql.slice(token.start, token.end));
        expect(kept(after)).toEqual(kept(before));
        expect(after.comments.map((comment) => text.slice(comment.start, comment.end))).toEqual(
          before.comments.map((comment) => sql.slice(comment.start, comment.end)),
        );
        expect(count).toBe(before.tokens.filter((token) => token.kind === 'placeholder').length);
      }),
      { numRuns: 1000 },
    );
  });
});
