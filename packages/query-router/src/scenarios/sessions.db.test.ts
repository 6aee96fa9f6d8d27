import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, tallyText } from '../testing/replicated.ts';
import { openRouter } from '../testing/routed.ts';

const all = ['postgresql', 'mysql', 'sqlite'] as const;
const servers = ['postgresql', 'mysql'] as const;
const insert = 'INSERT INTO item (id) VALUES (?)';

scenario(30, 'Savepoints, chained and failed transactions in sessions', { on: all }, async (scene) => {
  const { router, run, active, pool } = openRouter(scene);
  await run('CREATE TABLE item (id integer PRIMARY KEY)');
  const ids = async (): Promise<number[]> => {
    const { data } = await router.process({ query: 'SELECT id FROM item ORDER BY id', hint: 'primary' });
    return data.map(({ id }) => Number(id));
  };
  // Savepoints keep the connection.
  const { connectionId } = await run('BEGIN', 's');
  await run(insert, 's', [1]);
  await run('SAVEPOINT a', 's');
  await run(insert, 's', [2]);
  expect((await run('ROLLBACK TO a', 's')).connectionId).toBe(connectionId);
  expect(router.getMetrics().activeTransactions).toBe(1);
  // BEGIN twice is refused, and keeps the one that is open.
  const twice = await failureOf(run('BEGIN', 's'));
  expect(twice).toMatchObject({ code: 'ROUTER_TRANSACTION_OPEN' });
  expect((await run('SELECT 1 AS one', 's')).connectionId).toBe(connectionId);
  await run('COMMIT', 's');
  expect([await ids(), active()]).toEqual([[1], 0]);
  // COMMIT AND CHAIN keeps it, too.
  let chained = 'not known to SQLite';
  if (scene.kind !== 'sqlite') {
    await run('BEGIN', 's');
    await run(insert, 's', [3]);
    expect(await run('COMMIT AND CHAIN', 's')).not.toHaveProperty('transactionEnded');
    await run(insert, 's', [4]);
    await run('ROLLBACK', 's');
    expect([await ids(), active()]).toEqual([[1, 3], 0]);
    chained = 'keeps it';
  }
  // COMMIT after a statement has failed.
  await run('BEGIN', 's');
  await run(insert, 's', [5]);
  expect(await failureOf(run(insert, 's', [1]))).toMatchObject({ kind: 'unique_violation' });
  const commit = await failureOf(run('COMMIT', 's'));
  const committed = (await ids()).includes(5);
  expect(committed).toBe(commit === undefined);
  // Two callers with one session at a time: one after the other.
  await Promise.all([run('BEGIN', 's'), ...[6, 7, 8].map((id) => run(insert, 's', [id])), run('COMMIT', 's')]);
  expect(await ids()).toEqual(expect.arrayContaining([6, 7, 8]));
  expect([active(), router.getMetrics().activeTransactions, pool.getStatus().queueDepth]).toEqual([0, 0, 0]);
  return `ROLLBACK TO keeps the connection; COMMIT AND CHAIN ${chained}; BEGIN twice: ${twice!.name}; COMMIT of a failed transaction: ${commit ? `${commit.name}, nothing persists` : 'commits what did not fail'}; 5 calls at a time in one session run in order; nobody is left with a connection`;
});

scenario(20, 'Two sessions of a router deadlock', { on: servers }, async (scene) => {
  const { router, run, active } = openRouter(scene);
  await run('CREATE TABLE item (id integer PRIMARY KEY, n integer)');
  await run('INSERT INTO item (id, n) VALUES (1, 0), (2, 0)');
  const update = (id: number, sessionId: string) => run('UPDATE item SET n = n + 1 WHERE id = ?', sessionId, [id]);
  for (const sessionId of ['a', 'b']) await run('BEGIN', sessionId);
  await update(1, 'a');
  await update(2, 'b');
  const errors = await Promise.all([failureOf(update(2, 'a')), failureOf(update(1, 'b'))]);
  const victim = errors[0] ? 'a' : 'b';
  expect(errors.filter((error) => error !== undefined)).toMatchObject([{ kind: 'deadlock' }]);
  // The rest of the victim's transaction does not run by itself.
  const rest = await failureOf(update(1, victim));
  expect(rest).toBeDefined();
  await run('ROLLBACK', victim);
  await run('COMMIT', victim === 'a' ? 'b' : 'a');
  const { data } = await router.process({ query: 'SELECT sum(n) AS n FROM item', fetchMode: 'one' });
  expect([Number(data!['n']), active()]).toEqual([2, 0]);
  return `one is told ${errors.find((error) => error)!.name}; what it sends next is refused (${rest!.name}) until ROLLBACK; the other commits; nothing is run again by itself`;
});

