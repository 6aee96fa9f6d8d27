import { createServer, type AddressInfo, type Server } from 'node:net';
import { startFaultProxy, type FaultProxy } from '@kailash-ts/test-databases';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import type { PoolOptions } from '../config.ts';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool, stopwatch, tallyText } from '../testing/scenario-pool.ts';

const servers = ['postgresql', 'mysql'] as const;
const patient = { circuitBreaker: { failureThreshold: 1000, recoveryTimeoutMs: 100 } } as const;

async function through(scene: Scene, options: PoolOptions = {}): Promise<{ proxy: FaultProxy; pool: WorkflowConnectionPool }> {
  const proxy = await startFaultProxy({ targetPort: Number(new URL(scene.url).port) });
  scene.defer(() => proxy.close());
  const pool = openPool({ url: proxy.through(scene.url), defer: (action) => scene.defer(action) }, { ...patient, ...options });
  return { proxy, pool };
}

const works = async (pool: WorkflowConnectionPool): Promise<void> => {
  await expect.poll(async () => (await failureOf(pool.query('SELECT 1')))?.code, { timeout: 30_000 }).toBeUndefined();
  expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
};

scenario(4, 'The network swallows everything (half-open connections)', { on: servers }, async (scene) => {
  const limits = { acquireTimeoutMs: 400, connectTimeoutMs: 300, validateTimeoutMs: 200, cancelGraceMs: 200, resetTimeoutMs: 200 };
  const { proxy, pool } = await through(scene, { ...limits, minConnections: 2, maxConnections: 2, validateAfterIdleMs: 1 });
  await pool.initialize();
  const lease = await pool.acquire();
  proxy.blackhole();
  const measure = async (work: Promise<unknown>): Promise<readonly [code: string, afterMs: number]> => {
    const elapsed = stopwatch();
    return [String((await failureOf(work))?.code ?? 'success'), elapsed()];
  };
  const [statement, acquire, query] = await Promise.all([
    measure(lease.execute('SELECT 1', [], { timeoutMs: 300 })),
    measure(pool.acquire()),
    measure(pool.query('SELECT 1', [], { timeoutMs: 300 })),
  ]);
  expect(statement[0]).toBe('POOL_STATEMENT_TIMEOUT');
  expect(acquire[0]).toMatch(/^POOL_(ACQUIRE_TIMEOUT|CONNECT_FAILED)$/);
  expect(query[0]).toMatch(/^POOL_(ACQUIRE_TIMEOUT|CONNECT_FAILED|STATEMENT_TIMEOUT)$/);
  const releasing = stopwatch();
  await pool.release(lease);
  const releasedMs = releasing();
  proxy.restore();
  await works(pool);
  return `statement: ${statement.join(' after ')} ms (limit 300); acquire: ${acquire.join(' after ')} ms (limit 400); query: ${query.join(' after ')} ms (limit 300); release ${releasedMs} ms; works again afterwards`;
});

scenario(5, 'The network becomes slow', { on: servers }, async (scene) => {
  const { proxy, pool } = await through(scene, { minConnections: 2, maxConnections: 2, slowCheckMs: 50, healthCheckIntervalMs: 100 });
  await pool.initialize();
  const closed: string[] = [];
  pool.on('connection:closed', ({ reason }) => void closed.push(reason));
  proxy.delay(100);
  const scores = (): number[] => Object.values(pool.stats().currentState.healthScores);
  await expect.poll(() => Math.max(...scores()), { timeout: 45_000 }).toBeLessThanOrEqual(85);
  const low = scores();
  expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  proxy.restore();
  await expect.poll(() => Math.min(...scores()), { timeout: 45_000 }).toBeGreaterThan(Math.max(...low));
  expect(closed).toEqual([]);
  expect(pool.stats().connections.created).toBe(2);
  return `with 200 ms more per round trip the scores fall to ${low.join(' and ')} and rise again afterwards; 0 connections are closed, statements succeed all along`;
});

scenario(32, 'The name of the host is not known, or nothing listens', { on: servers }, async (scene) => {
  const port = await unusedPort();
  const told: string[] = [];
  for (const host of ['no-such-host.invalid', '127.0.0.1']) {
    const options = {
      databaseType: scene.kind,
      host,
      port,
      database: 'app',
      user: 'me',
      password: 'hush-hush',
      acquireTimeoutMs: 3000,
      connectTimeoutMs: 2000,
    };
    const pool = openPool(scene, options);
    const elapsed = stopwatch();
    const error = await failureOf(pool.initialize());
    expect(error?.code).toMatch(/^POOL_(CONNECT_FAILED|ACQUIRE_TIMEOUT)$/);
    expect(JSON.stringify(error)).not.toContain('hush');
    told.push(
      `${host === '127.0.0.1' ? 'nothing listens' : 'unknown name'}: ${error!.name} ${String((error as { reason?: string }).reason ?? '')} after ${elapsed()} ms`,
    );
    expect(pool.stats().currentState.totalConnections).toBe(0);
  }
  return told.join('; ');
});

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

