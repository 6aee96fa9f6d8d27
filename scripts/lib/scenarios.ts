/** Fault scenarios: which are declared in the tests, and their table in the guide. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceBetween } from './marked.ts';
import { ROOT } from './workspace.ts';

/** Where scenarios are declared. */
export const SCENARIO_FOLDERS = ['packages/connection-pool/src/scenarios', 'packages/query-router/src/scenarios'] as const;
/** The page with their table. */
export const SCENARIO_PAGE = 'docs/guide/run-a-pool.md';

export const BEGIN = '<!-- scenarios: written by `pnpm scenarios --update` -->';
export const END = '<!-- end of scenarios -->';

/** What a scenario's test has left behind; without a database it was left out, and the outcome says why. */
export interface Outcome {
  readonly number: number;
  readonly title: string;
  readonly database?: string;
  readonly outcome: string;
}

const DATABASES = ['PostgreSQL', 'MariaDB', 'SQLite'] as const;
const DECLARATION = /^(?:scenario|leftOut)\(\s*(\d+),\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/gm;

/** `7 A statement is aborted`, for every scenario that a text declares. */
export function declaredIn(text: string): string[] {
  return [...text.matchAll(DECLARATION)].map(
    ([, number, single, double]) => `${number} ${(single ?? double ?? '').replaceAll(/\\(.)/g, '$1')}`,
  );
}

/** The same for all test files. */
export function declaredScenarios(): string[] {
  const files = SCENARIO_FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder)).map((file) => join(ROOT, folder, file)));
  return files.filter((file) => file.endsWith('.test.ts')).flatMap((file) => declaredIn(readFileSync(file, 'utf8')));
}

/** Number and title of every row of the page's table, as `declaredScenarios` gives them. */
export function scenariosInPage(page: string): string[] {
  const table = page.slice(page.indexOf(BEGIN), page.indexOf(END));
  return [...table.matchAll(/^\| *(\d+) *\| *((?:[^|\\]|\\.)*?) *\|/gm)].map(
    ([, number, title]) => `${number} ${title!.replaceAll('\\|', '|')}`,
  );
}

/** One row for each scenario, with its outcome on each database. */
export function scenarioTable(outcomes: readonly Outcome[]): string {
  const rows = new Map<string, Outcome[]>();
  const inOrder = [...outcomes].sort((a, b) => a.number - b.number);
  for (const one of inOrder) {
    const key = `${one.number} ${one.title}`;
    rows.set(key, [...(rows.get(key) ?? []), one]);
  }
  const lines = [...rows.values()].map((of) => {
    const { number, title } = of[0]!;
    const leftOut = of.find(({ database }) => database === undefined);
    const cells = leftOut
      ? [`left out: ${leftOut.outcome}`, '', '']
      : DATABASES.map((name) => of.find(({ database }) => database === name)?.outcome ?? '–');
    return `| ${[String(number), title, ...cells].map((text) => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')).join(' | ')} |`;
  });
  return [`| # | what happens | ${DATABASES.join(' | ')} |`, '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

/** The page with another table. */
export function withTable(page: string, table: string): string {
  return replaceBetween(page, BEGIN, END, table);
}
