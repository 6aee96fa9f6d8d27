import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startFaultProxy } from '@kailash-ts/test-databases';
import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, slowRead, stopwatch, tallyText } from '../testing/scenario-pool.ts';

scenario(31, 'The pool is closed while callers wait, hold and run', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const pool = openPool(scene, { maxConnections: 2, closeGraceMs: 300 });
  const role = scene.kind === 'sqlite' ? 'replica' : 'primary';
  const polite = await pool.acquire({ role: 'primary' });
  const rude = scene.kind === 'sqlite' ? await pool.acquire({ role }) : await pool.acquire();
  const running = failureOf(rude.execute(slowRead[scene.kind]));
  const waiting = Array.from({ length: 20 }, () => failureOf(pool.acquire({ role: 'primary' })));
  const elapsed = stopwatch();
  const closing = pool.close();
  expect(pool.close()).toBe(closing);
  const codes = (await Promise.all(waiting)).map((error) => String(error?.code));
  const rejectedMs = elapsed();
  expect(new Set(codes)).toEqual(new Set(['POOL_CLOSED']));
  // Within the grace a lease goes on working.
  expect((await polite.execute('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  await pool.release(polite);
  expect(await failureOf(pool.query('SELECT 1'))).toMatchObject({ code: 'POOL_CLOSED' });
  await closing;
  const closedMs = elapsed();
  expect((await running)?.code).toMatch(/^POOL_(ABORTED|CONNECTION_LOST)$/);
  expect(rude.released).toBe(true);
  expect(await failureOf(rude.execute('SELECT 1'))).toMatchObject({ code: 'POOL_LEASE_RELEASED' });
  expect(pool.getStatus()).toMatchObject({ status: 'closed', poolSize: 0, queueDepth: 0 });
  if (scene.kind !== 'sqlite') {
    const admin = await scene.admin();
    await expect.poll(async () => (await admin.sessions(scene.database)).length, { timeout: 20_000 }).toBe(0);
  }
  return `${tallyText(codes)} for the waiters after ${rejectedMs} ms; a lease works within the grace; the one that does not come back is ended; closed after ${closedMs} ms (grace 300), no session left`;
});

scenario(31, 'The pool is closed while connections are being opened', { on: ['postgresql', 'mysql'] }, async (scene) => {
  await using proxy = await startFaultProxy({ targetPort: Number(new URL(scene.url).port) });
  proxy.blackhole();
  const pool = openPool({ url: proxy.through(scene.url), defer: (action) => scene.defer(action) }, { maxConnections: 4 });
  const waiting = Array.from({ length: 8 }, () => failureOf(pool.query('SELECT 1')));
  await expect.poll(() => proxy.openConnections).toBeGreaterThan(0);
  const attempts = proxy.openConnections;
  const elapsed = stopwatch();
  await pool.close();
  const closedMs = elapsed();
  for (const result of waiting) expect(await result).toMatchObject({ code: 'POOL_CLOSED' });
  await expect.poll(() => proxy.openConnections).toBe(0);
  return `${attempts} attempts are given up, their sockets closed, the waiters told; closed after ${closedMs} ms`;
});

/** A program that leaves a lease, a waiter and a running statement behind, and closes its pool. */
const program = (url: string, slow: string): string => `
  import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
  const pool = new WorkflowConnectionPool({ connectionString: ${JSON.stringify(url)}, minConnections: 0, maxConnections: 1, closeGraceMs: 100, closeGraceMs: 200 });
  const lease = await pool.acquire();
  lease.execute(${JSON.stringify(slow)}).catch((error) => console.log('statement', error.code));
  pool.query('SELECT 1').catch((error) => console.log('waiter', error.code));
  await pool.close();
  console.log('closed');
`;

scenario(31, 'A process ends by itself after the pool is closed', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const args = [
    '--import',
    'tsx',
    '--conditions=@kailash-ts/source',
    '--input-type=module',
    '-e',
    program(scene.url, slowRead[scene.kind]),
  ];
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const elapsed = stopwatch();
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  child.stderr.on('data', (data) => (output += String(data)));
  const timer = setTimeout(() => child.kill('SIGKILL'), 25_000);
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  expect({ exitCode, signal, output }).toMatchObject({ exitCode: 0, signal: null });
  expect(output).toContain('closed');
  expect(output).toContain('waiter POOL_CLOSED');
  expect(output).toMatch(/statement POOL_(ABORTED|CONNECTION_LOST)/);
  return `it does, with exit code 0, ${elapsed()} ms after its start, with a lease, a waiter and a running statement left behind`;
});
