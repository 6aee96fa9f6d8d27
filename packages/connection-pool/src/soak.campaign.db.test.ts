/**
 * A mixed load for long, with faults: the network cuts, swallows, slows, truncates; the server ends sessions; callers abort and run out of
 * time. Right answers only, errors only of the expected kinds, and at each checkpoint nothing that has grown.
 * `campaign soak` runs an hour (KAILASH_SOAK_MS: another time, in milliseconds, of each database); `test` some seconds.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openAdmin, startFaultProxy, type FaultProxy } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, sharedCluster } from '@kailash-ts/test-databases/vitest';
import { expect, it, onTestFinished } from 'vitest';
import type { WorkflowConnectionPool } from './node.ts';
import { failureOf, openPool, slowRead, tally } from './testing/scenario-pool.ts';

const IS_CAMPAIGN = process.env['KAILASH_CAMPAIGN'] === 'soak';
const DURATION_MS = Number(process.env['KAILASH_SOAK_MS'] ?? (IS_CAMPAIGN ? 3_600_000 : 4000));
const CHECKPOINTS = IS_CAMPAIGN ? 20 : 2;
const CALLERS = 8;

const EXPECTED = new Set([
  'POOL_ABORTED',
  'POOL_ACQUIRE_TIMEOUT',
  'POOL_CIRCUIT_OPEN',
  'POOL_CONNECT_FAILED',
  'POOL_CONNECTION_LOST',
  'POOL_STATEMENT_FAILED', // the mistakes that the load makes on purpose
  'POOL_STATEMENT_TIMEOUT',
]);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What stands open and is kept at a moment of rest. */
interface Checkpoint {
  readonly heapMb: number;
  readonly sockets: number;
  readonly timers: number;
}

function measure(): Checkpoint {
  collectGarbage();
  collectGarbage();
  const count = (kind: string): number => process.getActiveResourcesInfo().filter((name) => name === kind).length;
  return { heapMb: process.memoryUsage().heapUsed / 2 ** 20, sockets: count('TCPSocketWrap'), timers: count('Timeout') };
}

type Action = (pool: WorkflowConnectionPool, number: number) => Promise<void>;

function actionsOf(kind: 'postgresql' | 'mysql'): readonly Action[] {
  const echo = kind === 'postgresql' ? 'SELECT ?::int AS n' : 'SELECT ? AS n';
  const ask: Action = async (pool, number) => {
    const { data } = await pool.query(echo, [number]);
    if (Number(data[0]!['n']) !== number) throw new RangeError('the answer of another statement');
  };
  const transfer: Action = async (pool, number) => {
    await pool.transaction(
      async (transaction) => {
        await transaction.execute('UPDATE account SET balance = balance - 1 WHERE id = ?', [number % 10]);
        await transaction.execute('UPDATE account SET balance = balance + 1 WHERE id = ?', [(number + 3) % 10]);
        if (number % 7 === 0) throw Object.assign(new RangeError('changed my mind'), { code: 'POOL_STATEMENT_FAILED' });
      },
      { retries: 2 },
    );
  };
  const stream: Action = async (pool, number) => {
    let expected = 0;
    for await (const row of pool.stream('SELECT n FROM numbers ORDER BY n', [], { fetchSize: 20 })) {
      if (Number(row['n']) !== expected++) throw new RangeError('a row of another stream');
      if (number % 3 === 0 && expected > 50) break;
    }
  };
  const abort: Action = async (pool, number) => {
    await pool.query(number % 2 === 0 ? slowRead[kind] : 'SELECT n FROM numbers', [], { signal: AbortSignal.timeout(1 + (number % 20)) });
  };
  const tooSlow: Action = async (pool) => void (await pool.query(slowRead[kind], [], { timeoutMs: 15 }));
  const mistake: Action = async (pool, number) =>
    void (await pool.query(number % 2 === 0 ? 'SELEKT' : 'INSERT INTO account (id, balance) VALUES (1, 0)'));
  const many: Action = async (pool, number) =>
    void (await pool.executeMany(
      'INSERT INTO log (n) VALUES (?)',
      Array.from({ length: 20 }, (_, index) => [number + index]),
    ));
  const session: Action = async (pool) => {
    await using lease = await pool.acquire();
    await lease.execute(kind === 'postgresql' ? "SET work_mem = '2MB'" : 'SET @left = 1');
    await lease.execute('SELECT 1');
  };
  return [ask, ask, ask, ask, transfer, transfer, stream, abort, tooSlow, mistake, many, session];
}

/** Callers that go on until they are stopped. */
class Load {
  readonly codes: string[] = [];
  done = 0;
  #stopped = false;
  readonly #callers: Promise<void>[];

