import { readFileSync } from 'node:fs';
import { classify, DIALECTS, loadSql } from '@kailash-ts/sql';
import { format, resolveConfig } from 'prettier';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLASSIFICATION_PAGE, CLASSIFICATION_ROWS, cellOf, withClassification } from './lib/classification-table.ts';

const file = new URL(`../${CLASSIFICATION_PAGE}`, import.meta.url);

describe('the table of statements in the guide to the router', () => {
  beforeAll(loadSql);

  for (const row of CLASSIFICATION_ROWS) {
    it(`says what is so: ${row.sql}`, () => {
      for (const dialect of DIALECTS) {
        const cell = row[dialect];
        if (cell === undefined) continue;
        const classification = classify(row.sql, dialect);
        expect([dialect, cellOf(classification)]).toEqual([dialect, cell]);
        expect(classification.target).toBe(cell.startsWith('read') ? 'replica' : 'primary');
      }
    });
  }

  it('has each statement once, and each kind', () => {
    expect(new Set(CLASSIFICATION_ROWS.map(({ sql }) => sql)).size).toBe(CLASSIFICATION_ROWS.length);
    const kinds = new Set(CLASSIFICATION_ROWS.flatMap((row) => DIALECTS.map((dialect) => row[dialect]?.split(' ')[0])));
    kinds.delete(undefined);
    expect(kinds.size).toBe(7);
  });

  it('stands in the page with exactly these rows (pnpm classification --update)', async () => {
    const page = readFileSync(file, 'utf8');
    const options = { ...(await resolveConfig(file)), filepath: file.pathname };
    expect(page).toBe(await format(withClassification(page), options));
  });
});
