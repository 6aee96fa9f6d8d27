import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreshnessBook, type Freshness } from './freshness.ts';
import type { LogPosition } from './log-position.ts';

const wal = (bytes: number, timeline = 1): LogPosition => ({ kind: 'wal', timeline, bytes });

describe('as of when a replica is fresh', () => {
  it('is when the last position that it has replayed was asked for', () => {
    const book = new FreshnessBook();
    book.notePrimary(1000, wal(10));
    book.notePrimary(1250, wal(20));
    book.notePrimary(1500, wal(30));
    expect(book.judge(wal(30), 1501, undefined)).toMatchObject({ asOf: 1500, missing: 0 });
    expect(book.judge(wal(25), 1501, undefined)).toMatchObject({ asOf: 1250, missing: 5 });
    expect(book.judge(wal(9), 1501, undefined)).toMatchObject({ asOf: -Infinity, missing: 21 });
  });

  it('goes on while the primary writes nothing', () => {
    const book = new FreshnessBook();
    book.notePrimary(1000, wal(10));
    book.notePrimary(9000, wal(10));
    expect(book.judge(wal(10), 9001, undefined).asOf).toBe(9000);
  });

  it('is unknown on another timeline, after another primary took over, and of a server that was made anew', () => {
    const book = new FreshnessBook();
    book.notePrimary(1000, wal(10, 2));
    expect(book.judge(wal(50, 1), 1001, undefined).asOf).toBe(-Infinity);
    const before = book.judge(wal(20, 2), 1001, undefined);
    expect(before.asOf).toBe(1000);
    expect(book.judge(wal(5, 2), 1002, before).asOf).toBe(-Infinity);
    book.clear();
    expect(book.judge(wal(20, 2), 1003, undefined).asOf).toBe(-Infinity);
  });

  it('never promises what the replica had not replayed, however often it is asked, and never forgets (property)', () => {
    // The primary's log grows, is looked at now and then, and a replica follows at its own pace.
    const step = fc.record({ written: fc.nat(5), replayed: fc.nat(8), looks: fc.constantFrom('primary', 'replica', 'none') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
        const book = new FreshnessBook();
        const ends: number[] = []; // position of the log at each moment
        let written = 0;
        let replayed = 0;
        let known: Freshness | undefined;
        steps.forEach(({ written: more, replayed: replays, looks }, moment) => {
          ends[moment] = written;
          if (looks === 'primary') book.notePrimary(moment, wal(written + more)); // answered later than asked
          written += more;
          replayed = Math.min(written, replayed + replays);
          if (looks !== 'replica') return;
          const before = known?.asOf ?? -Infinity;
          known = book.judge(wal(replayed), moment, known);
          expect(known.asOf).toBeGreaterThanOrEqual(before);
          if (known.asOf !== -Infinity) expect(replayed).toBeGreaterThanOrEqual(ends[known.asOf]!);
        });
      }),
    );
  });
});
