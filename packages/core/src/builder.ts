import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { MergeMode, SwitchOperator } from './branching.ts';
import {
  durationSchema,
  retrySchema,
  RUN_INPUT,
  type EdgeDefinition,
  type GuardDefinition,
  type NodeDefinition,
  type RetryPolicy,
  type WorkflowDefinition,
} from './definition.ts';
import { WorkflowError, type WorkflowProblem } from './errors.ts';
import { createHandle, describeRef, refTarget, type Handle, type Ref, type RefTarget, type Wire } from './handle.ts';
import type { AnyNode } from './node.ts';
import { formatPath } from './paths.ts';
import { checkAtOnce, formatIssues, jsonSchemaOf, shapeOf } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { NodeLookup } from './validate.ts';
import { takeApart } from './wiring.ts';
import { Workflow } from './workflow.ts';

/** Nodes by registered name, for typing. */
export type NodeMap = Readonly<Record<string, AnyNode>>;

/** Something that knows registered nodes and their types: a `Runtime`. */
export interface TypedRegistry<Nodes extends NodeMap> extends NodeLookup {
  /** Exists in types only. */
  readonly '~nodes'?: () => Nodes;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a node takes is read off its own signature
export type InputOf<N> = N extends { process(input: infer In, ...rest: any[]): unknown } ? In : unknown;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
export type OutputOf<N> = N extends { process(...rest: any[]): infer Out } ? Awaited<Out> : unknown;

type NameOf<Nodes extends NodeMap> = string extends keyof Nodes ? string : (keyof Nodes & string) | 'switch' | 'merge';

/** By name from an untyped registry nothing is known: constants and handles go in, and anything may come out. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an unknown output may feed any input
type UntypedNode = { process(input: Record<string, unknown>): any };
type Resolve<T, Nodes extends NodeMap> = T extends string
  ? string extends keyof Nodes
    ? UntypedNode
    : T extends keyof Nodes
      ? Nodes[T]
      : UntypedNode
  : T;

/** The input may be left out where nothing is required of it. */
type Arguments<In> = object extends In
  ? [input?: Wire<In> | ConnectLater, options?: StepOptions]
  : [input: Wire<In> | ConnectLater, options?: StepOptions];

declare const later: unique symbol;
/** Constant input whose missing fields `connect` will feed; made by `connectLater`. */
export interface ConnectLater {
  readonly [later]: true;
}

/** Says that `connect` will feed what is missing here; `build` checks that it did. */
export const connectLater = (constants: Readonly<Record<string, unknown>> = {}): ConnectLater => constants as unknown as ConnectLater;

/** The terms under which a step runs. */
export interface StepOptions {
  /** Steps that must be done first, without data: handles or ids. */
  readonly after?: readonly (Ref | string)[];
  /** Run only if this is true, or equals something; else the step and what hangs on it is skipped. */
  readonly when?: Ref<boolean> | { readonly ref: Ref; readonly equals: string | number | boolean | null };
  readonly retry?: RetryPolicy;
  /** Limit of one attempt, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface WorkflowOptions<S extends StandardSchemaV1 | undefined, Nodes extends NodeMap> {
  readonly description?: string;
  /** Schema of the run's input; `builder.input` has its type. */
  readonly input?: S;
  /** The runtime whose nodes may be used by name: types them, and lets `build` check the names. */
  readonly runtime?: TypedRegistry<Nodes>;
  /** The same from a plain map of nodes, such as that of a config file. */
  readonly nodes?: Nodes;
}

type Parsed<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : undefined extends S ? unknown : never;
type Given<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : unknown;
/** What a mapping of handles will hold when the handles have their values. */
export type Produced<M> = M extends Ref<infer T> ? T : { -readonly [Key in keyof M]: Produced<M[Key]> };

/**
 * Writes a workflow down. Each `addNode` returns a handle, the typed reference to what that node will produce; using a handle
 * as an input draws the edge. Nothing is checked before `build`, which reports all problems at once.
 *
 * @example
 * const wf = new WorkflowBuilder('report', { input: z.object({ csv: z.string() }) });
 * const rows = wf.addNode('rows', readCsv, { path: wf.input.csv });
 * export default wf.output({ loaded: rows.count });
 */
export class WorkflowBuilder<S extends StandardSchemaV1 | undefined = undefined, Nodes extends NodeMap = NodeMap, Out = unknown> {
  readonly name: string;
  readonly #options: WorkflowOptions<S, Nodes>;
  readonly #nodes: NodeDefinition[] = [];
  readonly #edges: EdgeDefinition[] = [];
  readonly #inline = new Map<string, AnyNode>();
  readonly #problems: WorkflowProblem[] = [];
  #output: WorkflowDefinition['output'];
  #built: Workflow<Given<S>, Out> | undefined;

