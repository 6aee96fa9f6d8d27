import type { Admin } from '@kailash-ts/test-databases';
import { scenario, type Scene } from '@kailash-ts/test-databases/scenario';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { failureOf, Replicated, stopwatch, tallyText, untilReplicasAreThere } from '../testing/replicated.ts';

/** What a caller may be told while there is no primary. That a server only reads is none of it. */
const EXPECTED = /^POOL_(CONNECTION_LOST|CONNECT_FAILED|CIRCUIT_OPEN|ACQUIRE_TIMEOUT)$/;

/** Sessions that write and read back, and readers that have no past. */
class Load {
  readonly errors: string[] = [];
  readonly readErrors: string[] = [];
  writes = 0;
  reads = 0;
  readonly readsBy = new Map<string, number>();
  stale = 0;
  #isOver = false;
  readonly #callers: Promise<void>[];

  constructor(router: Replicated['router']) {
    const writer = async (id: number): Promise<void> => {
      const sessionId = `writer-${id}`;
      for (let n = 1; !this.#isOver; n++) {
        const error = await failureOf(router.process({ query: 'UPDATE item SET n = ? WHERE id = ?', parameters: [n, id], sessionId }));
        if (error) this.errors.push(String(error.code));
        else {
          this.writes += 1;
          await this.#readBack(router, id, n, sessionId);
        }
        await pause(error ? 10 : 2);
      }
    };
    const reader = async (): Promise<void> => {
      while (!this.#isOver) {
        const error = await failureOf(
          router.process({ query: 'SELECT count(*) AS n FROM item' }).then(({ routingMetadata }) => this.#count(routingMetadata.host)),
        );
        if (error) this.readErrors.push(String(error.code));
        await pause(5);
      }
    };
    this.#callers = [0, 1, 2, 3].map((id) => writer(id)).concat([reader(), reader()]);
  }

  async untilWrites(more = 40): Promise<number> {
    const elapsed = stopwatch();
    const before = this.writes;
    await expect.poll(() => this.writes, { timeout: 45_000, interval: 5 }).toBeGreaterThan(before + more);
    return elapsed();
  }

  /** Until the first write that succeeds from now on. */
  async untilFirstWrite(): Promise<number> {
    return this.untilWrites(0);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  async #readBack(router: Replicated['router'], id: number, n: number, sessionId: string): Promise<void> {
    try {
      const { data, routingMetadata } = await router.process({ query: 'SELECT n FROM item WHERE id = ?', parameters: [id], sessionId });
      this.#count(routingMetadata.host);
      if (data[0]!['n'] !== n) this.stale += 1;
    } catch (error) {
      this.readErrors.push(String((error as { code?: unknown }).code));
    }
  }

  #count(host: string): void {
    this.reads += 1;
    this.readsBy.set(host, (this.readsBy.get(host) ?? 0) + 1);
  }
}

/** Stops the primary when its replicas have everything. */
async function stopPrimary(scene: Scene): Promise<void> {
  if (scene.kind === 'postgresql') return scene.cluster.primary.kill('SIGINT');
  const admin = await scene.admin();
  await admin.query('SHUTDOWN WAIT FOR ALL SLAVES').catch(() => {});
  await expect.poll(() => scene.cluster.primary.running, { timeout: 30_000 }).toBe(false);
}

async function promote(replica: Admin, kind: Scene['kind']): Promise<void> {
  if (kind === 'postgresql') await replica.query('SELECT pg_promote(true)');
  else for (const sql of ['STOP SLAVE', 'RESET SLAVE ALL', 'SET GLOBAL read_only = 0']) await replica.query(sql);
}

/** The other replica follows the new primary. */
async function follow(other: Admin, scene: Scene): Promise<void> {
  const { port } = scene.cluster.replicas[0]!;
  if (scene.kind === 'postgresql') {
    await other.query(`ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'`);
    await other.query('SELECT pg_reload_conf()');
  } else for (const sql of ['STOP SLAVE', `CHANGE MASTER TO master_port=${port}`, 'START SLAVE']) await other.query(sql);
}

scenario(
  17,
  'The primary dies under the load of a router, one of its two replicas is promoted, the other one follows it',
  { on: ['postgresql', 'mysql'], servers: 'own', replicas: 2, timeoutMs: 120_000 },
  async (scene) => {
    await untilReplicasAreThere(scene.cluster);
    await using replicated = new Replicated(scene.cluster, {
      pool: {
        acquireTimeoutMs: 2000,
        connectTimeoutMs: 1000,
        healthCheckIntervalMs: 200,
        circuitBreaker: { failureThreshold: 3, recoveryTimeoutMs: 200, successThreshold: 1 },
      },
    });
    const { router } = replicated;
    await router.process({ query: 'CREATE TABLE item (id integer PRIMARY KEY, n integer)' });
    await router.process({ query: 'INSERT INTO item (id, n) VALUES (?, 0)', parameterSets: [[0], [1], [2], [3]] });
    await replicated.untilCaughtUp();
    const [candidate, other] = [await replicated.admin(0), await replicated.admin(1)];
    const load = new Load(router);
    await load.untilWrites();
    await stopPrimary(scene);
    await pause(1000); // without a primary: readers go on
    const readsWithout = load.readsBy.get('replica-2') ?? 0;
    await promote(candidate, scene.kind);
    const failedOverMs = await load.untilFirstWrite();
    const errorsUntilThen = load.errors.length;
    await load.untilWrites();
    await follow(other, scene);
    const beforeReturn = load.readsBy.get('replica-2') ?? 0;
    const returning = stopwatch();
    await expect.poll(() => load.readsBy.get('replica-2') ?? 0, { timeout: 45_000, interval: 20 }).toBeGreaterThan(beforeReturn + 20);
    const returnedMs = returning();
    await load.untilWrites();
    await load.stop();
    for (const code of [...load.errors, ...load.readErrors]) expect(code).toMatch(EXPECTED);
    expect(load.stale).toBe(0);
    expect((await router.process({ query: 'SELECT 1 AS one', hint: 'primary' })).routingMetadata.host).toBe('replica');
    return (
      `writes work ${failedOverMs} ms after the promotion; ${errorsUntilThen} writes of 4 callers failed until then (${tallyText(load.errors)}), ` +
      `${load.readErrors.length} of ${load.reads + load.readErrors.length} reads (${tallyText(load.readErrors)}), ${readsWithout} were served by the other replica before; ` +
      `it serves reads again ${returnedMs} ms after it follows the new primary; ${load.stale} stale of the reads back, none told that a server only reads`
    );
  },
);
