import { z } from 'zod';

/** Source of an edge that stands for the run's input. */
export const RUN_INPUT = '$input';

const NODE_ID = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const NODE_NAME = /^[A-Za-z_][A-Za-z0-9_./:-]*$/;

export const isNodeId = (id: string): boolean => NODE_ID.test(id) && id.length <= 200;
export const isNodeName = (name: string): boolean => NODE_NAME.test(name) && name.length <= 200;

export const durationSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const path = z.string().max(1000).describe('Dotted path, such as "parameters.0"; absent for the whole value.');

/** How often a node is tried again after a retryable failure; the waits grow by `factor` from `initialDelayMs` to `maxDelayMs`. */
export const retrySchema = z.strictObject({
  attempts: z.number().int().min(1).max(1000).describe('Attempts in all, the first included.'),
  initialDelayMs: z.number().min(0).optional().describe('Wait before the second attempt. Default 100.'),
  maxDelayMs: z.number().min(0).optional().describe('Longest wait. Default 30000.'),
  factor: z.number().min(1).optional().describe('Growth of the wait from attempt to attempt. Default 2.'),
  jitter: z.enum(['full', 'none']).optional().describe('"full" (default) draws each wait between 0 and its nominal length.'),
});

const guardSchema = z.strictObject({
  from: z.string().describe('Id of the node whose output decides, or $input.'),
  output: path.optional(),
  equals: z.json().optional().describe('Value that lets the node run. Default true.'),
});

export const nodeDefinitionSchema = z.strictObject({
  id: z.string().describe('Unique in the workflow: letters, digits, "_" and "-".'),
  node: z.string().describe('Name under which the node is registered.'),
  input: z.record(z.string(), z.json()).optional().describe('Constant input.'),
  after: z.array(z.string()).optional().describe('Ids of nodes that must be done first, without data.'),
  when: guardSchema.optional().describe('The node is skipped unless this holds.'),
  retry: retrySchema.optional(),
  timeoutMs: durationSchema.optional().describe('Limit of one attempt.'),
});

export const edgeDefinitionSchema = z.strictObject({
  from: z.string().describe('Id of the node that produces, or $input.'),
  output: path.optional(),
  to: z.string().describe('Id of the node that consumes.'),
  input: path.optional(),
});

export const workflowDefinitionSchema = z.strictObject({
  $schema: z.string().optional().describe('Where editors find the schema of this file.'),
  name: z.string().min(1),
  description: z.string().optional(),
  metadata: z.record(z.string(), z.json()).optional().describe('For people and tools; the engine does not read it.'),
  input: z.record(z.string(), z.json()).optional().describe("JSON Schema of the run's input."),
  nodes: z.array(nodeDefinitionSchema),
  edges: z.array(edgeDefinitionSchema).optional(),
  output: z
    .record(z.string(), z.strictObject({ from: z.string(), output: path.optional() }))
    .optional()
    .describe("The run's output: a dotted key for each value, and where it comes from."),
});

export type RetryPolicy = Readonly<z.infer<typeof retrySchema>>;
export type GuardDefinition = Readonly<z.infer<typeof guardSchema>>;
/** One step: which node, its constant input, and the terms under which it runs. */
export type NodeDefinition = Readonly<z.infer<typeof nodeDefinitionSchema>>;
/** One value on its way from a node's output to another's input. */
export type EdgeDefinition = Readonly<z.infer<typeof edgeDefinitionSchema>>;
/** A workflow as plain data: storable, comparable, drawable. Its code lives in the nodes that it names. */
export type WorkflowDefinition = Readonly<z.infer<typeof workflowDefinitionSchema>>;

/** The original's dictionary form; the only place where snake_case keys are read. */
export const dictionarySchema = z.looseObject({
  name: z.string().optional(),
  workflow_id: z.string().optional(),
  description: z.string().optional(),
  nodes: z.array(z.strictObject({ id: z.string(), type: z.string(), config: z.record(z.string(), z.json()).optional() })),
  connections: z
    .array(
      z.strictObject({ from_node: z.string(), from_output: z.string().optional(), to_node: z.string(), to_input: z.string().optional() }),
    )
    .optional(),
});

/**
 * Whether data looks like the dictionary form: `connections` instead of `edges`, or nodes with `type` instead of `node`. Where the two
 * forms are mixed, the nodes decide: each of them would be a problem otherwise.
 */
export function isDictionaryForm(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  const { nodes, connections, edges } = data as { nodes?: unknown; connections?: unknown; edges?: unknown };
  if (edges !== undefined) return false;
  const has = (key: string): boolean =>
    Array.isArray(nodes) && nodes.some((node: unknown) => typeof node === 'object' && node !== null && key in node);
  return !has('node') && (connections !== undefined || has('type'));
}

/** The dictionary form as a definition; keys that it does not know become metadata. */
export function fromDictionary(dictionary: z.infer<typeof dictionarySchema>): WorkflowDefinition {
  const { name, workflow_id, description, nodes, connections = [], ...metadata } = dictionary;
  return {
    name: name ?? workflow_id ?? 'workflow',
    ...(description === undefined ? {} : { description }),
    ...(Object.keys(metadata).length > 0 ? { metadata: metadata as Record<string, z.core.util.JSONType> } : {}),
    nodes: nodes.map(({ id, type, config }) => ({ id, node: type, ...(config ? { input: config } : {}) })),
    edges: connections.map(({ from_node, from_output, to_node, to_input }) => ({
      from: from_node,
      ...(from_output === undefined ? {} : { output: from_output }),
      to: to_node,
      ...(to_input === undefined ? {} : { input: to_input }),
    })),
  };
}
