import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { BUILT_IN_NODES } from './branching.ts';
import type { WorkflowDefinition } from './definition.ts';
import { WorkflowError, type WorkflowProblem } from './errors.ts';
import type { AnyNode } from './node.ts';
import { findProblems, type NodeLookup } from './validate.ts';

/**
 * A workflow that has passed its checks: its definition as plain data, and the nodes that came along with it. Immutable.
 * Registered names in it are checked when a runtime first runs it (or when it was built for that runtime).
 */
export class Workflow<In = unknown, Out = unknown> {
  readonly definition: WorkflowDefinition;
  /** Nodes passed to the builder itself, by name. */
  readonly inlineNodes: ReadonlyMap<string, AnyNode>;
  /** Checks the input of a run; undefined lets any input pass. */
  readonly inputSchema: StandardSchemaV1 | undefined;
  /** Exists in types only. */
  declare readonly '~types'?: { readonly input: In; readonly output: Out };

  /** Whether every name in it was found when it was checked, so that no runtime need check it again. */
  readonly isSelfContained: boolean;

  private constructor(
    definition: WorkflowDefinition,
    inlineNodes: ReadonlyMap<string, AnyNode>,
    inputSchema: StandardSchemaV1 | undefined,
  ) {
    this.isSelfContained = definition.nodes.every(({ node }) => inlineNodes.has(node) || BUILT_IN_NODES.has(node));
    this.definition = definition;
    this.inlineNodes = inlineNodes;
    this.inputSchema = inputSchema;
  }

  /**
   * @param definition plain data, as from `parseWorkflow` or `workflow.definition`
   * @param options.nodes nodes that the definition names and no runtime has registered
   * @param options.lookup where registered names are looked up; without it they are left to the runtime
   * @throws WorkflowError with everything that is wrong
   */
  static create<In = unknown, Out = unknown>(
    definition: WorkflowDefinition,
    options: { readonly nodes?: ReadonlyMap<string, AnyNode>; readonly inputSchema?: StandardSchemaV1; readonly lookup?: NodeLookup } = {},
  ): Workflow<In, Out> {
    const nodes = options.nodes ?? new Map<string, AnyNode>();
    const { schema, problem } = options.inputSchema ? { schema: options.inputSchema } : schemaFrom(definition);
    const problems = [...(problem ? [problem] : []), ...findProblems(definition, lookUpIn(nodes, options.lookup))];
    if (problems.length > 0) throw new WorkflowError(definition.name, problems);
    return new Workflow(definition, nodes, schema);
  }

  get name(): string {
    return this.definition.name;
  }

  toJSON(): WorkflowDefinition {
    return this.definition;
  }
}

/** Inline nodes first, then the runtime's, then the built-in ones. */
export function lookUpIn(nodes: ReadonlyMap<string, AnyNode>, registered?: NodeLookup): NodeLookup {
  return {
    find: (name) => {
      const known = nodes.get(name) ?? BUILT_IN_NODES.get(name);
      return known || !registered ? (known ?? null) : registered.find(name);
    },
    names: () => new Set([...nodes.keys(), ...(registered?.names() ?? []), ...BUILT_IN_NODES.keys()]),
  };
}

/** A definition read from a file has the schema of its input as JSON Schema only. */
function schemaFrom({ input }: WorkflowDefinition): { readonly schema?: StandardSchemaV1; readonly problem?: WorkflowProblem } {
  if (!input) return {};
  try {
    return { schema: z.fromJSONSchema(input) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: { code: 'invalid_schema', message: `The workflow's "input" is no usable JSON Schema: ${reason}.` } };
  }
}
