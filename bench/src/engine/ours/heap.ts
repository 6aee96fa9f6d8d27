/**
 * Bytes of heap for a node that has not started: a fan-out whose source is held back, so that all other nodes of the run wait.
 * Measured in a process of its own (`--expose-gc`); prints one JSON object.
 */
import { defineNode, Runtime } from '@kailash-ts/core';
import { buildGraph } from './build.ts';

const NODES = 100_000;

function usedBytes(): number {
  for (let round = 0; round < 4; round++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  // Typed arrays live outside of the JavaScript heap, and count.
  return heapUsed + external;
}

let open!: () => void;
const gate = new Promise<void>((resolve) => (open = resolve));

const held = defineNode({
  name: 'held',
  process: async ({ value }: { value: number }) => {
    await gate;
    return { value: value + 1 };
  },
});

const runtime = new Runtime();
await runtime.execute(buildGraph('fan-out', 10));
const empty = usedBytes();
const workflow = buildGraph('fan-out', NODES, held);
const defined = usedBytes();
const first = runtime.execute(workflow);
await new Promise((resolve) => setTimeout(resolve, 50));
const running = usedBytes();
const second = runtime.execute(workflow);
await new Promise((resolve) => setTimeout(resolve, 50));
const runningTwice = usedBytes();
open();
await Promise.all([first, second]);
console.log(
  JSON.stringify({
    definition: (defined - empty) / NODES,
    planAndRun: (running - defined) / NODES,
    run: (runningTwice - running) / NODES,
  }),
);
