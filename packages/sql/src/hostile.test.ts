/** Texts made to break lexers and parsers: they end as unknown, on the primary, and the work stays in proportion to the text. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Classifier, classify, DIALECTS, lex, loadSql, templateOf, type Dialect } from './index.ts';

beforeAll(loadSql);

const HOSTILE: readonly (readonly [name: string, sql: string])[] = [
  ['100,000 opening parentheses', `SELECT ${'('.repeat(100_000)}`],
  ['100,000 nested parentheses', `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
  ['nested subqueries', `${'(SELECT '.repeat(20_000)}1${')'.repeat(20_000)}`],
  ['20,000 ORs', `SELECT 1 WHERE ${Array(20_000).fill('a = b').join(' OR ')}`],
  ['20,000 sums', `SELECT ${Array(20_000).fill('a').join('+')}`],
  ['20,000 WITHs', `${'WITH a AS ('.repeat(20_000)}`],
  ['an unterminated string of 1 MB', `SELECT '${'x'.repeat(1_000_000)}`],
  ['an unterminated quoted identifier', `SELECT "${'x'.repeat(100_000)}`],
  ['an unterminated comment', `SELECT 1 /*${'x'.repeat(100_000)}`],
  ['comments nested 100,000 deep', `SELECT 1 ${'/*'.repeat(100_000)}`],
  ['comments nested and closed', `SELECT 1 ${'/*'.repeat(2_000)}${'*/'.repeat(2_000)} FOR`],
  ['an unterminated dollar quote', `SELECT $a$ ${'$b$'.repeat(30_000)}`],
  ['many dollar tags', Array.from({ length: 20_000 }, (_, i) => `$t${i}$`).join(' ')],
  ['an unterminated executable comment', 'SELECT 1 /*!50000 '],
  ['backslashes', `SELECT '${'\\'.repeat(100_000)}`],
  ['quotes', "'".repeat(99_999)],
  ['variables', "@'".repeat(50_001)],
  ['semicolons', 'SELECT 1;'.repeat(20_000)],
  ['a byte order mark', '\ufeffSELECT 1'],
  ['homoglyphs of keywords', 'ЅЕLЕСТ 1'],
  ['full-width keywords', 'ＳＥＬＥＣＴ 1'],
  ['letters that fold to ASCII', 'ſelect ı'],
  ['a NUL', 'SELECT 1\0; DROP TABLE t'],
  ['a lone surrogate', "SELECT '\ud800'"],
  ['a text over the limit of length', `SELECT ${'1,'.repeat(700_000)}1`],
  ['nothing', ''],
  ['only a comment', '-- SELECT 1'],
];

