/**
 * The one scheduler. A node starts the moment that the last thing it waits for is there; there are no levels.
 *
 * What is known lives in `RunState`, flat arrays by node number; this file decides what happens next.
 * Nothing recurses: a node that ends puts its successors into a queue, and `#pump` empties the queue. Long runs of quick nodes
 * give the event loop a turn every few milliseconds, so that timers, signals and sockets stay alive.
 */
import { Attempt, isThenable, type AttemptRun } from './attempt.ts';
import type { Clock } from './clock.ts';
import { parseInput } from './define-node.ts';
import { serializeError } from './errors.ts';
import type { EventBus } from './events.ts';
import type { NodeContext, NodeReference } from './node.ts';
import type { Plan } from './plan.ts';
import { afterFailure } from './policy.ts';
import type { NodeEntry } from './registry.ts';
import { CANCELLED, COMPLETED, FAILED, PENDING, RUNNING, RunState, SKIPPED, STATUS_NAMES, type RunConstants } from './run-state.ts';
import type { Slots } from './slots.ts';
import type { RunSpan } from './telemetry.ts';

/** Longest time that nodes which end at once may keep the event loop. */
const SLICE_MS = 2;
const CHECK_EVERY = 64;

/** What a run needs of its runtime. */
export interface RunHost {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly random: () => number;
  /** Permits for nodes in flight, over all runs. */
  readonly slots: Slots;
  readonly cancelGraceMs: number;
  start(entry: NodeEntry): Promise<void>;
  reference(name: string, attempt: NodeContext): NodeReference;
}

export interface RunOptions {
  readonly runId: string;
  readonly input: unknown;
  /** Constant input of a node for this run, in place of that of its definition. */
  readonly constants: RunConstants;
  readonly concurrency: number;
  /** Drop a result as soon as nothing waits for it any more and the output does not need it. */
  readonly keepOnlyOutput: boolean;
  readonly span: RunSpan | undefined;
}

/** One execution of one plan: `running` -> `stopping` (a node failed, or somebody cancelled) -> `done`. */
export class Run implements AttemptRun {
  readonly plan: Plan;
  readonly runId: string;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly span: RunSpan | undefined;
  readonly state: RunState;
  /** Index of the node whose failure ended the run. */
  failedNode: number | undefined;
  cancelReason: unknown;
  isCancelled = false;

  readonly #host: RunHost;
  readonly #options: RunOptions;
  readonly #controller = new AbortController();
  readonly #waiting: Int32Array;
  /** Nodes whose inputs are there; each enters once. */
  readonly #ready: Int32Array;
  #readyHead = 0;
  #readyTail = 0;
  /** Nodes that hold a permit of their own node already, or are to be tried again: they go first. */
  #granted: number[] = [];
  #grantedHead = 0;
  /** How to leave the queues and timers in which nodes of this run wait. */
  readonly #parked = new Map<number, () => void>();
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
    this.state = new RunState(plan, options.input, options.constants, options.keepOnlyOutput);
    this.#waiting = graph.indegree.slice();
    this.#ready = new Int32Array(size);
    this.#remaining = size;
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

  reference(name: string, attempt: NodeContext): NodeReference {
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
      if (!isGranted && this.state.isSkipped(i)) {
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

  #begin(i: number, entry: NodeEntry): void {
    this.state.status[i] = RUNNING;
    this.#inFlight++;
    if (this.state.attempts[i] === 0) this.state.startedAt[i] = this.clock.now();
    if (entry.isReady) return this.#attempt(i, entry);
    this.#host.start(entry).then(
      () => (this.#stopping ? this.settle(i, entry, false, this.#controller.signal.reason) : this.#attempt(i, entry)),
      (error: unknown) => {
        this.state.attempts[i]!++;
        this.settle(i, entry, false, error);
      },
    );
  }

  #attempt(i: number, entry: NodeEntry): void {
    const number = ++this.state.attempts[i]!;
    const { events } = this;
    if (events.has('node:started'))
      events.emit('node:started', { runId: this.runId, nodeId: this.plan.nodes[i]!.id, node: entry.name, attempt: number });
    let input: unknown;
    try {
      input = this.state.gather(i);
      if (entry.node.input !== undefined) {
        input = parseInput(entry.node, input, this.plan.nodes[i]!.id);
        if (isThenable(input)) {
          input.then(
            (parsed) => this.#call(i, entry, number, parsed),
            (error: unknown) => this.settle(i, entry, false, error),
          );
          return;
        }
      }
    } catch (error) {
      return this.settle(i, entry, false, error);
    }
    this.#call(i, entry, number, input);
  }

