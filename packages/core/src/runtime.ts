import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type Attempt } from './attempt.ts';
import { type NodeMap, type OutputOf, type TypedRegistry } from './builder.ts';
import { systemClock, type Clock } from './clock.ts';
import {
  parseExecuteOptions,
  parseRuntimeOptions,
  type ExecuteOptions,
  type ProcessOptions,
  type RuntimeConfig,
  type RuntimeOptions,
} from './config.ts';
import { checkInput, checkOutput } from './define-node.ts';
import type { WorkflowDefinition } from './definition.ts';
import {
  CloseError,
  ConfigError,
  DeadlineError,
  NodeOutputError,
  NodeStartError,
  ParametersError,
  RunCancelledError,
  RunFailedError,
  RunIdTakenError,
  RunInputError,
  RuntimeClosedError,
  serializeError,
  UnknownNodeError,
} from './errors.ts';
import { EventBus, type RuntimeEventName, type RuntimeListener } from './events.ts';
import { COMPLETED, Run, type RunHost } from './executor.ts';
import type { AnyNode, NodeContext, NodeReference, RunInfo, RunStatus } from './node.ts';
import { formatPath, lookUp } from './paths.ts';
import { FROM_INPUT, makePlan, mayBeAbsent, type Plan } from './plan.ts';
import { NodeRegistry, type NodeEntry } from './registry.ts';
import { makeResult, type RunResult } from './result.ts';
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
    this.#host = {
      clock: this.#clock,
      events: this.#events,
      random: random ?? Math.random,
      slots: new Slots(this.#config.maxInFlight),
      cancelGraceMs: this.#config.cancelGraceMs,
      start: (entry) => this.#start(entry),
      reference: (name, attempt) => this.#reference(name, attempt),
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
        return entry.isReady ? entry.node : this.#start(entry).then(() => entry.node);
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
    const limits = this.#limits(options, `Message to node "${name}"`);
    const work = this.#deliver(entry, message, { runId: undefined, workflow: undefined, signal: limits.signal });
    const settled = limits.race(work).finally(limits.release);
    this.#messages.add(settled);
    try {
      return (await settled) as OutputOf<Nodes[Name]>;
    } finally {
      this.#messages.delete(settled);
    }
  }

  async #deliver(entry: NodeEntry, message: unknown, scope: MessageScope): Promise<unknown> {
    const { node, name } = entry;
    const input = await checkInput(node, message, name);
    if (!entry.isReady) await this.#start(entry);
    if (entry.slots && !entry.slots.take()) await waitForSlot(entry.slots, scope.signal);
    try {
      scope.signal.throwIfAborted();
      const context: NodeContext = {
        ...scope,
        nodeId: name,
        attempt: 1,
        progress: () => undefined,
        node: (wanted) => this.#referenceIn(wanted, scope),
      };
      return await checkOutput(node, await node.process(input, context), name);
    } finally {
      entry.slots?.release();
    }
  }

  #reference(name: string, attempt: Attempt): NodeReference {
    return this.#referenceIn(name, { runId: attempt.runId, workflow: attempt.workflow, signal: attempt.signal });
  }

  #referenceIn(name: string, scope: MessageScope): NodeReference {
    const entry = this.#registry.get(name);
    return { name, process: (message) => this.#deliver(entry, message, scope) };
  }

  // --- runs -----------------------------------------------------------------------------------------------------------------

  /**
   * Runs a workflow to its end.
   * @returns how it went, when it completed
   * @throws WorkflowError, RunInputError, ParametersError before anything runs; RunFailedError and RunCancelledError, which carry
   *   the same result, after
   */
  async execute<In, Out>(workflow: Executable<In, Out>, options: ExecuteOptions<In> = {}): Promise<RunResult<Out>> {
    this.#assertOpen();
    const config = parseExecuteOptions(options as ExecuteOptions<unknown>);
    const plan = this.#planOf(workflow as Executable);
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
    const ended = this.#drive(run, plan, input);
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

  async #drive(run: Run, plan: Plan, input: unknown): Promise<RunResult> {
    const { runId } = run;
    const workflow = plan.workflow.name;
    const startedMs = this.#clock.now();
    const info: RunInfo = { runId, workflow };
    if (this.#events.has('run:started')) this.#events.emit('run:started', { runId, workflow, nodeCount: plan.size });
    let failure: unknown;
    try {
      for (const { node } of plan.participants) if (node.onRunStarted) await node.onRunStarted(info);
      if (!run.isCancelled) {
        run.start();
        await run.done;
      }
    } catch (error) {
      failure = error;
      run.cancel(error);
    }
    let status: RunStatus = run.isCancelled ? 'cancelled' : run.failedNode !== undefined ? 'failed' : 'completed';
    if (status === 'completed') failure = missingOutput(run, plan);
    if (failure !== undefined) status = 'failed';
    await this.#endRun({ ...info, status });
    const result = makeResult(run, status, input, startedMs);
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

  /** Every node that may hold something for the run lets go of it; one that fails or hangs does not keep the others. */
  async #endRun(info: RunInfo & { readonly status: RunStatus }): Promise<void> {
    const hooks = this.#registry.all().filter(({ node, isReady }) => node.onRunFinished && isReady);
    if (hooks.length === 0) return;
    await Promise.all(
      hooks.map(async ({ node, name }) => {
        try {
          const result = node.onRunFinished!(info);
          if (result)
            await withTimeout(this.#clock, result, this.#config.stopTimeoutMs, `took longer than ${this.#config.stopTimeoutMs} ms`);
        } catch (error) {
          this.#events.warn(
            `Node "${name}" failed to clean up after run "${info.runId}": ${error instanceof Error ? error.message : String(error)}`,
            error,
          );
        }
      }),
    );
  }

  /** Everything that keeps the workflow from running here; empty when nothing does. */
  validate(workflow: Executable): ReturnType<typeof findProblems> {
    if (isDefinition(workflow)) return findProblems(workflow, this.#lookup(NO_NODES));
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
      plan = makePlan(workflow, entryOf, (entries) => this.#withNeeds(entries));
      this.#plans.set(workflow, plan);
    }
    return plan;
  }

  #workflowOf(executable: Executable): Workflow {
    if (isWorkflow(executable)) return executable;
    if (!isDefinition(executable)) return executable.build();
    let workflow = this.#definitions.get(executable);
    if (!workflow) this.#definitions.set(executable, (workflow = Workflow.create(executable, { lookup: this.#lookup(NO_NODES) })));
    return workflow;
  }

  #lookup(inline: ReadonlyMap<string, AnyNode>): NodeLookup {
    return lookUpIn(inline, this);
  }

  /** The run's own constants. Never written back: nothing of a run is seen by the next. */
  #constantsOf(
    plan: Plan,
    parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ): ReadonlyMap<number, Record<string, unknown>> {
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

  #start(entry: NodeEntry): Promise<void> {
    return entry.start(async () => {
      this.#assertNoCircle(entry, []);
      for (const need of entry.node.needs ?? []) {
        const needed = this.#registry.get(need);
        if (!needed.isReady) await this.#start(needed);
      }
      this.#assertOpen();
      const { startTimeoutMs } = this.#config;
      const starting = entry.node.start?.({ signal: this.#closing.signal });
      if (starting) await withTimeout(this.#clock, starting, startTimeoutMs, `did not start within ${startTimeoutMs} ms (startTimeoutMs)`);
    });
  }

  #assertNoCircle(entry: NodeEntry, path: readonly string[]): void {
    if (path.includes(entry.name)) {
      const circle = [...path.slice(path.indexOf(entry.name)), entry.name].join(' -> ');
      throw new NodeStartError(`Nodes need each other in a circle: ${circle}. Remove one of these from "needs".`, entry.name);
    }
    for (const need of entry.node.needs ?? []) {
      const needed = this.#registry.find(need);
      if (!needed)
        throw new UnknownNodeError(
          `Node "${entry.name}" needs node "${need}", which is not registered${didYouMean(need, this.#registry.names())}.`,
          need,
        );
      this.#assertNoCircle(needed, [...path, entry.name]);
    }
  }

  /** The entries and all that they need, each once, needed ones first. */
  #withNeeds(entries: Iterable<NodeEntry>): NodeEntry[] {
    const ordered = new Set<NodeEntry>();
    const visiting = new Set<NodeEntry>();
    const visit = (entry: NodeEntry): void => {
      if (ordered.has(entry) || visiting.has(entry)) return;
      visiting.add(entry);
      for (const need of entry.node.needs ?? []) {
        const needed = this.#registry.find(need);
        if (needed) visit(needed);
      }
      ordered.add(entry);
    };
    for (const entry of entries) visit(entry);
    return [...ordered];
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
    const failures: { node: string; error: unknown }[] = [];
    for (const entry of this.#withNeeds(this.#registry.all()).reverse()) {
      const { stopTimeoutMs } = this.#config;
      try {
        await withTimeout(this.#clock, entry.stop(), stopTimeoutMs, `did not stop within ${stopTimeoutMs} ms (stopTimeoutMs)`);
      } catch (error) {
        failures.push({ node: entry.name, error });
      }
      entry.node.detach?.();
    }
    if (failures.length > 0) throw new CloseError(failures);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- limits ---------------------------------------------------------------------------------------------------------------

  /** Joins the caller's signal, the deadline and the runtime's own end. `release` must be called when the work is over. */
  #limits(options: ProcessOptions, subject: string, onAbort?: (reason: unknown) => void) {
    const { signal, deadline, timeoutMs } = options;
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const abort = (reason: unknown): void => {
      if (controller.signal.aborted) return;
      controller.abort(reason);
      onAbort?.(reason);
    };
    const onSignal = (): void => abort(signal!.reason);
    const onClosing = (): void => abort(this.#closing.signal.reason);
    const deadlineMs = deadline === undefined ? undefined : Number(deadline) - this.#clock.wallTime();
    const remainingMs = Math.min(deadlineMs ?? Infinity, timeoutMs ?? Infinity);
    const cancelTimer =
      remainingMs === Infinity
        ? undefined
        : this.#clock.setTimer(
            () => abort(new DeadlineError(`${subject} ran out of time (${Math.max(0, Math.round(remainingMs))} ms).`)),
            Math.max(0, remainingMs),
          );
    if (signal?.aborted) onSignal();
    else signal?.addEventListener('abort', onSignal, { once: true });
    this.#closing.signal.addEventListener('abort', onClosing, { once: true });
    const release = (): void => {
      cancelTimer?.();
      signal?.removeEventListener('abort', onSignal);
      this.#closing.signal.removeEventListener('abort', onClosing);
    };
    return { signal: controller.signal, release, race: <T>(work: Promise<T>): Promise<T> => raceAbort(work, controller.signal) };
  }
}

/** The run, if any, on whose behalf a message travels. */
interface MessageScope {
  readonly runId: string | undefined;
  readonly workflow: string | undefined;
  readonly signal: AbortSignal;
}

const NO_NODES: ReadonlyMap<string, AnyNode> = new Map();
const NO_PARAMETERS: ReadonlyMap<number, Record<string, unknown>> = new Map();

/** By shape, not by class: a workflow may come from another copy of this package. */
const isWorkflow = (workflow: Executable): workflow is Workflow =>
  typeof workflow === 'object' && workflow !== null && 'definition' in workflow && 'inlineNodes' in workflow;

function isDefinition(workflow: Executable): workflow is WorkflowDefinition {
  if (typeof workflow !== 'object' || workflow === null)
    throw new ConfigError(`A workflow is a Workflow, a WorkflowBuilder or a definition; received ${shapeOf(workflow)}.`);
  if (isWorkflow(workflow) || 'build' in workflow) return false;
  if (!Array.isArray((workflow as WorkflowDefinition).nodes))
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
      `The input of workflow "${name}" does not fit: ${formatIssues(result.issues)} (received ${shapeOf(input)}).`,
      name,
    );
  return result.value;
}

