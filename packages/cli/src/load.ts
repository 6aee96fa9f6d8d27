import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import {
  parseWorkflow,
  shapeOf,
  Workflow,
  type AnyNode,
  type TypedRegistry,
  type NodeMap,
  type WorkflowDefinition,
} from '@kailash-ts/core';
import { FileError, NotAWorkflowError } from './errors.ts';
import { importCode, type Exports } from './import-code.ts';
import { shownPath } from './paths.ts';

const CODE = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
const DOCUMENTS = ['.yaml', '.yml', '.json'];

/**
 * What a file holds: a workflow that is still to be checked.
 * @param registry knows the registered nodes; without it their names are not checked
 * @throws WorkflowError with everything that is wrong
 */
export type Loaded = (registry?: TypedRegistry<NodeMap>) => Workflow;

/**
 * Reads a workflow from a file: code whose default export (or export named `workflow`) is a builder, a workflow or a definition; or
 * a definition as YAML or JSON, in the original's dictionary form too.
 *
 * @param file absolute path of a file that exists
 * @throws FileError, NotAWorkflowError, WorkflowSyntaxError with the lines
 */
export async function loadWorkflow(file: string): Promise<Loaded> {
  const kind = extname(file).toLowerCase();
  if (CODE.includes(kind)) return fromExports(await importCode(file), file);
  if (!DOCUMENTS.includes(kind)) {
    throw new FileError(
      `${shownPath(file)} is no workflow file: "${kind}" is not among ${[...CODE, ...DOCUMENTS].map((known) => `"${known}"`).join(', ')}.`,
    );
  }
  return fromDefinition(parseWorkflow(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), shownPath(file)));
}

function fromExports(exports: Exports, file: string): Loaded {
  const exported = exports['default'] ?? exports['workflow'];
  if (isBuilder(exported)) return (registry) => create(asWorkflow(exported.build(registry), file), registry);
  if (isWorkflow(exported)) return (registry) => create(exported, registry);
  if (isDefinition(exported)) return fromDefinition(parseWorkflow(exported, shownPath(file)));
  throw notAWorkflow(file, found(exports, exported));
}

function fromDefinition(definition: WorkflowDefinition): Loaded {
  return (registry) => Workflow.create(definition, registry ? { lookup: registry } : {});
}

/** Made anew by this copy of the engine: the user's packages may have brought along another one, and classes of two copies differ. */
function create({ definition, inlineNodes, inputSchema }: WorkflowLike, registry: TypedRegistry<NodeMap> | undefined): Workflow {
  return Workflow.create(definition, {
    nodes: inlineNodes,
    ...(inputSchema ? { inputSchema } : {}),
    ...(registry ? { lookup: registry } : {}),
  });
}

type WorkflowLike = Pick<Workflow, 'definition' | 'inlineNodes' | 'inputSchema'>;
interface BuilderLike {
  build(registry?: TypedRegistry<NodeMap>): unknown;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const isBuilder = (value: unknown): value is BuilderLike => isObject(value) && typeof value['build'] === 'function';
const isDefinition = (value: unknown): value is object => isObject(value) && Array.isArray(value['nodes']);
const isWorkflow = (value: unknown): value is WorkflowLike =>
  isObject(value) && isDefinition(value['definition']) && isMap(value['inlineNodes']);
const isMap = (value: unknown): value is ReadonlyMap<string, AnyNode> => isObject(value) && typeof value['get'] === 'function';

function asWorkflow(built: unknown, file: string): WorkflowLike {
  if (isWorkflow(built)) return built;
  throw notAWorkflow(file, `its build() returned ${shapeOf(built)}`);
}

function notAWorkflow(file: string, what: string): NotAWorkflowError {
  return new NotAWorkflowError(
    `${shownPath(file)} is not a workflow: ${what}. Export a WorkflowBuilder, a Workflow or a definition as default, or as "workflow".`,
  );
}

function found(exports: Exports, exported: unknown): string {
  if (exported !== undefined) return `its export is ${shapeOf(exported)}`;
  const names = Object.keys(exports);
  return names.length === 0 ? 'it exports nothing' : `it exports only ${names.slice(0, 8).join(', ')}`;
}
