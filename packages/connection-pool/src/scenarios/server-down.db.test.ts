import { setTimeout as pause } from 'node:timers/promises';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import type { WorkflowConnectionPool } from '../node.ts';
import { failureOf, openPool, stopwatch, tally, tallyText } from '../testing/scenario-pool.ts';

const servers = ['postgresql', 'mysql'] as const;
const quick = { failureThreshold: 5, recoveryTimeoutMs: 200, successThreshold: 2 };
const EXPECTED = new Set(['POOL_CONNECTION_LOST', 'POOL_CONNECT_FAILED', 'POOL_CIRCUIT_OPEN', 'POOL_ACQUIRE_TIMEOUT']);

/** Callers that go on asking, whatever happens. */
class Load {
  readonly codes: string[] = [];
  succeeded = 0;
  #stopped = false;
  readonly #callers: Promise<void>[];

  constructor(pool: WorkflowConnectionPool, callers: number) {
    this.#callers = Array.from({ length: callers }, async () => {
      while (!this.#stopped) {
        const error = await failureOf(pool.query('SELECT 1'));
        if (error) this.codes.push(String(error.code));
        else this.succeeded += 1;
        await pause(error ? 5 : 0);
      }
    });
  }

  /** Resolves when statements succeed again. @returns after how many ms */
  async untilSuccess(): Promise<number> {
    const elapsed = stopwatch();
    const before = this.succeeded;
    await expect.poll(() => this.succeeded, { timeout: 45_000, interval: 10 }).toBeGreaterThan(before + 20);
    return elapsed();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
}

async function restartUnderLoad(scene: Scene, signal: NodeJS.Signals): Promise<string> {
  const pool = openPool(scene, { maxConnections: 4, minConnections: 2, acquireTimeoutMs: 1000, circuitBreaker: quick });
  const states: string[] = [];
  let refusals = 0;
  pool.on('breaker:changed', ({ to }) => void states.push(to));
  pool.on('connection:refused', () => void (refusals += 1));
  const load = new Load(pool, 8);
  await load.untilSuccess();
  expect(load.codes).toEqual([]);
  const { primary } = scene.cluster;
  await primary.kill(signal);
  await pause(700);
  expect(states).toContain('open');
  expect(pool.getStatus().status).toBe('failing');
  const downRefusals = refusals;
  await restart(primary);
  const recoveredMs = await load.untilSuccess();
  await load.stop();
  const unexpected = load.codes.filter((code) => !EXPECTED.has(code));
  expect(unexpected).toEqual([]);
  // At most what was under way is lost.
  expect(tally(load.codes)['POOL_CONNECTION_LOST'] ?? 0).toBeLessThanOrEqual(8);
  await expect.poll(() => pool.getStatus().status).toBe('running');
  expect(pool.getPoolStatistics().circuitBreakerStatus).toBe('closed');
  expect(pool.stats().currentState).toMatchObject({ activeConnections: 0, waiting: 0 });
  return `errors of 8 callers: ${tallyText(load.codes)}; ${downRefusals} connects tried while it was down (0.7 s); breaker ${[...new Set(states)].join(', ')}; works again ${recoveredMs} ms after the server does`;
}

/** After SIGKILL of PostgreSQL its orphaned processes hold the data for a moment. */
async function restart(server: Scene['cluster']['primary']): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await server.start();
    } catch (error) {
      if (tries === 10) throw error;
      await pause(100);
    }
  }
}

scenario(3, 'The server restarts under load', { on: servers, servers: 'private' }, (scene) =>
  restartUnderLoad(scene, scene.kind === 'postgresql' ? 'SIGINT' : 'SIGTERM'),
);

scenario(3, 'The server is killed under load, and comes back', { on: servers, servers: 'private' }, (scene) =>
  restartUnderLoad(scene, 'SIGKILL'),
);

