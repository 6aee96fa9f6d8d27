import { defineNode, WorkflowBuilder, type Handle } from '@kailash-ts/core';
import { expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { defineConfig } from './index.ts';

const double = defineNode({
  input: z.object({ value: z.number() }),
  output: z.object({ doubled: z.number() }),
  process: ({ value }) => ({ doubled: value * 2 }),
});
const config = defineConfig({ nodes: { double } });

it('gives a workflow the types of the nodes of a config, by name', () => {
  const wf = new WorkflowBuilder('typed', { nodes: config.nodes });
  const once = wf.addNode('once', 'double', { value: 1 });
  expectTypeOf(once).toEqualTypeOf<Handle<{ doubled: number }>>();
  expect(wf.build().definition.nodes).toEqual([{ id: 'once', node: 'double', input: { value: 1 } }]);

  const wrong = new WorkflowBuilder('wrong', { nodes: config.nodes });
  // @ts-expect-error -- a wrong type
  wrong.addNode('type', 'double', { value: 'one' });
  // @ts-expect-error -- an unknown name
  wrong.addNode('name', 'duoble', { value: 1 });
  // @ts-expect-error -- an unknown field of the output
  wrong.addNode('field', 'double', { value: once.trebled });
});

it('takes a function, which may be asynchronous, and nothing that is no config', () => {
  expectTypeOf(defineConfig(async () => ({ nodes: { double } }))).toBeFunction();
  expectTypeOf(defineConfig({ nodes: { double }, runtime: { concurrency: 2 } }).nodes.double).toEqualTypeOf(double);
  // @ts-expect-error -- no nodes
  defineConfig({});
});
