import { describe, expect, it } from 'vitest';
import { budgetOf, fairShares, grant, type Member } from './allotment.ts';

const member = (id: number, wanted: number, held = 0): Member => ({ id, wanted, held });

describe('what the members of a fleet may have', () => {
  it('is 80 % of what the server takes, less what it keeps back, or of a smaller limit of the user', () => {
    expect(budgetOf({ maxConnections: 50, reserved: 3, ownLimit: null })).toBe(37);
    expect(budgetOf({ maxConnections: 100, reserved: 3, ownLimit: 20 })).toBe(16);
    expect(budgetOf({ maxConnections: 4, reserved: 3, ownLimit: null })).toBe(1);
  });

  it('is shared max-min fair: who wants little gets it, the others get alike', () => {
    expect([...fairShares([member(1, 50), member(2, 50)], 35).values()].sort()).toEqual([17, 18]);
    expect(fairShares([member(1, 50), member(2, 5), member(3, 50)], 35)).toEqual(
      new Map([
        [2, 5],
        [3, 15],
        [1, 15],
      ]),
    );
    expect(fairShares([member(1, 3), member(2, 5)], 35)).toEqual(
      new Map([
        [1, 3],
        [2, 5],
      ]),
    );
    expect(fairShares([member(1, 9)], -2)).toEqual(new Map([[1, 0]]));
  });

  it('is never what another one still holds', () => {
    expect(grant(member(2, 50), [member(1, 50, 36)], 37)).toBe(0);
    expect(grant(member(2, 50), [member(1, 50, 30)], 37)).toBe(5);
    expect(grant(member(2, 50), [member(1, 50, 18)], 37)).toBe(17);
  });

  it('is together never more than the budget, and all of it in the end, whatever the order of their looks', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (const count of [2, 4, 200]) {
      const budget = 800;
      const members = Array.from({ length: count }, (_, id) => ({ id, wanted: 1000, held: 0 }));
      for (let step = 0; step < 20 * count; step++) {
        const me = members[Math.floor(random() * count)]!;
        if (random() < 0.2) me.wanted = Math.floor(random() * 1000);
        me.held = grant(
          me,
          members.filter((other) => other !== me),
          budget,
        );
        expect(members.reduce((sum, { held }) => sum + held, count)).toBeLessThanOrEqual(budget);
      }
      for (const me of members) me.wanted = 1000;
      for (let round = 0; round < 2; round++)
        for (const me of members)
          me.held = grant(
            me,
            members.filter((other) => other !== me),
            budget,
          );
      expect(members.reduce((sum, { held }) => sum + held, count)).toBe(budget);
      expect(Math.max(...members.map(({ held }) => held)) - Math.min(...members.map(({ held }) => held))).toBeLessThanOrEqual(1);
    }
  });
});
