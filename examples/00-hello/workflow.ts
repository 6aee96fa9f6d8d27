import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
import { z } from 'zod';
import config from './kailash.config.ts';

// A node of our own: what goes in, what comes out, and a function.
const greet = defineNode({
  name: 'greet',
  input: z.object({ user: z.object({ name: z.string() }) }),
  output: z.object({ text: z.string() }),
  process: ({ user }) => ({ text: `Hello, ${user.name}!` }),
});

const wf = new WorkflowBuilder('hello', { nodes: config.nodes, input: z.object({ name: z.string() }) });

// A node by name: the router takes SQL and gives rows, on whatever database the config says.
const user = wf.addNode('user', 'router', { query: 'SELECT ? AS name', parameters: [wf.input.name], fetchMode: 'one' });
// Using a handle draws the edge; the compiler checks it.
const greeting = wf.addNode('greeting', greet, { user: user.data });

export default wf.output({ text: greeting.text });
