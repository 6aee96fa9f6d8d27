import { BUILT_IN_NODES } from './branching.ts';
import { isNodeName } from './definition.ts';
import { messageOf, NodeStartError, RegistrationError, RuntimeClosedError, UnknownNodeError } from './errors.ts';
import type { AnyNode } from './node.ts';
import { Slots } from './slots.ts';
import { didYouMean } from './suggest.ts';
import { shapeOf } from './schema.ts';

/**
 * A node as a runtime knows it: `idle` -> `starting` -> `started` (a failed start goes back to `idle`), and `stopped` at the end.
 * A node without `start` is `started` from the beginning.
 */
export class NodeEntry {
  readonly name: string;
  readonly node: AnyNode;
  /** Permits of a node that limits its own concurrency. */
  readonly slots: Slots | undefined;
  #state: 'idle' | 'starting' | 'started' | 'stopped';
  #starting: Promise<void> | undefined;

  constructor(name: string, node: AnyNode) {
    this.name = name;
    this.node = node;
    this.slots = node.concurrency === undefined ? undefined : new Slots(node.concurrency);
    this.#state = node.start ? 'idle' : 'started';
  }

  get isReady(): boolean {
    return this.#state === 'started';
  }

  /** Starts the node once, however many ask. @throws NodeStartError; the next call tries again. */
  start(begin: (entry: NodeEntry) => Promise<void>): Promise<void> {
    if (this.#state === 'stopped') return Promise.reject(new RuntimeClosedError());
    if (this.#state === 'started') return Promise.resolve();
    this.#state = 'starting';
    this.#starting ??= begin(this).then(
      () => {
        if (this.#state === 'starting') this.#state = 'started';
      },
      (error: unknown) => {
        this.#starting = undefined;
        if (this.#state === 'starting') this.#state = 'idle';
        throw error instanceof NodeStartError || error instanceof UnknownNodeError || error instanceof RuntimeClosedError
          ? error
          : new NodeStartError(`Node "${this.name}" failed to start: ${messageOf(error)}`, this.name, error);
      },
    );
    return this.#starting;
  }

  /** Stops the node if it may hold anything: it was started, or needs no start. Waits for a start that is under way. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const mayHold = this.#state === 'started';
    this.#state = 'stopped';
    if (mayHold) await this.node.stop?.();
  }
}

/** The nodes of a runtime by name. */
export class NodeRegistry {
  readonly #entries = new Map<string, NodeEntry>();
  readonly #builtIn = new Map([...BUILT_IN_NODES].map(([name, node]) => [name, new NodeEntry(name, node)]));
  /** Nodes that workflows bring along without registering them; known by identity, and forgotten with their workflows. */
  readonly #inline = new WeakMap<AnyNode, NodeEntry>();
  /** Those among them that want to hear of ends: they are kept until the runtime closes. */
  readonly #inlineWithLife: NodeEntry[] = [];

  /** @throws RegistrationError for a name that is taken, malformed or reserved, and for what is no node. */
  add(name: string, node: AnyNode): NodeEntry {
    if (typeof name !== 'string' || !isNodeName(name)) {
      throw new RegistrationError(
        `Node name ${JSON.stringify(name)} is not valid: begin with a letter or "_", go on with letters, digits, or any of "_ - . : /".`,
        String(name),
      );
    }
    if (this.#builtIn.has(name)) throw new RegistrationError(`Node name "${name}" belongs to a built-in node; choose another name.`, name);
    if (this.#entries.has(name))
      throw new RegistrationError(`A node is already registered as "${name}"; choose another name, or use the one that is there.`, name);
    assertNode(name, node);
    const entry = new NodeEntry(name, node);
    this.#entries.set(name, entry);
    return entry;
  }

  find(name: string): NodeEntry | undefined {
    return this.#entries.get(name) ?? this.#builtIn.get(name);
  }

  /** @throws UnknownNodeError with "did you mean". */
  get(name: string): NodeEntry {
    const entry = this.find(name);
    if (!entry)
      throw new UnknownNodeError(
        `No node is registered as "${name}"${didYouMean(name, this.#entries.keys())}. Register it with runtime.registerNode("${name}", node).`,
        name,
      );
    return entry;
  }

  names(): string[] {
    return [...this.#entries.keys(), ...this.#builtIn.keys()];
  }

  registered(): IterableIterator<NodeEntry> {
    return this.#entries.values();
  }

  all(): NodeEntry[] {
    return [...this.#entries.values(), ...this.#inlineWithLife];
  }

  /** The entry of a node that came with a workflow: the registered one if it is the same object, else one of its own. */
  inline(name: string, node: AnyNode): NodeEntry {
    const registered = this.#entries.get(name);
    if (registered?.node === node) return registered;
    let entry = this.#inline.get(node);
    if (!entry) {
      this.#inline.set(node, (entry = new NodeEntry(name, node)));
      if (node.start ?? node.stop ?? node.detach ?? node.onRunFinished) this.#inlineWithLife.push(entry);
    }
    return entry;
  }
}

/** @throws RegistrationError where `node` lacks what every node has, or declares it wrongly. */
export function assertNode(name: string, node: unknown): asserts node is AnyNode {
  const refuse = (problem: string): never => {
    throw new RegistrationError(`"${name}" cannot be registered: ${problem}.`, name);
  };
  if (typeof node !== 'object' || node === null)
    return refuse(`a node is an object with a process method (see defineNode), received ${shapeOf(node)}`);
  const { process, concurrency, needs, input, output } = node as Partial<AnyNode>;
  if (typeof process !== 'function') return refuse('it has no process method (see defineNode)');
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1))
    return refuse('its concurrency must be a whole number from 1');
  if (needs !== undefined && !(Array.isArray(needs) && needs.every((need) => typeof need === 'string')))
    return refuse('its needs must be an array of node names');
  for (const [key, schema] of [
    ['input', input],
    ['output', output],
  ] as const) {
    if (schema !== undefined && typeof (schema as { '~standard'?: { validate?: unknown } })['~standard']?.validate !== 'function') {
      return refuse(`its ${key} is no Standard Schema (zod 3.24+, valibot 1+, arktype 2+ ...)`);
    }
  }
}
