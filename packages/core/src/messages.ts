import { checkInput, checkOutput } from './define-node.ts';
import type { Lifecycle } from './lifecycle.ts';
import { waitForSlot } from './limits.ts';
import type { NodeContext, NodeReference } from './node.ts';
import type { NodeEntry, NodeRegistry } from './registry.ts';

/** On whose behalf a message travels. */
export interface MessageScope {
  /** The run, if any. */
  readonly runId: string | undefined;
  readonly workflow: string | undefined;
  readonly signal: AbortSignal;
}

/** Brings messages to nodes, outside of the schedule of any run. */
export class Messenger {
  readonly #registry: NodeRegistry;
  readonly #lifecycle: Lifecycle;

  constructor(registry: NodeRegistry, lifecycle: Lifecycle) {
    this.#registry = registry;
    this.#lifecycle = lifecycle;
  }

  /** @throws NodeInputError, NodeOutputError, NodeStartError, the signal's reason, or what the node throws */
  async deliver(entry: NodeEntry, message: unknown, scope: MessageScope): Promise<unknown> {
    const { node, name, slots } = entry;
    const input = await checkInput(node, message, name);
    if (!entry.isReady) await this.#lifecycle.start(entry);
    if (slots && !slots.take()) await waitForSlot(slots, scope.signal);
    try {
      scope.signal.throwIfAborted();
      const context: NodeContext = {
        runId: scope.runId,
        workflow: scope.workflow,
        signal: scope.signal,
        nodeId: name,
        attempt: 1,
        progress: () => undefined,
        node: (wanted) => this.reference(wanted, scope),
      };
      return await checkOutput(node, await node.process(input, context), name);
    } finally {
      slots?.release();
    }
  }

  /** A node to send messages to within a scope. @throws UnknownNodeError */
  reference(name: string, scope: MessageScope): NodeReference {
    const entry = this.#registry.get(name);
    return { name, process: (message) => this.deliver(entry, message, scope) };
  }
}