  /** Listeners and asynchronous schemas come before this: the run may have ended in the meantime. */
  #call(i: number, entry: NodeEntry, number: number, input: unknown): void {
    if (this.#stopping) this.settle(i, entry, false, this.#controller.signal.reason);
    else new Attempt(this, i, entry, number).execute(input);
  }

  // --- outcomes -------------------------------------------------------------------------------------------------------------

  /** Takes in the outcome of an attempt; called exactly once an attempt. */
  settle(i: number, entry: NodeEntry, ok: boolean, value: unknown): void {
    if (this.state.status[i] !== RUNNING) return;
    if (!ok && value === undefined) value = 'no reason was given';
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
    const verdict = afterFailure(this.plan.nodes[i]!.retry, this.state.attempts[i]!, error, this.#host.random());
    if (!verdict.retry) {
      this.failedNode = i;
      this.#conclude(i, FAILED, error);
      return this.#stop(error);
    }
    const { delayMs } = verdict;
    this.state.status[i] = PENDING;
    if (this.events.has('node:retrying')) {
      this.events.emit('node:retrying', {
        runId: this.runId,
        nodeId: this.plan.nodes[i]!.id,
        attempt: this.state.attempts[i]!,
        delayMs,
        error: serializeError(error),
      });
      if (this.#stopping) return; // a listener has cancelled the run
    }
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
    const { state } = this;
    state.status[i] = status;
    this.#remaining--;
    if (status === COMPLETED) state.results[i] = value;
    else if (value !== undefined) state.errors.set(i, value);
    state.clockOut(i, this.clock.now());
    if (this.events.has('node:finished')) this.#announce(i, status);
    state.releaseSources(i);
    const { starts, targets, edges } = this.plan.graph;
    const end = starts[i + 1]!;
    for (let e = starts[i]!; e < end; e++) {
      const target = targets[e]!;
      if (status !== COMPLETED || state.isBranchNotTaken(i, edges[e]!)) state.touchedBySkip[target] = 1;
      if (--this.#waiting[target]! === 0) this.#ready[this.#readyTail++] = target;
    }
  }

  #announce(i: number, status: number): void {
    const { state } = this;
    this.events.emit('node:finished', {
      runId: this.runId,
      nodeId: this.plan.nodes[i]!.id,
      node: this.plan.entries[i]!.name,
      status: STATUS_NAMES[status] as 'completed',
      attempts: state.attempts[i]!,
      durationMs: state.durations[i]!,
      ...(state.errors.has(i) ? { error: serializeError(state.errors.get(i)) } : {}),
    });
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
      if (this.state.status[i] !== RUNNING) continue;
      late.push(this.plan.nodes[i]!.id);
      this.#inFlight--;
      this.plan.entries[i]!.slots?.release();
      this.#host.slots.release();
      this.#conclude(i, CANCELLED, this.#controller.signal.reason);
    }
    const names = late.map((id) => `"${id}"`).join(', ');
    this.events.warn(
      `Run "${this.runId}" ended without node ${names}, which did not heed the abort signal within ${this.#host.cancelGraceMs} ms.`,
      this.#controller.signal.reason,
    );
    this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#remaining > 0) {
      for (let i = 0; i < this.plan.size; i++) {
        if (this.state.status[i] !== PENDING) continue;
        this.state.status[i] = CANCELLED;
        this.state.clockOut(i, this.clock.now());
        if (this.events.has('node:finished')) this.#announce(i, CANCELLED);
      }
    }
    this.#resolveDone();
  }
  #isFinished = false;
}