/** An output that the workflow declares and its node did not return. Skipped nodes and optional fields leave theirs out. */
function missingOutput(run: Run, plan: Plan): NodeOutputError | undefined {
  for (const { key, source, path } of plan.outputs ?? []) {
    if (source === FROM_INPUT || run.status[source] !== COMPLETED) continue;
    const entry = plan.entries[source]!;
    const { found, depth } = lookUp(run.results[source], path);
    if (found || entry.node.branches !== undefined || mayBeAbsent(entry, path)) continue;
    const parent = lookUp(run.results[source], path.slice(0, depth)).value;
    const known = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
    const { id } = plan.nodes[source]!;
    return new NodeOutputError(
      `Output "${formatPath(key)}" of the workflow wants "${formatPath(path)}" of node "${id}", which returned ${shapeOf(run.results[source])}${didYouMean(path[depth]!, known)}.`,
      { nodeId: id, output: formatPath(path) },
    );
  }
  return undefined;
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
  const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  if (status === 'cancelled')
    return new RunCancelledError(`${subject} was cancelled: ${text(run.cancelReason)}`, result, { cause: run.cancelReason, facts });
  if (run.failedNode === undefined) return new RunFailedError(`${subject} failed: ${text(failure)}`, result, { cause: failure, facts });
  const { id } = plan.nodes[run.failedNode]!;
  const cause = run.errors.get(run.failedNode);
  const attempts = run.attempts[run.failedNode]!;
  return new RunFailedError(
    `${subject} failed at node "${id}"${attempts > 1 ? ` after ${attempts} attempts` : ''}: ${text(cause)}`,
    result,
    { cause, facts: { ...facts, nodeId: id } },
  );
}

function waitForSlot(slots: Slots, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      leave();
      reject(signal.reason);
    };
    const leave = slots.wait(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

async function withTimeout(clock: Clock, work: Promise<void> | void, timeoutMs: number, complaint: string): Promise<void> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.setTimer(() => reject(new DeadlineError(complaint)), timeoutMs);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}
