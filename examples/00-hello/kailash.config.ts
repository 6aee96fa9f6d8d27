import { defineConfig } from '@kailash-ts/cli';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';

// The nodes that workflows here may use by name. The router finds the pool by its name, too.
export default defineConfig({
  nodes: {
    db_pool: new WorkflowConnectionPool({ name: 'db_pool', connectionString: process.env['DATABASE_URL'] ?? 'sqlite::memory:' }),
    router: new QueryRouterNode({ connectionPool: 'db_pool' }),
  },
});
