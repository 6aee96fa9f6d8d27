/**
 * Fails a test file that leaves something open which keeps a process alive: timers, sockets, servers, child processes, workers.
 *
 * Judged once per file, after its own `afterAll`s, because handles close asynchronously; what is still open a second later is a leak.
 * The message names the tests after which there was more open than before, as a hint.
 */
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { leakedResources, type ResourceCounts } from './resources.ts';

/** How long closing may take before it counts as forgotten. */
const GRACE_MS = 1000;

/** The real one, whatever a test does to the global. */
const { setTimeout } = globalThis;

/** Workers are not among the active resources that Node.js lists, so they are followed from their creation. */
let openWorkers = 0;
process.on('worker', (worker) => {
  openWorkers++;
  worker.once('exit', () => openWorkers--);
});

function countResources(): ResourceCounts {
  const counts = new Map<string, number>([['Worker', openWorkers]]);
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

const atStart = countResources();
const suspects = new Set<string>();
let beforeTest = atStart;

beforeEach(() => {
  beforeTest = countResources();
});

afterEach(() => {
  if (leakedResources(beforeTest, countResources()).length > 0) suspects.add(expect.getState().currentTestName ?? 'a test');
});

afterAll(async () => {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const leaked = leakedResources(atStart, countResources());
    if (leaked.length === 0) return;
    if (Date.now() > deadline) {
      const hint = suspects.size === 0 ? '' : ` Look at: ${[...suspects].map((name) => `"${name}"`).join(', ')}.`;
      throw new Error(`This test file leaves open: ${leaked.join(', ')}. Close what was started (finally, afterAll, await using).${hint}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20).unref());
  }
});
