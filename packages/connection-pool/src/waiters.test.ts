import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it } from 'vitest';
import { WaiterQueue } from './waiters.ts';

const errors = { onTimeout: () => 'timeout', onAbort: (reason: unknown) => reason };

describe('the queue of waiters', () => {
  it('serves first who came first', async () => {
    const queue = new WaiterQueue<string>();
    const waiters = ['a', 'b', 'c'].map(() => queue.join(undefined));
    for (const value of ['one', 'two', 'three']) queue.shift()!.serve(value);
    expect(await Promise.all(waiters.map((waiter) => waiter.promise))).toEqual(['one', 'two', 'three']);
    expect(queue.shift()).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it('lets anyone leave from any place, and keeps the order of the others', async () => {
    for (const leaving of [0, 1, 2]) {
      const queue = new WaiterQueue<number>();
      const waiters = [queue.join('r0'), queue.join('r1'), queue.join('r2')];
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
    const waiter = queue.join(undefined);
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
    const served = queue.join(undefined);
    served.limit(clock, 100, controller.signal, errors);
    queue.shift()!.serve('yes');
    controller.abort('late');
    await clock.advance(200);
    expect(await served.promise).toBe('yes');
    expect(clock.pendingTimers).toBe(0);

    const aborted = queue.join(undefined);
    const second = new AbortController();
    aborted.limit(clock, 100, second.signal, errors);
    second.abort('stop');
    await expect(aborted.promise).rejects.toBe('stop');
    expect(queue.shift()).toBeUndefined();
  });

  it('fails those that are meant, and no others', async () => {
    const queue = new WaiterQueue<number>();
    const mine = queue.join('mine');
    const other = queue.join('other');
    queue.failAll(
      () => 'over',
      (waiter) => waiter.runId === 'mine',
    );
    await expect(mine.promise).rejects.toBe('over');
    queue.shift()!.serve(1);
    expect(await other.promise).toBe(1);
  });
});
