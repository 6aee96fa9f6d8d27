import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { mismatch, schemaAt } from './compatible.ts';
import { jsonSchemaOf } from './schema.ts';

function fits(source: z.ZodType, target: z.ZodType): string | undefined {
  const [a, b] = [jsonSchemaOf(source, 'output')!, jsonSchemaOf(target, 'input')!];
  return mismatch(a, a, b, b);
}

describe('whether an output can fit an input', () => {
  it.each([
    [z.string(), z.number(), 'string does not fit number'],
    [z.number(), z.string(), 'number does not fit string'],
    [z.array(z.string()), z.array(z.number()), 'of its items, string does not fit number'],
    [z.object({ a: z.string() }), z.object({ a: z.number() }), 'in its field "a", string does not fit number'],
    [z.object({ a: z.string() }), z.object({ b: z.string() }), 'its field "b" is missing'],
    [z.enum(['x', 'y']), z.enum(['z']), '["x","y"] is not among ["z"]'],
    [z.union([z.string(), z.boolean()]), z.number(), 'string | boolean does not fit number'],
    [z.null(), z.string(), 'null does not fit string'],
  ])('%# is refused', (source, target, message) => {
    expect(fits(source, target)).toBe(message);
  });

  it.each([
    [z.number(), z.int()],
    [z.string(), z.string().optional()],
    [z.string().nullable(), z.string()],
    [z.unknown(), z.number()],
    [z.string(), z.any()],
    [z.date(), z.date()],
    [z.object({ a: z.string(), more: z.number() }), z.object({ a: z.string() })],
    [z.record(z.string(), z.number()), z.object({ a: z.number() })],
    [z.union([z.string(), z.number()]), z.number()],
    [z.literal('x'), z.string()],
    [z.looseObject({}), z.object({ a: z.number() })],
  ])('%# may fit, and is left to the run', (source, target) => {
    expect(fits(source, target)).toBeUndefined();
  });

  it('never refuses a schema for itself', () => {
    const schemas = fc.letrec<{ schema: z.ZodType }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<z.ZodType>(z.string(), z.number(), z.boolean(), z.null(), z.unknown(), z.literal('a'), z.enum(['a', 'b'])),
        tie('schema').map((item) => z.array(item)),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')).map((shape) => z.object(shape)),
        fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((options) => z.union(options as [z.ZodType])),
        tie('schema').map((inner) => inner.optional()),
      ),
    })).schema;
    fc.assert(fc.property(schemas, (schema) => fits(schema, schema) === undefined));
  });

  it('follows recursive schemas without end', () => {
    type Tree = { children: Tree[] };
    const tree: z.ZodType<Tree, Tree> = z.object({ children: z.array(z.lazy(() => tree)) });
    expect(fits(tree, tree)).toBeUndefined();
    const schema = jsonSchemaOf(tree, 'output')!;
    expect(schemaAt(schema, ['children', '0', 'children', '3', 'childs'])).toMatchObject({ missing: 'childs', known: ['children'] });
  });
});
