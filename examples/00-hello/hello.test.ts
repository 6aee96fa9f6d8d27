import { Runtime } from '@kailash-ts/core';
import { afterAll, expect, it } from 'vitest';
import config from './kailash.config.ts';
import orders from './orders.ts';
import workflow from './workflow.ts';

// The runtime owns the nodes, and stops them at its end.
const runtime = new Runtime({ nodes: config.nodes });
afterAll(() => runtime.close());

it('greets through the database, and gives its connection back', async () => {
  const { output } = await runtime.execute(workflow, { input: { name: 'Ada' } });
  expect(output).toEqual({ text: 'Hello, Ada!' });
  expect(config.nodes.db_pool.stats().currentState.activeConnections).toBe(0);
});

it.each([
  [1500, 'Order 1: 1500 has been approved.', 'skipped'],
  [500, 'Order 1: please pay 500.', 'completed'],
])('sends an order of %i where it belongs', async (total, letter, invoiced) => {
  const { output, nodes } = await runtime.execute(orders, { input: { total } });
  expect(output).toEqual({ letter });
  expect(nodes).toMatchObject({ invoiced: { status: invoiced }, approved: { attempts: invoiced === 'skipped' ? 2 : 0 } });
});
