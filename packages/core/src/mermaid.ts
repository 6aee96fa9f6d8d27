import { RUN_INPUT, type WorkflowDefinition } from './definition.ts';

const escape = (text: string): string => text.replace(/["<>&#]/g, (char) => `#${char.charCodeAt(0)};`);

/** Reserved words of Mermaid (`end`, `graph` ...) make no harm as ids behind a prefix. */
const idOf = (id: string): string => (id === RUN_INPUT ? 'run_input' : `n_${id.replace(/-/g, '_d_')}`);

/** The workflow as a Mermaid flowchart: data edges with their fields, order as dotted lines, guards as labelled ones. */
export function toMermaid({ nodes, edges = [], output = {} }: WorkflowDefinition): string {
  const lines = ['flowchart TD'];
  const usesInput = edges.some(({ from }) => from === RUN_INPUT) || nodes.some(({ when }) => when?.from === RUN_INPUT);
  if (usesInput) lines.push('  run_input([input])');
  for (const { id, node } of nodes) lines.push(`  ${idOf(id)}["${escape(id === node ? id : `${id} (${node})`)}"]`);
  if (Object.keys(output).length > 0) lines.push('  run_output([output])');
  for (const edge of edges) lines.push(`  ${idOf(edge.from)} -->${label(edge.output, edge.input)} ${idOf(edge.to)}`);
  for (const { id, after = [], when } of nodes) {
    for (const other of after) lines.push(`  ${idOf(other)} -.-> ${idOf(id)}`);
    if (when)
      lines.push(
        `  ${idOf(when.from)} -.->|"${escape(`when ${when.output ?? ''} = ${JSON.stringify(when.equals ?? true)}`)}"| ${idOf(id)}`,
      );
  }
  for (const [key, { from, output: path }] of Object.entries(output)) lines.push(`  ${idOf(from)} -->${label(path, key)} run_output`);
  return `${lines.join('\n')}\n`;
}

function label(output: string | undefined, input: string | undefined): string {
  if (!output && !input) return '';
  return `|"${escape(output === input ? output! : `${output ?? '*'} → ${input ?? '*'}`)}"|`;
}
