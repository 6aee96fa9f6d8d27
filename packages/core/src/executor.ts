/**
 * The one scheduler. A node starts the moment that the last thing it waits for is there; there are no levels.
 *
 * State of a run lives in flat arrays indexed by node number (about 40 bytes a node), so that 1,000,000 nodes are no matter.
 * Nothing recurses: a node that ends puts its successors into a queue, and `#pump` empties the queue. Long runs of quick nodes
 * give the event loop a turn every few milliseconds, so that timers, signals and sockets stay alive.
 */
import { Attempt, isThenable } from './attempt.ts';
import type { Clock } from './clock.ts';
import { parseInput } from './define-node.ts';
import { NodeOutputError, serializeError } from './errors.ts';
import type { EventBus } from './events.ts';
import type { NodeReference } from './node.ts';
import { assign, formatPath, isIndex, lookUp, type Path } from './paths.ts';
import { FROM_INPUT, mayBeAbsent, retryOf, type Plan } from './plan.ts';
import { afterFailure } from './policy.ts';
import type { NodeEntry } from './registry.ts';
import { shapeOf } from './schema.ts';
import type { Slots } from './slots.ts';
import { didYouMean } from './suggest.ts';
import type { RunSpan } from './telemetry.ts';

/** Longest time that nodes which end at once may keep the event loop. */
const SLICE_MS = 4;
const CHECK_EVERY = 64;

export const PENDING = 0;
export const RUNNING = 1;
export const COMPLETED = 2;
export const FAILED = 3;
export const SKIPPED = 4;
export const CANCELLED = 5;
const NOT_STARTED = -1;

/** What a run needs of its runtime. */
export interface RunHost {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly random: () => number;
  /** Permits for nodes in flight, over all runs. */
  readonly slots: Slots;
  readonly cancelGraceMs: number;
  start(entry: NodeEntry): Promise<void>;
  reference(name: string, attempt: Attempt): NodeReference;
}

export interface RunOptions {
  readonly runId: string;
  readonly input: unknown;
  /** Constant input of a node for this run, in place of that of its definition. */
  readonly constants: ReadonlyMap<number, Readonly<Record<string, unknown>>>;
  readonly concurrency: number;
  /** Drop a result as soon as nothing waits for it any more and the output does not need it. */
  readonly keepOnlyOutput: boolean;
  readonly span: RunSpan | undefined;
}

/** One execution of one plan: `running` -> `stopping` (a node failed, or somebody cancelled) -> `done`. */
export class Run {
  readonly plan: Plan;
  readonly runId: string;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly span: RunSpan | undefined;
  readonly status: Uint8Array;
  readonly attempts: Uint16Array;
  readonly startedAt: Float64Array;
  readonly durations: Float64Array;
  readonly results: unknown[];
  readonly errors = new Map<number, unknown>();
  /** Index of the node whose failure ended the run. */
  failedNode: number | undefined;
  cancelReason: unknown;
  isCancelled = false;

  readonly #host: RunHost;
  readonly #options: RunOptions;
  readonly #controller = new AbortController();
  readonly #waiting: Int32Array;
  /** 1 where something that the node waits for was skipped. */
  readonly #touchedBySkip: Uint8Array;
  /** Nodes whose inputs are there; each enters once. */
  readonly #ready: Int32Array;
  #readyHead = 0;
  #readyTail = 0;
  /** Nodes that hold a permit of their own node already, or are to be tried again: they go first. */
  #granted: number[] = [];
  #grantedHead = 0;
  /** How to leave the queues and timers in which nodes of this run wait. */
  readonly #parked = new Map<number, () => void>();
  readonly #consumers: Int32Array | undefined;
  #remaining: number;
  #inFlight = 0;
  #stopping = false;
  #pumping = false;
  #yielding = false;
  #awaitsSlot: (() => void) | undefined;
  #holdsSlot = false;
  #sinceCheck = 0;
  #sliceStart = performance.now();
  #resolveDone!: () => void;
  readonly done: Promise<void>;

