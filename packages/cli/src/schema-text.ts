import { resolveRef, type JsonSchema } from '@kailash-ts/core';

const MAX_DEPTH = 4;

/** A JSON Schema as people write types: `{ csv: string, limit?: integer }`; `any` where nothing is known. */
export function schemaText(schema: JsonSchema | undefined, root: JsonSchema | undefined = schema, depth = 0): string {
  if (!schema || !root) return 'any';
  const resolved = resolveRef(schema, root);
  if (depth > MAX_DEPTH) return '…';
  const inner = (part: JsonSchema): string => schemaText(part, root, depth + 1);
  const options = resolved.anyOf ?? resolved.oneOf;
  if (options) return [...new Set(options.map(inner))].join(' | ');
  if (resolved.allOf) return resolved.allOf.map(inner).join(' & ');
  if (resolved.const !== undefined) return JSON.stringify(resolved.const);
  if (resolved.enum) return resolved.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(resolved.type)) return resolved.type.join(' | ');
  if (resolved.prefixItems) return `[${resolved.prefixItems.map(inner).join(', ')}]`;
  if (resolved.type === 'array') return typeof resolved.items === 'object' ? `${parenthesized(inner(resolved.items))}[]` : 'any[]';
  if (resolved.properties) return objectText(resolved, inner);
  if (resolved.type === 'object')
    return typeof resolved.additionalProperties === 'object' ? `{ [key]: ${inner(resolved.additionalProperties)} }` : 'object';
  return typeof resolved.type === 'string' ? resolved.type : 'any';
}

function objectText({ properties = {}, required = [] }: JsonSchema, inner: (part: JsonSchema) => string): string {
  const fields = Object.entries(properties).map(([key, field]) => `${key}${required.includes(key) ? '' : '?'}: ${inner(field)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

const parenthesized = (text: string): string => (/[|&]/.test(text) && !text.startsWith('{') ? `(${text})` : text);
