import process from 'node:process';
import { jsonSchemaOf, type AnyNode } from '@kailash-ts/core';
import { colorsFor, type Colors } from '../colors.ts';
import { EXIT } from '../exit-codes.ts';
import { toJsonLine } from '../json.ts';
import type { CommonOptions } from '../options.ts';
import { schemaText } from '../schema-text.ts';
import { openNodes } from '../session.ts';
import { Stdout } from '../stdout.ts';

/** `kailash nodes`: the nodes of the config and the built-in ones. No node is started. @returns the exit code */
export async function nodes(options: CommonOptions): Promise<number> {
  const stdout = new Stdout().divert();
  const { runtime, configFile } = await openNodes(options.config);
  const found = runtime.names().map((name) => ({ name, node: runtime.find(name)! }));
  if (options.json) stdout.line(toJsonLine({ config: configFile ?? null, nodes: found.map(describe) }));
  else for (const { name, node } of found) stdout.line(textOf(name, node, colorsFor(process.stdout)));
  await runtime.close();
  await stdout.drain();
  return EXIT.completed;
}

function describe({ name, node }: { readonly name: string; readonly node: AnyNode }): Record<string, unknown> {
  const { description, needs, concurrency } = node;
  return { name, description, needs, concurrency, input: jsonSchemaOf(node.input, 'input'), output: jsonSchemaOf(node.output, 'output') };
}

function textOf(name: string, node: AnyNode, { bold, dim }: Colors): string {
  return [
    `${bold(name)}${node.description ? `  ${dim(node.description)}` : ''}`,
    `  input:  ${schemaText(jsonSchemaOf(node.input, 'input'))}`,
    `  output: ${schemaText(jsonSchemaOf(node.output, 'output'))}`,
    ...(node.needs && node.needs.length > 0 ? [`  needs:  ${node.needs.join(', ')}`] : []),
  ].join('\n');
}
