/** Where reads go, on real servers: a primary with two replicas, whose replay is stopped at will. */
import { openAdmin, startPostgres, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Replicated, startCluster, untilReplicasAreThere, type ReplicatedOptions } from './testing/replicated.ts';

const servers = ['postgresql', 'mysql'] as const;

describeDatabases('a router over two replicas', servers, (kind) => {
  let cluster: Cluster;
  const open: Replicated[] = [];
  let tables = 0;

  const setUp = async (options: ReplicatedOptions = {}) => {
    const scene = new Replicated(cluster, options);
    open.push(scene);
    const table = `item_${++tables}`;
    await scene.router.process({ query: `CREATE TABLE ${table} (id integer PRIMARY KEY, n integer)` });
    await scene.router.process({ query: `INSERT INTO ${table} (id, n) VALUES (1, 0)` });
    await scene.untilCaughtUp();
    const write = (n: number, sessionId?: string) =>
      scene.router.process({ query: `UPDATE ${table} SET n = ? WHERE id = 1`, parameters: [n], sessionId });
    const read = (sessionId?: string) => scene.read(`SELECT n FROM ${table} WHERE id = 1`, sessionId);
    const explain = (sessionId?: string) => scene.router.explain(`SELECT n FROM ${table}`, { sessionId });
    const verdicts = async (sessionId?: string) => (await explain(sessionId)).replicas.map(({ eligible }) => eligible);
    return { scene, router: scene.router, table, write, read, explain, verdicts };
  };

  beforeAll(async () => {
    cluster = await startCluster(kind as Cluster['kind'], 2);
  });
  afterEach(async () => {
    for (const scene of open.splice(0)) {
      for (const replica of [0, 1]) await scene.resumeReplay(replica);
      await scene[Symbol.asyncDispose]();
    }
  });
  afterAll(() => cluster.stop());

  it('conformance 46, 47: reads go to replicas, the same ones to where they went last; with the split off, at once, to the primary', async () => {
    const { read, write, router } = await setUp();
    const hosts = new Set<string>();
    for (let count = 0; count < 5; count++) hosts.add((await read()).host);
    expect([...hosts]).toHaveLength(1);
    expect([...hosts][0]).toMatch(/^replica/);
    router.enableReadWriteSplit = false;
    expect((await read()).host).toBe('primary');
    router.enableReadWriteSplit = true;
    expect((await read()).host).toMatch(/^replica/);
    const { routingMetadata } = await write(1);
    expect(routingMetadata).toMatchObject({ role: 'primary', host: 'primary', strategy: 'primary_write', routingConfidence: 0.9 });
  });

  it('a replica that learns of the database after the pool has asked for it serves reads soon after', async () => {
    const replay = new Replicated(cluster);
    open.push(replay);
    await using admin = await openAdmin(cluster.adminUrl);
    for (const replica of [0, 1]) await replay.pauseReplay(replica);
    await admin.query('CREATE DATABASE test_late');
    const url = new URL(cluster.url);
    url.pathname = '/test_late';
    try {
      await using scene = new Replicated(cluster, { pool: { connectionString: url.href } });
      expect((await scene.read('SELECT 1 AS one')).host).toBe('primary');
      expect((await scene.pool.query('SELECT 1 AS one', [], { role: 'replica' })).data).toEqual([{ one: 1 }]);
      for (const replica of [0, 1]) await replay.resumeReplay(replica);
      await vi.waitFor(async () => expect((await scene.read('SELECT 1 AS one')).host).toMatch(/^replica/), { timeout: 20_000 });
    } finally {
      await admin.query('DROP DATABASE test_late');
    }
  });

  it('many reads at a time are spread over all replicas, and none of them over the primary', async () => {
    const { router, table } = await setUp();
    const results = await Promise.all(Array.from({ length: 200 }, () => router.process({ query: `SELECT n FROM ${table}` })));
    const counts: Record<string, number> = {};
    for (const { routingMetadata } of results) counts[routingMetadata.host] = (counts[routingMetadata.host] ?? 0) + 1;
    expect(Object.keys(counts).sort()).toEqual(['replica', 'replica-2']);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(40);
    expect(router.getMetrics().shares.readsOnReplicas).toEqual({ statements: 200, share: 1 });
    expect(router.getMetrics().shares.byHost).toMatchObject({ replica: { statements: counts['replica'] } });
  });

  it('who has written reads it back while no replica has replayed it, and others read on at the replicas', async () => {
    const { scene, read, write, verdicts } = await setUp();
    for (const replica of [0, 1]) await scene.pauseReplay(replica);
    await write(7, 'writer');
    for (let count = 0; count < 20; count++) {
      expect(await read('writer')).toEqual({ host: 'primary', row: { n: 7 } });
      await pause(10);
    }
    expect((await read('other')).row).toEqual({ n: 0 });
    expect((await read('other')).host).toMatch(/^replica/);
    expect([await verdicts('writer'), await verdicts('other')]).toEqual([
      [false, false],
      [true, true],
    ]);
    for (const replica of [0, 1]) await scene.resumeReplay(replica);
    await expect.poll(async () => (await read('writer')).host).toMatch(/^replica/);
    expect((await read('writer')).row).toEqual({ n: 7 });
  });

  it('judges each replica for itself, by what it has replayed', async () => {
    const { scene, read, write, verdicts } = await setUp();
    await scene.pauseReplay(0);
    await write(3, 'writer');
    await expect.poll(async () => (await read('writer')).host).toBe('replica-2');
    for (let count = 0; count < 20; count++) expect(await read('writer')).toEqual({ host: 'replica-2', row: { n: 3 } });
    expect(await verdicts('writer')).toEqual([false, true]);
    // Also under load, when the other one is idle.
    const many = await Promise.all(Array.from({ length: 60 }, (_, index) => read(index % 2 ? 'writer' : undefined)));
    expect(many.flatMap(({ host, row }, index) => (index % 2 && (host === 'replica' || row!['n'] !== 3) ? [host] : []))).toEqual([]);
  });

  it('remembers writes of a run, and of a transaction from its COMMIT on', async () => {
    const { scene, read, table, router } = await setUp();
    for (const replica of [0, 1]) await scene.pauseReplay(replica);
    const run = (query: string) => router.process({ query, sessionId: 's' });
    await run('BEGIN');
    await run(`UPDATE ${table} SET n = 5`);
    await run('COMMIT');
    expect(await read('s')).toEqual({ host: 'primary', row: { n: 5 } });
    const context = (runId: string) => ({ runId, nodeId: 'n', attempt: 1, signal: new AbortController().signal }) as never;
    await router.process({ query: `UPDATE ${table} SET n = 6` }, context('run-1'));
    const inRun = async (runId: string) => (await router.process({ query: `SELECT n FROM ${table}` }, context(runId))).routingMetadata.role;
    expect([await inRun('run-1'), await inRun('run-2')]).toEqual(['primary', 'replica']);
  });

  it('keeps to maxReplicaLagMs, which takes effect at once, and tells why', async () => {
    const { scene, read, write, explain, router } = await setUp();
    await scene.pauseReplay(0);
    await scene.pauseReplay(1);
    await write(1);
    await expect.poll(async () => Math.min(...(await scene.pool.hosts()).slice(1).map(({ lagMs }) => lagMs ?? 0))).toBeGreaterThan(300);
    expect((await read()).host).toMatch(/^replica/);
    router.maxReplicaLagMs = 200;
    expect((await read()).host).toBe('primary');
    const { replicas, reasons, role } = await explain();
    expect(role).toBe('primary');
    expect(reasons[0]).toMatch(/no replica will do: it is further behind than maxReplicaLagMs/);
    for (const { eligible, reason, lagMs, position } of replicas) {
      expect([eligible, reason]).toEqual([false, 'it is further behind than maxReplicaLagMs']);
      expect(lagMs).toBeGreaterThan(200);
      expect(position).toMatch(kind === 'postgresql' ? /^[0-9A-F]+\/[0-9A-F]+$/ : /^\d+-\d+-\d+/);
    }
    router.maxReplicaLagMs = 'never';
    expect((await read()).host).toMatch(/^replica/);
  });

  it('trusts no replica of which nothing is known yet', async () => {
    const scene = new Replicated(cluster, { pool: { lagCheckIntervalMs: 50 } });
    open.push(scene);
    const first = await scene.router.process({ query: 'SELECT 1 AS one' });
    expect(first.routingMetadata).toMatchObject({ host: 'primary', strategy: 'primary_read' });
    expect(first.routingMetadata.reasons[0]).toMatch(/how far it is behind is not known/);
    await expect.poll(async () => (await scene.read('SELECT 1 AS one')).host).toMatch(/^replica/);
  });

  it('healthThreshold takes effect at once: a replica under it serves only where no other can', async () => {
    const { scene, explain, router } = await setUp({ pool: { slowCheckMs: 'never' } });
    await scene.pool.query('SELECT 1', [], { role: 'replica', hosts: ['replica-2'], timeoutMs: 5000 });
    const slow = kind === 'postgresql' ? 'SELECT pg_sleep(5)' : 'SELECT sleep(5)';
    const lease = await scene.pool.acquire({ role: 'replica', hosts: ['replica'] });
    for (let count = 0; count < 2; count++)
      await expect(lease.execute(slow, [], { timeoutMs: 20 })).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
    const sick = (await scene.pool.hosts())[1]!;
    expect(sick.healthScore).toBeLessThan(95);
    router.healthThreshold = 96;
    expect((await explain()).hosts).toEqual(['replica-2']);
    router.healthThreshold = 50;
    expect((await explain()).hosts).toHaveLength(2);
    await scene.pool.release(lease);
  });

  it('runs read-only transactions on a replica, and those that want more than to read on the primary', async () => {
    const { router, read, table, scene } = await setUp();
    const begin = kind === 'postgresql' ? 'BEGIN READ ONLY' : 'START TRANSACTION READ ONLY';
    const run = (query: string) => router.process({ query, sessionId: 's' });
    const begun = await run(begin);
    expect(begun.routingMetadata).toMatchObject({ role: 'replica', strategy: 'replica_read' });
    expect((await run(`SELECT n FROM ${table}`)).routingMetadata).toMatchObject({ role: 'replica', strategy: 'transaction_affinity' });
    await run('SAVEPOINT a');
    await expect(run(`UPDATE ${table} SET n = 9`)).rejects.toMatchObject({ code: 'POOL_READ_ONLY_CONNECTION' }); // as on the primary
    expect(await run('ROLLBACK')).toMatchObject({ transactionEnded: true });
    expect((await read('s')).host).toMatch(/^replica/); // nothing was written
    await run(begin);
    // Nothing was read yet: it begins anew on the primary, which may do more.
    const lock = kind === 'postgresql' ? 'SET TRANSACTION READ WRITE' : 'DO 0';
    if (kind === 'postgresql') {
      await run(lock);
      expect((await run(`UPDATE ${table} SET n = 9`)).routingMetadata.role).toBe('primary');
    } else expect((await run(lock)).routingMetadata.role).toBe('primary');
    await run('COMMIT');
    expect(scene.pool.stats().currentState.activeConnections).toBe(0);
    const serializable = kind === 'postgresql' ? 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY' : 'START TRANSACTION READ WRITE';
    expect((await run(serializable)).routingMetadata.role).toBe('primary');
    await run('ROLLBACK');
  });

  it('a statement that a replica refuses is run once more on the primary, counts as misroute, and as a write of its session', async () => {
    const { router, scene, table } = await setUp();
    // The text alone tells nothing of what the view does.
    const setup =
      kind === 'postgresql'
        ? [`CREATE SEQUENCE ${table}_numbers`, `CREATE VIEW ${table}_next AS SELECT nextval('${table}_numbers') AS n`]
        : [
            `CREATE FUNCTION ${table}_next() RETURNS integer DETERMINISTIC MODIFIES SQL DATA BEGIN UPDATE ${table} SET n = n + 1; RETURN 1; END`,
            `CREATE VIEW ${table}_next AS SELECT ${table}_next() AS n`,
          ];
    if (kind === 'mysql') {
      await using admin = await openAdmin(cluster.adminUrl);
      await admin.query('SET GLOBAL log_bin_trust_function_creators = 1');
    }
    for (const query of setup) await router.process({ query });
    await scene.untilCaughtUp();
    const query = `SELECT n FROM ${table}_next`;
    const classified = await router.explain(query);
    const result = await router.process({ query, sessionId: 's' });
    expect(Number(result.data[0]!['n'])).toBe(1);
    expect(result.routingMetadata).toMatchObject({ role: 'primary', host: 'primary' });
    if (classified.role === 'replica') {
      expect(router.getMetrics().routerMetrics.misroutes).toBe(1);
      for (const replica of [0, 1]) await scene.pauseReplay(replica);
      await router.process({ query, sessionId: 's' });
      expect((await router.explain(`SELECT n FROM ${table}`, { sessionId: 's' })).role).toBe('primary');
    }
  });

  it.runIf(kind === 'postgresql')('a mistake that the primary refuses in the same way is no misroute', async () => {
    const { router } = await setUp();
    const mistake = router.process({ query: "SELECT extract(day FROM time '01:00')" });
    await expect(mistake).rejects.toMatchObject({ sqlState: '0A000' });
    expect(router.getMetrics().routerMetrics.misroutes).toBe(0);
  });

  it('opens sessions of replicas read-only', async () => {
    const { scene } = await setUp();
    const setting = kind === 'postgresql' ? 'SHOW default_transaction_read_only' : 'SELECT @@session.tx_read_only';
    const { data } = await scene.pool.query(setting, [], { role: 'replica' });
    expect(String(Object.values(data[0]!)[0])).toMatch(/^(?:on|1)$/);
  });

  it('asks nothing more once nobody is interested, and leaves no connection behind', async () => {
    const { scene } = await setUp();
    const admin = await scene.admin(0);
    await scene.runtime.close();
    await expect.poll(async () => (await admin.sessions('app')).length).toBe(0);
  });
});

