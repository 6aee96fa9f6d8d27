/** One process that does a little of everything that is logged. Started by a test with `NODE_DEBUG`. */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '../node.ts';

const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: 'sqlite::memory:', password: undefined });
const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
await using runtime = new Runtime({ nodes: { db_pool: pool, router } });
await router.process({ query: 'CREATE TABLE users (id integer, token text)' });
await router.process({ query: 'INSERT INTO users (id, token) VALUES (?, ?)', parameters: [4711, 'hunter2'], sessionId: 'visit' });
await router.process({ query: "SELECT * FROM users WHERE token = 'hunter2'" });
await router.process({ query: "SELECT 'hunter2' FROM missing" }).catch(() => {});
pool.adjustPoolSize(3);
await runtime.close();
