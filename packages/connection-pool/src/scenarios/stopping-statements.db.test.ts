import { setTimeout as pause } from 'node:timers/promises';
import { startFaultProxy } from '@kailash-ts/test-databases';
import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, slowRead, stopwatch } from '../testing/scenario-pool.ts';

const all = ['postgresql', 'mysql', 'sqlite'] as const;
const limits = { postgresql: 'SET statement_timeout = 100', mysql: 'SET max_statement_time = 0.1' } as const;
const endless = {
  postgresql: slowRead.postgresql,
  mysql: 'SELECT count(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c',
} as const;

scenario(6, "The server's own time limit strikes", { on: ['postgresql', 'mysql'] }, async (scene) => {
  const kind = scene.kind as 'postgresql' | 'mysql';
  const pool = openPool(scene, { maxConnections: 1 });
  const lease = await pool.acquire();
  await lease.execute(limits[kind]);
  const elapsed = stopwatch();
  const error = await failureOf(lease.execute(endless[kind]));
  const toldMs = elapsed();
  expect(error).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'server_timeout' });
  expect((await lease.execute('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  expect(await pool.release(lease)).toMatchObject({ status: 'released' });
  expect((await pool.query('SELECT 2 AS two')).data).toEqual([{ two: 2 }]);
  expect(pool.stats().connections).toMatchObject({ created: 1, recycled: 0 });
  return `StatementError server_timeout (limit 100 ms, told after ${toldMs} ms); the connection stays and serves the next statement`;
});

scenario(7, 'A statement is aborted, or exceeds its time limit, in the middle', { on: all }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1, minConnections: 1 });
  await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
  const told: number[] = [];
  // SQLite cannot be interrupted: the next borrower waits for its end.
  const rounds = scene.kind === 'sqlite' ? 3 : 8;
  for (let round = 0; round < rounds; round++) {
    const lease = await pool.acquire();
    const abort = new AbortController();
    const byTime = round % 2 === 0;
    const running = failureOf(lease.execute(slowRead[scene.kind], [], byTime ? { timeoutMs: 50 } : { signal: abort.signal }));
    if (!byTime) await pause(50);
    const elapsed = stopwatch();
    if (!byTime) abort.abort(new RangeError('enough'));
    const error = await running;
    if (!byTime) told.push(elapsed());
    if (byTime) expect(error).toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    else expect(error).toMatchObject({ code: 'POOL_ABORTED', cause: { message: 'enough' } });
    // On the same lease, and by the next borrower: neither waits for the stopped one, nor gets its rows or its cancel.
    if (scene.kind !== 'sqlite') expect((await lease.execute('SELECT ? AS round', [round])).data).toHaveLength(1);
    await pool.release(lease);
    await pool.query('INSERT INTO item (id) VALUES (?)', [round]);
  }
  expect((await pool.query('SELECT count(*) AS n FROM item')).data).toEqual([{ n: rounds }]);
  const { created } = pool.stats().connections;
  if (scene.kind !== 'sqlite') {
    expect(created).toBe(1);
    const running = (await (await scene.admin()).sessions(scene.database)).filter((session) => session.running);
    expect(running).toEqual([]);
  }
  return `the caller is told after at most ${Math.max(...told)} ms, the server is told to stop; ${rounds} stopped statements, ${rounds} next borrowers unharmed, ${created} connection${created === 1 ? '' : 's'} used`;
});

scenario(8, 'The cancel arrives when the statement is over', { on: ['postgresql', 'mysql'] }, async (scene) => {
  await using proxy = await startFaultProxy({ targetPort: Number(new URL(scene.url).port) });
  const pool = openPool({ url: proxy.through(scene.url), defer: (action) => scene.defer(action) }, { maxConnections: 1 });
  const next = scene.kind === 'postgresql' ? 'SELECT pg_sleep(0.01), ? AS round' : 'SELECT sleep(0.01), ? AS round';
  await pool.query('SELECT 1');
  let stopped = 0;
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    // The answer takes 2 x 3 ms: the abort comes before, with, or after it.
    proxy.delay(round % 2 === 0 ? 3 : 0);
    const abort = new AbortController();
    const running = failureOf(pool.query('SELECT ? AS n', [round], { signal: abort.signal }));
    await pause(round % 2 === 0 ? round % 9 : 0);
    abort.abort();
    const follower = await pool.query(next, [round]);
    expect(Number(follower.data[0]!['round'])).toBe(round);
    if ((await running) !== undefined) stopped += 1;
  }
  proxy.restore();
  await pool.close();
  expect(stopped).toBeGreaterThan(0);
  return `${rounds} statements aborted about when they end (${stopped} in time); 0 of the ${rounds} statements after them were hit`;
});

scenario(8, 'A stream is aborted about when its rows arrive', { on: all }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 1 });
  await pool.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
  await pool.executeMany('INSERT INTO numbers (n) VALUES (?)', Array.from({ length: 400 }, (_, n) => [n])); // prettier-ignore
  const same = scene.kind === 'postgresql' ? 'SELECT ?::int AS round' : 'SELECT ? AS round';
  const rounds = scene.kind === 'sqlite' ? 12 : 120;
  let stopped = 0;
  for (let round = 0; round < rounds; round++) {
    const abort = new AbortController();
    const reading = (async () => {
      for await (const row of pool.stream('SELECT n FROM numbers ORDER BY n', [], { fetchSize: 3, signal: abort.signal })) void row;
    })();
    const failing = failureOf(reading);
    const until = performance.now() + (round % 30) / 5;
    while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    // The same connection: its answers must be its own.
    for (const number of [round, round + 1000]) expect(Number((await pool.query(same, [number])).data[0]!['round'])).toBe(number);
    const error = await failing;
    if (error) {
      expect(error, error.message).toMatchObject({ code: 'POOL_ABORTED' });
      stopped += 1;
    }
  }
  expect(stopped).toBeGreaterThan(0);
  expect(pool.stats().currentState.activeConnections).toBe(0);
  return `${stopped} of ${rounds} streams stopped at moments from 0 to 6 ms; each of the ${2 * rounds} statements after them got its own answer`;
});
