/** The router asks the primary for a catalog, and again after definitions. */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { afterEach, expect, it } from 'vitest';
import { QueryRouterNode, type RouterOptions } from './index.ts';

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function setUp(kind: 'postgresql' | 'mysql', options: Partial<RouterOptions> = {}) {
  const { url, replicaUrl } = await freshDatabase(kind);
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: url, replicas: [new URL(replicaUrl!).host] });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', ...options });
  const runtime = new Runtime();
  open.push(runtime);
  runtime.registerNode('db_pool', pool).registerNode('router', router);
  // Until it is known how far the replica is, nothing goes there.
  await expect.poll(async () => (await router.process({ query: 'SELECT 1' })).routingMetadata.role).toBe('replica');
  const roleOf = async (query: string): Promise<string> => (await router.explain(query)).role;
  return { router, pool, roleOf };
}

const WRITING_VIEW = { postgresql: "CREATE VIEW v AS SELECT nextval('s') AS n", mysql: 'CREATE VIEW v AS SELECT NEXTVAL(s) AS n' } as const;

describeDatabases('the catalog of a router', ['postgresql', 'mysql'], (database) => {
  const kind = database as keyof typeof WRITING_VIEW;

  it('keeps a view on the primary that writes, from its definition on, and lets it go when it only reads', async () => {
    const { router, roleOf } = await setUp(kind);
    await router.process({ query: 'CREATE TABLE t (id INT)' });
    await router.process({ query: 'CREATE SEQUENCE s' });
    await router.process({ query: WRITING_VIEW[kind] });
    await expect.poll(() => roleOf('SELECT * FROM t')).toBe('replica');
    expect(await roleOf('SELECT * FROM v')).toBe('primary');
    await router.process({ query: 'DROP VIEW v' });
    await router.process({ query: 'CREATE VIEW v AS SELECT id AS n FROM t' });
    await expect.poll(() => roleOf('SELECT * FROM v')).toBe('replica');
  });

  it('sees a definition when its transaction is committed', async () => {
    const { router, roleOf } = await setUp(kind);
    await router.process({ query: 'CREATE SEQUENCE s' });
    const sessionId = 'a';
    await router.process({ query: 'BEGIN', sessionId });
    await router.process({ query: WRITING_VIEW[kind], sessionId });
    await roleOf('SELECT 1');
    await router.process({ query: 'COMMIT', sessionId }).catch(() => {});
    const { role, reasons } = await router.explain('SELECT * FROM v');
    expect([role, reasons.join()]).toEqual(['primary', expect.stringMatching(/view \w+\.v: NEXTVAL/i)]);
  });

  it('can be left out, and goes by the text then', async () => {
    const { router, roleOf } = await setUp(kind, { catalogMaxAgeMs: 'never' });
    await router.process({ query: 'CREATE SEQUENCE s' });
    await router.process({ query: WRITING_VIEW[kind] });
    await expect.poll(() => roleOf('SELECT * FROM v')).toBe('replica');
  });
});