describeDatabases('a replica of PostgreSQL that replays over what is being read', ['postgresql'], () => {
  it('ends the read, which is run once more, and nobody notices', async () => {
    const settings = { synchronous_commit: 'local', max_standby_streaming_delay: '50ms' };
    const cluster = await startPostgres({ settings });
    await untilReplicasAreThere(cluster);
    await using scene = new Replicated(cluster);
    try {
      const admin = await scene.admin(0);
      await scene.router.process({ query: 'CREATE TABLE item (id integer)' });
      await scene.router.process({ query: 'INSERT INTO item SELECT generate_series(1, 2000)' });
      await scene.untilCaughtUp();
      const query = 'SELECT count(*) AS n FROM item AS a, item AS b, item AS c WHERE a.id < b.id AND c.id < 200';
      const reading = scene.router.process({ query, fetchMode: 'one' });
      const running = "SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT count(*) AS n FROM item%'";
      await expect.poll(async () => Number((await admin.query(running))[0]!['n']), { interval: 20 }).toBe(1);
      // Needs the table for itself when it is replayed, too.
      await scene.pool.query('TRUNCATE item');
      const { routingMetadata, data } = await reading;
      expect(data).toEqual({ n: 0 });
      // The server ends the statement, or the whole connection: then the pool runs the read on another one.
      const { recoveryConflicts } = scene.router.getMetrics().routerMetrics;
      const { retries } = scene.pool.getPoolStatistics().comprehensiveMetrics.counters;
      expect([routingMetadata.host, recoveryConflicts, retries]).toEqual(recoveryConflicts === 1 ? ['primary', 1, 0] : ['replica', 0, 1]);
    } finally {
      await cluster.stop();
    }
  });
});
