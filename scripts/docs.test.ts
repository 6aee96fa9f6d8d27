import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const pages = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (path) => path.endsWith('.md') && !/(^|\/)(node_modules|dist|\.changeset|\.git)\//.test(path),
);

/** A block of code that stands for a file: `<!-- file: path -->`, then the fenced block. */
const EMBEDDED = /<!-- file: (\S+) -->\s*```\w*\n([\s\S]*?)```/g;
const LINK = /\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g;

describe.each(pages)('%s', (page) => {
  const text = readFileSync(new URL(page, root), 'utf8');

  it('embeds code exactly as it stands in the tested file', () => {
    for (const [, path, code] of text.matchAll(EMBEDDED)) expect(code).toBe(readFileSync(new URL(path!, root), 'utf8'));
  });

  it('links to files that are there', () => {
    const broken = [...text.matchAll(LINK)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(new URL(target, new URL(page, root))));
    expect(broken).toEqual([]);
  });
});
