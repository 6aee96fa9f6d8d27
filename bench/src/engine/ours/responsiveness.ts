/**
 * What an engine must not do to the rest of the process: block the event loop while it runs many quick nodes, or keep its caller past a
 * deadline. Measured in a process of its own; prints one JSON object with a figure for each round, in milliseconds.
 */
import { defineNode, Runtime } from '@kailash-ts/core';
import { median } from '../../../../scripts/lib/statistics.ts';
import { buildGraph } from './build.ts';

const NODES = 100_000;
const ROUNDS = 9;
const DEADLINE_MS = 20;

/** Synchronous, so that nothing in the nodes themselves gives way. */
const synchronous = defineNode({ name: 'synchronous', process: ({ value }: { value: number }) => ({ value: value + 1 }) });
/** Heeds its signal, as every node should. */
const endless = defineNode({
  name: 'endless',
  process: (_input: { value: number }, { signal }) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })),
});

/**
 * Longest time between two turns of a timer of 1 ms while `work` runs. A pause counts for no more than the CPU time that this process used
 * in it: when other processes have the cores, that is not the engine's doing.
 */
async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let last = performance.now();
  let cpu = process.cpuUsage();
  let longest = 0;
  const turn = (): void => {
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    longest = Math.max(longest, Math.min(now - last, (used.user + used.system) / 1000) - 1);
    last = now;
    cpu = process.cpuUsage();
  };
  const timer = setInterval(turn, 1);
  try {
    await work();
    turn();
    return longest;
  } finally {
    clearInterval(timer);
  }
}

async function pastDeadline(runtime: Runtime): Promise<number> {
  const workflow = buildGraph('fan-out', 1, endless);
  const startedAt = performance.now();
  await runtime.execute(workflow, { timeoutMs: DEADLINE_MS }).catch(() => {});
  return performance.now() - startedAt - DEADLINE_MS;
}

const runtime = new Runtime();
const workflow = buildGraph('chain', NODES, synchronous);
await runtime.execute(workflow);
const stalls: number[] = [];
const overruns: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  stalls.push(await longestStall(() => runtime.execute(workflow)));
  overruns.push(await pastDeadline(runtime));
}
await runtime.close();
console.log(JSON.stringify({ longestStallMs: median(stalls), pastDeadlineMs: median(overruns) }));
