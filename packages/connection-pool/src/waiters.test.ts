import { SimulatedClock } from '@kailash-ts/core/testing';
import { describe, expect, it } from 'vitest';
import { WaiterQueue } from './waiters.ts';

function newQueue<T>(clock = new SimulatedClock()): WaiterQueue<T> {
  return new WaiterQueue<T>({ clock, onTimeout: () => 'timeout', onAbort: (reason) => reason });
}

describe('the queue of waiters', () => {
  it('serves first who came first', async () => {
    const queue = newQueue<string>();
    const waiters = ['a', 'b', 'c'].map(() => queue.join(undefined, 0));
    for (const value of ['one', 'two', 'three']) queue.shift()!.serve(value);
    expect(await Promise.all(waiters.map((waiter) => waiter.promise))).toEqual(['one', 'two', 'three']);
    expect(queue.shift()).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it('lets anyone leave from any place, and keeps the order of the others', async () => {
    for (const leaving of [0, 1, 2]) {
      const queue = newQueue<number>();
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
    const queue = newQueue<number>(clock);
    const waiter = queue.join(undefined, 0, 100);
    await clock.advance(99);
    expect(queue.size).toBe(1);
    const failed = expect(waiter.promise).rejects.toBe('timeout');
    await clock.advance(1);
    await failed;
    expect(queue.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails each at its own time, though one timer serves all', async () => {
    const clock = new SimulatedClock();
    const queue = newQueue<number>(clock);
    const failedAt = new Map<number, number>();
    const limits = [300, 100, 100.4, 5000, 200];
    for (const limit of limits) queue.join(`run ${limit}`, 0, limit).promise.catch(() => failedAt.set(limit, clock.now()));
    queue.join('waits on', 0).promise.catch(() => failedAt.set(Infinity, clock.now()));
    expect(clock.pendingTimers).toBe(1);
    for (let step = 0; step < 400; step++) await clock.advance(1);
    expect([...failedAt]).toEqual([[100, 100], [100.4, 101], [200, 200], [300, 300]]); // prettier-ignore
    expect(queue.size).toBe(2);
    queue.failAll(() => 'over');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is served or fails, whichever comes first, and only once', async () => {
    const clock = new SimulatedClock();
    const controller = new AbortController();
    const queue = newQueue<string>(clock);
    const served = queue.join(undefined, 0, 100, controller.signal);
    queue.shift()!.serve('yes');
    controller.abort('late');
    await clock.advance(200);
    expect(await served.promise).toBe('yes');
    expect(clock.pendingTimers).toBe(0);

    const second = new AbortController();
    const aborted = queue.join(undefined, clock.now(), 100, second.signal);
    second.abort('stop');
    await expect(aborted.promise).rejects.toBe('stop');
    expect(queue.shift()).toBeUndefined();
  });

  it('fails those that are meant, and no others', async () => {
    const queue = newQueue<number>();
    const mine = queue.join('mine', 0);
    const other = queue.join('other', 0);
    queue.failRun('mine', () => 'over');
    await expect(mine.promise).rejects.toBe('over');
    queue.shift()!.serve(1);
    expect(await other.promise).toBe(1);
  });

  it('gives each run its turn, however many of one wait', () => {
    const queue = newQueue<number>();
    for (let index = 0; index < 100; index++) queue.join('greedy', index);
    for (const runId of ['b', undefined, 'b']) queue.join(runId, 200);
    const order = Array.from({ length: 6 }, () => queue.shift()!.runId);
    expect(order).toEqual(['greedy', 'b', undefined, 'greedy', 'b', 'greedy']);
    expect(queue.size).toBe(97);
  });

  it('passes over who may hold no more, and keeps their place', () => {
    const queue = newQueue<number>();
    queue.join('full', 0);
    queue.join('free', 1);
    const mayHold = (runId: string | undefined): boolean => runId !== 'full';
    expect(queue.shift(mayHold)!.runId).toBe('free');
    expect(queue.shift(mayHold)).toBeUndefined();
    expect(queue.size).toBe(1);
    expect(queue.shift()!.runId).toBe('full');
  });

  it('lets one leave who stood among others of its run', async () => {
    const queue = newQueue<number>();
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