describe('hostile text', { timeout: 60_000 }, () => {
  it.each(HOSTILE)('%s proves nothing, on any dialect', (_, sql) => {
    for (const dialect of DIALECTS) {
      // What SQLite takes for a closed comment, and NUL-free long texts of one literal, may be reads: they are well-formed there.
      const { target, queryType } = classify(sql, dialect);
      if (target === 'replica') expect(['sqlite', 'mysql']).toContain(dialect);
      else expect(['unknown', 'write_simple']).toContain(queryType);
    }
    expect(classify(sql, 'postgresql').target).toBe('primary');
  });

  it('a statement inside an executable comment is a write', () => {
    expect(classify('/*!50000 DELETE FROM t */', 'mysql')).toMatchObject({ queryType: 'write_simple', tables: ['t'] });
    expect(classify('SELECT 1 /*!50000 ; DELETE FROM t */', 'mysql').readOnly).toBe(false);
    expect(classify('/*!99999 DELETE FROM t */', 'mysql')).toMatchObject({ queryType: 'unknown', target: 'primary' });
  });

  it('dashes without white space hide nothing in MySQL', () => {
    expect(classify('SELECT 1--1 FOR UPDATE', 'mysql').target).toBe('primary');
    expect(classify('SELECT 1-- 1 FOR UPDATE', 'mysql').target).toBe('replica');
  });

  it('a long list of values is still proved, and a long INSERT still a bulk write', () => {
    const ids = Array.from({ length: 5_000 }, (_, i) => `$${i + 1}`).join(',');
    expect(classify(`SELECT * FROM t WHERE id IN (${ids})`, 'postgresql')).toMatchObject({ target: 'replica', tables: ['t'] });
    expect(classify(`SELECT * FROM t WHERE id IN (${ids}) AND nextval('s') > 0`, 'postgresql').target).toBe('primary');
    const rows = Array.from({ length: 1_900 }, (_, i) => `(${i}, 'x')`).join(', ');
    for (const dialect of DIALECTS)
      expect(classify(`INSERT INTO t VALUES ${rows}`, dialect)).toMatchObject({ queryType: 'write_bulk', tables: ['t'] });
    expect(classify(`INSERT INTO t SELECT ${Array(4_000).fill('a + b').join(', ')}`, 'postgresql')).toMatchObject({
      queryType: 'write_bulk',
      tables: ['t'],
    });
  });

  it('no text of SQL fragments makes it throw, and what does not lex is never a read', () => {
    const piece = fc.constantFrom(
      ...`SELECT FROM WHERE t u , ( ) ; ' " \` $$ /* */ -- /*! WITH AS UNION FOR UPDATE INSERT INTO VALUES BEGIN END CREATE TRIGGER FUNCTION EXPLAIN ANALYZE SHOW @a := :b ? $1 1 'x' f( nextval( IN CASE SET PRAGMA = . * [ ] \\ #`.split(
        ' ',
      ),
      '\n',
    );
    const classifier = new Classifier({ cacheSize: 2 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.constantFrom(...DIALECTS), (pieces, dialect) => {
        const sql = pieces.join(' ');
        const found = classifier.classify(sql, dialect);
        if (lex(sql, dialect).problem !== null) expect(found.readOnly).toBe(false);
        expect(found.readOnly).toBe(found.queryType.startsWith('read_'));
        expect(found.target === 'replica').toBe(found.readOnly);
        // SHOW names objects, which may have any name.
        if (/\bnextval\(|\bINTO\b|\bUPDATE\b/.test(stripped(sql, dialect)) && dialect === 'mysql' && !pieces.includes('SHOW'))
          expect(found.readOnly).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  it('is lexed up to the limit asked for, and its template stays short', () => {
    for (const [, sql] of HOSTILE) {
      for (const dialect of DIALECTS) {
        const lexed = lex(sql, dialect, { maxTokens: 1_000 });
        expect(lexed.tokens.length + lexed.comments.length).toBeLessThanOrEqual(1_001);
        expect(templateOf(lexed).length).toBeLessThan(sql.length + 2_100);
      }
    }
  });

  it('of operators and comments only takes linear work, so that this test ends', () => {
    for (const sql of [
      `SELECT a ${'+'.repeat(200_000)}`,
      `SELECT a ${'-+'.repeat(100_000)}`,
      '/**/'.repeat(100_000),
      '--x\n'.repeat(100_000),
    ]) {
      for (const dialect of DIALECTS) expect(lex(sql, dialect).tokens.length).toBeLessThanOrEqual(sql.length);
    }
  });

  it('of comments that follow each other is parsed without them, so that this test ends', { timeout: 10_000 }, () => {
    const comments = '/**/'.repeat(8_000);
    for (let number = 0; number < 40; number++) {
      expect(classify(`SELECT ${comments} ${number}`, 'postgresql').target).toBe('replica');
      expect(classify(`SELECT ${comments} nextval('s${number}')`, 'postgresql').target).toBe('primary');
    }
  });
});

/** The text without strings, comments and quoted names, by our lexer. */
function stripped(sql: string, dialect: Dialect): string {
  return lex(sql, dialect)
    .tokens.filter((token) => token.kind === 'word' || token.kind === 'punctuation')
    .map((token) => token.text)
    .join(' ')
    .replaceAll('NEXTVAL (', 'nextval(');
}
