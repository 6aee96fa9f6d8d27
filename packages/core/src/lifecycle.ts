import type { Clock } from './clock.ts';
import type { RuntimeConfig } from './config.ts';
import { CloseError, messageOf, NodeStartError, RuntimeClosedError, UnknownNodeError } from './errors.ts';
import type { EventBus } from './events.ts';
import { withTimeout } from './limits.ts';
import type { RunInfo, RunStatus } from './node.ts';
import type { NodeEntry, NodeRegistry } from './registry.ts';
import { didYouMean } from './suggest.ts';

/** Starts nodes in the order of their needs, stops them in the reverse, and tells them of runs. */
export class Lifecycle {
  readonly #registry: NodeRegistry;
  readonly #clock: Clock;
  readonly #config: RuntimeConfig;
  readonly #events: EventBus;
  /** Aborted when the runtime closes. */
  readonly ending: AbortSignal;

  constructor(registry: NodeRegistry, clock: Clock, config: RuntimeConfig, events: EventBus, ending: AbortSignal) {
    this.#registry = registry;
    this.#clock = clock;
    this.#config = config;
    this.#events = events;
    this.ending = ending;
  }

  /** Starts a node once, after the nodes that it needs. @throws NodeStartError, UnknownNodeError, RuntimeClosedError */
  start(entry: NodeEntry): Promise<void> {
    return entry.start(async () => {
      this.#assertNoCircle(entry, []);
      for (const need of entry.node.needs ?? []) {
        const needed = this.#registry.get(need);
        if (!needed.isReady) await this.start(needed);
      }
      if (this.ending.aborted) throw new RuntimeClosedError();
      const { startTimeoutMs } = this.#config;
      const starting = entry.node.start?.({ signal: this.ending });
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
      if (!needed) {
        const hint = didYouMean(need, this.#registry.names());
        throw new UnknownNodeError(`Node "${entry.name}" needs node "${need}", which is not registered${hint}.`, need);
      }
      this.#assertNoCircle(needed, [...path, entry.name]);
    }
  }

  /** The entries and all that they need, each once, needed ones first. */
  withNeeds(entries: Iterable<NodeEntry>): NodeEntry[] {
    const ordered = new Set<NodeEntry>();
    const visiting = new Set<NodeEntry>();
    const visit = (entry: NodeEntry): void => {
      if (visiting.has(entry)) return;
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

  /** Every node that may hold something for the run lets go of it; one that fails or hangs does not keep the others. */
  async endRun(info: RunInfo & { readonly status: RunStatus }): Promise<void> {
    const listeners = this.#registry.all().filter(({ node, isReady }) => node.onRunFinished && isReady);
    await Promise.all(listeners.map((entry) => this.#endRunOf(entry, info)));
  }

  async #endRunOf({ node, name }: NodeEntry, info: RunInfo & { readonly status: RunStatus }): Promise<void> {
    const { stopTimeoutMs } = this.#config;
    try {
      const ending = node.onRunFinished!(info);
      if (ending) await withTimeout(this.#clock, ending, stopTimeoutMs, `took longer than ${stopTimeoutMs} ms`);
    } catch (error) {
      this.#events.warn(`Node "${name}" failed to clean up after run "${info.runId}": ${messageOf(error)}`, error);
    }
  }

  /** @throws CloseError when nodes failed to stop; all others were stopped all the same */
  async stopAll(): Promise<void> {
    const { stopTimeoutMs } = this.#config;
    const failures: { node: string; error: unknown }[] = [];
    for (const entry of this.withNeeds(this.#registry.all()).reverse()) {
      try {
        await withTimeout(this.#clock, entry.stop(), stopTimeoutMs, `did not stop within ${stopTimeoutMs} ms (stopTimeoutMs)`);
      } catch (error) {
        failures.push({ node: entry.name, error });
      }
      entry.node.detach?.();
    }
    if (failures.length > 0) throw new CloseError(failures);
  }
}
