import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defineNode, Runtime, sleep, WorkflowBuilder, type NodeContext } from './index.ts';
import { SimulatedClock } from './testing.ts';

/** Executions of real workflows, recorded elsewhere: they lie beside the project, where they lie at all. */
const folder = new URL('../../../../shared/data/workflows/', import.meta.url);
const isThere = existsSync(folder);
if (!isThere) process.stderr.write('task graphs: 6 tests did not run, since ../shared/data/workflows is not there.\n');

interface TaskGraph {
  readonly name: string;
  readonly criticalPathSeconds: number;
  readonly totalSeconds: number;
  readonly tasks: readonly { readonly id: string; readonly parents: readonly string[]; readonly runtimeSeconds: number }[];
}

/** One simulated second of a task takes this many milliseconds of virtual time. */
const SCALE = 1000;

async function play(graph: TaskGraph, concurrency: number) {
  const clock = new SimulatedClock();
  const spans = new Map<string, { start: number; end: number }>();
  let inFlight = 0;
  let most = 0;
  const task = defineNode({
    name: 'task',
    process: async ({ seconds }: { seconds: number }, { nodeId, signal }: NodeContext) => {
      const start = clock.now();
      most = Math.max(most, ++inFlight);
      await sleep(clock, seconds * SCALE, signal);
      inFlight--;
      spans.set(nodeId, { start, end: clock.now() });
    },
  });
  const wf = new WorkflowBuilder(graph.name);
  for (const { id, parents, runtimeSeconds } of graph.tasks) wf.addNode(id, task, { seconds: runtimeSeconds }, { after: parents });
  const result = await clock.runUntil(new Runtime({ clock }).execute(wf, { concurrency }));
  return { result, spans, most };
}

describe.skipIf(!isThere)('a recorded task graph', () => {
  const files = ['srasearch-22', 'montage-103', 'genome-572'];
  const load = (file: string) => JSON.parse(readFileSync(new URL(`${file}.json`, folder), 'utf8')) as TaskGraph;

  it.each(files)('%s runs in order, in exactly its critical path', async (file) => {
    const graph = load(file);
    const { result, spans } = await play(graph, Infinity);
    expect(result.durationMs).toBeCloseTo(graph.criticalPathSeconds * SCALE, 3);
    for (const { id, parents } of graph.tasks) {
      for (const parent of parents) expect(spans.get(id)!.start).toBeGreaterThanOrEqual(spans.get(parent)!.end);
      const ready = Math.max(0, ...parents.map((parent) => spans.get(parent)!.end));
      expect(spans.get(id)!.start, `${id} starts the moment that its last parent is done`).toBeCloseTo(ready, 6);
    }
  });

  it.each(files)('%s with 8 workers never has more in flight, and is never idle while something is ready', async (file) => {
    const graph = load(file);
    const { result, most } = await play(graph, 8);
    expect(most).toBeLessThanOrEqual(8);
    // Graham (1966): list scheduling takes at most total/workers + critical path.
    const bound = (graph.totalSeconds / 8 + graph.criticalPathSeconds) * SCALE;
    expect(result.durationMs).toBeLessThanOrEqual(bound + 1);
    expect(result.durationMs).toBeGreaterThanOrEqual(Math.max(graph.criticalPathSeconds, graph.totalSeconds / 8) * SCALE - 1);
  });
});