  constructor(name: string, options: WorkflowOptions<S, Nodes> = {}) {
    this.name = name;
    this.#options = options;
    for (const key of Object.keys(options)) {
      if (!WORKFLOW_KEYS.includes(key))
        this.#problems.push({ code: 'invalid_option', message: `Workflow: unknown option "${key}"${didYouMean(key, WORKFLOW_KEYS)}.` });
    }
  }

  /** The run's input, to be used like any other handle. */
  get input(): Handle<Parsed<S>> {
    return this.#handle<Parsed<S>>(RUN_INPUT);
  }

  /**
   * Adds a step.
   * @param id unique in the workflow: letters, digits, "_" and "-"
   * @param node the node itself (it needs a `name`), or the name under which it is registered
   * @param input constants and handles, mixed at any depth
   */
  addNode<const T extends AnyNode | NameOf<Nodes>>(
    id: string,
    node: T,
    ...[input, options]: Arguments<InputOf<Resolve<T, Nodes>>>
  ): Handle<OutputOf<Resolve<T, Nodes>>> {
    this.#add(id, typeof node === 'string' ? node : this.#nameOf(id, node), input, options);
    return this.#handle<OutputOf<Resolve<T, Nodes>>>(id);
  }

  /** Passes `value` on to the branch named by the case that it (or its `field`) equals, or `default`. Other branches are skipped. */
  addSwitch<T, const Cases extends readonly (string | number | boolean | null)[]>(
    id: string,
    value: Wire<T>,
    options: { readonly cases: Cases; readonly field?: string } & StepOptions,
  ): Handle<{ [Case in `${Cases[number]}` | 'default']: Unwired<T> }>;
  /** Passes `value` on to the branch `true` or `false`, as the comparison says. */
  addSwitch<T>(
    id: string,
    value: Wire<T>,
    options: { readonly operator: SwitchOperator; readonly operand?: Wire<unknown>; readonly field?: string } & StepOptions,
  ): Handle<{ true: Unwired<T>; false: Unwired<T> }>;
  addSwitch(id: string, value: unknown, options: SwitchOptions): Handle<never> {
    const { cases, operator, operand, field, ...step } = options;
    this.#add(id, 'switch', { value, cases, operator, operand, field }, step);
    return this.#handle<never>(id);
  }

  /** Brings branches back together: runs when all of `data` is there or skipped, and at least one is there. */
  addMerge<const Items extends readonly unknown[], Mode extends MergeMode = 'first'>(
    id: string,
    data: Items,
    options: { readonly mode?: Mode; readonly key?: string } & StepOptions = {},
  ): Handle<{ merged: Merged<Produced<Items[number]>, Mode> }> {
    const { mode, key, ...step } = options;
    this.#add(id, 'merge', { data, mode, key }, step);
    return this.#handle<{ merged: Merged<Produced<Items[number]>, Mode> }>(id);
  }

