import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '@kailash-ts/core/testing';
import { SessionBusyError } from './errors.ts';
import { Turns } from './turns.ts';

const noLimit = { clock: new SimulatedClock(), signal: undefined, timeoutMs: Infinity, onTimeout: () => undefined };

describe('turns', () => {
  it('go in the order in which they were asked for', async () => {
    const turns = new Turns();
    const order: number[] = [];
    const work = async (number: number): Promise<void> => {
      await turns.take(noLimit);
      order.push(number);
      await Promise.resolve();
      turns.pass();
    };
    await Promise.all([1, 2, 3, 4].map(work));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('pass over one who was aborted or ran out of time', async () => {
    const clock = new SimulatedClock();
    const turns = new Turns();
    await turns.take(noLimit);
    const abort = new AbortController();
    const aborted = turns.take({ ...noLimit, signal: abort.signal });
    const late = turns.take({ ...noLimit, clock, timeoutMs: 50, onTimeout: () => new SessionBusyError('s', 50) });
    const patient = turns.take({ ...noLimit, clock, timeoutMs: 100 });
    abort.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    const isLate = expect(late).rejects.toThrow(SessionBusyError);
    await clock.advance(60);
    await isLate;
    turns.pass();
    await patient;
    await clock.advance(1000);
    turns.pass();
    await turns.take(noLimit);
  });

  it('are lost by nobody when one is aborted at the moment of being called', async () => {
    const turns = new Turns();
    await turns.take(noLimit);
    const abort = new AbortController();
    const called = turns.take({ ...noLimit, signal: abort.signal });
    const behind = turns.take(noLimit);
    turns.pass();
    abort.abort('too late');
    await called;
    turns.pass();
    await behind;
  });
});
