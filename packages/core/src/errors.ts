/**
 * Every error of this package, under one base class.
 *
 * A message says: subject, what is wrong, where, what to do. Secrets and values of inputs never stand in a message.
 * Codes are stable; each has a row in `docs/reference/errors.md` (a test fails otherwise).
 */

const prototypeOf = (value: object): object | null => Object.getPrototypeOf(value) as object | null;

const BRAND = Symbol.for('@kailash-ts/error');

export interface KailashErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed when made again, unchanged. Retry policies obey it. */
  readonly retryable?: boolean;
  /** Facts for programs: ids, names, counts, limits. Never values of inputs, never secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Base of every error that a `@kailash-ts` package throws on purpose.
 *
 * `instanceof` works across copies of a package: classes are told apart by their static `errorName`, not by identity.
 */
export class KailashError extends Error {
  static readonly errorName: string = 'KailashError';
  readonly code: string;
  readonly retryable: boolean;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: KailashErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.facts = options.facts ?? {};
    Object.defineProperty(this, 'name', { value: new.target.errorName, configurable: true });
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    if (!Object.hasOwn(this, 'errorName')) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (!(BRAND in value)) return false;
    for (let proto = prototypeOf(value); proto; proto = prototypeOf(proto)) {
      const constructor = (proto as { constructor?: { errorName?: unknown } }).constructor;
      if (constructor && Object.hasOwn(constructor, 'errorName') && constructor.errorName === this.errorName) return true;
    }
    return false;
  }

  /** Plain data for logs and events: no stack, causes reduced to name, code and message. */
  toJSON(): SerializedError {
    return serializeError(this);
  }
}

export interface SerializedError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: SerializedError;
}

const UNREADABLE = 'something was thrown that cannot be read';

/** What a thrown value says. Never throws, whatever was thrown: nodes throw objects without text, proxies, errors with getters. */
export function messageOf(error: unknown): string {
  try {
    // Test runners and message channels hand on errors as plain objects, without the prototype that String() needs.
    return String(error instanceof Error || isMessage(error) ? error.message : error);
  } catch {
    return UNREADABLE;
  }
}

const isMessage = (value: unknown): value is { readonly message: string } =>
  typeof value === 'object' && value !== null && typeof (value as { message?: unknown }).message === 'string';

/** Any thrown value as plain data, without stacks. Follows `cause` at most five levels deep. Never throws. */
export function serializeError(error: unknown): SerializedError {
  try {
    return serialize(error, 0);
  } catch {
    return { name: 'Error', message: UNREADABLE };
  }
}

function serialize(error: unknown, depth: number): SerializedError {
  if (!(error instanceof Error)) return { name: 'Error', message: messageOf(error) };
  const { code, facts } = error as { code?: unknown; facts?: Record<string, unknown> };
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    message: error.message,
    ...(facts && Object.keys(facts).length > 0 ? { facts } : {}),
    ...(error.cause !== undefined && depth < 5 ? { cause: serialize(error.cause, depth + 1) } : {}),
  };
}

/** A runtime option or argument is wrong. Nothing was started. Code `CONFIG_INVALID`. */
export class ConfigError extends KailashError {
  static override readonly errorName = 'ConfigError';
  constructor(message: string, facts?: KailashErrorOptions['facts']) {
    super('CONFIG_INVALID', message, facts ? { facts } : {});
  }
}

/** A node cannot be registered: bad name, taken name, or not a node. Code `NODE_REGISTRATION`. */
export class RegistrationError extends KailashError {
  static override readonly errorName = 'RegistrationError';
  constructor(message: string, nodeName: string) {
    super('NODE_REGISTRATION', message, { facts: { node: nodeName } });
  }
}

/** No node is registered under that name. Code `NODE_UNKNOWN`. */
export class UnknownNodeError extends KailashError {
  static override readonly errorName = 'UnknownNodeError';
  constructor(message: string, nodeName: string) {
    super('NODE_UNKNOWN', message, { facts: { node: nodeName } });
  }
}

/** What came in does not fit the node's input schema; the node was not called. Code `NODE_INPUT_INVALID`. */
export class NodeInputError extends KailashError {
  static override readonly errorName = 'NodeInputError';
  constructor(message: string, facts: KailashErrorOptions['facts']) {
    super('NODE_INPUT_INVALID', message, { facts: facts ?? {} });
  }
}

/** What the node returned does not fit its output schema, or lacks what an edge wants of it. Code `NODE_OUTPUT_INVALID`. */
export class NodeOutputError extends KailashError {
  static override readonly errorName = 'NodeOutputError';
  constructor(message: string, facts: KailashErrorOptions['facts']) {
    super('NODE_OUTPUT_INVALID', message, { facts: facts ?? {} });
  }
}

/** A node's `start` failed or took too long; the next message tries again. Code `NODE_START_FAILED`. */
export class NodeStartError extends KailashError {
  static override readonly errorName = 'NodeStartError';
  constructor(message: string, nodeName: string, cause?: unknown) {
    super('NODE_START_FAILED', message, { cause, facts: { node: nodeName }, retryable: true });
  }
}

/** An attempt took longer than the step's `timeoutMs`; its signal was aborted. Code `NODE_TIMED_OUT`. */
export class NodeTimeoutError extends KailashError {
  static override readonly errorName = 'NodeTimeoutError';
  constructor(message: string, facts: KailashErrorOptions['facts']) {
    super('NODE_TIMED_OUT', message, { facts: facts ?? {}, retryable: true });
  }
}

