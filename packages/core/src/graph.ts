import type { WorkflowDefinition } from './definition.ts';
import { RUN_INPUT } from './definition.ts';

/** Adjacency of a workflow as flat arrays (compressed sparse rows): 1,000,000 nodes cost a few megabytes. */
export interface Graph {
  readonly size: number;
  /** `targets[starts[i] .. starts[i + 1]]` are the nodes that wait for node i, one entry an edge. */
  readonly starts: Int32Array;
  readonly targets: Int32Array;
  /** Per entry of `targets`: the index of the edge in the definition, or -1 for order (`after`) and guard edges. */
  readonly edges: Int32Array;
  /** How many entries point at a node. */
  readonly indegree: Int32Array;
}

export function indexById(definition: WorkflowDefinition): Map<string, number> {
  const index = new Map<string, number>();
  definition.nodes.forEach(({ id }, i) => index.set(id, i));
  return index;
}

/** The adjacency of a definition. Edges to or from unknown ids are left out; finding them is `findProblems`' task. */
export function buildGraph(definition: WorkflowDefinition, index: ReadonlyMap<string, number>): Graph {
  const size = definition.nodes.length;
  const starts = new Int32Array(size + 1);
  const indegree = new Int32Array(size);
  let count = 0;
  forEachDependency(definition, index, (from, to) => {
    starts[from + 1]!++;
    indegree[to]!++;
    count++;
  });
  for (let i = 0; i < size; i++) starts[i + 1]! += starts[i]!;
  const targets = new Int32Array(count);
  const edges = new Int32Array(count);
  const next = starts.slice();
  forEachDependency(definition, index, (from, to, edge) => {
    const at = next[from]!++;
    targets[at] = to;
    edges[at] = edge;
  });
  return { size, starts, targets, edges, indegree };
}

function forEachDependency(
  definition: WorkflowDefinition,
  index: ReadonlyMap<string, number>,
  visit: (from: number, to: number, edge: number) => void,
): void {
  const edges = definition.edges ?? [];
  for (let e = 0; e < edges.length; e++) {
    const { from, to } = edges[e]!;
    if (from === RUN_INPUT) continue;
    const source = index.get(from);
    const target = index.get(to);
    if (source !== undefined && target !== undefined) visit(source, target, e);
  }
  const { nodes } = definition;
  for (let i = 0; i < nodes.length; i++) {
    const { after, when } = nodes[i]!;
    if (after) for (const id of after) index.has(id) && visit(index.get(id)!, i, -1);
    if (when && index.has(when.from)) visit(index.get(when.from)!, i, -1);
  }
}

/** Nodes in an order in which each comes after those that it waits for; those on or behind a cycle are missing (Kahn, 1962). */
export function topologicalOrder(graph: Graph): Int32Array {
  const waiting = graph.indegree.slice();
  const order = new Int32Array(graph.size);
  let end = 0;
  for (let i = 0; i < graph.size; i++) if (waiting[i] === 0) order[end++] = i;
  for (let at = 0; at < end; at++) {
    const node = order[at]!;
    for (let e = graph.starts[node]!; e < graph.starts[node + 1]!; e++)
      if (--waiting[graph.targets[e]!]! === 0) order[end++] = graph.targets[e]!;
  }
  return order.subarray(0, end);
}

/** One cycle of each strongly connected part, as a closed path of node indices (`[a, b, a]`). Iterative Tarjan (1972). */
export function findCycles(graph: Graph): number[][] {
  return stronglyConnected(graph)
    .filter((part) => part.length > 1 || hasEdge(graph, part[0]!, part[0]!))
    .map((part) => shortestCycle(graph, part));
}

function hasEdge(graph: Graph, from: number, to: number): boolean {
  return graph.targets.subarray(graph.starts[from], graph.starts[from + 1]).includes(to);
}

function stronglyConnected(graph: Graph): number[][] {
  const number = new Int32Array(graph.size).fill(-1);
  const low = new Int32Array(graph.size);
  const onStack = new Uint8Array(graph.size);
  const cursor = graph.starts.slice(0, graph.size);
  const stack: number[] = [];
  const parts: number[][] = [];
  let counter = 0;
  for (let root = 0; root < graph.size; root++) {
    if (number[root] !== -1) continue;
    const path = [root];
    number[root] = low[root] = counter++;
    stack.push(root);
    onStack[root] = 1;
    while (path.length > 0) {
      const node = path.at(-1)!;
      if (cursor[node]! < graph.starts[node + 1]!) {
        const target = graph.targets[cursor[node]!++]!;
        if (number[target] === -1) {
          number[target] = low[target] = counter++;
          stack.push(target);
          onStack[target] = 1;
          path.push(target);
        } else if (onStack[target]) low[node] = Math.min(low[node]!, number[target]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
      if (low[node] === number[node]) {
        const part = stack.splice(stack.lastIndexOf(node));
        for (const member of part) onStack[member] = 0;
        parts.push(part);
      }
    }
  }
  return parts;
}

/** Breadth-first from the part's first node back to itself. */
function shortestCycle(graph: Graph, part: readonly number[]): number[] {
  const members = new Set(part);
  const start = Math.min(...part.slice(0, 10_000));
  const previous = new Map<number, number>();
  const queue = [start];
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at]!;
    for (let e = graph.starts[node]!; e < graph.starts[node + 1]!; e++) {
      const target = graph.targets[e]!;
      if (target === start) {
        const path = [start];
        for (let back = node; back !== start; back = previous.get(back)!) path.push(back);
        return [...path, start].reverse();
      }
      if (members.has(target) && !previous.has(target)) {
        previous.set(target, node);
        queue.push(target);
      }
    }
  }
  return [start, start];
}
