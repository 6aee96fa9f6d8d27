import { describe, expect, it, onTestFinished } from 'vitest';
import type { HostPlan } from './driver.ts';
import { ScriptedConnection } from './testing/scripted-driver.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const servers = [
  { name: 'primary', role: 'primary' },
  { name: 'replica', role: 'replica' },
  { name: 'replica-2', role: 'replica' },
  { name: 'replica-3', role: 'replica' },
] as const;

/** A primary and three replicas, two connections each. */
function fourServers(hosts: readonly Pick<HostPlan, 'name' | 'role'>[] = servers) {
  const scripted = scriptedPool({ maxConnections: 2, acquireTimeoutMs: 1000 }, hosts);
  const down = new Set<string>();
  const promoted = new Set<string>();
  scripted.driver.onConnect = async ({ name, role }) => {
    if (down.has(name)) throw new Error('refused');
    const connection = new ScriptedConnection();
    connection.role = promoted.has(name) ? 'primary' : role;
    return connection;
  };
  const hostOf = (id: string): string => scripted.pool.hostOf(id)!.name;
  onTestFinished(async () => {
    const closing = scripted.pool.close();
    await scripted.clock.advance(10_000);
    await closing;
  });
  return { ...scripted, down, promoted, hostOf };
}
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe('a query for named replicas', () => {
  it('goes to the first of them with an idle connection, in the order of the list', async () => {
    const { pool, hostOf } = fourServers();
    for (const hosts of [['replica-2'], ['replica-3'], ['replica']])
      expect(hostOf((await pool.query('SELECT 1', [], { role: 'replica', hosts })).connectionId)).toBe(hosts[0]);
    const held = await pool.acquire({ role: 'replica', hosts: ['replica-3', 'replica'] });
    const next = await pool.acquire({ role: 'replica', hosts: ['replica-3', 'replica'] });
    expect([held, next].map(({ connectionId }) => hostOf(connectionId))).toEqual(['replica-3', 'replica']);
    expect(hostOf(held.id)).toBe('replica-3');
  });

  it('waits for them while others are idle, and is served by none of the others', async () => {
    const { pool, hostOf } = fourServers();
    for (const hosts of [['replica'], ['replica-3']]) await pool.query('SELECT 1', [], { role: 'replica', hosts });
    const only = { role: 'replica', hosts: ['replica-2'] } as const;
    const held = await Promise.all([pool.acquire(only), pool.acquire(only)]);
    const waiting = pool.query('SELECT 1', [], only);
    await settle();
    expect(pool.getStatus().queueDepth).toBe(1);
    await pool.query('SELECT 1', [], { role: 'replica', hosts: ['replica'] });
    expect(pool.getStatus().queueDepth).toBe(1);
    await pool.release(held[0]);
    expect(hostOf((await waiting).connectionId)).toBe('replica-2');
  });

  it('takes turns with those who wait for any replica, whoever came first', async () => {
    const { pool, clock, hostOf } = fourServers(servers.slice(0, 3));
    const any = { role: 'replica' } as const;
    const only = { role: 'replica', hosts: ['replica-2'] } as const;
    const held = await Promise.all(['replica', 'replica', 'replica-2', 'replica-2'].map((host) => pool.acquire({ ...any, hosts: [host] })));
    const order: string[] = [];
    const ask = (name: string, options: object) => pool.query('SELECT 1', [], options).then(() => void order.push(name));
    const all = [];
    for (const [name, options] of [
      ['any 1', any],
      ['only 1', only],
      ['any 2', any],
    ] as const) {
      all.push(ask(name, options));
      await clock.advance(1);
    }
    await pool.release(held.find(({ connectionId }) => hostOf(connectionId) === 'replica-2')!);
    await Promise.all(all);
    expect(order).toEqual(['any 1', 'only 1', 'any 2']);
  });

  it('falls back to the primary where none of them can be reached, never to another replica', async () => {
    const { pool, hostOf, clock, down } = fourServers();
    down.add('replica-2');
    const ask = () => pool.query('SELECT 1', [], { role: 'replica', hosts: ['replica-2'], timeoutMs: 900_000 });
    const first = ask();
    for (let second = 0; second < 300; second++) await clock.advance(1000);
    expect(hostOf((await first).connectionId)).toBe('primary');
    expect(hostOf((await ask()).connectionId)).toBe('primary');
  });

  it('asks for the primary when the replica that it waits for becomes one, and never gets a newcomer', async () => {
    const { pool, hostOf, driver, promoted } = fourServers(servers.slice(0, 3));
    const only = { role: 'replica', hosts: ['replica'] } as const;
    const held = await Promise.all([pool.acquire(only), pool.acquire(only)]);
    const waiting = pool.query('SELECT 1', [], only);
    await settle();
    promoted.add('replica');
    for (const connection of driver.connections) if (connection.role === 'replica') connection.role = 'primary';
    await pool.release(held[0]);
    expect(pool.hostOf((await waiting).connectionId)!.role).toBe('primary');
    expect(hostOf((await pool.query('SELECT 1')).connectionId)).toBe('replica');
  });

  it('is refused when the list is empty or holds no names', async () => {
    const { pool } = fourServers();
    for (const hosts of [[], [7], 'replica'])
      await expect(pool.query('SELECT 1', [], { role: 'replica', hosts: hosts as never })).rejects.toThrow(
        /hosts: must be a list of names/,
      );
  });
});

describe('the hosts of a pool', () => {
  it('are known before the first use, and always the same objects', async () => {
    const { pool } = fourServers();
    const first = pool.hosts();
    expect(first).toBeInstanceOf(Promise);
    const hosts = await first;
    expect(pool.hosts()).toBe(hosts);
    expect(hosts.map(({ name, role, available, busy, size }) => [name, role, available, busy, size])).toEqual(
      servers.map(({ name, role }) => [name, role, true, 0, 2]),
    );
    expect(hosts.map(({ latencyMs, lagMs, position }) => [latencyMs, lagMs, position])).toEqual([
      [null, 0, null],
      ...[1, 2, 3].map(() => [null, null, null]), // nobody has told how far they are
    ]);
    await pool.close();
    expect(() => pool.hosts()).toThrow(/is closed/);
  });

  it('show load, latency and health as they are now', async () => {
    const { pool, clock, driver } = fourServers();
    const primary = (await pool.hosts())[0]!;
    const lease = await pool.acquire();
    expect([primary.busy, primary.healthScore]).toEqual([1, 100]);
    driver.connections[0]!.onExecute = async () => {
      await clock.advance(40);
      return { rows: [], rowCount: 0, fields: [] };
    };
    await pool.execute(lease, 'SELECT 1');
    expect(primary.latencyMs).toBe(40);
    expect(primary.connections).toEqual([{ id: lease.connectionId, healthScore: 100, busy: true, latencyMs: 40 }]);
    await pool.release(lease);
    expect(primary.busy).toBe(0);
  });
});
