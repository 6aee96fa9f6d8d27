import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it } from 'vitest';
import { WaiterQueue } from './waiters.ts';

const errors = { onTimeout: () => 'timeout', onAbort: (reason: unknown) => reason };

describe('the queue of waiters', () => {
  it('serves first who came first', async () => {
    const queue = new WaiterQueue<string>();
    const waiters = ['a', 'b', 'c'].map(() => queue.join(undefined, 0));
    for (const value of ['one', 'two', 'three']) queue.shift()!.serve(value);
    expect(await Promise.all(waiters.map((waiter) => waiter.promise))).toEqual(['one', 'two', 'three']);
    expect(queue.shift()).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it('lets anyone leave from any place, and keeps the order of the others', async () => {
    for (const leaving of [0, 1, 2]) {
      const queue = new WaiterQueue<number>();
      const waiters = [queue.join('r0', 0), queue.join('r1', 0), queue.join('r2', 0)];
      waiters[leaving]!.fail('gone');
      await expect(waiters[leaving]!.promise).rejects.toBe('gone');
      expect(queue.size).toBe(2);
      const served = [queue.shift()!, queue.shift()!].map((waiter) => waiter.runId);
      expect(served).toEqual(['r0', 'r1', 'r2'].filter((_, index) => index !== leaving));
    }
  });

  it('fails at its time, not before, and leaves no timer behind', async () => {
    const clock = new SimulatedClock();
    const queue = new WaiterQueue<number>();
    const waiter = queue.join(undefined, 0);
    waiter.limit(clock, 100, undefined, errors);
    await clock.advance(99);
    expect(queue.size).toBe(1);
    const failed = expect(waiter.promise).rejects.toBe('timeout');
    await clock.advance(1);
    await failed;
    expect(queue.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is served or fails, whichever comes first, and only once', async () => {
    const clock = new SimulatedClock();
    const controller = new AbortController();
    const queue = new WaiterQueue<string>();
    const served = queue.join(undefined, 0);
    served.limit(clock, 100, controller.signal, errors);
    queue.shift()!.serve('yes');
    controller.abort('late');
    await clock.advance(200);
    expect(await served.promise).toBe('yes');
    expect(clock.pendingTimers).toBe(0);

    const aborted = queue.join(undefined, 0);
    const second = new AbortController();
    aborted.limit(clock, 100, second.signal, errors);
    second.abort('stop');
    await expect(aborted.promise).rejects.toBe('stop');
    expect(queue.shift()).toBeUndefined();
  });

  it('fails those that are meant, and no others', async () => {
    const queue = new WaiterQueue<number>();
    const mine = queue.join('mine', 0);
    const other = queue.join('other', 0);
    queue.failRun('mine', () => 'over');
    await expect(mine.promise).rejects.toBe('over');
    queue.shift()!.serve(1);
    expect(await other.promise).toBe(1);
  });

  it('gives each run its turn, however many of one wait', () => {
    const queue = new WaiterQueue<number>();
    for (let index = 0; index < 100; index++) queue.join('greedy', index);
    for (const runId of ['b', undefined, 'b']) queue.join(runId, 200);
    const order = Array.from({ length: 6 }, () => queue.shift()!.runId);
    expect(order).toEqual(['greedy', 'b', undefined, 'greedy', 'b', 'greedy']);
    expect(queue.size).toBe(97);
  });

  it('passes over who may hold no more, and keeps their place', () => {
    const queue = new WaiterQueue<number>();
    queue.join('full', 0);
    queue.join('free', 1);
    const mayHold = (runId: string | undefined): boolean => runId !== 'full';
    expect(queue.shift(mayHold)!.runId).toBe('free');
    expect(queue.shift(mayHold)).toBeUndefined();
    expect(queue.size).toBe(1);
    expect(queue.shift()!.runId).toBe('full');
  });

  it('lets one leave who stood among others of its run', async () => {
    const queue = new WaiterQueue<number>();
    const waiters = [1, 2, 3].map((at) => queue.join('r', at));
    waiters[1]!.fail('gone');
    await expect(waiters[1]!.promise).rejects.toBe('gone');
    expect(queue.size).toBe(2);
    expect(queue.oldest('r')).toBe(waiters[0]);
    expect([queue.shift()!, queue.shift()!]).toEqual([waiters[0], waiters[2]]);
    waiters[0]!.fail('again');
    expect(queue.size).toBe(0);
    await expect(waiters[0]!.promise).rejects.toBe('again');
  });
});
