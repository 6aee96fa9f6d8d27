import { RUN_INPUT, type NodeDefinition } from './definition.ts';
import { frozenCopy } from './frozen.ts';
import { buildGraph, indexById, type Graph } from './graph.ts';
import { jsonSchemaOf } from './schema.ts';
import { schemaAt } from './compatible.ts';
import { parsePath, WHOLE, type Path } from './paths.ts';
import type { NodeEntry } from './registry.ts';
import type { Workflow } from './workflow.ts';

/** Index that stands for the run's input where a node index is wanted. */
export const FROM_INPUT = -1;

/** A workflow made ready to run on one runtime: ids are numbers, paths are parsed, names are nodes. Immutable, shared by all runs. */
export interface Plan {
  readonly workflow: Workflow;
  readonly size: number;
  readonly graph: Graph;
  readonly nodes: readonly NodeDefinition[];
  readonly index: ReadonlyMap<string, number>;
  readonly entries: readonly NodeEntry[];
  /** `bindings[bindingStarts[i] .. bindingStarts[i + 1]]` are the edges (their index) that feed node i. */
  readonly bindingStarts: Int32Array;
  readonly bindings: Int32Array;
  /** Per edge: index of its source, or FROM_INPUT; the path in what it produces; the place where it goes. */
  readonly sources: Int32Array;
  readonly outputPaths: readonly Path[];
  readonly inputPaths: readonly Path[];
  readonly guards: ReadonlyMap<number, { readonly source: number; readonly path: Path; readonly equals: unknown }>;
  readonly outputs: readonly { readonly key: Path; readonly source: number; readonly path: Path }[] | undefined;
  /** The nodes behind all steps, each once, and those that they need: who hears of the run's start and end. */
  readonly participants: readonly NodeEntry[];
}

/** @param entryOf finds the node behind a registered name; the workflow has been validated before */
export function makePlan(
  workflow: Workflow,
  entryOf: (name: string) => NodeEntry,
  participantsOf: (entries: Iterable<NodeEntry>) => NodeEntry[],
): Plan {
  const { definition } = workflow;
  const nodes = withFrozenConstants(definition.nodes);
  const edges = definition.edges ?? [];
  const index = indexById(definition);
  const sourceOf = (id: string): number => (id === RUN_INPUT ? FROM_INPUT : index.get(id)!);
  const paths = new Map<string | undefined, Path>([[undefined, WHOLE]]);
  const pathOf = (text: string | undefined): Path => {
    let path = paths.get(text);
    if (!path) paths.set(text, (path = parsePath(text)));
    return path;
  };
  const byName = new Map<string, NodeEntry>();
  const entries = nodes.map(({ node }) => {
    let entry = byName.get(node);
    if (!entry) byName.set(node, (entry = entryOf(node)));
    return entry;
  });

  const bindingStarts = new Int32Array(nodes.length + 1);
  const targets = new Int32Array(edges.length);
  edges.forEach(({ to }, e) => {
    targets[e] = index.get(to)!;
    bindingStarts[targets[e] + 1]!++;
  });
  for (let i = 0; i < nodes.length; i++) bindingStarts[i + 1]! += bindingStarts[i]!;
  const next = bindingStarts.slice();
  const bindings = new Int32Array(edges.length);
  for (let e = 0; e < edges.length; e++) bindings[next[targets[e]!]!++] = e;

  const guards = new Map<number, NonNullable<ReturnType<Plan['guards']['get']>>>();
  nodes.forEach(({ when }, i) => {
    if (when)
      guards.set(i, {
        source: sourceOf(when.from),
        path: pathOf(when.output),
        equals: when.equals === undefined ? true : when.equals,
      });
  });
  const outputs =
    definition.output &&
    Object.entries(definition.output).map(([key, { from, output }]) => ({
      key: pathOf(key),
      source: sourceOf(from),
      path: pathOf(output),
    }));

  return {
    workflow,
    size: nodes.length,
    graph: buildGraph(definition, index),
    nodes,
    index,
    entries,
    bindingStarts,
    bindings,
    sources: Int32Array.from(edges, ({ from }) => sourceOf(from)),
    outputPaths: edges.map(({ output }) => pathOf(output)),
    inputPaths: edges.map(({ input }) => pathOf(input)),
    guards,
    outputs,
    participants: participantsOf(byName.values()),
  };
}

/**
 * Constants are shared by all runs: a node that writes to its input must fail instead of changing the next run. Those of the builder
 * are frozen already; those of plain data belong to the caller, and are copied.
 */
function withFrozenConstants(nodes: readonly NodeDefinition[]): readonly NodeDefinition[] {
  const isOpen = ({ input }: NodeDefinition): boolean => input !== undefined && !Object.isFrozen(input);
  return nodes.some(isOpen) ? nodes.map((node) => (isOpen(node) ? { ...node, input: frozenCopy(node.input!) } : node)) : nodes;
}

/** Whether a node's schema declares a field that may be absent: then an edge from it brings nothing instead of failing. */
export function mayBeAbsent(entry: NodeEntry, path: Path): boolean {
  const schema = jsonSchemaOf(entry.node.output, 'output');
  const place = schema && schemaAt(schema, path);
  return place !== undefined && 'optional' in place && place.optional;
}
