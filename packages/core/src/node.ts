import type { StandardSchemaV1 } from '@standard-schema/spec';

/** What a node may know about the run that it belongs to. */
export interface RunInfo {
  readonly runId: string;
  /** Name of the workflow; the "type" under which pools remember what its runs need. */
  readonly workflow: string;
}

export type RunStatus = 'completed' | 'failed' | 'cancelled';

/**
 * What the runtime hands to `process` beside the input. A context means that the runtime has already checked the input
 * against the node's schema; a direct call (`node.process(message)`) has none.
 */
export interface NodeContext {
  /** The run, or undefined for a message sent with `runtime.process`. */
  readonly runId: string | undefined;
  /** Workflow that the run executes, or undefined outside of a run. */
  readonly workflow: string | undefined;
  /** Id of the node in the workflow; the registered name outside of a run. */
  readonly nodeId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted on cancel, on the run's deadline and on the node's own timeout. Pass it on to whatever waits. */
  readonly signal: AbortSignal;
  /** Tells watchers how far the work is: `fraction` from 0 to 1, and a short note. Never throws. */
  progress(fraction: number, note?: string): void;
  /** A registered node by name, to send it messages inside this run. */
  node(name: string): NodeReference;
}

/** Sends messages to a registered node: same checks, same signal, same run as the context that it comes from. */
export interface NodeReference {
  readonly name: string;
  process(message: unknown): Promise<unknown>;
}

/**
 * The runtime as seen by a registered node. Given to `attach` when the node is registered.
 * The node must not keep it beyond the `detach` call that it gets when the runtime closes.
 */
export interface NodeHost {
  /** Name under which this node is registered. */
  readonly name: string;
  /**
   * The registered node object itself, started if it declares `start`. Used by nodes that call methods of another one
   * (a router calls its pool). @throws UnknownNodeError with "did you mean".
   */
  node(name: string): AnyNode | Promise<AnyNode>;
}

/**
 * A node: something with a name that answers messages. Stateless ones come from `defineNode`, stateful ones are classes.
 *
 * Life: `attach` (registered) -> `start` (once, before the first message, after the nodes it `needs`) -> `process`* ->
 * `stop` (runtime closes; before the nodes it needs) . A node without `start` may be used at any time and is always stopped.
 */
export interface Node<Input = never, Output = unknown> {
  /** Name for use inside a workflow definition; needed where a node is passed to the builder itself, not by registered name. */
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** Checked before `process`; any Standard Schema (zod, valibot, arktype ...). */
  readonly input?: StandardSchemaV1 | undefined;
  /** Checked after `process`. */
  readonly output?: StandardSchemaV1 | undefined;
  /** Registered names of the nodes that this one calls. They are started first and stopped last. */
  readonly needs?: readonly string[] | undefined;
  /** How many messages it takes at a time, over all runs of the runtime. Default: no limit of its own. */
  readonly concurrency?: number | undefined;
  /**
   * Its outputs are branches: one that is absent from the result was not taken, and what hangs on it is skipped. A function
   * tells from the node's constant input which branches there can be (undefined: any).
   */
  readonly branches?: true | ((constants: Readonly<Record<string, unknown>>) => readonly string[] | undefined) | undefined;
  /** It runs although some of its inputs were skipped (they are left out), as long as one is there. */
  readonly acceptsSkipped?: boolean | undefined;

  attach?(host: NodeHost): void;
  detach?(): void;
  start?(context: { readonly signal: AbortSignal }): Promise<void> | void;
  process(input: Input, context: NodeContext): Promise<Output> | Output;
  stop?(): Promise<void> | void;
  /** Called when a run of a workflow that uses this node (directly, or through `needs`) begins. */
  onRunStarted?(run: RunInfo): Promise<void> | void;
  /** Called when a run is over, whatever its end; the run's result waits for it. */
  onRunFinished?(run: RunInfo & { readonly status: RunStatus }): Promise<void> | void;
}

/** Any node, whatever it takes and gives. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance: a registry holds nodes of every input type
export type AnyNode = Node<any, any>;
