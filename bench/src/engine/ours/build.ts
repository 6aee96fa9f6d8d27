/** Our engine's graphs, in all the variants that are measured. */
import { defineNode, WorkflowBuilder, type AnyNode, type Runtime, type StepOptions } from '@kailash-ts/core';
import type { EngineSubject, Shape } from '../subject.ts';
import { counted } from '../subject.ts';

interface Value {
  readonly value: number;
}

/** A node as the peers have it: an asynchronous function, no schemas. */
export const plainNode = defineNode({
  name: 'counted',
  process: async ({ value }: Value): Promise<Value> => ({ value: await counted(value) }),
});

/** Defines the graph with the builder, as a user would. */
export function buildGraph(shape: Shape, nodes: number, node: AnyNode = plainNode, options: StepOptions = {}) {
  const wf = new WorkflowBuilder(shape);
  const source = wf.addNode('n0', node as typeof plainNode, { value: 0 }, options);
  let last = source;
  for (let index = 1; index < nodes; index++) {
    const from = shape === 'chain' ? last : source;
    last = wf.addNode(`n${index}`, node as typeof plainNode, { value: from.value }, options);
  }
  return wf.output({ value: last.value }).build();
}

export interface Variant {
  readonly node?: AnyNode;
  readonly options?: StepOptions;
  readonly createRuntime: () => Runtime;
}

/** A variant as a subject of the bench. */
export function asSubject({ node, options, createRuntime }: Variant): EngineSubject {
  const runtime = createRuntime();
  return {
    prepare(shape, nodes) {
      const workflow = buildGraph(shape, nodes, node, options);
      return { run: async () => (await runtime.execute(workflow)).output.value };
    },
  };
}
