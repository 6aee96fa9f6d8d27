/** What zod found, in the words of this house: a path, what is wrong, and what was probably meant. Never a value. */
import { closest } from '@kailash-ts/core';
import { z } from 'zod';

/** @param schema what was checked against: its keys are what is suggested for unknown ones, also inside of nested objects. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [`${path.join('.') || 'it'}: ${issue.message.replace(/^Invalid input: /, '')}`];
    const known = keysAt(schema, path);
    return issue.keys.map((key) => {
      const meant = closest(key, known);
      return `${[...path, key].join('.')}: is no known key${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`;
    });
  });
}

function keysAt(schema: z.ZodType, path: readonly string[]): readonly string[] {
  const object = unwrapped(schema);
  if (!(object instanceof z.ZodObject)) return [];
  const shape = object.shape as Record<string, z.ZodType>;
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(shape);
  return Object.hasOwn(shape, key) ? keysAt(shape[key]!, rest) : [];
}

/** Without defaults and "may be left out". */
function unwrapped(schema: z.ZodType): z.ZodType {
  const wraps = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return wraps ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}