/** The deadline of a run or message has passed. Code `DEADLINE_EXCEEDED`. */
export class DeadlineError extends KailashError {
  static override readonly errorName = 'DeadlineError';
  constructor(message: string) {
    super('DEADLINE_EXCEEDED', message);
  }
}

/** One thing that is wrong with a workflow. */
export interface WorkflowProblem {
  /** Stable, for programs: `cycle`, `missing_input`, ... (listed in `docs/reference/errors.md`). */
  readonly code: string;
  /** For people: subject, what is wrong, what to do. */
  readonly message: string;
  readonly nodeId?: string;
  /** Line of the file that the workflow was read from, from 1. */
  readonly line?: number;
}

/** A workflow cannot run; `problems` lists everything that is wrong with it, at once. Code `WORKFLOW_INVALID`. */
export class WorkflowError extends KailashError {
  static override readonly errorName = 'WorkflowError';
  readonly problems: readonly WorkflowProblem[];
  constructor(workflow: string, problems: readonly WorkflowProblem[]) {
    const lines = problems.map(({ line, message }) => `\n  - ${line === undefined ? '' : `line ${line}: `}${message}`);
    super(
      'WORKFLOW_INVALID',
      `Workflow "${workflow}" has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:${lines.join('')}`,
      {
        facts: { workflow, problems },
      },
    );
    this.problems = problems;
  }
}

/** A file is no readable workflow: broken JSON or YAML, or data of another shape. `problems` name the lines. Code `WORKFLOW_SYNTAX`. */
export class WorkflowSyntaxError extends KailashError {
  static override readonly errorName = 'WorkflowSyntaxError';
  readonly problems: readonly WorkflowProblem[];
  constructor(source: string, problems: readonly WorkflowProblem[]) {
    const lines = problems.map(({ line, message }) => `\n  - ${line === undefined ? '' : `line ${line}: `}${message}`);
    super('WORKFLOW_SYNTAX', `${source} is no readable workflow:${lines.join('')}`, { facts: { problems } });
    this.problems = problems;
  }
}

/** `parameters` of a run name an unknown node or input, or one that an edge feeds. Nothing ran. Code `RUN_PARAMETERS_INVALID`. */
export class ParametersError extends KailashError {
  static override readonly errorName = 'ParametersError';
  constructor(message: string) {
    super('RUN_PARAMETERS_INVALID', message);
  }
}

/** The input of a run does not fit the workflow's input schema. Nothing ran. Code `RUN_INPUT_INVALID`. */
export class RunInputError extends KailashError {
  static override readonly errorName = 'RunInputError';
  constructor(message: string, workflow: string) {
    super('RUN_INPUT_INVALID', message, { facts: { workflow } });
  }
}

/** A run with that id is still under way. Code `RUN_ID_TAKEN`. */
export class RunIdTakenError extends KailashError {
  static override readonly errorName = 'RunIdTakenError';
  constructor(runId: string) {
    super('RUN_ID_TAKEN', `Run "${runId}" is still under way on this runtime; wait for its end or choose another runId.`, {
      facts: { runId },
    });
  }
}

/** A run ended without its output; `result` tells how far it came. Base of `RunFailedError` and `RunCancelledError`. */
export class RunError<Result = unknown> extends KailashError {
  static override readonly errorName: string = 'RunError';
  /** The same shape that a completed run resolves to. */
  declare readonly result: Result;
  constructor(code: string, message: string, result: Result, options: KailashErrorOptions) {
    super(code, message, options);
    // Not enumerable: results may be large, and hold values that no log should show.
    Object.defineProperty(this, 'result', { value: result, enumerable: false });
  }
}

/** A node failed for good. `cause` is its error. Code `RUN_FAILED`. */
export class RunFailedError<Result = unknown> extends RunError<Result> {
  static override readonly errorName = 'RunFailedError';
  constructor(message: string, result: Result, options: KailashErrorOptions) {
    super('RUN_FAILED', message, result, options);
  }
}

/** The run was aborted by its signal or deadline, or the runtime closed. `cause` is the reason. Code `RUN_CANCELLED`. */
export class RunCancelledError<Result = unknown> extends RunError<Result> {
  static override readonly errorName = 'RunCancelledError';
  constructor(message: string, result: Result, options: KailashErrorOptions) {
    super('RUN_CANCELLED', message, result, options);
  }
}

/** The runtime is closing or closed and takes no more work. Code `RUNTIME_CLOSED`. */
export class RuntimeClosedError extends KailashError {
  static override readonly errorName = 'RuntimeClosedError';
  constructor() {
    super('RUNTIME_CLOSED', 'The runtime is closed and takes no more work. Create a new Runtime.');
  }
}

/** Nodes failed to stop; all others were stopped. `errors` holds every failure. Code `CLOSE_FAILED`. */
export class CloseError extends KailashError {
  static override readonly errorName = 'CloseError';
  readonly errors: readonly unknown[];
  constructor(failures: readonly { readonly node: string; readonly error: unknown }[]) {
    const list = failures.map(({ node, error }) => `\n  - "${node}": ${messageOf(error)}`).join('');
    super(
      'CLOSE_FAILED',
      `The runtime is closed, but ${failures.length === 1 ? 'a node' : `${failures.length} nodes`} failed to stop:${list}`,
      {
        cause: failures[0]?.error,
        facts: { nodes: failures.map(({ node }) => node) },
      },
    );
    this.errors = failures.map(({ error }) => error);
  }
}
