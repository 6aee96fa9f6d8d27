import { isDeepStrictEqual } from 'node:util';
import { NodeOutputError } from './errors.ts';
import { assign, formatPath, isIndex, lookUp, type Path } from './paths.ts';
import { FROM_INPUT, mayBeAbsent, type Plan } from './plan.ts';
import { shapeOf } from './schema.ts';
import { didYouMean } from './suggest.ts';

export const PENDING = 0;
export const RUNNING = 1;
export const COMPLETED = 2;
export const FAILED = 3;
export const SKIPPED = 4;
export const CANCELLED = 5;
export const STATUS_NAMES = ['pending', 'running', 'completed', 'failed', 'skipped', 'cancelled'] as const;

const NOT_STARTED = -1;
const NO_INPUT: Readonly<Record<string, unknown>> = Object.freeze({});

/** Constant inputs for one run, by node number. */
export type RunConstants = ReadonlyMap<number, Readonly<Record<string, unknown>>>;

/**
 * How far a run has come: flat arrays indexed by node number (about 40 bytes a node), and what can be read off them.
 * The executor writes; the result is put together from it.
 */
export class RunState {
  readonly plan: Plan;
  readonly input: unknown;
  readonly status: Uint8Array;
  readonly attempts: Uint16Array;
  /** On the run's clock. */
  readonly startedAt: Float64Array;
  readonly durations: Float64Array;
  readonly results: unknown[];
  readonly errors = new Map<number, unknown>();
  /** 1 where something that the node waits for was skipped. */
  readonly touchedBySkip: Uint8Array;
  /** Constant input of a node for this run, in place of that of its definition. */
  readonly #constants: RunConstants;
  /** How many still need a node's result; only where results are let go of on the way. */
  readonly #consumers: Int32Array | undefined;

  constructor(plan: Plan, input: unknown, constants: RunConstants, keepOnlyOutput: boolean) {
    const { size } = plan;
    this.plan = plan;
    this.input = input;
    this.#constants = constants;
    this.status = new Uint8Array(size);
    this.attempts = new Uint16Array(size);
    this.startedAt = new Float64Array(size).fill(NOT_STARTED);
    this.durations = new Float64Array(size);
    this.results = new Array<unknown>(size);
    this.touchedBySkip = new Uint8Array(size);
    this.#consumers = keepOnlyOutput ? countConsumers(plan) : undefined;
  }

  idOf(i: number): string {
    return this.plan.nodes[i]!.id;
  }

  /** Writes down how long the node took, if it ever began. */
  clockOut(i: number, now: number): void {
    if (this.startedAt[i] !== NOT_STARTED) this.durations[i] = now - this.startedAt[i]!;
  }

