import { describe, expect, it } from 'vitest';
import { choose, type Situation } from './choose.ts';

const read: Situation = {
  classification: { readOnly: true },
  pinnedRole: undefined,
  readWriteSplit: true,
  hasReplicas: true,
  replicasMayLag: true,
  hasWritten: false,
  hint: undefined,
};

describe('choose', () => {
  it('sends what is proved read-only to a replica', () => {
    expect(choose(read)).toMatchObject({ role: 'replica', strategy: 'replica_read', confidence: 0.5 });
  });

  it('sends what is not proved read-only to the primary, whatever else holds', () => {
    const write = { ...read, classification: { readOnly: false } };
    expect(choose(write)).toMatchObject({ role: 'primary', strategy: 'primary_write', confidence: 1 });
    expect(choose({ ...write, hint: 'primary' })).toMatchObject({ role: 'primary', strategy: 'primary_write' });
  });

  it.each([
    ['the split is off', { readWriteSplit: false }, 'enableReadWriteSplit is off'],
    ['there are no replicas', { hasReplicas: false }, 'no replicas'],
    ['the hint says so', { hint: 'primary' }, 'hint'],
    ['its run or session has written', { hasWritten: true }, 'has written'],
  ] as const)('keeps a read on the primary when %s, and says why', (_, change, reason) => {
    const choice = choose({ ...read, ...change });
    expect(choice).toMatchObject({ role: 'primary', strategy: 'primary_read' });
    expect(choice.reason).toContain(reason);
  });

  it('lets a writer read from replicas that cannot lag', () => {
    expect(choose({ ...read, hasWritten: true, replicasMayLag: false }).role).toBe('replica');
  });

  it('stays on the connection that the session holds, for reads and writes', () => {
    for (const readOnly of [true, false]) {
      const choice = choose({ ...read, classification: { readOnly }, pinnedRole: 'primary', readWriteSplit: false });
      expect(choice).toMatchObject({ role: 'primary', strategy: 'transaction_affinity', confidence: 1 });
    }
  });
});