scenario(32, 'The server answers with noise', { on: servers }, async (scene) => {
  const { proxy, pool } = await through(scene, { acquireTimeoutMs: 1500, connectTimeoutMs: 1000, cancelGraceMs: 200, resetTimeoutMs: 200 });
  const lease = await pool.acquire();
  const idle = pool.query('SELECT 1');
  await idle;
  proxy.garbage();
  const told: string[] = [];
  const note = async (work: Promise<unknown>): Promise<void> => {
    const elapsed = stopwatch();
    const error = await failureOf(work);
    expect(error?.code).toMatch(/^POOL_(CONNECTION_LOST|STATEMENT_TIMEOUT|CONNECT_FAILED|ACQUIRE_TIMEOUT|CIRCUIT_OPEN|STATEMENT_FAILED)$/);
    told.push(`${error!.name} after ${elapsed()} ms`);
  };
  await note(lease.execute('SELECT 1', [], { timeoutMs: 500 }));
  await pool.release(lease);
  await note(pool.query('SELECT 1', [], { timeoutMs: 500 })); // on the idle one
  await note(pool.query('SELECT 1')); // while logging in
  proxy.restore();
  await works(pool);
  return `in a statement: ${told[0]}; on an idle connection: ${told[1]}; while logging in: ${told[2]}; works again afterwards`;
});

scenario(32, 'A message of the server is cut off', { on: servers }, async (scene) => {
  const { proxy, pool } = await through(scene, { acquireTimeoutMs: 3000, connectTimeoutMs: 1000, maxConnections: 1 });
  const codes: string[] = [];
  for (const bytes of [0, 3, 7, 30]) {
    await works(pool);
    const lease = await pool.acquire();
    proxy.truncate(bytes);
    const error = await failureOf(
      lease.execute("SELECT 'a longer answer, so that there is something to cut off' AS words, 1 AS one", [], { timeoutMs: 1000 }),
    );
    if (error) expect(error).toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: true });
    codes.push(error ? error.name : 'the answer was complete before');
    const login = await failureOf(
      openPool(
        { url: proxy.through(scene.url), defer: (action) => scene.defer(action) },
        { ...patient, acquireTimeoutMs: 500, connectTimeoutMs: 300 },
      ).query('SELECT 1'),
    );
    expect(login?.code).toMatch(/^POOL_(CONNECT_FAILED|ACQUIRE_TIMEOUT)$/);
    proxy.restore();
    await expect.poll(async () => (await pool.release(lease)).status).toBe('recycled');
  }
  await works(pool);
  return `cut after 0, 3, 7 and 30 bytes: ${tallyText(codes)}; while logging in ConnectError or AcquireTimeoutError with it; no hang, nothing leaked`;
});

scenario(32, 'The server answers byte by byte', { on: servers }, async (scene) => {
  const { proxy, pool } = await through(scene, { maxConnections: 1, connectTimeoutMs: 10_000 });
  proxy.trickle(8, 1);
  const elapsed = stopwatch();
  const { data } = await pool.query("SELECT 'naïve ☃' AS words, ? AS n", [scene.kind === 'postgresql' ? '7' : 7]);
  expect(data[0]!['words']).toBe('naïve ☃');
  const slowMs = elapsed();
  const impatient = openPool(
    { url: proxy.through(scene.url), defer: (action) => scene.defer(action) },
    { ...patient, connectTimeoutMs: 60, acquireTimeoutMs: 300 },
  );
  proxy.trickle(1, 20);
  const error = await failureOf(impatient.query('SELECT 1'));
  expect(error?.code).toMatch(/^POOL_(CONNECT_FAILED|ACQUIRE_TIMEOUT)$/);
  proxy.restore();
  await works(pool);
  return `login and statement work in pieces of 8 bytes (${slowMs} ms); a login that is too slow for connectTimeoutMs is ${error!.name}`;
});

scenario(32, 'Something else listens there', { on: servers }, async (scene) => {
  const told: string[] = [];
  for (const [name, greet] of [
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
    ['silence', ''],
    ['an endless stream', 'x'.repeat(100_000)],
  ] as const) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {});
      if (greet) socket.write(greet);
    });
    await listening(server);
    const url = new URL(scene.url);
    url.port = String((server.address() as AddressInfo).port);
    const pool = openPool(
      { url: url.href, defer: (action) => scene.defer(action) },
      { ...patient, acquireTimeoutMs: 600, connectTimeoutMs: 300 },
    );
    const elapsed = stopwatch();
    const error = await failureOf(pool.query('SELECT 1'));
    expect(error?.code).toMatch(/^POOL_(CONNECT_FAILED|ACQUIRE_TIMEOUT|CIRCUIT_OPEN)$/);
    told.push(`${name}: ${error!.name} after ${elapsed()} ms`);
    await pool.close();
    await new Promise((resolve) => server.close(resolve)); // only when no socket of ours is left
  }
  return told.join('; ');
});

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
