/** More than a line: a transaction, a switch and a merge, a retry, a time limit. */
import { setTimeout } from 'node:timers/promises';
import { defineNode, WorkflowBuilder, type Ref } from '@kailash-ts/core';
import { z } from 'zod';
import config from './kailash.config.ts';

const order = z.object({ id: z.number(), total: z.number(), size: z.string() });

const invoice = defineNode({
  name: 'invoice',
  input: z.object({ order }),
  output: z.object({ letter: z.string() }),
  process: ({ order }) => ({ letter: `Order ${order.id}: please pay ${order.total}.` }),
});

const approval = defineNode({
  name: 'approval',
  input: z.object({ order }),
  output: z.object({ letter: z.string() }),
  process: async ({ order }, { attempt, signal }) => {
    // Whatever waits takes the signal, which is aborted when the time is over or the run cancelled.
    await setTimeout(20, undefined, { signal });
    if (attempt === 1) throw new Error('nobody answered');
    return { letter: `Order ${order.id}: ${order.total} has been approved.` };
  },
});

const wf = new WorkflowBuilder('orders', { nodes: config.nodes, input: z.object({ total: z.number() }) });

const create = 'CREATE TABLE IF NOT EXISTS hello_orders (id integer PRIMARY KEY, total integer)';
const table = wf.addNode('table', 'router', { query: create });

// One sessionId, one transaction. What does not follow from data is ordered with `after`.
const tx = { sessionId: 'order' };
const begin = wf.addNode('begin', 'router', { query: 'BEGIN', ...tx }, { after: [table] });
const clear = wf.addNode('clear', 'router', { query: 'DELETE FROM hello_orders', ...tx }, { after: [begin] });
const insert = { query: 'INSERT INTO hello_orders (id, total) VALUES (1, :total)', parameters: { total: wf.input.total }, ...tx };
const inserted = wf.addNode('insert', 'router', insert, { after: [clear] });
const commit = wf.addNode('commit', 'router', { query: 'COMMIT', ...tx }, { after: [inserted] });

const select = "SELECT id, total, CASE WHEN total > 1000 THEN 'large' ELSE 'small' END AS size FROM hello_orders";
const saved = wf.addNode('saved', 'router', { query: select, fetchMode: 'one' }, { after: [commit] });
// What columns a query gives, the compiler cannot know: here it is told, and the nodes check it when they run.
const row = saved.data as Ref<z.infer<typeof order>>;

// The row goes to the branch that its field names; what hangs on the others is skipped.
const bySize = wf.addSwitch('by_size', row, { field: 'size', cases: ['large'] });
const approved = wf.addNode('approved', approval, { order: bySize.large }, { retry: { attempts: 3, initialDelayMs: 50 }, timeoutMs: 5000 });
const invoiced = wf.addNode('invoiced', invoice, { order: bySize.default });
const letter = wf.addMerge('letter', [approved.letter, invoiced.letter]);

export default wf.output({ letter: letter.merged });
