import { schemaAt, mismatch } from './compatible.ts';
import {
  isNodeId,
  RUN_INPUT,
  type EdgeDefinition,
  type GuardDefinition,
  type NodeDefinition,
  type WorkflowDefinition,
} from './definition.ts';
import type { WorkflowProblem } from './errors.ts';
import { buildGraph, findCycles, indexById, topologicalOrder, type Graph } from './graph.ts';
import type { AnyNode } from './node.ts';
import { formatPath, isSafeSegment, parsePath } from './paths.ts';
import { acceptsAnything, check, formatIssues, jsonSchemaOf, resolveRef, type Checked, type JsonSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Finds the node behind a name. `undefined`: no such node; `null`: names cannot be looked up here (no runtime at hand). */
export interface NodeLookup {
  find(name: string): AnyNode | undefined | null;
  names(): Iterable<string>;
}

/** Everything that keeps a workflow from running, in one go; empty when nothing does. Linear in the size of the graph. */
export function findProblems(definition: WorkflowDefinition, lookup: NodeLookup): WorkflowProblem[] {
  return new Validation(definition, lookup).run();
}

/** Of names with names, for suggestions; about a second. */
const MOST_COMPARISONS = 1_000_000;

/** One look at one workflow. Goes from ids to graph to data, and collects instead of stopping. */
class Validation {
  readonly #definition: WorkflowDefinition;
  readonly #lookup: NodeLookup;
  readonly #problems: WorkflowProblem[] = [];
  /** Two nodes of one id share their edges, and would repeat each other. */
  readonly #reported = new Set<string>();
  #compared = 0;
  readonly #index: ReadonlyMap<string, number>;
  readonly #incoming = new Map<string, EdgeDefinition[]>();
  /** By index of a node: 1 where an edge, an order, a guard or the output touches it. */
  readonly #connected: Uint8Array;
  readonly #inputSchema: JsonSchema | undefined;

  constructor(definition: WorkflowDefinition, lookup: NodeLookup) {
    this.#definition = definition;
    this.#lookup = lookup;
    this.#index = indexById(definition);
    this.#connected = new Uint8Array(definition.nodes.length);
    this.#inputSchema = definition.input;
  }

  run(): WorkflowProblem[] {
    this.#checkIds();
    this.#checkEnds();
    const graph = buildGraph(this.#definition, this.#index);
    this.#checkOrder(graph);
    this.#checkIsolated();
    for (const node of this.#definition.nodes) this.#checkNode(node);
    for (const [key, source] of Object.entries(this.#definition.output ?? {}))
      this.#checkSource(source.from, source.output, `output "${key}"`);
    return this.#problems;
  }

  #report(code: string, message: string, nodeId?: string): void {
    if (this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#problems.push({ code, message, ...(nodeId === undefined ? {} : { nodeId }) });
  }

  #checkIds(): void {
    if (this.#definition.nodes.length === 0) this.#report('empty', 'The workflow has no nodes; add at least one.');
    // The index holds the last node of each id.
    const seen = this.#index.size < this.#definition.nodes.length ? new Set<string>() : undefined;
    for (const { id } of this.#definition.nodes) {
      if (!isNodeId(id))
        this.#report(
          'invalid_id',
          `Node id ${JSON.stringify(id)} is not valid: begin with a letter or "_", go on with letters, digits, "_" or "-".`,
          id,
        );
      if (seen?.has(id)) this.#report('duplicate_id', `Node id "${id}" is used more than once; give each node its own.`, id);
      seen?.add(id);
    }
  }

  /** Edges, `after`, guards and outputs name nodes that exist. */
  #checkEnds(): void {
    for (const edge of this.#definition.edges ?? []) {
      const known = this.#checkId(edge.from, `Edge ${edge.from} -> ${edge.to}`, true);
      // What an edge from nowhere feeds counts as fed, and its input is checked all the same.
      if (this.#checkId(edge.to, `Edge ${edge.from} -> ${edge.to}`, false)) {
        const edges = this.#incoming.get(edge.to);
        if (edges) edges.push(edge);
        else this.#incoming.set(edge.to, [edge]);
        if (known) this.#connect(edge.from, edge.to);
      }
      const unsafe = unsafeSegment(edge.output) ?? unsafeSegment(edge.input);
      if (unsafe !== undefined)
        this.#report('invalid_path', `Edge ${edge.from} -> ${edge.to}: "${unsafe}" cannot stand in a path.`, edge.to);
    }
    for (const { id, after = [], when } of this.#definition.nodes) {
      for (const other of after) if (this.#checkId(other, `"after" of node "${id}"`, false)) this.#connect(other, id);
      if (when && this.#checkId(when.from, `"when" of node "${id}"`, true)) this.#connect(when.from, id);
    }
    for (const [key, { from }] of Object.entries(this.#definition.output ?? {})) {
      if (this.#checkId(from, `Output "${key}"`, true)) this.#connect(from);
      const unsafe = unsafeSegment(key);
      if (unsafe !== undefined) this.#report('invalid_path', `Output "${key}": "${unsafe}" cannot stand in a path.`);
    }
  }

  #connect(...ids: readonly string[]): void {
    for (const id of ids) {
      const i = this.#index.get(id);
      if (i !== undefined) this.#connected[i] = 1;
    }
  }

  #checkId(id: string, where: string, inputAllowed: boolean): boolean {
    if (this.#index.has(id) || (inputAllowed && id === RUN_INPUT)) return true;
    this.#report('unknown_node_id', `${where}: there is no node "${id}"${this.#suggestId(id)}.`);
    return false;
  }

  /** Comparing with every id is linear, so that many unknown ids among many known ones get no suggestion any more. */
  #suggestId(id: string): string {
    this.#compared += this.#index.size;
    return this.#compared > MOST_COMPARISONS ? '' : didYouMean(id, this.#index.keys());
  }

  #checkOrder(graph: Graph): void {
    const order = topologicalOrder(graph);
    if (order.length === graph.size) return;
    const { nodes } = this.#definition;
    const name = (i: number): string => nodes[i]!.id;
    const onCycle = new Set<number>();
    for (const cycle of findCycles(graph)) {
      for (const i of cycle) onCycle.add(i);
      if (cycle.length === 2)
        this.#report('self_edge', `Node "${name(cycle[0]!)}" waits for itself; remove the edge from it to itself.`, name(cycle[0]!));
      else {
        const path = cycle.length > 20 ? [...cycle.slice(0, 18).map(name), '...', name(cycle.at(-1)!)] : cycle.map(name);
        this.#report('cycle', `Nodes wait for each other in a circle: ${path.join(' -> ')}. Remove one of these edges.`, name(cycle[0]!));
      }
    }
    const done = new Set(order);
    nodes.forEach(({ id }, i) => {
      if (!done.has(i) && !onCycle.has(i))
        this.#report('unreachable', `Node "${id}" can never start: it waits for a node on a circle.`, id);
    });
  }

  #checkIsolated(): void {
    if (this.#definition.output === undefined || !this.#connected.includes(1)) return;
    for (const [i, { id }] of this.#definition.nodes.entries()) {
      if (this.#connected[i] === 1) continue;
      this.#report(
        'unreachable',
        `Node "${id}" is connected to nothing: no edge leads to it or from it, and the output does not use it. Connect it, order it with "after", or remove it.`,
        id,
      );
    }
  }

  #checkNode(definition: NodeDefinition): void {
    const node = this.#lookup.find(definition.node);
    if (node === undefined) {
      const hint = didYouMean(definition.node, this.#lookup.names());
      this.#report('unknown_node', `Node "${definition.id}": no node is registered as "${definition.node}"${hint}.`, definition.id);
    }
    const edges = this.#incoming.get(definition.id) ?? [];
    for (const edge of edges) this.#checkEdge(edge, node);
    if (edges.length > 1 || (edges.length === 1 && definition.input)) this.#checkConflicts(definition, edges);
    if (definition.when) this.#checkGuard(definition.id, definition.when);
    if (node) {
      this.#checkNeeds(definition, node);
      this.#checkInput(definition, node, edges);
    }
  }

  /** A guard that can never hold would skip its node silently, for ever. */
  #checkGuard(id: string, { from, output, equals = true }: GuardDefinition): void {
    const source = this.#checkSource(from, output, `"when" of node "${id}"`, id);
    if (!source || (typeof equals === 'object' && equals !== null)) return;
    const wanted = { const: equals };
    const problem = mismatch(source.schema, source.root, wanted, wanted);
    if (problem)
      this.#report('type_mismatch', `"when" of node "${id}" can never hold: ${problem}. Say which value it takes with "equals".`, id);
  }

  /** Nodes that it calls by name. Once for each node, however many steps use it. */
  #checkNeeds({ id, node: name }: NodeDefinition, { needs = [] }: AnyNode): void {
    for (const need of needs) {
      if (this.#lookup.find(need) !== undefined) continue;
      const hint = didYouMean(need, this.#lookup.names());
      this.#report('unknown_node', `Node "${name}" needs node "${need}", which is not registered${hint}.`, id);
    }
  }

  #checkEdge(edge: EdgeDefinition, target: AnyNode | undefined | null): void {
    const where = `node "${edge.to}", input "${edge.input ?? ''}"`;
    const source = this.#checkSource(edge.from, edge.output, where, edge.to);
    const wanted = target?.input && jsonSchemaOf(target.input, 'input');
    if (!source || !wanted) return;
    const place = schemaAt(wanted, parsePath(edge.input));
    if (!place || 'missing' in place) return;
    const problem = mismatch(source.schema, source.root, place.schema, wanted);
    if (problem)
      this.#report('type_mismatch', `Edge ${describe(edge.from, edge.output)} -> ${describe(edge.to, edge.input)}: ${problem}.`, edge.to);
  }

  /** That a node produces what somebody wants of it; its schema where that can be told. */
  #checkSource(
    from: string,
    output: string | undefined,
    where: string,
    nodeId?: string,
  ): { schema: JsonSchema; root: JsonSchema } | undefined {
    const path = parsePath(output);
    const branches = this.#branchesOf(from);
    if (branches && path.length > 0) {
      if (!branches.includes(path[0]!)) {
        this.#report(
          'unreachable',
          `${capital(where)} can never be fed: "${from}" has no branch "${path[0]}"${didYouMean(path[0]!, branches)}.`,
          nodeId,
        );
      }
      return undefined;
    }
    const root = this.#outputSchema(from);
    if (!root) return undefined;
    const place = schemaAt(root, path);
    if (!place) return undefined;
    if (!('missing' in place)) return { schema: place.schema, root };
    const what = from === RUN_INPUT ? 'the run input has' : `node "${from}" has`;
    this.#report(
      'unknown_output',
      `${capital(where)}: ${what} no ${from === RUN_INPUT ? 'field' : 'output'} "${formatPath(path)}"${didYouMean(place.missing, place.known)}.`,
      nodeId,
    );
    return undefined;
  }

  #outputSchema(from: string): JsonSchema | undefined {
    if (from === RUN_INPUT) return this.#inputSchema;
    const index = this.#index.get(from);
    const node = index === undefined ? undefined : this.#lookup.find(this.#definition.nodes[index]!.node);
    return node?.output && jsonSchemaOf(node.output, 'output');
  }

  #branchesOf(from: string): readonly string[] | undefined {
    const index = this.#index.get(from);
    if (index === undefined) return undefined;
    const definition = this.#definition.nodes[index]!;
    const branches = this.#lookup.find(definition.node)?.branches;
    return typeof branches === 'function' ? branches(definition.input ?? {}) : undefined;
  }

  /** Two sources for one place: two edges, or an edge and a constant. */
  #checkConflicts({ id, input }: NodeDefinition, edges: readonly EdgeDefinition[]): void {
    const taken = new Map<string, EdgeDefinition>();
    for (const edge of edges) {
      const path = parsePath(edge.input);
      const other = ancestorIn(taken, path) ?? (path.length === 0 && taken.size > 0 ? taken.values().next().value : undefined);
      if (other) {
        const both = `${describe(other.from, other.output)} and ${describe(edge.from, edge.output)}`;
        this.#report('input_conflict', `Node "${id}": input "${edge.input ?? ''}" is fed by both ${both}; keep one.`, id);
      }
      taken.set(formatPath(path), edge);
      if (input && path.length === 1 && Object.hasOwn(input, path[0]!)) {
        this.#report(
          'input_conflict',
          `Node "${id}": input "${edge.input}" is both a constant and fed by ${describe(edge.from, edge.output)}; keep one.`,
          id,
        );
      }
    }
  }

  #checkInput(definition: NodeDefinition, node: AnyNode, edges: readonly EdgeDefinition[]): void {
    if (!node.input) return;
    const fed = edges.map((edge) => parsePath(edge.input));
    if (fed.some((path) => path.length === 0)) return;
    const schema = jsonSchemaOf(node.input, 'input');
    if (schema) this.#checkKeys(definition, schema, fed);
    // A schema that takes anything apart itself (`z.preprocess`) cannot be asked for what the edges will bring.
    if (schema && acceptsAnything(schema) && fed.length > 0) return;
    const result = checkNow(node.input, definition.input ?? {});
    if (!result?.issues) return;
    const missing: string[] = [];
    const wrong = result.issues.filter(({ path, message }) => {
      const texts = path.map(String);
      if (fed.some((edge) => overlaps(edge, texts)) || message.startsWith('unknown key')) return false;
      if (texts.length > 0 && isAbsent(definition.input, texts)) {
        missing.push(formatPath(texts));
        return false;
      }
      return true;
    });
    if (missing.length > 0) {
      const names = missing.map((name) => `"${name}"`).join(', ');
      this.#report(
        'missing_input',
        `Node "${definition.id}" (${definition.node}) lacks input ${names}: give a constant, or connect a node's output to it.`,
        definition.id,
      );
    }
    if (wrong.length > 0)
      this.#report('invalid_input', `Node "${definition.id}" (${definition.node}): ${formatIssues(wrong)}`, definition.id);
  }

  /** Keys that the node does not know, from constants and from edges. */
  #checkKeys({ id, node, input = {} }: NodeDefinition, schema: JsonSchema, fed: readonly (readonly string[])[]): void {
    const constants = Object.keys(input).map((key) => [key]);
    const reported = new Set<string>();
    for (const path of [...constants, ...fed]) {
      const place = schemaAt(
        resolveRef(schema, schema) === schema
          ? schema
          : { ...resolveRef(schema, schema), ...(schema.$defs ? { $defs: schema.$defs } : {}) },
        path,
      );
      if (!place || !('missing' in place)) continue;
      const text = formatPath(path);
      if (reported.has(text)) continue;
      reported.add(text);
      this.#report('unknown_input', `Node "${id}" (${node}) has no input "${text}"${didYouMean(place.missing, place.known)}.`, id);
    }
  }
}