  constructor(pool: WorkflowConnectionPool, actions: readonly Action[]) {
    this.#callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let number = caller * 1000; !this.#stopped; number++) {
        const error = await failureOf(actions[Math.floor(Math.random() * actions.length)]!(pool, number));
        if (error) this.codes.push(error.code ?? `${error.name}: ${error.message}`);
        else this.done += 1;
        if (error) await pause(2);
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
}

/** One thing after the other goes wrong, with pauses in which all is well. */
async function breakThings(proxy: FaultProxy, endSessions: () => Promise<unknown>, until: number): Promise<void> {
  const faults: (() => unknown)[] = [
    () => proxy.cut(),
    () => proxy.reset(),
    () => proxy.blackhole(),
    () => proxy.delay(20),
    () => proxy.trickle(64, 1),
    () => proxy.truncate(40),
    endSessions,
  ];
  for (let turn = Math.floor(Math.random() * 7); performance.now() < until; turn++) {
    await faults[turn % faults.length]!();
    await pause(150);
    proxy.restore();
    await pause(250);
  }
}

describeDatabases('a soak with faults', ['postgresql', 'mysql'], (kind) => {
  it(`gives right answers and keeps nothing (${DURATION_MS / 1000} s)`, { timeout: 0 }, async () => {
    const server = kind as 'postgresql' | 'mysql';
    const { url, name } = await freshDatabase(kind);
    const proxy = await startFaultProxy({ targetPort: Number(new URL(url).port) });
    onTestFinished(() => proxy.close());
    const admin = await openAdmin((await sharedCluster(server)).adminUrl);
    onTestFinished(() => admin[Symbol.asyncDispose]());
    const pool = openPool(
      { url: proxy.through(url), defer: (action) => onTestFinished(async () => void (await action())) },
      {
        minConnections: 2,
        maxConnections: 6,
        acquireTimeoutMs: 1500,
        connectTimeoutMs: 500,
        statementTimeoutMs: 1000,
        validateTimeoutMs: 300,
        cancelGraceMs: 300,
        resetTimeoutMs: 300,
        healthCheckIntervalMs: 500,
        circuitBreaker: { recoveryTimeoutMs: 100 },
        prepareCacheSize: 50,
      },
    );
    await pool.query('CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)');
    await pool.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
    await pool.query('CREATE TABLE log (n integer)');
    await pool.executeMany('INSERT INTO account (id, balance) VALUES (?, 0)', Array.from({ length: 10 }, (_, id) => [id])); // prettier-ignore
    await pool.executeMany('INSERT INTO numbers (n) VALUES (?)', Array.from({ length: 300 }, (_, n) => [n])); // prettier-ignore

    const actions = actionsOf(server);
    const codes: string[] = [];
    const checkpoints: Checkpoint[] = [];
    let done = 0;
    for (let checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++) {
      const load = new Load(pool, actions);
      await breakThings(proxy, () => admin.endSessions(name), performance.now() + DURATION_MS / CHECKPOINTS);
      await load.stop();
      proxy.restore();
      done += load.done;
      codes.push(...load.codes);
      expect(load.codes.filter((code) => !EXPECTED.has(code))).toEqual([]);
      // At rest: works, holds nothing, and the server sees what the pool sees.
      await expect.poll(async () => (await failureOf(pool.query('SELECT 1')))?.code, { timeout: 10_000, interval: 50 }).toBeUndefined();
      await expect.poll(() => pool.stats().currentState, { timeout: 5000 }).toMatchObject({ activeConnections: 0, waiting: 0 });
      const sessions = async () => admin.sessions(name);
      // PostgreSQL does not look whether a client is still there: what slept when network and cancel were both cut sleeps to its end.
      await expect.poll(async () => (await sessions()).length - pool.stats().currentState.totalConnections, { timeout: 40_000 }).toBe(0);
      expect((await sessions()).filter(({ inTransaction }) => inTransaction)).toEqual([]);
      expect(Number((await pool.query('SELECT sum(balance) AS n FROM account')).data[0]!['n'])).toBe(0);
      await pool.query('DELETE FROM log');
      checkpoints.push(measure());
    }
    const [first, last] = [checkpoints[0]!, checkpoints.at(-1)!];
    const { created, recycled } = pool.stats().connections;
    const heap = checkpoints.map(({ heapMb }) => heapMb.toFixed(1)).join(', ');
    console.log(
      `${kind}: ${done} done, errors ${JSON.stringify(tally(codes))}, ${created} connections opened, ${recycled} replaced; ` +
        `heap at checkpoints ${heap} MB; sockets ${first.sockets} to ${last.sockets}, timers ${first.timers} to ${last.timers}`,
    );
    expect(done).toBeGreaterThan(0);
    expect(last.heapMb).toBeLessThan(first.heapMb + 12);
    expect(last.sockets).toBeLessThanOrEqual(first.sockets + 8);
    expect(last.timers).toBeLessThanOrEqual(first.timers + 4);
    await pool.close();
    await expect.poll(async () => (await admin.sessions(name)).length, { timeout: 10_000 }).toBe(0);
  });
});
