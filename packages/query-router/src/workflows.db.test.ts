import { defineNode, RunCancelledError, RunFailedError, Runtime, WorkflowBuilder } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { QueryRouterNode } from './index.ts';

const open: Runtime<never>[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function setUp(kind: DatabaseKind) {
  const { url } = await freshDatabase(kind);
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: url, closeGraceMs: 200 });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
  const runtime = new Runtime({ nodes: { db_pool: pool, router } });
  open.push(runtime as never);
  await router.process({ query: 'CREATE TABLE items (id INTEGER PRIMARY KEY, label VARCHAR(20))' });
  const state = async () => ({
    items: Number((await pool.query('SELECT COUNT(*) AS n FROM items')).data[0]!['n']),
    transactions: router.getMetrics().activeTransactions,
    active: pool.stats().currentState.activeConnections,
  });
  return { runtime, router, pool, state };
}

const insert = 'INSERT INTO items (id, label) VALUES (?, ?)';

const fail = defineNode({
  name: 'fail',
  input: z.object({}),
  process: () => {
    throw new TypeError('this node fails');
  },
});

/** Waits for the end of the run, which it makes possible to abort from outside. */
const hang = (started: () => void) =>
  defineNode({
    name: 'hang',
    input: z.object({}),
    process: (_, { signal }) => {
      const ended = new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
      started();
      return ended;
    },
  });

