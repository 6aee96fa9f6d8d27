import { resolveRef, type JsonSchema } from './schema.ts';

/**
 * Whether data of one schema can possibly fit another, told before anything runs.
 *
 * Errs on the side of silence: it names a mismatch only where no value of `source` could be a value of `target`, or where a
 * required field is certainly missing. Everything else is checked when the value is there.
 */
export function mismatch(
  source: JsonSchema,
  sourceRoot: JsonSchema,
  target: JsonSchema,
  targetRoot: JsonSchema,
  depth = 0,
): string | undefined {
  if (depth > 8) return undefined;
  const from = alternatives(source, sourceRoot);
  const to = alternatives(target, targetRoot);
  let first: string | undefined;
  for (const a of from) {
    for (const b of to) {
      const problem = mismatchOne(a, sourceRoot, b, targetRoot, depth);
      if (problem === undefined) return undefined;
      first ??= problem;
    }
  }
  if (from.length === 1 && to.length === 1) return first;
  return `${typeNames(from)} does not fit ${typeNames(to)}`;
}

function alternatives(schema: JsonSchema, root: JsonSchema): readonly JsonSchema[] {
  const resolved = resolveRef(schema, root);
  const options = resolved.anyOf ?? resolved.oneOf;
  if (options) return options.flatMap((option) => alternatives(option, root));
  return Array.isArray(resolved.type) ? (resolved.type as string[]).map((type) => ({ ...resolved, type })) : [resolved];
}

function mismatchOne(a: JsonSchema, aRoot: JsonSchema, b: JsonSchema, bRoot: JsonSchema, depth: number): string | undefined {
  if (a.allOf || b.allOf) return undefined;
  const from = typeOf(a);
  const to = typeOf(b);
  if (from === undefined || to === undefined) return undefined;
  if (from !== to && !(isNumeric(from) && isNumeric(to))) return `${from} does not fit ${to}`;
  const values = literals(a);
  const allowed = literals(b);
  if (values && allowed && !values.some((value) => allowed.includes(value)))
    return `${JSON.stringify(values)} is not among ${JSON.stringify(allowed)}`;
  if (to === 'object') return objectMismatch(a, aRoot, b, bRoot, depth);
  if (to === 'array' && isSchema(a.items) && isSchema(b.items)) {
    const inner = mismatch(a.items, aRoot, b.items, bRoot, depth + 1);
    return inner && `of its items, ${inner}`;
  }
  return undefined;
}

function objectMismatch(a: JsonSchema, aRoot: JsonSchema, b: JsonSchema, bRoot: JsonSchema, depth: number): string | undefined {
  const closed = a.additionalProperties === false;
  for (const key of b.required ?? []) {
    const field = a.properties?.[key];
    if (!field && closed) return `its field "${key}" is missing`;
  }
  for (const [key, field] of Object.entries(b.properties ?? {})) {
    const given = a.properties?.[key];
    if (!given || !a.required?.includes(key)) continue;
    const inner = mismatch(given, aRoot, field, bRoot, depth + 1);
    if (inner) return `in its field "${key}", ${inner}`;
  }
  return undefined;
}

const isSchema = (value: JsonSchema | boolean | undefined): value is JsonSchema => typeof value === 'object';
const isNumeric = (type: string): boolean => type === 'number' || type === 'integer';
const literals = (schema: JsonSchema): readonly unknown[] | undefined => (schema.const !== undefined ? [schema.const] : schema.enum);

function typeOf(schema: JsonSchema): string | undefined {
  if (typeof schema.type === 'string') return schema.type;
  const types = new Set(literals(schema)?.map((value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)));
  return types.size === 1 ? [...types][0] : undefined;
}

const typeNames = (schemas: readonly JsonSchema[]): string => [...new Set(schemas.map((schema) => typeOf(schema) ?? 'any'))].join(' | ');

/** The schema of what lies at a path, undefined where it cannot be told; `missing` names the segment at which nothing can lie. */
export function schemaAt(
  schema: JsonSchema,
  path: readonly string[],
):
  | { readonly schema: JsonSchema; readonly optional: boolean }
  | { readonly missing: string; readonly known: readonly string[] }
  | undefined {
  let current = resolveRef(schema, schema);
  let optional = false;
  for (const segment of path) {
    if (current.anyOf || current.oneOf || current.allOf) return undefined;
    const next = step(current, segment);
    if (next === undefined) return undefined;
    if (next === false) return { missing: segment, known: Object.keys(current.properties ?? {}) };
    optional ||= current.properties !== undefined && !current.required?.includes(segment);
    current = resolveRef(next, schema);
  }
  return { schema: current, optional };
}

function step(schema: JsonSchema, segment: string): JsonSchema | undefined | false {
  const property = schema.properties && Object.hasOwn(schema.properties, segment) ? schema.properties[segment] : undefined;
  if (property) return property;
  if (schema.type === 'array' || schema.prefixItems)
    return schema.prefixItems?.[Number(segment)] ?? (isSchema(schema.items) ? schema.items : undefined);
  if (isSchema(schema.additionalProperties)) return schema.additionalProperties;
  if (schema.properties && schema.additionalProperties !== true) return false;
  if (schema.type !== undefined && schema.type !== 'object' && typeof schema.type === 'string') return false;
  return undefined;
}
