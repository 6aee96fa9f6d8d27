import { readFileSync } from 'node:fs';
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { expect, it } from 'vitest';
import { QueryRouterNode } from './index.ts';

/** The README's sample with the migration guide's "After" example, as it stands there. */
const sample = /```ts\n([\s\S]*?)```/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))![1]!;

describeDatabases('the sample of the README', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('conformance 49: runs as it stands, on a fresh pool, and leaves no active connection', async () => {
    const { url } = await freshDatabase(kind);
    const seed = new WorkflowConnectionPool({ connectionString: url });
    await seed.query('CREATE TABLE users (id INTEGER, active BOOLEAN)');
    await seed.executeMany('INSERT INTO users (id, active) VALUES (?, ?)', [[1, true], [2, false]]); // prettier-ignore
    await seed.close();

    const body = sample.replace(/^import .*\n/gm, '').replace('process.env.DATABASE_URL', 'databaseUrl');
    expect(body).toContain('databaseUrl');
    const names = ['Runtime', 'WorkflowConnectionPool', 'QueryRouterNode', 'databaseUrl'];
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the sample of our own README
    const run = new Function(...names, `return (async () => {${body}; return { result, pool, runtime }; })();`) as (
      ...values: unknown[]
    ) => Promise<{ result: { data: { id: number }[] }; pool: WorkflowConnectionPool; runtime: Runtime }>;
    const { result, pool, runtime } = await run(Runtime, WorkflowConnectionPool, QueryRouterNode, url);
    expect(result.data.map(({ id }) => id)).toEqual([1]);
    expect(pool.stats().currentState.activeConnections).toBe(0);
    await runtime.close();
  });
});
