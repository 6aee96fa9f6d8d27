import { checkOutput } from './define-node.ts';
import { NodeTimeoutError } from './errors.ts';
import type { NodeContext, NodeReference } from './node.ts';
import type { Clock } from './clock.ts';
import type { EventBus } from './events.ts';
import type { Plan } from './plan.ts';
import type { NodeEntry } from './registry.ts';
import { endSpan, startNodeSpan, within, type RunSpan } from './telemetry.ts';

/** The run as an attempt sees it. */
export interface AttemptRun {
  readonly runId: string;
  readonly plan: Plan;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly span: RunSpan | undefined;
  readonly signal: AbortSignal;
  reference(name: string, attempt: NodeContext): NodeReference;
  /** Takes in the outcome, once an attempt. */
  settle(index: number, entry: NodeEntry, ok: boolean, value: unknown): void;
}

/** One try of one step: the context that the node sees, and the single place where its outcome is taken in. */
export class Attempt implements NodeContext {
  readonly attempt: number;
  readonly #run: AttemptRun;
  readonly #index: number;
  readonly #entry: NodeEntry;
  #span: RunSpan | undefined;
  #controller: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #settled = false;

  constructor(run: AttemptRun, index: number, entry: NodeEntry, attempt: number) {
    this.#run = run;
    this.#index = index;
    this.#entry = entry;
    this.attempt = attempt;
  }

  get runId(): string {
    return this.#run.runId;
  }

  get workflow(): string {
    return this.#run.plan.workflow.name;
  }

  get nodeId(): string {
    return this.#run.plan.nodes[this.#index]!.id;
  }

  get signal(): AbortSignal {
    return this.#controller?.signal ?? this.#run.signal;
  }

  progress(fraction: number, note?: string): void {
    if (this.#settled || !this.#run.events.has('node:progress')) return;
    const clamped = Math.min(1, Math.max(0, Number(fraction) || 0));
    this.#run.events.emit('node:progress', {
      runId: this.runId,
      nodeId: this.nodeId,
      fraction: clamped,
      ...(note === undefined ? {} : { note: String(note) }),
    });
  }

  node(name: string): NodeReference {
    return this.#run.reference(name, this);
  }

  /** Calls the node. Its outcome reaches `run.settle` exactly once, possibly before this returns. */
  execute(input: unknown): void {
    const timeoutMs = this.#run.plan.nodes[this.#index]!.timeoutMs;
    if (timeoutMs !== undefined) this.#limit(timeoutMs);
    const runSpan = this.#run.span;
    try {
      if (runSpan) this.#span = startNodeSpan(runSpan, this.nodeId, this.#entry.name, this.attempt);
      const output: unknown = this.#span
        ? within(this.#span, () => this.#entry.node.process(input, this) as unknown)
        : this.#entry.node.process(input, this);
      if (isThenable(output)) {
        output.then(
          (value) => this.#finish(value),
          (error: unknown) => this.settle(false, error),
        );
      } else this.#finish(output);
    } catch (error) {
      this.settle(false, error);
    }
  }

  #finish(output: unknown): void {
    if (this.#entry.node.output === undefined || this.#settled) return this.settle(true, output);
    try {
      const checked = checkOutput(this.#entry.node, output, this.nodeId);
      if (!isThenable(checked)) return this.settle(true, checked);
      checked.then(
        (value) => this.settle(true, value),
        (error: unknown) => this.settle(false, error),
      );
    } catch (error) {
      this.settle(false, error);
    }
  }

  settle(ok: boolean, value: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelTimer?.();
    if (this.#span) endSpan(this.#span, ok ? undefined : value);
    if (this.#controller) this.#run.signal.removeEventListener('abort', this.#forwardAbort);
    this.#run.settle(this.#index, this.#entry, ok, value);
  }

  /** A timed-out attempt is over at once, whether or not the node obeys its signal; a late result is dropped. */
  #limit(timeoutMs: number): void {
    this.#controller = new AbortController();
    this.#run.signal.addEventListener('abort', this.#forwardAbort, { once: true });
    this.#cancelTimer = this.#run.clock.setTimer(() => {
      const error = new NodeTimeoutError(
        `Node "${this.nodeId}" took longer than its timeout of ${timeoutMs} ms (attempt ${this.attempt}).`,
        { nodeId: this.nodeId, timeoutMs, attempt: this.attempt },
      );
      this.#controller!.abort(error);
      this.settle(false, error);
    }, timeoutMs);
  }

  readonly #forwardAbort = (): void => this.#controller?.abort(this.#run.signal.reason);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
