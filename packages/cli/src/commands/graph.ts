import { didYouMean, formatWorkflow, toMermaid } from '@kailash-ts/core';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { loadWorkflow } from '../load.ts';
import { existingFile } from '../paths.ts';
import { Stdout } from '../stdout.ts';

const FORMATS = ['mermaid', 'json', 'yaml'];

/** `kailash graph`: a workflow as a picture or as data. Registered names need not be known for that. @returns the exit code */
export async function graph(path: string, { format }: { readonly format: string }): Promise<number> {
  const stdout = new Stdout().divert();
  if (!FORMATS.includes(format)) throw new UsageError(`--format "${format}" is unknown${didYouMean(format, FORMATS)}.`);
  const { definition } = (await loadWorkflow(existingFile(path, 'workflow')))();
  stdout.raw(format === 'mermaid' ? toMermaid(definition) : formatWorkflow(definition, format as 'json' | 'yaml'));
  await stdout.drain();
  return EXIT.completed;
}