/** Undefined where only the run can tell: an asynchronous schema, or one whose own code stumbles over what is not there yet. */
function checkNow(schema: NonNullable<AnyNode['input']>, value: unknown): Checked | undefined {
  try {
    const result = check(schema, value);
    if (!(result instanceof Promise)) return result;
    result.catch(() => undefined);
  } catch {
    // as said above
  }
  return undefined;
}

const unsafeSegment = (path: string | undefined): string | undefined =>
  path === undefined ? undefined : parsePath(path).find((segment) => !isSafeSegment(segment));

const describe = (node: string, path: string | undefined): string => (path ? `${node}.${path}` : node);
const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

function ancestorIn(taken: ReadonlyMap<string, EdgeDefinition>, path: readonly string[]): EdgeDefinition | undefined {
  for (let length = 0; length <= path.length; length++) {
    const edge = taken.get(formatPath(path.slice(0, length)));
    if (edge) return edge;
  }
  return undefined;
}

/** Whether one path lies on the way to the other. */
function overlaps(a: readonly string[], b: readonly string[]): boolean {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return false;
  return true;
}

function isAbsent(value: unknown, path: readonly string[]): boolean {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null) return current === undefined;
    current = (current as Record<string, unknown>)[segment];
  }
  return current === undefined;
}
