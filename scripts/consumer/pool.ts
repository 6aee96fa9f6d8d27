/** A SQLite pool from the packed tarballs, worker thread included; ends by itself, so nothing may be left open. */
import { strict as assert } from 'node:assert';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';

const runtime = new Runtime();
const pool = new WorkflowConnectionPool({ connectionString: 'sqlite:./consumer.db' });
runtime.registerNode('pool', pool);
runtime.registerNode('router', new QueryRouterNode({ connectionPool: 'pool' }));
try {
  await runtime.process('router', { query: 'CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)' });
  await runtime.process('router', { query: 'INSERT INTO t (name) VALUES (?)', parameters: ['Ωmega'] });
  const answer = (await runtime.process('router', { query: 'SELECT id, name FROM t', parameters: [] })) as { data: unknown };
  assert.deepEqual(answer.data, [{ id: 1, name: 'Ωmega' }]);
} finally {
  await runtime.close();
}
console.log('pool works');
