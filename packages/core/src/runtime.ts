import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { NodeMap, OutputOf, TypedRegistry } from './builder.ts';
import { systemClock, type Clock } from './clock.ts';
import {
  parseExecuteOptions,
  parseProcessOptions,
  parseRuntimeOptions,
  type ExecuteOptions,
  type ProcessOptions,
  type RuntimeConfig,
  type RuntimeOptions,
} from './config.ts';
import type { WorkflowDefinition } from './definition.ts';
import { parseWorkflow } from './document.ts';
import {
  ConfigError,
  messageOf,
  ParametersError,
  RunCancelledError,
  RunFailedError,
  RunIdTakenError,
  RunInputError,
  RuntimeClosedError,
  serializeError,
  WorkflowSyntaxError,
} from './errors.ts';
import { EventBus, type RuntimeEventName, type RuntimeListener } from './events.ts';
import { Run, type RunHost } from './executor.ts';
import { Lifecycle } from './lifecycle.ts';
import { joinLimits, raceAbort, type Limits } from './limits.ts';
import { Messenger } from './messages.ts';
import type { AnyNode, RunInfo, RunStatus } from './node.ts';
import { makePlan, type Plan } from './plan.ts';
import { NodeRegistry, type NodeEntry } from './registry.ts';
import { makeResult, type RunResult } from './result.ts';
import type { RunConstants } from './run-state.ts';
import { check, formatIssues, shapeOf, unknownKeys } from './schema.ts';
import { Slots } from './slots.ts';
import { didYouMean } from './suggest.ts';
import { endSpan, startRunSpan } from './telemetry.ts';
import { findProblems, type NodeLookup } from './validate.ts';
import { lookUpIn, Workflow } from './workflow.ts';

/** What `execute` takes: a workflow, a builder (it is built), or a definition as plain data. */
export type Executable<In = unknown, Out = unknown> = Workflow<In, Out> | { build(): Workflow<In, Out> } | WorkflowDefinition;

/**
 * Holds nodes by name, sends them messages, and runs workflows. One process may have several; they share nothing.
 *
 * Life: open -> closing (new work is refused, runs are cancelled) -> closed (every node is stopped). Nodes start lazily, once,
 * after the nodes they need; they stop in the reverse order.
 */
export class Runtime<Nodes extends NodeMap = NodeMap> implements TypedRegistry<Nodes>, AsyncDisposable {
  declare readonly '~nodes'?: () => Nodes;
  readonly #config: RuntimeConfig;
  readonly #clock: Clock;
  readonly #events = new EventBus();
  readonly #registry = new NodeRegistry();
  readonly #lifecycle: Lifecycle;
  readonly #messenger: Messenger;
  readonly #host: RunHost;
  readonly #runs = new Map<string, { readonly run: Run; readonly ended: Promise<unknown> }>();
  readonly #messages = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #plans = new WeakMap<Workflow, Plan>();
  readonly #definitions = new WeakMap<WorkflowDefinition, Workflow>();
  #closed: Promise<void> | undefined;

