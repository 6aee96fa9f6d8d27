/** A process of its own: what 100,000 templates with what followed them hold in memory, typed arrays included. Prints JSON. */
import { QueryPatternTracker } from '@kailash-ts/connection-pool';
import { randomFrom } from './random.ts';
import { textOf } from './statements.ts';

const TEMPLATES = 100_000;

export interface Weight {
  readonly templates: number;
  readonly megabytes: number;
}

function usedBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const random = randomFrom(13);
const before = usedBytes();
const tracker = new QueryPatternTracker();
for (let index = 0; index < 5 * TEMPLATES; index++) {
  tracker.recordExecution({
    fingerprint: textOf(index < TEMPLATES ? index : Math.floor(TEMPLATES * random())),
    executionTimeMs: 1,
    connectionId: 'c1',
    success: true,
    resultSize: 1,
    sessionId: `session ${Math.floor(10_000 * random())}`,
    workflow: `workflow ${index % 3}`,
    parameters: [index],
  });
}
// Array buffers that were given up are freed at the turn of the event loop.
await new Promise((resolve) => setTimeout(resolve, 100));
const weight: Weight = { megabytes: (usedBytes() - before) / 2 ** 20, templates: tracker.size };
console.log(JSON.stringify(weight));
