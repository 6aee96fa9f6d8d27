import { describe, expect, it } from 'vitest';
import { covers, hasTurnedBack, missing, parseGtidPosition, parseGtidSet, positionText, type LogPosition } from './log-position.ts';

const wal = (bytes: number, timeline = 1): LogPosition => ({ kind: 'wal', timeline, bytes });
const gtid = (text: string, server = 1): LogPosition => parseGtidPosition(text, server)!;
const set = (text: string): LogPosition => parseGtidSet(text)!;
const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '4e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('whether a replica has what the primary had', () => {
  it('counts bytes of the log on PostgreSQL, on one timeline', () => {
    expect([covers(wal(10), wal(10)), covers(wal(11), wal(10)), covers(wal(9), wal(10))]).toEqual([true, true, false]);
    expect([covers(wal(11, 1), wal(10, 2)), covers(wal(11, 2), wal(10, 1))]).toEqual([false, false]);
  });

  it('compares each domain of MariaDB', () => {
    expect(covers(gtid('0-1-270,5-1-12'), gtid('5-1-12,0-1-269'))).toBe(true);
    expect(covers(gtid('0-1-270,5-1-11'), gtid('5-1-12,0-1-269'))).toBe(false);
    expect(covers(gtid('0-1-270'), gtid('0-1-269,5-1-1'))).toBe(false);
    expect(covers(gtid('0-1-270,7-9-1'), gtid('0-1-269'))).toBe(true);
  });

  it('sees that a server of MariaDB has another history, however far it is', () => {
    const primary = gtid('0-2-950', 2);
    expect(covers(gtid('0-1-1000', 3), primary)).toBe(false); // it followed the old primary, which wrote on
    expect(covers(gtid('0-1-950', 3), primary)).toBe(false);
    expect([covers(gtid('0-2-950', 3), primary), covers(gtid('0-2-960', 3), primary)]).toEqual([true, true]);
    // The primary took over and has written nothing yet.
    expect([covers(gtid('0-1-90', 3), gtid('0-1-90', 2)), covers(gtid('0-2-91', 3), gtid('0-1-90', 2))]).toEqual([true, true]);
  });

  it('includes sets of MySQL in each other, with gaps and several servers', () => {
    expect(covers(set(`${A}:1-100`), set(`${A}:1-100`))).toBe(true);
    expect(covers(set(`${A}:1-90:92-100`), set(`${A}:1-100`))).toBe(false);
    expect(covers(set(`${A}:1-100,${B}:1-5`), set(`${A}:1-90:95`))).toBe(true);
    expect(covers(set(`${A}:1-100`), set(`${A}:1-90,${B}:1`))).toBe(false);
    expect(covers(set(`${A}:1-100:tag:1-3`), set(`${A}:tag:3`))).toBe(true);
    expect(covers(set(`${A}:1-100`), set(`${A}:tag:3`))).toBe(false);
  });

  it('is false for positions of different kinds', () => {
    expect(covers(wal(100), gtid('0-1-1'))).toBe(false);
    expect(missing(wal(100), gtid('0-1-1'))).toBeNull();
  });
});

describe('a position', () => {
  it('tells what is missing where it can be counted', () => {
    expect([missing(wal(90), wal(100)), missing(wal(100), wal(100)), missing(wal(90), wal(100, 2))]).toEqual([10, 0, null]);
    expect(missing(gtid('0-1-90,5-1-2'), gtid('0-1-100,5-1-2'))).toBe(10);
    expect(missing(set(`${A}:1`), set(`${A}:1-2`))).toBeNull();
  });

  it('is none where no log is written', () => {
    expect([parseGtidPosition('', 1), parseGtidSet('')]).toEqual([undefined, undefined]);
  });

  it('reads as its database writes it', () => {
    expect(positionText(wal(0x3000060 + 5 * 2 ** 32))).toBe('5/3000060');
    expect(positionText(gtid('0-1-270,5-3-12'))).toBe('0-1-270,5-3-12');
    expect(positionText(set(`${A}:1-5:7,\n${B}:9`))).toBe(`${A}:1-5:7-7,${B}:9-9`);
  });

  it('turns back when a server is made anew', () => {
    expect([hasTurnedBack(wal(90), wal(100)), hasTurnedBack(wal(100), wal(100)), hasTurnedBack(wal(200, 2), wal(100))]).toEqual([
      true,
      false,
      true,
    ]);
    expect([hasTurnedBack(gtid('0-1-5', 3), gtid('0-1-9', 3)), hasTurnedBack(gtid('0-2-12', 3), gtid('0-1-9', 3))]).toEqual([true, false]);
    expect(hasTurnedBack(set(`${A}:1-5`), set(`${A}:1-6`))).toBe(true);
  });
});