  constructor(plan: Plan, host: RunHost, options: RunOptions) {
    const { size, graph } = plan;
    this.plan = plan;
    this.runId = options.runId;
    this.clock = host.clock;
    this.events = host.events;
    this.span = options.span;
    this.#host = host;
    this.#options = options;
    this.status = new Uint8Array(size);
    this.attempts = new Uint16Array(size);
    this.startedAt = new Float64Array(size).fill(NOT_STARTED);
    this.durations = new Float64Array(size);
    this.results = new Array<unknown>(size);
    this.#waiting = graph.indegree.slice();
    this.#touchedBySkip = new Uint8Array(size);
    this.#ready = new Int32Array(size);
    this.#remaining = size;
    this.#consumers = options.keepOnlyOutput ? countConsumers(plan) : undefined;
    this.done = new Promise((resolve) => (this.#resolveDone = resolve));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(): void {
    for (let i = 0; i < this.plan.size; i++) if (this.#waiting[i] === 0) this.#ready[this.#readyTail++] = i;
    this.#pump();
  }

  /** Ends the run early: nothing new starts, running nodes are told, and what does not heed that within the grace is left behind. */
  cancel(reason: unknown): void {
    if (this.#stopping || this.#remaining === 0) return;
    this.isCancelled = true;
    this.cancelReason = reason;
    this.#stop(reason);
  }

  reference(name: string, attempt: Attempt): NodeReference {
    return this.#host.reference(name, attempt);
  }

  // --- scheduling -----------------------------------------------------------------------------------------------------------

  #pump(): void {
    if (this.#pumping || this.#yielding || this.#stopping) return;
    this.#pumping = true;
    while (!this.#stopping && (this.#hasGranted || this.#readyHead < this.#readyTail)) {
      if (this.#isSliceOver()) break;
      const isGranted = this.#hasGranted;
      const i = isGranted ? this.#granted[this.#grantedHead]! : this.#ready[this.#readyHead]!;
      if (!isGranted && this.#isSkipped(i)) {
        this.#readyHead++;
        this.#conclude(i, SKIPPED, undefined);
        continue;
      }
      if (this.#inFlight >= this.#options.concurrency || !this.#takeSlot()) break;
      if (isGranted) this.#grantedHead++;
      else this.#readyHead++;
      const entry = this.plan.entries[i]!;
      if (!isGranted && entry.slots && !entry.slots.take()) {
        this.#host.slots.release();
        this.#park(
          i,
          entry.slots.wait(() => this.#grant(i, entry)),
        );
        continue;
      }
      this.#begin(i, entry);
    }
    this.#pumping = false;
    if (this.#holdsSlot) {
      this.#holdsSlot = false;
      this.#host.slots.release();
    }
    if (this.#remaining === 0 || (this.#stopping && this.#inFlight === 0)) this.#finish();
  }

  get #hasGranted(): boolean {
    if (this.#grantedHead < this.#granted.length) return true;
    if (this.#grantedHead > 0) {
      this.#granted = [];
      this.#grantedHead = 0;
    }
    return false;
  }

  #isSliceOver(): boolean {
    if (++this.#sinceCheck < CHECK_EVERY) return false;
    this.#sinceCheck = 0;
    if (performance.now() - this.#sliceStart < SLICE_MS) return false;
    this.#yielding = true;
    setImmediate(() => {
      this.#yielding = false;
      this.#sliceStart = performance.now();
      this.#pump();
    });
    return true;
  }

  #takeSlot(): boolean {
    if (this.#holdsSlot) {
      this.#holdsSlot = false;
      return true;
    }
    const { slots } = this.#host;
    if (slots.take()) return true;
    this.#awaitsSlot ??= slots.wait(() => {
      this.#awaitsSlot = undefined;
      this.#holdsSlot = true;
      this.#pump();
      // Held on to by a pump that is under way, yielding or over: it may not keep what it does not use.
      if (this.#holdsSlot && !this.#pumping) {
        this.#holdsSlot = false;
        slots.release();
      }
    });
    return false;
  }

  #park(i: number, leave: () => void): void {
    this.#parked.set(i, leave);
  }

  /** The node has been given a permit by its own entry. */
  #grant(i: number, entry: NodeEntry): void {
    this.#parked.delete(i);
    if (this.#stopping) return entry.slots!.release();
    this.#granted.push(i);
    this.#pump();
  }

  #isSkipped(i: number): boolean {
    if (this.#touchedBySkip[i] === 1 && !(this.plan.entries[i]!.node.acceptsSkipped === true && this.#hasAnyInput(i))) return true;
    const guard = this.plan.guards.get(i);
    if (!guard) return false;
    if (guard.source !== FROM_INPUT && this.status[guard.source] !== COMPLETED) return true;
    return lookUp(this.#produced(guard.source), guard.path).value !== guard.equals;
  }

  #hasAnyInput(i: number): boolean {
    const { bindingStarts, bindings } = this.plan;
    for (let b = bindingStarts[i]!; b < bindingStarts[i + 1]!; b++) if (this.#arrives(bindings[b]!)) return true;
    return bindingStarts[i] === bindingStarts[i + 1];
  }

  /** Whether an edge brings something: its source ran, and took this branch. */
  #arrives(edge: number): boolean {
    const source = this.plan.sources[edge]!;
    return source === FROM_INPUT || (this.status[source] === COMPLETED && !this.#isBranchNotTaken(source, edge));
  }

  #isBranchNotTaken(source: number, edge: number): boolean {
    if (edge < 0 || this.plan.entries[source]!.node.branches === undefined) return false;
    const path = this.plan.outputPaths[edge]!;
    return path.length > 0 && !lookUp(this.results[source], path.slice(0, 1)).found;
  }

  #begin(i: number, entry: NodeEntry): void {
    this.status[i] = RUNNING;
    this.#inFlight++;
    if (this.attempts[i] === 0) this.startedAt[i] = this.clock.now();
    if (entry.isReady) return this.#attempt(i, entry);
    this.#host.start(entry).then(
      () => (this.#stopping ? this.settle(i, entry, false, this.#controller.signal.reason) : this.#attempt(i, entry)),
      (error: unknown) => {
        this.attempts[i]!++;
        this.settle(i, entry, false, error);
      },
    );
  }

  #attempt(i: number, entry: NodeEntry): void {
    const number = ++this.attempts[i]!;
    const { events } = this;
    if (events.has('node:started'))
      events.emit('node:started', { runId: this.runId, nodeId: this.plan.nodes[i]!.id, node: entry.name, attempt: number });
    let input: unknown;
    try {
      input = this.#gather(i);
      if (entry.node.input !== undefined) {
        input = parseInput(entry.node, input, this.plan.nodes[i]!.id);
        if (isThenable(input)) {
          input.then(
            (parsed) => new Attempt(this, i, entry, number).execute(parsed),
            (error: unknown) => this.settle(i, entry, false, error),
          );
          return;
        }
      }
    } catch (error) {
      return this.settle(i, entry, false, error);
    }
    new Attempt(this, i, entry, number).execute(input);
  }

  // --- data -----------------------------------------------------------------------------------------------------------------

  #produced(source: number): unknown {
    return source === FROM_INPUT ? this.#options.input : this.results[source];
  }

  /** The node's input: its constants, with what the edges bring put in its place. */
  #gather(i: number): unknown {
    const { bindingStarts, bindings, nodes } = this.plan;
    const constants = this.#options.constants.get(i) ?? nodes[i]!.input ?? NO_INPUT;
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
      if (this.#arrives(edge)) {
        const value = this.#take(i, edge);
        if (value === undefined) continue;
        if (path.length === 0) input = value;
        else {
          input = copy ??= { ...constants };
          if (path.length === 1) copy[path[0]!] = value;
          else assign(copy, path, value, (fresh ??= new Set<unknown>([copy])));
        }
      } else (dropped ??= []).push(path);
    }
    return dropped ? withoutDropped(input, dropped) : input;
  }

  #take(i: number, edge: number): unknown {
    const source = this.plan.sources[edge]!;
    const path = this.plan.outputPaths[edge]!;
    const produced = this.#produced(source);
    if (path.length === 0) return produced;
    const { found, value, depth } = lookUp(produced, path);
    if (found || source === FROM_INPUT || mayBeAbsent(this.plan.entries[source]!, path)) return value;
    const parent = lookUp(produced, path.slice(0, depth)).value;
    const known = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
    const [from, to] = [this.plan.nodes[source]!.id, this.plan.nodes[i]!.id];
    throw new NodeOutputError(
      `Node "${to}" wants output "${formatPath(path)}" of node "${from}", which returned ${shapeOf(produced)}${didYouMean(path[depth]!, known)}.`,
      { nodeId: from, consumer: to, output: formatPath(path) },
    );
  }

  // --- outcomes -------------------------------------------------------------------------------------------------------------

  /** Takes in the outcome of an attempt; called exactly once an attempt. */
  settle(i: number, entry: NodeEntry, ok: boolean, value: unknown): void {
    if (this.status[i] !== RUNNING) return;
    this.#inFlight--;
    entry.slots?.release();
    this.#host.slots.release();
    if (ok) this.#conclude(i, COMPLETED, value);
    else if (this.#stopping) this.#conclude(i, CANCELLED, value);
    else this.#afterFailure(i, value);
    this.#pump();
    if (this.#stopping && this.#inFlight === 0) this.#finish();
  }

  #afterFailure(i: number, error: unknown): void {
    const verdict = afterFailure(retryOf(this.plan, i), this.attempts[i]!, error, this.#host.random());
    if (!verdict.retry) {
      this.failedNode = i;
      this.#conclude(i, FAILED, error);
      return this.#stop(error);
    }
    const { delayMs } = verdict;
    if (this.events.has('node:retrying')) {
      this.events.emit('node:retrying', {
        runId: this.runId,
        nodeId: this.plan.nodes[i]!.id,
        attempt: this.attempts[i]!,
        delayMs,
        error: serializeError(error),
      });
    }
    this.status[i] = PENDING;
    const { slots } = this.plan.entries[i]!;
    const cancelTimer = this.clock.setTimer(() => {
      this.#parked.delete(i);
      const entry = this.plan.entries[i]!;
      if (slots && !slots.take())
        return this.#park(
          i,
          slots.wait(() => this.#grant(i, entry)),
        );
      this.#granted.push(i);
      this.#pump();
    }, delayMs);
    this.#park(i, cancelTimer);
  }

  /** Makes a node's outcome final, and tells those who wait for it. */
  #conclude(i: number, status: number, value: unknown): void {
    this.status[i] = status;
    this.#remaining--;
    if (status === COMPLETED) this.results[i] = value;
    else if (value !== undefined) this.errors.set(i, value);
    if (this.startedAt[i] !== NOT_STARTED) this.durations[i] = this.clock.now() - this.startedAt[i]!;
    if (this.events.has('node:finished')) this.#announce(i, status);
    if (this.#consumers) this.#releaseSources(i);
    const { starts, targets, edges } = this.plan.graph;
    const end = starts[i + 1]!;
    for (let e = starts[i]!; e < end; e++) {
      const target = targets[e]!;
      if (status !== COMPLETED || this.#isBranchNotTaken(i, edges[e]!)) this.#touchedBySkip[target] = 1;
      if (--this.#waiting[target]! === 0) this.#ready[this.#readyTail++] = target;
    }
  }

  #announce(i: number, status: number): void {
    this.events.emit('node:finished', {
      runId: this.runId,
      nodeId: this.plan.nodes[i]!.id,
      node: this.plan.entries[i]!.name,
      status: STATUS_NAMES[status] as 'completed',
      attempts: this.attempts[i]!,
      durationMs: this.durations[i]!,
      ...(this.errors.has(i) ? { error: serializeError(this.errors.get(i)) } : {}),
    });
  }

  /** With `results: 'output'`: lets go of what only this node still needed. */
  #releaseSources(i: number): void {
    const { bindingStarts, bindings, sources, guards } = this.plan;
    const release = (source: number): void => {
      if (source !== FROM_INPUT && --this.#consumers![source]! === 0) this.results[source] = undefined;
    };
    for (let b = bindingStarts[i]!; b < bindingStarts[i + 1]!; b++) release(sources[bindings[b]!]!);
    const guard = guards.get(i);
    if (guard) release(guard.source);
    if (this.#consumers![i] === 0) this.results[i] = undefined;
  }

  // --- the end --------------------------------------------------------------------------------------------------------------

  #stop(reason: unknown): void {
    this.#stopping = true;
    this.#awaitsSlot?.();
    this.#awaitsSlot = undefined;
    for (const leave of this.#parked.values()) leave();
    this.#parked.clear();
    for (const i of this.#granted.slice(this.#grantedHead)) this.plan.entries[i]!.slots?.release();
    this.#controller.abort(reason);
    if (this.#inFlight === 0) return this.#finish();
    const cancelTimer = this.clock.setTimer(() => this.#abandon(), this.#host.cancelGraceMs);
    void this.done.then(cancelTimer);
  }

  /** Nodes that do not heed the signal are left behind; what they return later is dropped. */
  #abandon(): void {
    const late: string[] = [];
    for (let i = 0; i < this.plan.size; i++) {
      if (this.status[i] !== RUNNING) continue;
      late.push(this.plan.nodes[i]!.id);
      this.#inFlight--;
      this.plan.entries[i]!.slots?.release();
      this.#host.slots.release();
      this.#conclude(i, CANCELLED, this.#controller.signal.reason);
    }
    const names = late.map((id) => `"${id}"`).join(', ');
    this.events.warn(
      `Run "${this.runId}" ended without node ${names}, which did not heed the abort signal within ${this.#host.cancelGraceMs} ms.`,
      undefined,
    );
    this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#remaining > 0) {
      for (let i = 0; i < this.plan.size; i++) {
        if (this.status[i] !== PENDING) continue;
        this.status[i] = CANCELLED;
        if (this.startedAt[i] !== NOT_STARTED) this.durations[i] = this.clock.now() - this.startedAt[i]!;
        if (this.events.has('node:finished')) this.#announce(i, CANCELLED);
      }
    }
    this.#resolveDone();
  }
  #isFinished = false;
}

export const STATUS_NAMES = ['pending', 'running', 'completed', 'failed', 'skipped', 'cancelled'] as const;

const NO_INPUT: Readonly<Record<string, unknown>> = Object.freeze({});

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
    if (Array.isArray(value))
      result = assign(
        result,
        parent,
        value.filter((_, index) => !indices.has(index)),
        new Set(),
      );
  }
  return result;
}
