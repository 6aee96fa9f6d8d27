import { Runtime } from '@kailash-ts/core';
import { expect, it } from 'vitest';
import config from './kailash.config.ts';
import workflow from './workflow.ts';

it('greets through the database, and gives its connection back', async () => {
  await using runtime = new Runtime({ nodes: config.nodes });
  const { output } = await runtime.execute(workflow, { input: { name: 'Ada' } });
  expect(output).toEqual({ text: 'Hello, Ada!' });
  expect(config.nodes.db_pool.stats().currentState.activeConnections).toBe(0);
});
