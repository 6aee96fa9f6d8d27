import { describe, expect, it } from 'vitest';
import { WriteLedger } from './freshness.ts';

describe('the ledger of writes', () => {
  it('remembers a run until it ends, and a session', () => {
    const ledger = new WriteLedger();
    expect(ledger.hasWritten('run-1', undefined)).toBe(false);
    ledger.note('run-1', 'load');
    ledger.note(undefined, 'cart');
    expect(ledger.hasWritten('run-1', undefined)).toBe(true);
    expect(ledger.hasWritten('run-2', 'load')).toBe(false);
    expect(ledger.hasWritten(undefined, 'cart')).toBe(true);
    expect(ledger.hasWritten(undefined, 'load')).toBe(false);
    ledger.forgetRun('run-1');
    expect(ledger.hasWritten('run-1', undefined)).toBe(false);
  });

  it('trusts no unknown session once it had to forget one', () => {
    const ledger = new WriteLedger();
    for (let index = 0; index <= 100_000; index++) ledger.note(undefined, `s${index}`);
    expect(ledger.hasWritten(undefined, 's0')).toBe(true);
    expect(ledger.hasWritten(undefined, 'never seen')).toBe(true);
    expect(ledger.hasWritten(undefined, undefined)).toBe(false);
  });
});