describeDatabases('a router in workflows', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('conformance 63: reads, writes and transactions are steps; a transaction spans steps by its sessionId', async () => {
    const { runtime, state } = await setUp(kind);
    const wf = new WorkflowBuilder('load', { runtime, input: z.object({ rows: z.array(z.array(z.unknown())) }) });
    const begin = wf.addNode('begin', 'router', { query: 'BEGIN', sessionId: 'load' });
    const load = wf.addNode('load', 'router', { query: insert, parameterSets: wf.input.rows, sessionId: 'load' }, { after: [begin] });
    const commit = wf.addNode('commit', 'router', { query: 'COMMIT', sessionId: 'load' }, { after: [load] });
    const count = wf.addNode('count', 'router', { query: 'SELECT COUNT(*) AS n FROM items', fetchMode: 'one' }, { after: [commit] });
    const { output } = await runtime.execute(wf.output({ loaded: load.rowCount, n: count.data.n, ended: commit.transactionEnded }), {
      input: { rows: [[1, 'a'], [2, 'b']] }, // prettier-ignore
    });
    expect(output).toEqual({ loaded: 2, n: 2, ended: true });
    expect(await state()).toEqual({ items: 2, transactions: 0, active: 0 });
  });

  it('a wrong field or key is found before anything runs', async () => {
    const { runtime } = await setUp(kind);
    const definition = {
      name: 'wrong',
      nodes: [
        { id: 'a', node: 'router', input: { query: 'SELECT 1', parametrs: [] } },
        { id: 'b', node: 'router', input: { query: 'SELECT ? AS x' } },
      ],
      edges: [{ from: 'a', output: 'rowCuont', to: 'b', input: 'parameters.0' }],
    };
    const problems = runtime.validate(definition).map(({ message }) => message);
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).toMatch(/parametrs.*did you mean "parameters"/s);
    expect(problems.join('\n')).toMatch(/rowCuont.*did you mean "rowCount"/s);
  });

  it('a run that fails leaves no transaction, no lease, and nothing half-done', async () => {
    const { runtime, state } = await setUp(kind);
    const wf = new WorkflowBuilder('failing', { runtime });
    const begin = wf.addNode('begin', 'router', { query: 'BEGIN', sessionId: 's' });
    const write = wf.addNode('write', 'router', { query: insert, parameters: [1, 'a'], sessionId: 's' }, { after: [begin] });
    const broken = wf.addNode('broken', fail, {}, { after: [write] });
    wf.addNode('commit', 'router', { query: 'COMMIT', sessionId: 's' }, { after: [broken] });
    for (let run = 0; run < 3; run++) await expect(runtime.execute(wf)).rejects.toThrow(RunFailedError);
    expect(await state()).toEqual({ items: 0, transactions: 0, active: 0 });
  });

  it('a run that is aborted in the middle of a transaction leaves none', async () => {
    const { runtime, state } = await setUp(kind);
    const abort = new AbortController();
    const wf = new WorkflowBuilder('aborted', { runtime });
    const begin = wf.addNode('begin', 'router', { query: 'BEGIN', sessionId: 's' });
    const write = wf.addNode('write', 'router', { query: insert, parameters: [1, 'a'], sessionId: 's' }, { after: [begin] });
    const waiting = wf.addNode('waiting', hang(() => abort.abort(new Error('enough'))), {}, { after: [write] }); // prettier-ignore
    wf.addNode('commit', 'router', { query: 'COMMIT', sessionId: 's' }, { after: [waiting] });
    await expect(runtime.execute(wf, { signal: abort.signal })).rejects.toThrow(RunCancelledError);
    expect(await state()).toEqual({ items: 0, transactions: 0, active: 0 });
  });

  it('a run that is aborted in the middle of a statement leaves nothing of it', async () => {
    const { runtime, state, pool } = await setUp(kind);
    const slow = {
      postgresql: 'SELECT pg_sleep(20)',
      mysql: 'SELECT SLEEP(20)',
      sqlite: 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT COUNT(*) AS n FROM c',
    }[kind];
    const abort = new AbortController();
    const wf = new WorkflowBuilder('slow', { runtime });
    const begin = wf.addNode('begin', 'router', { query: 'BEGIN', sessionId: 's' });
    const write = wf.addNode('write', 'router', { query: insert, parameters: [1, 'a'], sessionId: 's' }, { after: [begin] });
    wf.addNode('slow', 'router', { query: slow, sessionId: 's' }, { after: [write] });
    const isSlowRunning = (): boolean =>
      pool.stats().queries.executed >= executed + 2 &&
      Object.values(pool.getStatus().connections).some(({ activeQueries }) => activeQueries === 1);
    const executed = pool.stats().queries.executed;
    const run = expect(runtime.execute(wf, { signal: abort.signal })).rejects.toThrow(RunCancelledError);
    while (!isSlowRunning()) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error('enough'));
    await run;
    expect(await state()).toEqual({ items: 0, transactions: 0, active: 0 });
  });

  it('runs may use the same sessionId at the same time, each its own', async () => {
    const { runtime, state } = await setUp(kind);
    const wf = new WorkflowBuilder('pair', { runtime, input: z.object({ id: z.number(), end: z.string() }) });
    const begin = wf.addNode('begin', 'router', { query: 'BEGIN', sessionId: 's' });
    const write = wf.addNode('write', 'router', { query: insert, parameters: [wf.input.id, 'a'], sessionId: 's' }, { after: [begin] });
    wf.addNode('end', 'router', { query: wf.input.end, sessionId: 's' }, { after: [write] });
    const ends = Array.from({ length: 10 }, (_, id) => ({ id, end: id % 2 ? 'COMMIT' : 'ROLLBACK' }));
    await Promise.all(ends.map((input) => runtime.execute(wf, { input })));
    expect(await state()).toEqual({ items: 5, transactions: 0, active: 0 });
  });

  it('a read of a run sees what the run has written', async () => {
    const { runtime } = await setUp(kind);
    const wf = new WorkflowBuilder('own', { runtime });
    const write = wf.addNode('write', 'router', { query: insert, parameters: [1, 'a'] });
    const read = wf.addNode('read', 'router', { query: 'SELECT label FROM items' }, { after: [write] });
    const { output } = await runtime.execute(wf.output({ data: read.data, role: read.routingMetadata.role }));
    expect(output).toEqual({ data: [{ label: 'a' }], role: kind === 'sqlite' ? 'replica' : 'primary' });
  });
});