  /** @throws ConfigError with every problem of the options; RegistrationError for a node that cannot be registered. */
  constructor(options: RuntimeOptions<Nodes> = {}) {
    const { nodes, clock, random, ...config } = options;
    this.#config = parseRuntimeOptions(config);
    this.#clock = clock ?? systemClock;
    setMaxListeners(0, this.#closing.signal);
    this.#lifecycle = new Lifecycle(this.#registry, this.#clock, this.#config, this.#events, this.#closing.signal);
    this.#messenger = new Messenger(this.#registry, this.#lifecycle);
    this.#host = {
      clock: this.#clock,
      events: this.#events,
      random: random ?? Math.random,
      slots: new Slots(this.#config.maxInFlight),
      cancelGraceMs: this.#config.cancelGraceMs,
      start: (entry) => this.#lifecycle.start(entry),
      reference: (name, attempt) => this.#messenger.reference(name, attempt),
    };
    for (const [name, node] of Object.entries(nodes ?? {})) this.registerNode(name, node);
  }

  // --- nodes ----------------------------------------------------------------------------------------------------------------

  /**
   * Registers a node under a name. Returns this runtime, whose type then knows the name.
   * @throws RegistrationError for a name that is taken, malformed or reserved, and for what is no node
   */
  registerNode<Name extends string, N extends AnyNode>(
    name: Name,
    node: N,
  ): Runtime<(string extends keyof Nodes ? unknown : Nodes) & Record<Name, N>> {
    this.#assertOpen();
    this.#registry.add(name, node);
    node.attach?.({
      name,
      node: (wanted) => {
        const entry = this.#registry.get(wanted);
        return entry.isReady ? entry.node : this.#lifecycle.start(entry).then(() => entry.node);
      },
    });
    return this as unknown as Runtime<(string extends keyof Nodes ? unknown : Nodes) & Record<Name, N>>;
  }

  /** The registered node itself. @throws UnknownNodeError with "did you mean". */
  getNode<Name extends keyof Nodes & string>(name: Name): Nodes[Name] {
    return this.#registry.get(name).node as Nodes[Name];
  }

  /** The registered node, or undefined. */
  find(name: string): AnyNode | undefined {
    return this.#registry.find(name)?.node;
  }

  /** Names of all registered nodes, the built-in ones included. */
  names(): string[] {
    return this.#registry.names();
  }

  on<Name extends RuntimeEventName>(name: Name, listener: RuntimeListener<Name>): this {
    this.#events.on(name, listener);
    return this;
  }

  off<Name extends RuntimeEventName>(name: Name, listener: RuntimeListener<Name>): this {
    this.#events.off(name, listener);
    return this;
  }

  // --- messages -------------------------------------------------------------------------------------------------------------

  /**
   * Sends a message to a node, starting it if need be.
   * @throws UnknownNodeError, NodeInputError, NodeOutputError, NodeStartError, DeadlineError, the signal's reason, or what the node throws
   */
  async process<Name extends keyof Nodes & string>(
    name: Name,
    message?: unknown,
    options: ProcessOptions = {},
  ): Promise<OutputOf<Nodes[Name]>> {
    this.#assertOpen();
    const entry = this.#registry.get(name);
    const limits = this.#limits(parseProcessOptions(options), `Message to node "${name}"`);
    const work = this.#messenger.deliver(entry, message, { runId: undefined, workflow: undefined, signal: limits.signal });
    const settled = raceAbort(work, limits.signal).finally(() => limits.release());
    this.#messages.add(settled);
    try {
      return (await settled) as OutputOf<Nodes[Name]>;
    } finally {
      this.#messages.delete(settled);
    }
  }

  // --- runs -----------------------------------------------------------------------------------------------------------------

  /**
   * Runs a workflow to its end.
   * @returns how it went, when it completed
   * @throws WorkflowSyntaxError, WorkflowError, RunInputError, ParametersError before anything runs; RunFailedError and
   *   RunCancelledError, which carry the same result, after
   */
  async execute<In, Out>(workflow: Executable<In, Out>, options: ExecuteOptions<In> = {}): Promise<RunResult<Out>> {
    this.#assertOpen();
    const config = parseExecuteOptions(options);
    const plan = this.#planOf(workflow);
    const { name } = plan.workflow;
    const input = await checkRunInput(plan.workflow, options.input);
    this.#assertOpen();
    const constants = options.parameters ? this.#constantsOf(plan, options.parameters) : NO_PARAMETERS;
    const runId = config.runId ?? randomUUID();
    if (this.#runs.has(runId)) throw new RunIdTakenError(runId);
    const span = startRunSpan(name, runId);
    const run = new Run(plan, this.#host, {
      runId,
      input,
      constants,
      concurrency: config.concurrency ?? this.#config.concurrency,
      keepOnlyOutput: config.results === 'output',
      span,
    });
    setMaxListeners(0, run.signal);
    const limits = this.#limits(config, `Run "${runId}" of workflow "${name}"`, (reason) => run.cancel(reason));
    const ended = this.#drive(run, plan);
    this.#runs.set(runId, { run, ended });
    try {
      const result = await ended;
      if (span) endSpan(span);
      return result as RunResult<Out>;
    } catch (error) {
      if (span) endSpan(span, error);
      throw error;
    } finally {
      limits.release();
      this.#runs.delete(runId);
    }
  }

  async #drive(run: Run, plan: Plan): Promise<RunResult> {
    const { runId } = run;
    const workflow = plan.workflow.name;
    const startedMs = this.#clock.now();
    const info: RunInfo = { runId, workflow };
    if (this.#events.has('run:started')) this.#events.emit('run:started', { runId, workflow, nodeCount: plan.size });
    let failure: unknown;
    try {
      for (const { node } of plan.participants)
        if (node.onRunStarted) await raceAbort(Promise.resolve(node.onRunStarted(info)), run.signal);
      if (!run.isCancelled) {
        run.start();
        await run.done;
      }
    } catch (error) {
      if (!run.isCancelled) failure = error;
      run.cancel(error);
    }
    let status: RunStatus = run.isCancelled ? 'cancelled' : run.failedNode !== undefined ? 'failed' : 'completed';
    if (status === 'completed') failure = run.state.missingOutput();
    if (failure !== undefined) status = 'failed';
    await this.#lifecycle.endRun({ ...info, status });
    const result = makeResult(run, status, startedMs);
    const error = status === 'completed' ? undefined : runError(run, plan, status, result, failure);
    if (this.#events.has('run:finished')) {
      this.#events.emit('run:finished', {
        runId,
        workflow,
        status,
        durationMs: result.durationMs,
        ...(error ? { error: serializeError(error) } : {}),
      });
    }
    if (error) throw error;
    return result;
  }

  /** Everything that keeps the workflow from running here; empty when nothing does. */
  validate(workflow: Executable): ReturnType<typeof findProblems> {
    if (isDefinition(workflow)) {
      try {
        return findProblems(parseWorkflow(workflow), this.#lookup(NO_NODES));
      } catch (error) {
        if (error instanceof WorkflowSyntaxError) return [...error.problems];
        throw error;
      }
    }
    const { definition, inlineNodes } = isWorkflow(workflow) ? workflow : workflow.build();
    return findProblems(definition, this.#lookup(inlineNodes));
  }

  #planOf(executable: Executable): Plan {
    const workflow = this.#workflowOf(executable);
    let plan = this.#plans.get(workflow);
    if (!plan) {
      // Checks registered names, and data against the registered nodes' schemas, which only a runtime can.
      if (!workflow.isSelfContained)
        Workflow.create(workflow.definition, { nodes: workflow.inlineNodes, lookup: this.#lookup(workflow.inlineNodes) });
      const entryOf = (name: string): NodeEntry => {
        const inline = workflow.inlineNodes.get(name);
        return inline ? this.#registry.inline(name, inline) : this.#registry.get(name);
      };
      plan = makePlan(workflow, entryOf, (entries) => this.#lifecycle.withNeeds(entries));
      this.#plans.set(workflow, plan);
    }
    return plan;
  }

  #workflowOf(executable: Executable): Workflow {
    if (isWorkflow(executable)) return executable;
    if (!isDefinition(executable)) return executable.build();
    let workflow = this.#definitions.get(executable);
    // Plain data may come from anywhere: its shape is checked like that of a file, and the dictionary form is read too.
    if (!workflow) {
      workflow = Workflow.create(parseWorkflow(executable), { lookup: this.#lookup(NO_NODES) });
      this.#definitions.set(executable, workflow);
    }
    return workflow;
  }

  #lookup(inline: ReadonlyMap<string, AnyNode>): NodeLookup {
    return lookUpIn(inline, this);
  }

  /** The run's own constants. Never written back: nothing of a run is seen by the next. */
  #constantsOf(plan: Plan, parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>): RunConstants {
    const constants = new Map<number, Record<string, unknown>>();
    const problems: string[] = [];
    for (const [id, values] of Object.entries(parameters)) {
      const i = plan.index.get(id);
      if (i === undefined) problems.push(`there is no node "${id}"${didYouMean(id, plan.index.keys())}`);
      else if (typeof values !== 'object' || values === null || Array.isArray(values))
        problems.push(`node "${id}" takes an object of inputs, received ${shapeOf(values)}`);
      else constants.set(i, { ...plan.nodes[i]!.input, ...values });
    }
    const { definition, inlineNodes } = plan.workflow;
    const nodes = definition.nodes.map((node, i) =>
      constants.has(i) ? { ...node, input: constants.get(i) as NonNullable<typeof node.input> } : node,
    );
    problems.push(...findProblems({ ...definition, nodes }, this.#lookup(inlineNodes)).map(({ message }) => message));
    if (problems.length > 0)
      throw new ParametersError(
        `Parameters of workflow "${plan.workflow.name}" do not fit:${problems.map((problem) => `\n  - ${problem}`).join('')}`,
      );
    return constants;
  }

  // --- life -----------------------------------------------------------------------------------------------------------------

  #assertOpen(): void {
    if (this.#closed) throw new RuntimeClosedError();
  }

  /**
   * Cancels what runs, then stops every node, those that need others first. Idempotent: every call gets the same promise.
   * @throws CloseError when nodes failed to stop; all others were stopped all the same
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const reason = new RuntimeClosedError();
    // Let the assignment of #closed happen first, so that nothing new slips in.
    await Promise.resolve();
    this.#closing.abort(reason);
    for (const { run } of this.#runs.values()) run.cancel(reason);
    await Promise.allSettled([...this.#runs.values()].map(({ ended }) => ended));
    await Promise.allSettled(this.#messages);
    await this.#lifecycle.stopAll();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #limits(options: ProcessOptions, subject: string, onAbort?: (reason: unknown) => void): Limits {
    return joinLimits(this.#clock, options, this.#closing.signal, subject, onAbort);
  }
}

const NO_NODES: ReadonlyMap<string, AnyNode> = new Map();
const NO_PARAMETERS: RunConstants = new Map();

/** By shape, not by class: a workflow may come from another copy of this package. */
const isWorkflow = (workflow: Executable): workflow is Workflow =>
  typeof workflow === 'object' && workflow !== null && 'definition' in workflow && 'inlineNodes' in workflow;

function isDefinition(workflow: Executable): workflow is WorkflowDefinition {
  if (typeof workflow !== 'object' || workflow === null)
    throw new ConfigError(`A workflow is a Workflow, a WorkflowBuilder or a definition; received ${shapeOf(workflow)}.`);
  if (isWorkflow(workflow) || 'build' in workflow) return false;
  if (!Array.isArray(workflow.nodes))
    throw new ConfigError(`A workflow is a Workflow, a WorkflowBuilder or a definition; received ${shapeOf(workflow)}.`);
  return true;
}

async function checkRunInput(workflow: Workflow, input: unknown): Promise<unknown> {
  const { inputSchema, name } = workflow;
  if (!inputSchema) return input;
  const given = input ?? {};
  const strange = unknownKeys(inputSchema, given);
  const result = strange.length > 0 ? { issues: strange } : await check(inputSchema, given);
  if (result.issues)
    throw new RunInputError(
      `The input of workflow "${name}" does not fit: ${formatIssues(result.issues)} (${input === undefined ? 'no input was given' : `received ${shapeOf(input)}`}).`,
      name,
    );
  return result.value;
}

function runError(
  run: Run,
  plan: Plan,
  status: RunStatus,
  result: RunResult,
  failure: unknown,
): RunFailedError<RunResult> | RunCancelledError<RunResult> {
  const subject = `Run "${run.runId}" of workflow "${plan.workflow.name}"`;
  const facts = { runId: run.runId, workflow: plan.workflow.name };
  if (status === 'cancelled')
    return new RunCancelledError(`${subject} was cancelled: ${messageOf(run.cancelReason)}`, result, { cause: run.cancelReason, facts });
  if (run.failedNode === undefined)
    return new RunFailedError(`${subject} failed: ${messageOf(failure)}`, result, { cause: failure, facts });
  const { id } = plan.nodes[run.failedNode]!;
  const cause = run.state.errors.get(run.failedNode);
  const attempts = run.state.attempts[run.failedNode]!;
  return new RunFailedError(
    `${subject} failed at node "${id}"${attempts > 1 ? ` after ${attempts} attempts` : ''}: ${messageOf(cause)}`,
    result,
    { cause, facts: { ...facts, nodeId: id } },
  );
}
