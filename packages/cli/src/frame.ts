import type { Colors } from './colors.ts';
import { formatDuration } from './durations.ts';
import { summarize, type NodeView, type RunState } from './run-state.ts';
import type { TreeLine } from './tree.ts';

/** What a picture of a run is made of. */
export interface Scene {
  readonly title: string;
  readonly state: RunState;
  /** The steps as a tree; undefined where the graph is too large for one. */
  readonly tree: readonly TreeLine[] | undefined;
  /** Milliseconds, on the clock of the state. */
  readonly startedMs: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const BAR_LENGTH = 12;

/**
 * The run as it stands, as text that fits the terminal: the tree where it fits, else the steps that matter most now (failed,
 * running, then those that ended last) and a line that counts the others.
 */
export function drawFrame(scene: Scene, size: Size, nowMs: number, colors: Colors): string {
  return `${drawSteps(scene, size, nowMs, colors)}\n${colors.dim(cut(summarize(scene.state.counts), size.columns))}`;
}

/** The same without the counts of what there is. */
export function drawSteps({ title, state, tree, startedMs }: Scene, size: Size, nowMs: number, colors: Colors): string {
  const room = Math.max(1, size.rows - 3);
  const lines = [`${title}  ${formatDuration(nowMs - startedMs)}`];
  if (tree && tree.length <= room) {
    for (const { id, prefix } of tree) lines.push(drawNode(state.nodes.get(id)!, prefix, size.columns, nowMs, colors));
  } else {
    const shown = mostImportant(state, room - 1);
    for (const node of shown) lines.push(drawNode(node, '', size.columns, nowMs, colors));
    lines.push(colors.dim(cut(`… and ${state.nodes.size - shown.length} more`, size.columns)));
  }
  return lines.join('\n');
}

/** Failed and running steps first, then those that ended last. Looks at each step at most once. */
function mostImportant(state: RunState, room: number): NodeView[] {
  if (room <= 0) return [];
  const active = [...take(state.active, room)];
  const ended: NodeView[] = [];
  if (active.length < room) {
    const rest = room - active.length;
    for (const node of state.nodes.values()) {
      if (node.order === 0) continue;
      ended.push(node);
      if (ended.length > 4 * rest + 64) ended.sort(byImportance).splice(rest);
    }
    ended.sort(byImportance).splice(rest);
  }
  return [...ended.reverse(), ...active];
}

const byImportance = (a: NodeView, b: NodeView): number =>
  Number(b.status === 'failed') - Number(a.status === 'failed') || b.order - a.order;

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}

/** One step on one line. */
export function drawNode(node: NodeView, prefix: string, columns: number, nowMs: number, colors: Colors): string {
  const [mark, paint] = look(node, colors);
  const text = `${node.id}${detailsOf(node, nowMs)}`;
  const width = Math.max(4, columns - prefix.length - 2);
  return `${colors.dim(prefix)}${paint(mark)} ${cut(text, width)}`;
}

function look({ status }: NodeView, colors: Colors): [string, (text: string) => string] {
  switch (status) {
    case 'completed':
      return ['✔', colors.green];
    case 'failed':
      return ['✖', colors.red];
    case 'running':
      return ['▶', colors.cyan];
    case 'retrying':
      return ['↻', colors.yellow];
    case 'skipped':
      return ['⤼', colors.dim];
    case 'cancelled':
      return ['■', colors.yellow];
    case 'waiting':
      return ['·', colors.dim];
  }
}

function detailsOf(node: NodeView, nowMs: number): string {
  const attempts = node.attempts > 1 ? ` (attempt ${node.attempts})` : '';
  const note = node.note ? `  ${oneLine(node.note)}` : '';
  switch (node.status) {
    case 'completed':
      return `  ${formatDuration(node.durationMs)}${attempts}`;
    case 'failed':
      return `  ${formatDuration(node.durationMs)}${attempts}  ${oneLine(node.error ?? '')}`;
    case 'running':
      return `  ${formatDuration(nowMs - node.startedMs)}${attempts}${progressOf(node)}${note}`;
    case 'retrying':
      return `  ${formatDuration(nowMs - node.startedMs)}${attempts}  ${oneLine(node.error ?? '')}`;
    case 'skipped':
    case 'cancelled':
      return `  ${node.status}`;
    case 'waiting':
      return '';
  }
}

function progressOf({ fraction }: NodeView): string {
  if (fraction === undefined) return '';
  const filled = Math.round(fraction * BAR_LENGTH);
  return `  ${'█'.repeat(filled)}${'░'.repeat(BAR_LENGTH - filled)} ${Math.round(fraction * 100)} %`;
}

/** Text of others, such as messages and notes, without line breaks and escape sequences. */

export const oneLine = (text: string): string =>
  text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');

const cut = (text: string, width: number): string => {
  const chars = [...text];
  return chars.length <= width ? text : `${chars.slice(0, Math.max(0, width - 1)).join('')}…`;
};
