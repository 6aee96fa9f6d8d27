import type { StandardSchemaV1 } from '@standard-schema/spec';
import { NodeInputError, NodeOutputError, RegistrationError } from './errors.ts';
import { isNodeName } from './definition.ts';
import type { AnyNode, Node, NodeContext } from './node.ts';
import { check, formatIssues, shapeOf, unknownKeys, type SchemaIssue } from './schema.ts';
import { didYouMean } from './suggest.ts';

type InferIn<S> = S extends StandardSchemaV1<infer In, unknown> ? In : unknown;
type InferOut<S> = S extends StandardSchemaV1<unknown, infer Out> ? Out : unknown;

/** A stateless node in its short form. */
export interface NodeOptions<
  In extends StandardSchemaV1 | undefined,
  Out extends StandardSchemaV1 | undefined,
  Parsed,
  Returned,
> extends Pick<
  AnyNode,
  'description' | 'needs' | 'concurrency' | 'branches' | 'acceptsSkipped' | 'start' | 'stop' | 'onRunStarted' | 'onRunFinished'
> {
  /** Needed where the node is passed to a workflow itself instead of by its registered name. */
  readonly name?: string;
  readonly input?: In;
  readonly output?: Out;
  readonly process: (input: Parsed, context: NodeContext) => Promise<Returned> | Returned;
}

/**
 * Makes a node of a function. With schemas, what senders may pass is the input schema's input type, what `process` gets is
 * its parsed output type; without, the types of the function's own signature hold and nothing is checked.
 *
 * @example defineNode({ name: 'double', input: z.object({ n: z.number() }), output: z.object({ n: z.number() }), process: ({ n }) => ({ n: n * 2 }) })
 * @throws RegistrationError for a malformed name, an unknown option, or a `process` that is no function.
 */
export function defineNode<In extends StandardSchemaV1, Out extends StandardSchemaV1>(
  options: NodeOptions<In, Out, InferOut<In>, InferIn<Out>> & { readonly input: In; readonly output: Out },
): Node<InferIn<In>, InferOut<Out>>;
export function defineNode<In extends StandardSchemaV1, Returned>(
  options: NodeOptions<In, undefined, InferOut<In>, Returned> & { readonly input: In; readonly output?: undefined },
): Node<InferIn<In>, Returned>;
export function defineNode<Out extends StandardSchemaV1, Parsed = unknown>(
  options: NodeOptions<undefined, Out, Parsed, InferIn<Out>> & { readonly input?: undefined; readonly output: Out },
): Node<Parsed, InferOut<Out>>;
export function defineNode<Parsed = unknown, Returned = unknown>(
  options: NodeOptions<undefined, undefined, Parsed, Returned> & { readonly input?: undefined; readonly output?: undefined },
): Node<Parsed, Returned>;
export function defineNode(options: NodeOptions<StandardSchemaV1 | undefined, StandardSchemaV1 | undefined, never, unknown>): AnyNode {
  if (options.name !== undefined && !isNodeName(options.name)) {
    throw new RegistrationError(
      `Node name ${JSON.stringify(options.name)} is not valid: begin with a letter or "_", go on with letters, digits, or any of "_ - . : /".`,
      options.name,
    );
  }
  checkOptions(options);
  const { process, ...declared } = options;
  const run = process as (input: unknown, context: NodeContext) => unknown;
  const node: AnyNode = {
    ...declared,
    // With a context the runtime has checked the input, and will check the output; a direct call does both here.
    process: (input: unknown, context?: NodeContext) => (context ? run(input, context) : processDirectly(node, run, input)),
  };
  return Object.freeze(node);
}

const OPTIONS: readonly string[] = [
  'name',
  'description',
  'input',
  'output',
  'process',
  'needs',
  'concurrency',
  'branches',
  'acceptsSkipped',
  'start',
  'stop',
  'onRunStarted',
  'onRunFinished',
];

/** A misspelt schema would check nothing, and say nothing. @throws RegistrationError */
function checkOptions(options: object & { readonly name?: string; readonly process?: unknown }): void {
  const { name, process } = options;
  const subject = name === undefined ? 'defineNode' : `Node "${name}"`;
  const problems = Object.keys(options)
    .filter((key) => !OPTIONS.includes(key))
    .map((key) => `unknown option "${key}"${didYouMean(key, OPTIONS)}`);
  if (typeof process !== 'function') problems.push(`"process" is ${shapeOf(process)}, not a function; write process: (input) => ({ ... })`);
  if (problems.length > 0) throw new RegistrationError(`${subject}: ${problems.join('; ')}.`, name ?? '');
}

async function processDirectly(node: AnyNode, run: (input: unknown, context: NodeContext) => unknown, input: unknown): Promise<unknown> {
  const name = node.name ?? 'node';
  return checkOutput(node, await run(await checkInput(node, input, name), detachedContext(name)), name);
}

function detachedContext(nodeId: string): NodeContext {
  return {
    runId: undefined,
    workflow: undefined,
    nodeId,
    attempt: 1,
    signal: new AbortController().signal,
    progress: () => undefined,
    node: (name) => {
      throw new RegistrationError(
        `Node "${nodeId}" calls node "${name}", but is not registered with a runtime; call it through runtime.process.`,
        nodeId,
      );
    },
  };
}

/** The input as the node's schema parses it; unknown keys are errors even where the schema would strip them. @throws NodeInputError */
export function checkInput(node: AnyNode, input: unknown, where: string): unknown {
  if (!node.input) return input;
  const strange = unknownKeys(node.input, input);
  if (strange.length > 0) throw inputError(where, node, strange, input);
  return parseInput(node, input, where);
}

/** As `checkInput`, where unknown keys have been ruled out before (at build time). @throws NodeInputError */
export function parseInput(node: AnyNode, input: unknown, where: string): unknown {
  if (!node.input) return input;
  const result = check(node.input, input);
  if (result instanceof Promise)
    return result.then((settled) => (settled.issues ? Promise.reject(inputError(where, node, settled.issues, input)) : settled.value));
  if (result.issues) throw inputError(where, node, result.issues, input);
  return result.value;
}

/** The output as the node's schema parses it. @throws NodeOutputError */
export function checkOutput(node: AnyNode, output: unknown, where: string): unknown {
  if (!node.output) return output;
  const result = check(node.output, output);
  if (result instanceof Promise)
    return result.then((settled) => (settled.issues ? Promise.reject(outputError(where, node, settled.issues, output)) : settled.value));
  if (result.issues) throw outputError(where, node, result.issues, output);
  return result.value;
}

function inputError(where: string, node: AnyNode, issues: readonly SchemaIssue[], input: unknown): NodeInputError {
  return new NodeInputError(`Node "${where}" got an input that does not fit: ${formatIssues(issues)} (received ${shapeOf(input)}).`, {
    node: node.name ?? where,
    nodeId: where,
    issues,
  });
}

function outputError(where: string, node: AnyNode, issues: readonly SchemaIssue[], output: unknown): NodeOutputError {
  return new NodeOutputError(
    `Node "${where}" returned an output that does not fit its own schema: ${formatIssues(issues)} (returned ${shapeOf(output)}).`,
    {
      node: node.name ?? where,
      nodeId: where,
      issues,
    },
  );
}
