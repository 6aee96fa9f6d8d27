import { describe, expect, it } from 'vitest';
import type { PoolLease } from './lease.ts';
import { Runs } from './runs.ts';

const lease = (runId: string, role: 'primary' | 'replica' = 'primary'): PoolLease => ({ runId, role }) as PoolLease;

function runOf(runs: Runs, workflow: string, ...usage: number[]): void {
  const runId = `${workflow}-${Math.random()}`;
  runs.begin(runId, workflow);
  const held: PoolLease[] = [];
  for (const count of usage) {
    while (held.length < count) {
      held.push(lease(runId));
      runs.add(held.at(-1)!);
    }
    while (held.length > count) runs.remove(held.pop()!);
  }
  runs.finish(runId);
}

describe('what runs hold', () => {
  it('conformance 75: the peak of 3, 5, 2 is 5; of peaks 1..10 the expected one is 10; without any it is 2', () => {
    const runs = new Runs();
    expect(runs.expected('nothing known').primary).toBe(2);
    runOf(runs, 'once', 3, 5, 2);
    expect(runs.expected('once').primary).toBe(5);
    for (let peak = 1; peak <= 10; peak++) runOf(runs, 'often', peak);
    expect(runs.expected('often').primary).toBe(10);
  });

  it('does not count a run that has only begun', () => {
    const runs = new Runs();
    runs.begin('first', 'wf');
    expect(runs.expected('wf').primary).toBe(2);
  });

  it('keeps roles apart', () => {
    const runs = new Runs();
    runs.begin('r', 'wf');
    for (const role of ['primary', 'replica', 'replica'] as const) runs.add(lease('r', role));
    expect(runs.held('r')).toBe(3);
    expect(runs.finish('r')).toHaveLength(3);
    expect(runs.expected('wf')).toEqual({ primary: 1, replica: 2 });
  });

  it('remembers bounded: the last 100 runs of the last 1000 workflows', () => {
    const runs = new Runs();
    for (let round = 0; round < 150; round++) runOf(runs, 'steady', round < 50 ? 9 : 1);
    expect(runs.expected('steady').primary).toBe(1);
    for (let index = 0; index < 1000; index++) runOf(runs, `wf-${index}`, 4);
    expect(runs.expected('steady').primary).toBe(2);
    expect(runs.expected('wf-999').primary).toBe(4);
  });

  it('forgets a run that was never begun when it holds nothing any more', () => {
    const runs = new Runs();
    const held = lease('stray');
    runs.add(held);
    expect(runs.held('stray')).toBe(1);
    runs.remove(held);
    expect(runs.finish('stray')).toEqual([]);
  });
});
