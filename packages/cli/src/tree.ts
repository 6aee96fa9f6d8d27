import type { WorkflowDefinition } from '@kailash-ts/core';

/** A step's place in the drawn tree. */
export interface TreeLine {
  readonly id: string;
  /** Branches of the tree, such as `│  └─ `. */
  readonly prefix: string;
}

/**
 * The graph as a tree: each step stands once, below the deepest of those that it waits for. What waits for nothing stands at the
 * left edge.
 */
export function layOutTree({ nodes, edges = [] }: WorkflowDefinition): TreeLine[] {
  const parents = new Map<string, Set<string>>(nodes.map(({ id }) => [id, new Set<string>()]));
  for (const { from, to } of edges) if (parents.has(from)) parents.get(to)?.add(from);
  for (const { id, after = [], when } of nodes)
    for (const other of [...after, ...(when ? [when.from] : [])]) if (parents.has(other)) parents.get(id)!.add(other);
  const children = childrenByDeepestParent(parents);
  const lines: TreeLine[] = [];
  const stack: { id: string; prefix: string; indent: string }[] = [];
  const push = (ids: readonly string[], indent: string, isRoot: boolean): void => {
    for (let i = ids.length - 1; i >= 0; i--) {
      const isLast = i === ids.length - 1;
      stack.push({
        id: ids[i]!,
        prefix: isRoot ? '' : `${indent}${isLast ? '└─ ' : '├─ '}`,
        indent: isRoot ? '' : `${indent}${isLast ? '   ' : '│  '}`,
      });
    }
  };
  push(children.get(undefined) ?? [], '', true);
  for (let next = stack.pop(); next; next = stack.pop()) {
    lines.push({ id: next.id, prefix: next.prefix });
    push(children.get(next.id) ?? [], next.indent, false);
  }
  return lines;
}

function childrenByDeepestParent(parents: ReadonlyMap<string, ReadonlySet<string>>): Map<string | undefined, string[]> {
  const followers = new Map<string, string[]>();
  for (const [id, waitsFor] of parents) {
    for (const parent of waitsFor) {
      const list = followers.get(parent);
      if (list) list.push(id);
      else followers.set(parent, [id]);
    }
  }
  const waiting = new Map([...parents].map(([id, waitsFor]) => [id, waitsFor.size]));
  const depth = new Map<string, number>();
  const deepest = new Map<string, string>();
  const queue = [...parents.keys()].filter((id) => waiting.get(id) === 0);
  for (const id of queue) {
    const here = depth.get(id) ?? 0;
    depth.set(id, here);
    for (const follower of followers.get(id) ?? []) {
      if (!deepest.has(follower) || here >= depth.get(follower)!) {
        depth.set(follower, here + 1);
        deepest.set(follower, id);
      }
      const left = waiting.get(follower)! - 1;
      waiting.set(follower, left);
      if (left === 0) queue.push(follower);
    }
  }
  const children = new Map<string | undefined, string[]>();
  for (const id of parents.keys()) {
    const parent = deepest.get(id);
    const list = children.get(parent);
    if (list) list.push(id);
    else children.set(parent, [id]);
  }
  return children;
}
