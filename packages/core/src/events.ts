import { messageOf, serializeError, type SerializedError } from './errors.ts';
import type { RunStatus } from './node.ts';
import { SafeEmitter } from './safe-emitter.ts';

/** How a step ended; `cancelled` also means that it never began because the run ended first. */
export type NodeStatus = 'completed' | 'failed' | 'skipped' | 'cancelled';

/** What the runtime tells its watchers. Payloads carry ids, counts and times, never inputs or outputs. */
export interface RuntimeEvents {
  /** Before the first node of a run starts. */
  'run:started': { readonly runId: string; readonly workflow: string; readonly nodeCount: number };
  /** After the last node has ended and every node has cleaned up after the run. */
  'run:finished': {
    readonly runId: string;
    readonly workflow: string;
    readonly status: RunStatus;
    readonly durationMs: number;
    readonly error?: SerializedError;
  };
  /** Before each attempt. */
  'node:started': { readonly runId: string; readonly nodeId: string; readonly node: string; readonly attempt: number };
  /** When a node calls `context.progress`. */
  'node:progress': { readonly runId: string; readonly nodeId: string; readonly fraction: number; readonly note?: string };
  /** After a failed attempt that another one will follow. */
  'node:retrying': {
    readonly runId: string;
    readonly nodeId: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: SerializedError;
  };
  /** Once per node, when its outcome is final; skipped nodes too. */
  'node:finished': {
    readonly runId: string;
    readonly nodeId: string;
    readonly node: string;
    readonly status: NodeStatus;
    readonly attempts: number;
    readonly durationMs: number;
    readonly error?: SerializedError;
  };
  /** When something failed that must not disturb the work itself: a listener, or a node's clean-up after a run. */
  'runtime:warning': { readonly message: string; readonly error: SerializedError };
}

export type RuntimeEventName = keyof RuntimeEvents;
export type RuntimeListener<Name extends RuntimeEventName> = (event: RuntimeEvents[Name]) => void;

/** Tells watchers. A listener that throws disturbs nobody: it becomes a `runtime:warning`. */
export class EventBus extends SafeEmitter<RuntimeEvents> {
  constructor() {
    super((name, error) => {
      const message = `A listener of "${name}" threw: ${messageOf(error)}`;
      if (name === 'runtime:warning') process.emitWarning(message);
      else this.warn(message, error);
    });
  }

  warn(message: string, error: unknown): void {
    if (!this.has('runtime:warning')) return process.emitWarning(message);
    this.emit('runtime:warning', {
      message,
      error: serializeError(error),
    });
  }
}
