/** Nodes that the workflow uses by name, in both of its forms. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@kailash-ts/cli';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { flightNodes } from './nodes/index.ts';

export default defineConfig({
  nodes: {
    db_pool: new WorkflowConnectionPool({ name: 'db_pool', connectionString: process.env['DATABASE_URL'] || embeddedFile() }),
    router: new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' }),
    ...flightNodes,
  },
});

/** A SQLite file of the example's own, where no server is named. */
function embeddedFile(): string {
  const folder = fileURLToPath(new URL('out/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  return `sqlite:${folder}flights.db`;
}
