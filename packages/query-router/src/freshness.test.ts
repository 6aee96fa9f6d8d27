import { describe, expect, it } from 'vitest';
import { WriteLedger } from './freshness.ts';

const write = (
  ledger: WriteLedger,
  at: number,
  { run, session, isUncertain = false }: { run?: string; session?: string; isUncertain?: boolean },
) => ledger.end(ledger.begin(run, session)!, at, isUncertain);

describe('the ledger of writes', () => {
  it('remembers of a run until it ends, and of a session, when their last write had ended', () => {
    const ledger = new WriteLedger();
    expect(ledger.mustShow('run-1', undefined)).toBe(-Infinity);
    write(ledger, 10, { run: 'run-1', session: 'load' });
    write(ledger, 20, { session: 'cart' });
    write(ledger, 15, { session: 'cart' });
    expect(ledger.mustShow('run-1', undefined)).toBe(10);
    expect(ledger.mustShow('run-2', 'load')).toBe(-Infinity);
    expect(ledger.mustShow(undefined, 'cart')).toBe(20);
    expect(ledger.mustShow(undefined, 'load')).toBe(-Infinity);
    ledger.forgetRun('run-1');
    expect(ledger.mustShow('run-1', undefined)).toBe(-Infinity);
  });

  it('knows nobody without a name', () => {
    const ledger = new WriteLedger();
    expect(ledger.begin(undefined, undefined)).toBeUndefined();
    expect(ledger.mustShow(undefined, undefined)).toBe(-Infinity);
  });

  it('lets nothing stand in for a write under way, until the last one has ended', () => {
    const ledger = new WriteLedger();
    const first = ledger.begin('run-1', undefined)!;
    const second = ledger.begin('run-1', undefined)!;
    ledger.end(first, 30, false);
    expect(ledger.mustShow('run-1', undefined)).toBe(Infinity);
    ledger.end(second, 40, false);
    expect(ledger.mustShow('run-1', undefined)).toBe(40);
  });

  it('waits a minute for a write whose end nobody saw', () => {
    const ledger = new WriteLedger();
    write(ledger, 10, { session: 's', isUncertain: true });
    expect(ledger.mustShow(undefined, 's')).toBe(60_010);
  });

  it('a write that ends after its run leaves nothing behind', () => {
    const ledger = new WriteLedger();
    const late = ledger.begin('run-1', undefined)!;
    ledger.forgetRun('run-1');
    ledger.end(late, 10, false);
    expect(ledger.mustShow('run-1', undefined)).toBe(-Infinity);
  });

  it('takes an unknown session for one that it had to forget, but forgets none that writes now', () => {
    const ledger = new WriteLedger(3);
    const writing = ledger.begin(undefined, 's0')!;
    for (let index = 1; index <= 5; index++) write(ledger, index * 10, { session: `s${index}` });
    expect(ledger.mustShow(undefined, 's0')).toBe(Infinity);
    expect(['s1', 's2', 'never seen', 's5'].map((id) => ledger.mustShow(undefined, id))).toEqual([20, 20, 20, 50]);
    const again = ledger.begin(undefined, 's0')!;
    ledger.end(writing, 60, false);
    expect(ledger.mustShow(undefined, 's0')).toBe(Infinity);
    ledger.end(again, 70, false);
    expect(['s0', 'never seen'].map((id) => ledger.mustShow(undefined, id))).toEqual([70, 70]);
    write(ledger, 5, { session: 's1' }); // back again: what was forgotten of it is not smaller than that
    expect(ledger.mustShow(undefined, 's1')).toBe(70);
    expect(ledger.mustShow(undefined, undefined)).toBe(-Infinity);
  });
});
