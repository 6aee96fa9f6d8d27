import { describe, expect, it } from 'vitest';
import { isSameRefusal, secondChance } from './second-chance.ts';

const refused = (sqlState: string): unknown => ({ code: 'POOL_STATEMENT_FAILED', sqlState });

describe('a second chance on the primary', () => {
  it('is given to what a server refuses because it only reads, wherever it was sent', () => {
    for (const role of ['primary', 'replica'] as const) expect(secondChance({ code: 'POOL_READ_ONLY_CONNECTION' }, role)).toBe('misroute');
  });

  it('is given to reads that a standby cannot do, or ended for its own sake', () => {
    expect(['55000', '0A000', '40001'].map((state) => secondChance(refused(state), 'replica'))).toEqual([
      'misroute',
      'misroute',
      'recovery_conflict',
    ]);
    expect(secondChance({ code: 'POOL_CONNECTION_LOST' }, 'replica')).toBe('replica_lost');
  });

  it('is not given to mistakes, nor to anything on the primary that may have been carried out', () => {
    expect(['42601', '42P01', '23505', '57014'].map((state) => secondChance(refused(state), 'replica'))).toEqual(Array(4).fill(undefined));
    for (const error of [refused('40001'), refused('55000'), { code: 'POOL_CONNECTION_LOST' }, new Error('x'), {}])
      expect(secondChance(error, 'primary')).toBeUndefined();
  });

  it("was none of the server's making where the primary refuses the statement in the same way", () => {
    expect(isSameRefusal(refused('0A000'), refused('0A000'))).toBe(true);
    expect(isSameRefusal(refused('55000'), refused('0A000'))).toBe(false);
    expect(isSameRefusal(refused('0A000'), { code: 'POOL_CONNECTION_LOST' })).toBe(false);
    const readOnly = { code: 'POOL_READ_ONLY_CONNECTION', sqlState: '25006' };
    expect(isSameRefusal(readOnly, readOnly)).toBe(false);
  });
});
