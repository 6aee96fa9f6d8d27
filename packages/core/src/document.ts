import { isMap, isScalar, LineCounter, parseDocument, stringify, type Document } from 'yaml';
import { z } from 'zod';
import { dictionarySchema, fromDictionary, isDictionaryForm, workflowDefinitionSchema, type WorkflowDefinition } from './definition.ts';
import { WorkflowSyntaxError, type WorkflowProblem } from './errors.ts';
import { formatPath } from './paths.ts';
import { checkAtOnce, type SchemaIssue } from './schema.ts';
import { didYouMean } from './suggest.ts';

export type WorkflowFormat = 'json' | 'yaml';

/**
 * Reads a workflow from JSON or YAML text (JSON is read as the YAML that it is, for the sake of line numbers), or from data
 * that is parsed already. The original's dictionary form (`nodes[{id,type,config}]`, `connections[...]`) is read too.
 * Checks its shape only; `Workflow.create` and `runtime.validate` check that it can run.
 *
 * @param source what messages call it, such as the file's name
 * @throws WorkflowSyntaxError with every problem and its line
 */
export function parseWorkflow(text: string | object, source = 'The workflow'): WorkflowDefinition {
  if (typeof text !== 'string') return shape(text, source, () => undefined);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    throw new WorkflowSyntaxError(
      source,
      distinct(document.errors.map(({ code, message, pos }) => ({ code: `syntax_${code.toLowerCase()}`, message, line: lineAt(pos[0]) }))),
    );
  }
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new WorkflowSyntaxError(source, [{ code: 'syntax_alias', message: error instanceof Error ? error.message : String(error) }]);
  }
  return shape(data, source, (path) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : lineAt(offset);
  });
}

/** The parser sees some mistakes from two sides. */
const distinct = (problems: readonly WorkflowProblem[]): WorkflowProblem[] =>
  problems.filter((one, i) => problems.findIndex((other) => other.message === one.message && other.line === one.line) === i);

type LineOf = (path: readonly PropertyKey[]) => number | undefined;

function shape(data: unknown, source: string, lineOf: LineOf): WorkflowDefinition {
  const isDictionary = isDictionaryForm(data);
  const result = checkAtOnce(isDictionary ? dictionarySchema : workflowDefinitionSchema, data);
  if (result.issues)
    throw new WorkflowSyntaxError(
      source,
      result.issues.map((issue) => toProblem(issue, lineOf, isDictionary ? DICTIONARY_KEYS : KEYS)),
    );
  return isDictionary ? fromDictionary(result.value as z.infer<typeof dictionarySchema>) : (result.value as WorkflowDefinition);
}

/** Known keys by the name of the list they stand in, for suggestions below the top level. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  nodes: ['id', 'node', 'input', 'after', 'when', 'retry', 'timeoutMs'],
  edges: ['from', 'output', 'to', 'input'],
  when: ['from', 'output', 'equals'],
  retry: ['attempts', 'initialDelayMs', 'maxDelayMs', 'factor', 'jitter'],
};

const DICTIONARY_KEYS: typeof KEYS = {
  nodes: ['id', 'type', 'config'],
  connections: ['from_node', 'from_output', 'to_node', 'to_input'],
};

function toProblem({ path, message }: SchemaIssue, lineOf: LineOf, keys: typeof KEYS): WorkflowProblem {
  const line = lineOf(path);
  const place = path.length === 0 ? '' : `${formatPath(path)}: `;
  const context = [...path]
    .reverse()
    .slice(1)
    .find((segment) => typeof segment === 'string' && segment in keys);
  const isUnknownKey = message === 'unknown key';
  const hint = isUnknownKey && typeof context === 'string' ? didYouMean(String(path.at(-1)), keys[context]!) : '';
  return {
    code: isUnknownKey || message.startsWith('unknown key') ? 'unknown_key' : 'invalid_shape',
    message: `${place}${message}${hint}`,
    ...(line === undefined ? {} : { line }),
  };
}

/** Offset of the deepest thing on the path that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let offset = rangeStart(node);
  for (const segment of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === segment);
      if (!pair) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else {
      node = (node as { items?: readonly unknown[] } | null)?.items?.[Number(segment)];
      offset = rangeStart(node) ?? offset;
    }
  }
  return offset;
}

const rangeStart = (node: unknown): number | undefined => (node as { range?: readonly number[] } | null | undefined)?.range?.[0];

/** A definition as text that `parseWorkflow` reads back to the same definition. */
export function formatWorkflow(definition: WorkflowDefinition, format: WorkflowFormat): string {
  return format === 'json'
    ? `${JSON.stringify(definition, null, 2)}\n`
    : stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false });
}

/** JSON Schema of workflow files, for editors; published as `@kailash-ts/core/workflow.schema.json`. */
export function workflowJsonSchema(): object {
  return { ...z.toJSONSchema(workflowDefinitionSchema, { target: 'draft-2020-12', io: 'input' }), title: 'kailash-ts workflow' };
}
