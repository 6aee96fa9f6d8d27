import type { NodeStatus, RuntimeEventName, RuntimeEvents } from '@kailash-ts/core';

export type NodeViewStatus = 'waiting' | 'running' | 'retrying' | NodeStatus;

/** A step as a watcher sees it. */
export interface NodeView {
  readonly id: string;
  status: NodeViewStatus;
  /** When its first attempt began, on the watcher's clock in milliseconds. */
  startedMs: number;
  /** Known when it has ended. */
  durationMs: number;
  attempts: number;
  /** From 0 to 1, if the node tells. */
  fraction?: number;
  note?: string;
  error?: string;
  /** How many steps had ended before it did. */
  order: number;
}

/** How far a run is, put together from the runtime's events. Each event costs the same however large the graph is. */
export class RunState {
  readonly nodes = new Map<string, NodeView>();
  readonly counts: Record<NodeViewStatus, number> = {
    waiting: 0,
    running: 0,
    retrying: 0,
    completed: 0,
    failed: 0,
    skipped: 0,
    cancelled: 0,
  };
  /** Steps that have begun and not ended. */
  readonly active = new Set<NodeView>();
  #ended = 0;

  constructor(ids: Iterable<string>) {
    for (const id of ids) {
      this.nodes.set(id, { id, status: 'waiting', startedMs: 0, durationMs: 0, attempts: 0, order: 0 });
      this.counts.waiting++;
    }
  }

  /** @returns the step that the event is about, if it is about one of these */
  apply<Name extends RuntimeEventName>(name: Name, event: RuntimeEvents[Name], nowMs: number): NodeView | undefined {
    const node = 'nodeId' in event ? this.nodes.get(event.nodeId) : undefined;
    if (!node) return undefined;
    if (name === 'node:started') this.#started(node, event as RuntimeEvents['node:started'], nowMs);
    else if (name === 'node:progress') {
      const { fraction, note } = event as RuntimeEvents['node:progress'];
      node.fraction = fraction;
      if (note === undefined) delete node.note;
      else node.note = note;
    } else if (name === 'node:retrying') {
      node.error = (event as RuntimeEvents['node:retrying']).error.message;
      this.#move(node, 'retrying');
    } else if (name === 'node:finished') this.#finished(node, event as RuntimeEvents['node:finished']);
    return node;
  }

  #started(node: NodeView, { attempt }: RuntimeEvents['node:started'], nowMs: number): void {
    node.attempts = attempt;
    if (attempt === 1) node.startedMs = nowMs;
    delete node.fraction;
    delete node.note;
    this.active.add(node);
    this.#move(node, 'running');
  }

  #finished(node: NodeView, { status, attempts, durationMs, error }: RuntimeEvents['node:finished']): void {
    node.attempts = attempts;
    node.durationMs = durationMs;
    node.order = ++this.#ended;
    if (error) node.error = error.message;
    else delete node.error;
    this.active.delete(node);
    this.#move(node, status);
  }

  #move(node: NodeView, status: NodeViewStatus): void {
    this.counts[node.status]--;
    this.counts[status]++;
    node.status = status;
  }
}

const ORDER: readonly NodeViewStatus[] = ['failed', 'running', 'retrying', 'waiting', 'completed', 'skipped', 'cancelled'];

/** `2 running, 3 waiting, 14 completed`; only what there is. */
export function summarize(counts: Readonly<Record<NodeViewStatus, number>>): string {
  const parts = ORDER.filter((status) => counts[status] > 0).map((status) => `${counts[status]} ${status}`);
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}
