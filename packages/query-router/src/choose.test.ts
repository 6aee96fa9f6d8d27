import { describe, expect, it } from 'vitest';
import { choose, whyNot, type Server, type Situation } from './choose.ts';
import { NoConnectionsError } from './errors.ts';

const server = (name: string, change: Partial<Server> = {}): Server => ({
  name,
  role: name === 'primary' ? 'primary' : 'replica',
  available: true,
  healthScore: 100,
  busy: 0,
  size: 10,
  latencyMs: 1,
  lagMs: 0,
  freshAsOf: name === 'primary' ? Infinity : 1000,
  ...change,
});

const read: Situation = {
  classification: { readOnly: true },
  pinnedRole: undefined,
  readWriteSplit: true,
  hosts: [server('primary'), server('replica'), server('replica-2', { busy: 5 })],
  mustShow: -Infinity,
  hint: undefined,
  healthThreshold: 50,
  maxReplicaLagMs: 10_000,
  affinity: undefined,
};
const replicas = (...changes: Partial<Server>[]): Situation => ({
  ...read,
  hosts: [server('primary'), ...changes.map((change, index) => server(index === 0 ? 'replica' : `replica-${index + 1}`, change))],
});

describe('choose', () => {
  it('sends what is proved read-only to the replicas, best first', () => {
    expect(choose(read)).toMatchObject({ role: 'replica', hosts: ['replica', 'replica-2'], strategy: 'replica_read', confidence: 0.75 });
    expect(choose({ ...read, hosts: read.hosts.slice(0, 2) })).toMatchObject({ hosts: ['replica'], confidence: 0.5 });
  });

  it('sends what is not proved read-only to the primary, whatever else holds', () => {
    const write = { ...read, classification: { readOnly: false } };
    expect(choose(write)).toMatchObject({ role: 'primary', strategy: 'primary_write', confidence: 0.9 });
    expect(choose({ ...write, hint: 'primary' })).toMatchObject({ role: 'primary', strategy: 'primary_write' });
  });

  it('lets a read-only transaction begin on a replica, unless it shall be serializable', () => {
    const begin = (readOnly: boolean, isolation?: string): Situation => ({
      ...read,
      classification: { readOnly: false, transaction: { action: 'begin', readOnly, ...(isolation !== undefined && { isolation }) } },
    });
    expect(choose(begin(true))).toMatchObject({ role: 'replica', hosts: ['replica', 'replica-2'] });
    expect(choose(begin(true, 'repeatable read')).role).toBe('replica');
    expect(choose(begin(true, 'serializable')).role).toBe('primary');
    expect(choose(begin(false)).role).toBe('primary');
  });

  it.each([
    ['the split is off', { readWriteSplit: false }, 'enableReadWriteSplit is off'],
    ['there are no replicas', { hosts: [server('primary')] }, 'no replicas'],
    ['the hint says so', { hint: 'primary' }, 'hint'],
    ['its run or session writes at this moment', { mustShow: Infinity }, 'has written'],
    ['no replica has replayed its write', { mustShow: 1001 }, 'has written'],
  ] as const)('keeps a read on the primary when %s, and says why', (_, change, reason) => {
    const choice = choose({ ...read, ...change });
    expect(choice).toMatchObject({ role: 'primary', strategy: 'primary_read', confidence: 0.9 });
    expect(choice.reason).toContain(reason);
  });

  it('judges each replica for itself: only those that have replayed the write serve its reads', () => {
    const choice = choose({ ...replicas({ freshAsOf: 999 }, { freshAsOf: 1000 }, { freshAsOf: -Infinity }), mustShow: 1000 });
    expect(choice).toMatchObject({ role: 'replica', hosts: ['replica-2'], awaitsReplicas: true });
    expect(choose({ ...replicas({ freshAsOf: 999 }), mustShow: 1000 })).toMatchObject({ role: 'primary', awaitsReplicas: true });
    expect(choose({ ...replicas({ freshAsOf: Infinity }), mustShow: 1000 })).toMatchObject({ role: 'replica', awaitsReplicas: false });
  });

  it('uses no replica whose lag is not known, is too large, or that cannot be reached', () => {
    const one = (change: Partial<Server>): Situation => replicas(change);
    for (const [change, reason] of [
      [{ lagMs: null }, 'is not known'],
      [{ lagMs: 10_001 }, 'maxReplicaLagMs'],
      [{ available: false }, 'cannot be reached'],
    ] as const) {
      expect(whyNot(one(change).hosts[1]!, read)).toContain(reason);
      expect(choose(one(change))).toMatchObject({ role: 'primary', reason: expect.stringContaining(reason) as string });
    }
    expect(choose({ ...one({ lagMs: 10_001 }), maxReplicaLagMs: Infinity }).role).toBe('replica');
    expect(choose({ ...one({ lagMs: 1 }), maxReplicaLagMs: 0 }).role).toBe('primary');
    expect(choose({ ...one({ lagMs: 0 }), maxReplicaLagMs: 0 }).role).toBe('replica');
  });

  it('weighs lag: of two alike the one that is less behind', () => {
    expect(choose(replicas({ lagMs: 4000 }, { lagMs: 100 })).hosts).toEqual(['replica-2', 'replica']);
  });

  it('conformance 42: stays on the connection that the session holds, for reads and writes, and is sure of that', () => {
    for (const readOnly of [true, false])
      for (const pinnedRole of ['primary', 'replica'] as const) {
        const choice = choose({ ...read, classification: { readOnly }, pinnedRole, readWriteSplit: false });
        expect(choice).toMatchObject({ role: pinnedRole, strategy: 'transaction_affinity', confidence: 1 });
      }
  });

  it('conformance 44: without any host says that there are no available connections', () => {
    for (const readOnly of [true, false]) {
      const nowhere = { ...read, hosts: [], classification: { readOnly } };
      expect(() => choose(nowhere)).toThrow(NoConnectionsError);
      expect(() => choose(nowhere)).toThrow(/no available connections/);
    }
  });

  it('conformance 47: with the split off, reads use the rule of writes', () => {
    const off = { ...read, readWriteSplit: false };
    const write = { ...read, classification: { readOnly: false } };
    for (const healthScore of [80, 81]) {
      const hosts = [server('primary', { healthScore }), server('replica')];
      const { role, hosts: names, confidence } = choose({ ...write, hosts });
      expect(choose({ ...off, hosts })).toMatchObject({ role, hosts: names, confidence });
    }
  });
});
