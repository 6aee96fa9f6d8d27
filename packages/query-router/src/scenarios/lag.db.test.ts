import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { Replicated, stopwatch, untilReplicasAreThere, type ReplicatedOptions } from '../testing/replicated.ts';

const servers = ['postgresql', 'mysql'] as const;
const PLACE = { on: servers, servers: 'own', replicas: 2, timeoutMs: 90_000 } as const;
const read = 'SELECT n FROM item WHERE id = 1';

async function open(scene: Scene, options: ReplicatedOptions = {}): Promise<Replicated> {
  await untilReplicasAreThere(scene.cluster);
  const replicated = new Replicated(scene.cluster, options);
  scene.defer(() => replicated[Symbol.asyncDispose]());
  await replicated.router.process({ query: 'CREATE TABLE item (id integer PRIMARY KEY, n integer)' });
  await replicated.router.process({ query: 'INSERT INTO item (id, n) VALUES (1, 0)' });
  await replicated.untilCaughtUp();
  return replicated;
}

scenario(18, 'All replicas are down or lag behind', PLACE, async (scene) => {
  const replicated = await open(scene, { router: { maxReplicaLagMs: 500 }, pool: { connectTimeoutMs: 1000, healthCheckIntervalMs: 200 } });
  const { router } = replicated;
  const hosts = async (count: number): Promise<string[]> => {
    const results = await Promise.all(Array.from({ length: count }, () => router.process({ query: read })));
    return [...new Set(results.map(({ routingMetadata }) => routingMetadata.host))].sort();
  };
  expect((await hosts(50)).every((host) => host.startsWith('replica'))).toBe(true);

  for (const replica of [0, 1]) await replicated.pauseReplay(replica);
  await router.process({ query: 'UPDATE item SET n = 1' });
  const lagging = stopwatch();
  await expect.poll(() => hosts(50), { interval: 10 }).toEqual(['primary']);
  const laggedMs = lagging();
  for (const replica of [0, 1]) await replicated.resumeReplay(replica);
  await expect.poll(async () => (await hosts(50)).join(), { interval: 10 }).toMatch(/^replica/);

  // MariaDB's replicas would not follow on after a crash: their binary log may lack what their tables have.
  await Promise.all(scene.cluster.replicas.map((server) => server.kill(scene.kind === 'postgresql' ? 'SIGQUIT' : 'SIGTERM')));
  const errors: string[] = [];
  const reads = 200;
  for (let count = 0; count < reads; count++) {
    await router.process({ query: read }).catch((error: { code: string }) => void errors.push(error.code));
    await pause(2);
  }
  expect(errors).toEqual([]);
  expect(await hosts(50)).toEqual(['primary']);
  await Promise.all(scene.cluster.replicas.map((server) => server.start()));
  const back = stopwatch();
  await expect.poll(async () => (await hosts(50)).join(), { timeout: 60_000, interval: 50 }).toMatch(/^replica/);
  return `replay stopped on both: reads go to the primary after ${laggedMs} ms (maxReplicaLagMs 500); both stopped: ${errors.length} errors of ${reads} reads, all on the primary; back on replicas ${back()} ms after their start`;
});

scenario(19, 'A replica catches up before another', PLACE, async (scene) => {
  const replicated = await open(scene);
  const { router } = replicated;
  for (const replica of [0, 1]) await replicated.pauseReplay(replica);
  await router.process({ query: 'UPDATE item SET n = 42', sessionId: 'writer' });
  const served = new Map<string, number>();
  const readBack = async (): Promise<string> => {
    const { host, row } = await replicated.read(read, 'writer');
    expect(row).toEqual({ n: 42 });
    served.set(host, (served.get(host) ?? 0) + 1);
    return host;
  };
  for (let count = 0; count < 50; count++) expect(await readBack()).toBe('primary');
  await replicated.resumeReplay(1);
  await expect.poll(readBack, { interval: 5 }).toBe('replica-2');
  for (let count = 0; count < 50; count++) expect(await readBack()).toBe('replica-2');
  const { replicas } = await router.explain(read, { sessionId: 'writer' });
  expect(replicas.map(({ eligible }) => eligible)).toEqual([false, true]);
  // Who did not write may read what the other one has.
  const anyone = await Promise.all(Array.from({ length: 60 }, () => replicated.read(read)));
  expect(new Set(anyone.map(({ host }) => host))).toEqual(new Set(['replica', 'replica-2']));
  await replicated.resumeReplay(0);
  await expect.poll(async () => (await router.explain(read, { sessionId: 'writer' })).hosts.length).toBe(2);
  return `the writer reads at the primary, then at the one that has caught up (${[...served].map(([host, count]) => `${host} ${count}`).join(', ')}), 0 stale; others read at both`;
});

scenario(19, 'Replay stands still, and goes on', { ...PLACE, replicas: 1 }, async (scene) => {
  const replicated = await open(scene, { pool: { lagCheckIntervalMs: 50 } });
  const { router, pool } = replicated;
  const [, replica] = await pool.hosts();
  let isOver = false;
  const writing = (async () => {
    for (let n = 1; !isOver; n++) {
      await router.process({ query: 'UPDATE item SET n = ?', parameters: [n] });
      await pause(5);
    }
  })();
  const lags: number[] = [];
  for (let count = 0; count < 40; count++) {
    await pause(25);
    pool.checkReplicas();
    if (replica!.lagMs !== null) lags.push(replica!.lagMs);
  }
  lags.sort((a, b) => a - b);
  await replicated.pauseReplay(0);
  const stood = stopwatch();
  await pause(2000);
  const reported = replica!.lagMs!;
  const actual = stood();
  expect(Math.abs(reported - actual)).toBeLessThan(800);
  const { missing } = replica!;
  await replicated.resumeReplay(0);
  const catching = stopwatch();
  await expect.poll(() => replica!.lagMs ?? Infinity, { interval: 5 }).toBeLessThan(200);
  const caughtUpMs = catching();
  isOver = true;
  await writing;
  return `lag under steady writes: median ${Math.round(lags[lags.length >> 1]!)} ms, most ${Math.round(lags.at(-1)!)} ms; after ${actual} ms of standing still ${Math.round(reported)} ms are reported (${missing} ${scene.kind === 'postgresql' ? 'bytes' : 'transactions'} behind); under 200 ms again ${caughtUpMs} ms after it goes on`;
});
