import type { Run } from './executor.ts';
import { COMPLETED, STATUS_NAMES, type RunState } from './run-state.ts';
import { serializeError, type SerializedError } from './errors.ts';
import type { NodeStatus } from './events.ts';
import type { RunStatus } from './node.ts';
import { assign, lookUp } from './paths.ts';
import { FROM_INPUT } from './plan.ts';

/** How one step of a run went. */
export interface NodeReport {
  readonly status: NodeStatus;
  /** How often the node was called; 0 where it never was. */
  readonly attempts: number;
  /** ISO 8601, of the first attempt; absent where there was none. */
  readonly startedAt?: string;
  /** From the first attempt's start to the final outcome, waits between attempts included. */
  readonly durationMs: number;
  readonly error?: SerializedError;
}

/** How a run went. The same shape whatever its end; a run that did not complete carries it in its error. */
export interface RunResult<Out = unknown> {
  readonly runId: string;
  readonly status: RunStatus;
  /** As the workflow declares it; without a declaration, the results of the nodes that nothing hangs on, by id. */
  readonly output: Out;
  /** What each completed node returned, by id (with `results: 'output'`, only what the output needed). */
  readonly results: Readonly<Record<string, unknown>>;
  readonly nodes: Readonly<Record<string, NodeReport>>;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
}

/** `results` and `nodes` are put together when first asked for: a run of 1,000,000 nodes need not pay for what nobody reads. */
export function makeResult({ runId, clock, state }: Run, status: RunStatus, startedMs: number): RunResult {
  const { plan } = state;
  const wallOffset = clock.wallTime() - clock.now();
  let results: Record<string, unknown> | undefined;
  let nodes: Record<string, NodeReport> | undefined;
  return {
    runId,
    status,
    output: outputOf(state),
    get results() {
      return (results ??= collect(plan.size, (i) =>
        state.status[i] === COMPLETED && state.results[i] !== undefined ? [state.idOf(i), state.results[i]] : undefined,
      ));
    },
    get nodes() {
      return (nodes ??= collect(plan.size, (i) => [state.idOf(i), reportOf(state, i, wallOffset)]));
    },
    startedAt: new Date(startedMs + wallOffset).toISOString(),
    durationMs: clock.now() - startedMs,
  };
}

function collect<T>(size: number, entryOf: (i: number) => readonly [string, T] | undefined): Record<string, T> {
  // No prototype, so that a node called "constructor" or "__proto__" is a key like any other.
  const record = Object.create(null) as Record<string, T>;
  for (let i = 0; i < size; i++) {
    const entry = entryOf(i);
    if (entry) record[entry[0]] = entry[1];
  }
  return record;
}

function reportOf(state: RunState, i: number, wallOffset: number): NodeReport {
  const attempts = state.attempts[i]!;
  return {
    status: STATUS_NAMES[state.status[i]!] as NodeStatus,
    attempts,
    ...(attempts > 0 ? { startedAt: new Date(state.startedAt[i]! + wallOffset).toISOString() } : {}),
    durationMs: state.durations[i]!,
    ...(state.errors.has(i) ? { error: serializeError(state.errors.get(i)) } : {}),
  };
}

function outputOf(state: RunState): unknown {
  const { plan } = state;
  if (!plan.outputs) {
    const { starts } = plan.graph;
    return collect(plan.size, (i) =>
      starts[i] === starts[i + 1] && state.status[i] === COMPLETED ? [state.idOf(i), state.results[i]] : undefined,
    );
  }
  let output: unknown = {};
  const fresh = new Set<unknown>();
  for (const { key, source, path } of plan.outputs) {
    if (source !== FROM_INPUT && state.status[source] !== COMPLETED) continue;
    const { found, value } = lookUp(source === FROM_INPUT ? state.input : state.results[source], path);
    if (found) output = assign(output, key, value, fresh);
  }
  return output;
}