scenario(29, 'ALTER TABLE between statements through a router', { on: all }, async (scene) => {
  const { run, active } = openRouter(scene, { pool: { maxConnections: scene.kind === 'sqlite' ? 2 : 4 } });
  await run('CREATE TABLE item (id integer PRIMARY KEY)');
  await run('INSERT INTO item (id) VALUES (1)');
  const query = 'SELECT * FROM item WHERE id = ?';
  const many = () => Promise.all(Array.from({ length: 40 }, () => run(query, undefined, [1])));
  for (let round = 0; round < 3; round++) await many();
  await run('ALTER TABLE item ADD COLUMN extra integer DEFAULT 7');
  const after = [await many(), await many()].flat();
  expect(after.map(({ data }) => data)).toEqual(after.map(() => [{ id: 1, extra: 7 }]));
  expect(active()).toBe(0);
  return `${after.length} executions of a statement that is prepared on all connections: each gives the new column, no error`;
});

const HOSTILE: readonly (readonly [name: string, sql: string])[] = [
  ['100,000 parentheses', `SELECT ${'('.repeat(100_000)}`],
  ['20,000 ORs', `SELECT 1 FROM item WHERE ${Array(20_000).fill('id = 1').join(' OR ')}`],
  ['an unterminated quote', `SELECT '${'x'.repeat(1000)}`],
  ['an unterminated comment', 'SELECT 1 /* DELETE FROM item'],
  ['an unterminated dollar quote', 'SELECT $a$ DELETE FROM item'],
  ['nested comments', `SELECT 1 ${'/*'.repeat(1000)}${'*/'.repeat(1000)}; DELETE FROM item`],
  ['a byte order mark', '\ufeffSELECT 1; DELETE FROM item'],
  ['homoglyphs', 'ЅЕLЕСТ 1; DELETE FROM item'],
  ['an executable comment', 'SELECT 1 /*!50000 ; DELETE FROM item */'],
  ['a comment without white space', 'SELECT 1--1; DELETE FROM item'],
  ['backslash and quote', "SELECT '\\'; DELETE FROM item; -- '"],
  ['a NUL', 'SELECT 1\0; DELETE FROM item'],
  ['two statements', 'SELECT 1; DELETE FROM item'],
  ['COMMIT between', 'COMMIT; DELETE FROM item'],
];

scenario(36, 'Hostile SQL through a router', { on: all, timeoutMs: 60_000 }, async (scene) => {
  const { router, run, active } = openRouter(scene);
  await run('CREATE TABLE item (id integer PRIMARY KEY)');
  await run('INSERT INTO item (id) VALUES (1)');
  const outcomes: string[] = [];
  for (const [name, query] of HOSTILE) {
    const error = await failureOf(run(query));
    if (error) expect(error.code, name).toMatch(/^(?:POOL_STATEMENT_FAILED|POOL_PARAMETERS_INVALID|ROUTER_[A-Z_]+|SQL_[A-Z_]+)$/);
    outcomes.push(error ? 'typed error' : 'runs as one statement');
    const { data } = await router.process({ query: 'SELECT count(*) AS n FROM item', hint: 'primary', fetchMode: 'one' });
    expect(Number(data!['n']), name).toBe(1);
  }
  expect([active(), router.getMetrics().activeTransactions]).toEqual([0, 0]);
  return `${HOSTILE.length} texts: ${tallyText(outcomes)}; no second statement runs; ${router.getMetrics().routerMetrics.misroutes} reached a server that refused them as writes`;
});
