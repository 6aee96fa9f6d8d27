import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/reference/errors.md');
const hasRow = (code: string): boolean => new RegExp(`^\\| \`${code}\` +\\|`, 'm').test(page);

describe('docs/reference/errors.md', () => {
  it('has a row for every error code of every published package', () => {
    const published = readdirSync(new URL('packages/', root))
      .filter((name) => existsSync(new URL(`packages/${name}/src/errors.ts`, root)))
      .filter((name) => (JSON.parse(read(`packages/${name}/package.json`)) as { private?: boolean }).private !== true);
    const codes = published.flatMap((name) =>
      [...read(`packages/${name}/src/errors.ts`).matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)].map((match) => match[1]!),
    );
    expect(codes.length).toBeGreaterThan(15);
    expect([...new Set(codes)].filter((code) => !hasRow(code))).toEqual([]);
  });

  it('has a row for every problem that a workflow can have', () => {
    const source = ['validate', 'builder', 'document'].map((name) => read(`packages/core/src/${name}.ts`)).join('\n');
    const codes = [...source.matchAll(/(?:#report\(\s*|code: )'([a-z_]+)'/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(12);
    expect([...new Set(codes)].filter((code) => !hasRow(code))).toEqual([]);
  });
});
