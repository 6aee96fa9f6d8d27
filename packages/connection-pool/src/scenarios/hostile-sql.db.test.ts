import { classify, loadSql } from '@kailash-ts/sql';
import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, tallyText } from '../testing/scenario-pool.ts';

const HOSTILE: readonly (readonly [name: string, sql: string])[] = [
  ['100,000 parentheses', `SELECT ${'('.repeat(100_000)}`],
  ['20,000 ORs', `SELECT 1 FROM item WHERE ${Array(20_000).fill('id = 1').join(' OR ')}`],
  ['an unterminated quote', `SELECT '${'x'.repeat(1000)}`],
  ['an unterminated comment', 'SELECT 1 /* DROP TABLE item'],
  ['an unterminated dollar quote', 'SELECT $a$ DROP TABLE item'],
  ['nested comments', `SELECT 1 ${'/*'.repeat(1000)}${'*/'.repeat(1000)}; DROP TABLE item`],
  ['a byte order mark', '\ufeffSELECT 1; DROP TABLE item'],
  ['homoglyphs', 'ЅЕLЕСТ 1; DROP TABLE item'],
  ['an executable comment', 'SELECT 1 /*!50000 ; DROP TABLE item */'],
  ['an executable comment alone', '/*!50000 DELETE FROM item */'],
  ['a comment without white space', 'SELECT 1--1; DROP TABLE item'],
  ['backslash and quote', "SELECT '\\'; DROP TABLE item; -- '"],
  ['a NUL', 'SELECT 1\0; DROP TABLE item'],
  ['a lone surrogate', "SELECT '\ud800'; DROP TABLE item"],
  ['two statements', 'SELECT 1; DROP TABLE item'],
  ['two statements, a carriage return between', 'SELECT 1 --\r; DROP TABLE item'],
  ['COMMIT between', 'COMMIT; DROP TABLE item'],
];

scenario(36, 'Hostile SQL', { on: ['postgresql', 'mysql', 'sqlite'], timeoutMs: 60_000 }, async (scene) => {
  await loadSql();
  const pool = openPool(scene, { maxConnections: 1 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  const outcomes: string[] = [];
  let longestMs = 0;
  for (const [name, sql] of HOSTILE) {
    await pool.query('DELETE FROM item');
    await pool.query('INSERT INTO item (id) VALUES (1)');
    // What decides in our own process, without the database: placeholders, statements, reads or writes.
    const startedAt = performance.now();
    const { readOnly, target } = classify(sql, scene.kind);
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    const error = await failureOf(pool.query(sql, [], { role: target }));
    if (error) expect(error.code, name).toMatch(/^POOL_(STATEMENT_FAILED|PARAMETERS_INVALID)$/);
    outcomes.push(error ? 'typed error' : 'runs as one statement');
    const left = Number((await pool.query('SELECT count(*) AS n FROM item')).data[0]!['n']);
    // Nothing that passes for a read has written; the table is always there.
    if (readOnly) expect(left, name).toBe(1);
    if (!sql.startsWith('/*!')) expect(left, name).toBe(1);
  }
  return `${HOSTILE.length} texts: ${tallyText(outcomes)}; no second statement runs, nothing that writes counts as a read; longest classification ${longestMs.toFixed(1)} ms`;
});
