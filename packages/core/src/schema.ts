import type { StandardSchemaV1 } from '@standard-schema/spec';
import { formatPath } from './paths.ts';
import { didYouMean } from './suggest.ts';

/** One thing that is wrong with a value: where, and what. Never the value itself. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The part of JSON Schema that checks at build time read. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

type Direction = 'input' | 'output';

interface JsonSchemaConverter {
  readonly jsonSchema?: Record<Direction, (options: { target: string; libraryOptions?: Record<string, unknown> }) => unknown>;
}

const cache: Record<Direction, WeakMap<StandardSchemaV1, JsonSchema | null>> = { input: new WeakMap(), output: new WeakMap() };

/**
 * A schema as JSON Schema, or undefined where its library cannot tell (Standard JSON Schema is optional; zod has it since 4.2).
 * `input` is what may be handed in, `output` what comes out of parsing: they differ by defaults and transforms.
 */
export function jsonSchemaOf(schema: StandardSchemaV1 | undefined, direction: Direction): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  const known = cache[direction].get(schema);
  if (known !== undefined) return known ?? undefined;
  const converted = convert(schema, direction);
  cache[direction].set(schema, converted ?? null);
  return converted;
}

function convert(schema: StandardSchemaV1, direction: Direction): JsonSchema | undefined {
  const convertTo = (schema['~standard'] as unknown as JsonSchemaConverter).jsonSchema?.[direction];
  if (!convertTo) return undefined;
  try {
    const libraryOptions = { unrepresentable: 'any', ...(direction === 'input' ? { override: widen } : {}) };
    return convertTo({ target: 'draft-2020-12', libraryOptions }) as JsonSchema;
  } catch {
    return undefined;
  }
}

interface ZodInternals {
  readonly _zod: { readonly def: { readonly type: string; readonly coerce?: boolean; readonly in?: ZodInternals } };
}

/** zod tells what coercions, `preprocess` and `catch` give; what they take is anything. */
function widen({ zodSchema, jsonSchema }: { readonly zodSchema: ZodInternals; readonly jsonSchema: Record<string, unknown> }): void {
  const { type, coerce, in: source } = zodSchema._zod.def;
  if (coerce !== true && type !== 'catch' && !(type === 'pipe' && source?._zod.def.type === 'transform')) return;
  for (const key of Object.keys(jsonSchema)) if (key !== '$schema') delete jsonSchema[key];
}

/** Whether a schema says nothing of what it takes. */
export const acceptsAnything = (schema: JsonSchema): boolean => Object.keys(schema).every((key) => key === '$schema');

/** Follows local references (`#/$defs/name`) so that the result says what it is. */
export function resolveRef(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let current = schema;
  for (let hops = 0; current.$ref !== undefined && hops < 32; hops++) {
    const name = /^#\/\$defs\/(.+)$/.exec(current.$ref)?.[1];
    const target =
      current.$ref === '#' ? root : name === undefined ? undefined : root.$defs?.[name.replaceAll('~1', '/').replaceAll('~0', '~')];
    if (!target) return {};
    current = target;
  }
  return current;
}

/** The keys an object schema admits, or undefined where it admits any (or is no plain object). */
export function knownKeys(schema: JsonSchema | undefined): readonly string[] | undefined {
  if (!schema) return undefined;
  const object = resolveRef(schema, schema);
  if (!object.properties || object.anyOf || object.oneOf || object.allOf) return undefined;
  if (object.additionalProperties !== undefined && object.additionalProperties !== false) return undefined;
  return Object.keys(object.properties);
}

const inputKeys = new WeakMap<StandardSchemaV1, { readonly keys: ReadonlySet<string> | undefined }>();

/** Keys that a message to a node with this input schema may have; undefined where that cannot be told. */
export function keysOf(schema: StandardSchemaV1): ReadonlySet<string> | undefined {
  let entry = inputKeys.get(schema);
  if (!entry) {
    const keys = knownKeys(jsonSchemaOf(schema, 'input'));
    entry = { keys: keys && new Set(keys) };
    inputKeys.set(schema, entry);
  }
  return entry.keys;
}

export type Checked = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** Unknown top-level keys of a message, each with a suggestion. Libraries that strip unknown keys would hide a misspelling. */
export function unknownKeys(schema: StandardSchemaV1, value: unknown): SchemaIssue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const keys = keysOf(schema);
  if (!keys) return [];
  const issues: SchemaIssue[] = [];
  for (const key in value) if (!keys.has(key)) issues.push({ path: [key], message: `unknown key${didYouMean(key, keys)}` });
  return issues;
}

/** Checks a value; the result is a promise only where the schema is asynchronous. */
export function check(schema: StandardSchemaV1, value: unknown): Checked | Promise<Checked> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then((settled) => toChecked(settled, schema, value)) : toChecked(result, schema, value);
}

/**
 * The same for a schema that is synchronous, at once. A value that throws while it is looked at, as a getter or a proxy may, does not
 * fit; what it throws may hold anything, and is not told.
 */
export function checkAtOnce(schema: StandardSchemaV1, value: unknown): Checked {
  try {
    const result = check(schema, value);
    if (!(result instanceof Promise)) return result;
    // zod tries asynchronously what has thrown.
    result.catch(() => undefined);
  } catch {
    // as said above
  }
  return UNREADABLE;
}

const UNREADABLE: Checked = { issues: [{ path: [], message: 'cannot be read: it throws. Pass a plain value' }] };

function toChecked(result: StandardSchemaV1.Result<unknown>, schema: StandardSchemaV1, value: unknown): Checked {
  if (!result.issues) return result;
  return { issues: result.issues.flatMap((issue) => describeIssue(issue, schema, value)) };
}

function describeIssue(issue: StandardSchemaV1.Issue, schema: StandardSchemaV1, value: unknown): SchemaIssue[] {
  const path = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment));
  const { keys, code } = issue as { keys?: readonly string[]; code?: string };
  if (code === 'unrecognized_keys' && Array.isArray(keys)) {
    const known = path.length === 0 ? (keysOf(schema) ?? []) : [];
    return keys.map((key: string) => ({ path: [...path, key], message: `unknown key${didYouMean(key, known)}` }));
  }
  const message = issue.message.replace(/^Invalid input: /, '');
  // A schema's own sentence is left as it is.
  const received = message.includes('received') || message.endsWith('.') ? '' : `, received ${shapeAt(value, path)}`;
  return [{ path, message: `${message}${received}` }];
}

function shapeAt(value: unknown, path: readonly PropertyKey[]): string {
  let current: unknown = value;
  for (const segment of path) current = (current as Record<PropertyKey, unknown> | null | undefined)?.[segment];
  return shapeOf(current);
}

/** What kind of value it is, without the value: `string`, `array(3)`, `object {id, name}`. Never throws. */
export function shapeOf(value: unknown): string {
  try {
    return readShape(value);
  } catch {
    return 'object that cannot be read';
  }
}

function readShape(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `array(${value.length})`;
  if (typeof value === 'object') {
    const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
    if (name && name !== 'Object') return name;
    const keys = Object.keys(value);
    return `object {${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ', ...' : ''}}`;
  }
  return typeof value;
}

/** `parameters.0: expected string, received number`, one a line where there are several. */
export function formatIssues(issues: readonly SchemaIssue[]): string {
  const lines = issues.map(({ path, message }) => (path.length === 0 ? message : `${formatPath(path)}: ${message}`));
  return lines.length === 1 ? lines[0]! : lines.map((line) => `\n  - ${line}`).join('');
}