  /** Whether the node, whose turn it is, is skipped instead: by what it waits for, or by its guard. */
  isSkipped(i: number): boolean {
    if (this.touchedBySkip[i] === 1 && !(this.plan.entries[i]!.node.acceptsSkipped === true && this.#hasAnyInput(i))) return true;
    const guard = this.plan.guards.get(i);
    if (!guard) return false;
    if (guard.source !== FROM_INPUT && this.status[guard.source] !== COMPLETED) return true;
    const { found, value } = lookUp(this.#produced(guard.source), guard.path);
    // A guard on a field that is not there is a mistake, which `gather` reports, and no reason to skip.
    return (found || this.#mayLack(guard.source, guard.path)) && !isDeepStrictEqual(value, guard.equals);
  }

  #hasAnyInput(i: number): boolean {
    const { bindingStarts, bindings } = this.plan;
    for (let b = bindingStarts[i]!; b < bindingStarts[i + 1]!; b++) if (this.#arrives(bindings[b]!)) return true;
    return bindingStarts[i] === bindingStarts[i + 1];
  }

  /** Whether an edge brings something: its source ran, and took this branch. */
  #arrives(edge: number): boolean {
    const source = this.plan.sources[edge]!;
    return source === FROM_INPUT || (this.status[source] === COMPLETED && !this.isBranchNotTaken(source, edge));
  }

  /** @param edge index in the definition, or -1 for order and guard edges, which are no branches */
  isBranchNotTaken(source: number, edge: number): boolean {
    if (edge < 0 || this.plan.entries[source]!.node.branches === undefined) return false;
    const path = this.plan.outputPaths[edge]!;
    return path.length > 0 && !lookUp(this.results[source], path.slice(0, 1)).found;
  }

  #produced(source: number): unknown {
    return source === FROM_INPUT ? this.input : this.results[source];
  }

  #mayLack(source: number, path: Path): boolean {
    if (source === FROM_INPUT) return true;
    const entry = this.plan.entries[source]!;
    return entry.node.branches !== undefined || mayBeAbsent(entry, path);
  }

  /** The node's input: its constants, with what the edges bring put in its place. @throws NodeOutputError where a source lacks it */
  gather(i: number): unknown {
    const { bindingStarts, bindings, nodes, guards } = this.plan;
    const guard = guards.get(i);
    if (guard) this.#take(guard.source, guard.path, i);
    const constants = this.#constants.get(i) ?? nodes[i]!.input ?? NO_INPUT;
    const end = bindingStarts[i + 1]!;
    if (bindingStarts[i] === end) return constants;
    // One level deep, the common case, takes one copy; `fresh` remembers what is ours already when it goes deeper.
    let copy: Record<string, unknown> | undefined;
    let fresh: Set<unknown> | undefined;
    let dropped: Path[] | undefined;
    let input: unknown = constants;
    for (let b = bindingStarts[i]!; b < end; b++) {
      const edge = bindings[b]!;
      const path = this.plan.inputPaths[edge]!;
      if (!this.#arrives(edge)) {
        (dropped ??= []).push(path);
        continue;
      }
      const value = this.#take(this.plan.sources[edge]!, this.plan.outputPaths[edge]!, i);
      if (value === undefined) continue;
      if (path.length === 0) input = value;
      else {
        input = copy ??= { ...constants };
        if (path.length === 1) copy[path[0]!] = value;
        else assign(copy, path, value, (fresh ??= new Set<unknown>([copy])));
      }
    }
    return dropped ? withoutDropped(input, dropped) : input;
  }

  #take(source: number, path: Path, consumer: number): unknown {
    const produced = this.#produced(source);
    if (path.length === 0) return produced;
    const { found, value } = lookUp(produced, path);
    if (found || this.#mayLack(source, path)) return value;
    throw this.#lacking(source, path, `Node "${this.idOf(consumer)}" wants output`);
  }

  /** An output that the workflow declares and its node did not return. Skipped nodes and optional fields leave theirs out. */
  missingOutput(): NodeOutputError | undefined {
    for (const { key, source, path } of this.plan.outputs ?? []) {
      if (source === FROM_INPUT || this.status[source] !== COMPLETED) continue;
      if (lookUp(this.results[source], path).found || this.#mayLack(source, path)) continue;
      return this.#lacking(source, path, `Output "${formatPath(key)}" of the workflow wants output`);
    }
    return undefined;
  }

  #lacking(source: number, path: Path, subject: string): NodeOutputError {
    const produced = this.results[source];
    const { depth } = lookUp(produced, path);
    const parent = lookUp(produced, path.slice(0, depth)).value;
    const known = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
    const from = this.idOf(source);
    const output = formatPath(path);
    return new NodeOutputError(
      `${subject} "${output}" of node "${from}", which returned ${shapeOf(produced)}${didYouMean(path[depth]!, known)}.`,
      {
        nodeId: from,
        output,
      },
    );
  }

  /** Lets go of the results that only this node still needed, where results are not kept. */
  releaseSources(i: number): void {
    const consumers = this.#consumers;
    if (!consumers) return;
    const { bindingStarts, bindings, sources, guards } = this.plan;
    const release = (source: number): void => {
      if (source !== FROM_INPUT && --consumers[source]! === 0) this.results[source] = undefined;
    };
    for (let b = bindingStarts[i]!; b < bindingStarts[i + 1]!; b++) release(sources[bindings[b]!]!);
    const guard = guards.get(i);
    if (guard) release(guard.source);
    if (consumers[i] === 0) this.results[i] = undefined;
  }
}

function countConsumers(plan: Plan): Int32Array {
  const consumers = new Int32Array(plan.size);
  const count = (source: number): void => {
    if (source !== FROM_INPUT) consumers[source]!++;
  };
  plan.sources.forEach(count);
  for (const { source } of plan.guards.values()) count(source);
  if (plan.outputs) for (const { source } of plan.outputs) count(source);
  else {
    const { starts } = plan.graph;
    for (let i = 0; i < plan.size; i++) if (starts[i] === starts[i + 1]) count(i);
  }
  return consumers;
}

/** Closes the gaps that skipped inputs leave in arrays. */
function withoutDropped(input: unknown, dropped: readonly Path[]): unknown {
  const gaps = new Map<string, { readonly parent: Path; readonly indices: Set<number> }>();
  for (const path of dropped) {
    const last = path.at(-1);
    if (last === undefined || !isIndex(last)) continue;
    const parent = path.slice(0, -1);
    const key = formatPath(parent);
    const gap = gaps.get(key) ?? { parent, indices: new Set<number>() };
    gap.indices.add(Number(last));
    gaps.set(key, gap);
  }
  let result = input;
  for (const { parent, indices } of gaps.values()) {
    const { value } = lookUp(result, parent);
    if (!Array.isArray(value)) continue;
    const kept = value.filter((_, index) => !indices.has(index)) as unknown[];
    result = assign(result, parent, kept, new Set());
  }
  return result;
}