scenario(3, 'The server hangs (SIGSTOP), and goes on', { on: servers, servers: 'private' }, async (scene) => {
  const limits = { acquireTimeoutMs: 400, connectTimeoutMs: 300, statementTimeoutMs: 300, cancelGraceMs: 200, resetTimeoutMs: 200 };
  const pool = openPool(scene, { maxConnections: 2, circuitBreaker: quick, ...limits });
  await pool.query('SELECT 1');
  const { primary } = scene.cluster;
  // PostgreSQL: the server's processes for connections that stand are its children and go on; what is new hangs.
  primary.signal('SIGSTOP');
  const codes: string[] = [];
  const longest: number[] = [];
  for (let call = 0; call < 4; call++) {
    const elapsed = stopwatch();
    const results = await Promise.all([1, 2, 3].map(() => failureOf(pool.withConnection((lease) => lease.execute('SELECT 1')))));
    longest.push(elapsed());
    codes.push(...results.map((error) => String(error?.code ?? 'success')));
  }
  primary.signal('SIGCONT');
  const elapsed = stopwatch();
  await expect.poll(async () => (await failureOf(pool.query('SELECT 1')))?.code, { timeout: 30_000 }).toBeUndefined();
  const recoveredMs = elapsed();
  for (const code of codes) expect(['success', 'POOL_STATEMENT_TIMEOUT', ...EXPECTED]).toContain(code);
  return `12 calls: ${tallyText(codes)}; the longest took ${Math.max(...longest)} ms (limits: 400 to acquire, 300 a statement); works again ${recoveredMs} ms after it goes on`;
});

scenario(3, 'The server is not there at first', { on: servers, servers: 'private' }, async (scene) => {
  const { primary } = scene.cluster;
  await primary.kill();
  const pool = openPool(scene, { acquireTimeoutMs: 500, circuitBreaker: quick, minConnections: 1 });
  const elapsed = stopwatch();
  const error = await failureOf(pool.initialize());
  const toldMs = elapsed();
  expect(['POOL_CONNECT_FAILED', 'POOL_ACQUIRE_TIMEOUT', 'POOL_CIRCUIT_OPEN']).toContain(error?.code);
  expect(JSON.stringify([error?.message, error?.cause])).toContain('ECONNREFUSED');
  await restart(primary);
  const back = stopwatch();
  await expect.poll(() => pool.stats().currentState.totalConnections, { timeout: 30_000 }).toBe(1);
  const backMs = back();
  expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  return `initialize fails after ${toldMs} ms (limit 500) with ${error!.name} and the cause; ${backMs} ms after the server is there the pool has its connection by itself`;
});

scenario(21, 'The server takes no more connections (others have them)', { on: servers, servers: 'private' }, async (scene) => {
  const admin = await scene.admin();
  const limit = 10; // the least that MariaDB allows
  const role = scene.kind === 'postgresql' ? await limitedRole(scene, limit) : undefined;
  if (!role) await admin.query(`SET GLOBAL max_connections = ${limit}`);
  const url = role ?? scene.url;
  const others = openPool(
    { url, defer: scene.defer.bind(scene) },
    { name: 'others', maxConnections: 20, acquireTimeoutMs: 300, circuitBreaker: quick },
  );
  const taken: Awaited<ReturnType<typeof others.acquire>>[] = [];
  let full: (Error & { cause?: unknown }) | undefined;
  while (taken.length < 20 && !full) full = await failureOf(others.acquire().then((lease) => void taken.push(lease)));
  expect(full).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', retryable: true, cause: { code: 'POOL_CONNECT_FAILED', serverFull: true } });

  const pool = openPool({ url, defer: scene.defer.bind(scene) }, { acquireTimeoutMs: 300, circuitBreaker: quick });
  const elapsed = stopwatch();
  expect(await failureOf(pool.query('SELECT 1'))).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', cause: { serverFull: true } });
  const deadlineMs = elapsed();
  expect(pool.getPoolStatistics().circuitBreakerStatus).toBe('closed');
  // One leaves while somebody waits.
  const waiting = pool.query('SELECT 1 AS one', [], { timeoutMs: 8000 });
  await pause(100);
  const freed = stopwatch();
  await others.close();
  expect((await waiting).data).toEqual([{ one: 1 }]);
  const servedMs = freed();
  return `${taken.length} connections fit; callers wait and get AcquireTimeoutError with the cause after ${deadlineMs} ms (limit 300), the breaker stays closed; served ${servedMs} ms after the others left`;
});

/** An account with few connections: refused by the same SQLSTATE 53300 as when the whole server is full. */
async function limitedRole(scene: Scene, limit: number): Promise<string> {
  const admin = await scene.admin();
  await admin.query(`CREATE ROLE limited LOGIN CONNECTION LIMIT ${limit}`);
  const url = new URL(scene.url);
  url.username = 'limited';
  return url.href;
}
