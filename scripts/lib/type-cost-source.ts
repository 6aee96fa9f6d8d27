/** Sources of the type-check-cost check: what a large workflow looks like, generated. */

const KINDS = 4;

/** A module with 20 kinds of nodes, each with nested objects, arrays, unions and optional fields in its schemas. */
export function nodeDefinitions(): string {
  const kinds = Array.from(
    { length: KINDS },
    (_, kind) => `
export const kind${kind} = defineNode({
  name: 'kind${kind}',
  input: z.object({ count: z.number(), label: z.string(), rows: z.array(z.object({ id: z.number(), field${kind}: z.string() })), mode: z.enum(['fast', 'safe']).optional() }),
  output: z.object({ count: z.number(), label: z.string(), rows: z.array(z.object({ id: z.number(), field${(kind + 1) % KINDS}: z.string() })), extra${kind}: z.union([z.string(), z.null()]) }),
  process: ({ count, label }) => ({ count, label, rows: [], extra${kind}: null }),
});`,
  );
  return `import { defineNode } from '@kailash-ts/core';\nimport { z } from 'zod';\n${kinds.join('\n')}\n`;
}

/** A workflow of so many nodes: a chain that also takes the label from the node two steps back, a constant now and then. */
export function workflowSource(nodes: number): string {
  const names = Array.from({ length: KINDS }, (_, kind) => `kind${kind}`).join(', ');
  const lines = Array.from({ length: nodes }, (_, index) => {
    const previous = index === 0 ? 'wf.input' : `n${index - 1}`;
    const label = index < 2 ? 'wf.input.label' : `n${index - 2}.label`;
    const mode = index % 5 === 0 ? `, mode: 'safe'` : '';
    return `const n${index} = wf.addNode('n${index}', kind${index % KINDS}, { count: ${previous}.count, label: ${label}, rows: ${previous}.rows${mode} });`;
  });
  return `import { WorkflowBuilder } from '@kailash-ts/core';
import { z } from 'zod';
import { ${names} } from './nodes.ts';

const input = z.object({ count: z.number(), label: z.string(), rows: z.array(z.object({ id: z.number(), field0: z.string() })) });
const wf = new WorkflowBuilder('large', { input });
${lines.join('\n')}
export default wf.output({ count: n${nodes - 1}.count });
export const kinds = [${names}];
`;
}
