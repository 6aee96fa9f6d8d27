/** What a user writes first; run by the installed `kailash` against the packed tarballs. */
import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
import { z } from 'zod';

const double = defineNode({
  name: 'double',
  input: z.object({ value: z.number() }),
  output: z.object({ value: z.number() }),
  process: ({ value }) => ({ value: value * 2 }),
});

const wf = new WorkflowBuilder('consumer', { input: z.object({ value: z.number() }) });
const once = wf.addNode('once', double, { value: wf.input.value });
const twice = wf.addNode('twice', double, { value: once.value });
export default wf.output({ value: twice.value });
