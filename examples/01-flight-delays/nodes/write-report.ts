import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineNode } from '@kailash-ts/core';
import { z } from 'zod';
import { dailyChart } from './chart.ts';
import { reportMarkdown } from './markdown.ts';
import { summarySchema, tablesSchema } from './summarise.ts';

const DEFAULT_FOLDER = fileURLToPath(new URL('../out/', import.meta.url));

/** Writes `report.md`, `report.json` and `delays-by-day.svg`. */
export const writeReport = defineNode({
  name: 'write_report',
  description: 'Writes the report as Markdown and JSON, with a chart.',
  input: z.object({ outDir: z.string().optional(), summary: summarySchema, tables: tablesSchema, method: z.string() }),
  output: z.object({ files: z.array(z.string()).describe('Paths from the working folder where they lie below it, else absolute.') }),
  process: async ({ outDir, summary, tables, method }, { signal }) => {
    const folder = resolve(outDir ?? DEFAULT_FOLDER);
    await mkdir(folder, { recursive: true });
    const contents: [name: string, text: string][] = [
      ['report.md', reportMarkdown(summary, tables, method)],
      ['report.json', `${JSON.stringify({ ...summary, method, ...tables }, null, 2)}\n`],
      ['delays-by-day.svg', dailyChart(tables, summary)],
    ];
    return { files: await Promise.all(contents.map(([name, text]) => write(join(folder, name), text, signal))) };
  },
});

/** Whole or not at all: whoever reads the file meanwhile sees the old one. */
async function write(file: string, text: string, signal: AbortSignal): Promise<string> {
  await writeFile(`${file}.part`, text, { signal });
  await rename(`${file}.part`, file);
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}