  /** Draws an edge by name. Paths are dotted; an empty one is the whole value. `from` may be `$input`. */
  connect(from: Ref | string, output: string, to: Ref | string, input: string): this {
    this.#built = undefined;
    const source = refTarget(from);
    const fromPath = source && source.path.length > 0 ? [formatPath(source.path), output].filter(Boolean).join('.') : output;
    this.#edges.push({
      from: this.#idOf(from, `Edge to ${this.#name(to)}`),
      ...withPath('output', fromPath),
      to: this.#idOf(to, `Edge from ${this.#name(from)}`),
      ...withPath('input', input),
    });
    return this;
  }

  /** Says what the run's output is: one handle, or an object of handles at any depth. */
  output<const M>(mapping: M): WorkflowBuilder<S, Nodes, Produced<M>> {
    this.#built = undefined;
    const { constants, refs } = takeApart(mapping);
    const isEmpty = typeof constants === 'object' && constants !== null && Object.keys(constants).length === 0;
    if (constants !== undefined && !isEmpty) {
      this.#problems.push({ code: 'invalid_output', message: 'The output holds something that is no handle; build it from handles only.' });
    }
    this.#output = Object.fromEntries(
      refs.map(({ path, target }) => [
        formatPath(path),
        { from: this.#own(target, 'The output'), ...withPath('output', formatPath(target.path)) },
      ]),
    );
    return this as unknown as WorkflowBuilder<S, Nodes, Produced<M>>;
  }

  /**
   * The finished workflow.
   * @param registry checks registered names too, for this call, in place of the builder's own `runtime`
   * @throws WorkflowError with everything that is wrong
   */
  build(registry?: NodeLookup): Workflow<Given<S>, Out> {
    if (this.#built && !registry) return this.#built;
    const { runtime, nodes, input } = this.#options;
    const own = new Map(nodes ? Object.entries(nodes) : []);
    for (const [name, node] of this.#inline) own.set(name, node);
    const definition = this.#definition();
    try {
      const workflow = Workflow.create<Given<S>, Out>(definition, {
        nodes: own,
        ...(input ? { inputSchema: input } : {}),
        ...((registry ?? runtime) ? { lookup: registry ?? runtime! } : {}),
      });
      if (this.#problems.length === 0) return registry ? workflow : (this.#built = workflow);
    } catch (error) {
      if (error instanceof WorkflowError) throw new WorkflowError(this.name, [...this.#problems, ...error.problems]);
      throw error;
    }
    throw new WorkflowError(this.name, this.#problems);
  }

  toJSON(): WorkflowDefinition {
    return this.build().definition;
  }

  #definition(): WorkflowDefinition {
    const { description, input } = this.#options;
    const { $schema: _, ...schema } = ((input && jsonSchemaOf(input, 'input')) ?? {}) as Record<string, unknown>;
    return {
      name: this.name,
      ...(description === undefined ? {} : { description }),
      ...(Object.keys(schema).length > 0 ? { input: schema as NonNullable<WorkflowDefinition['input']> } : {}),
      nodes: [...this.#nodes],
      edges: [...this.#edges],
      ...(this.#output ? { output: this.#output } : {}),
    };
  }

  #add(id: string, node: string, input: unknown, options: StepOptions = {}): void {
    this.#built = undefined;
    const { constants, refs, problems } = takeApart(input);
    for (const { path, message } of problems)
      this.#problems.push({ code: 'invalid_constant', message: `Node "${id}": input "${formatPath(path)}" ${message}.`, nodeId: id });
    for (const { path, target } of refs) {
      this.#edges.push({
        from: this.#own(target, `Node "${id}"`),
        ...withPath('output', formatPath(target.path)),
        to: id,
        ...withPath('input', formatPath(path)),
      });
    }
    if (constants !== undefined && (typeof constants !== 'object' || constants === null || Array.isArray(constants))) {
      this.#problems.push({
        code: 'invalid_constant',
        message: `Node "${id}": its input is a ${shapeOf(constants)}; give an object of inputs, or a handle.`,
        nodeId: id,
      });
    }
    const step = this.#step(id, options);
    const hasConstants = typeof constants === 'object' && constants !== null && Object.keys(constants).length > 0;
    this.#nodes.push({
      id,
      node,
      ...(hasConstants ? { input: deepFreeze(constants) as NonNullable<NodeDefinition['input']> } : {}),
      ...step,
    });
  }

  #step(id: string, options: StepOptions): Omit<NodeDefinition, 'id' | 'node'> {
    const { after = [], when, retry, timeoutMs } = options;
    const isList: boolean = Array.isArray(after);
    for (const [key, schema, value] of [
      ['retry', retrySchema, retry],
      ['timeoutMs', durationSchema, timeoutMs],
    ] as const) {
      const issues = value === undefined ? undefined : checkAtOnce(schema, value).issues;
      if (issues)
        this.#problems.push({ code: 'invalid_step', message: `Node "${id}": ${key} does not fit: ${formatIssues(issues)}.`, nodeId: id });
    }
    for (const key of Object.keys(options)) {
      if (!STEP_KEYS.includes(key))
        this.#problems.push({
          code: 'invalid_step',
          message: `Node "${id}": unknown step option "${key}"${didYouMean(key, STEP_KEYS)}.`,
          nodeId: id,
        });
    }
    if (!isList) {
      this.#problems.push({
        code: 'invalid_step',
        message: `Node "${id}": "after" takes a list of handles or ids; write after: [step].`,
        nodeId: id,
      });
    }
    return {
      ...(isList && after.length > 0 ? { after: after.map((other) => this.#idOf(other, `"after" of node "${id}"`)) } : {}),
      ...(when ? { when: this.#guard(id, when) } : {}),
      ...(retry ? { retry } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  #guard(id: string, when: NonNullable<StepOptions['when']>): GuardDefinition {
    const { ref, equals } = refTarget(when) ? { ref: when, equals: undefined } : (when as { ref: Ref; equals: GuardDefinition['equals'] });
    const target = refTarget(ref);
    if (!target) {
      this.#problems.push({ code: 'invalid_guard', message: `Node "${id}": "when" takes a handle, or { ref, equals }.`, nodeId: id });
      return { from: RUN_INPUT };
    }
    return {
      from: this.#own(target, `"when" of node "${id}"`),
      ...withPath('output', formatPath(target.path)),
      ...(equals === undefined ? {} : { equals }),
    };
  }

  #nameOf(id: string, node: AnyNode): string {
    if (!node.name) {
      this.#problems.push({
        code: 'unnamed_node',
        message: `Node "${id}": the node passed here has no name; give it one (defineNode({ name, ... })), so that the definition can refer to it.`,
        nodeId: id,
      });
      if (!this.#inline.has(id)) this.#inline.set(id, node);
      return id;
    }
    const other = this.#inline.get(node.name) ?? this.#options.nodes?.[node.name];
    if (other && other !== node) {
      this.#problems.push({
        code: 'name_conflict',
        message: `Node "${id}": two different nodes of this workflow are named "${node.name}"; rename one.`,
        nodeId: id,
      });
    }
    this.#inline.set(node.name, node);
    return node.name;
  }

  #own(target: RefTarget, where: string): string {
    if (target.builder !== this) {
      this.#problems.push({
        code: 'foreign_handle',
        message: `${where}: handle "${describeRef(target)}" belongs to another workflow; use handles of this builder.`,
      });
    }
    return target.nodeId;
  }

  #idOf(step: Ref | string, where: string): string {
    const target = refTarget(step);
    return target ? this.#own(target, where) : (step as string);
  }

  #name(step: Ref | string): string {
    return refTarget(step)?.nodeId ?? String(step);
  }

  #handle<T>(nodeId: string): Handle<T> {
    return createHandle<T>({ builder: this, nodeId, path: [] });
  }
}

const WORKFLOW_KEYS: readonly string[] = ['description', 'input', 'runtime', 'nodes'];
const STEP_KEYS: readonly string[] = ['after', 'when', 'retry', 'timeoutMs'];

interface SwitchOptions extends StepOptions {
  readonly cases?: readonly (string | number | boolean | null)[];
  readonly operator?: SwitchOperator;
  readonly operand?: unknown;
  readonly field?: string;
}

/** `addSwitch` infers T from a handle or a plain value. */
type Unwired<T> = T extends Ref<infer Value> ? Value : T;
type Merged<T, Mode extends MergeMode> = Mode extends 'first'
  ? T
  : Mode extends 'concat'
    ? T extends readonly (infer Item)[]
      ? Item[]
      : T[]
    : Mode extends 'zip'
      ? unknown[][]
      : unknown;

function withPath<Key extends string>(key: Key, path: string): { readonly [K in Key]?: string } {
  return (path === '' ? {} : { [key]: path }) as { readonly [K in Key]?: string };
}

/** Constants are shared by all runs; frozen, so that a node that writes to its input fails at once instead of leaking. */
function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
