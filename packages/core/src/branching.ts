import { z } from 'zod';
import { defineNode } from './define-node.ts';
import { ConfigError } from './errors.ts';
import type { AnyNode } from './node.ts';
import { lookUp, parsePath } from './paths.ts';

const operators = ['==', '!=', '<', '<=', '>', '>=', 'in', 'contains', 'is_null', 'is_not_null'] as const;
export type SwitchOperator = (typeof operators)[number];

const caseValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const switchInput = z.strictObject({
  value: z.unknown().describe('What is passed on to the chosen branch.'),
  field: z.string().optional().describe('Dotted path into the value of what is compared; absent for the value itself.'),
  cases: z.array(caseValue).min(1).optional().describe('A branch for each; "default" where none matches.'),
  operator: z.enum(operators).optional().describe('Branches "true" and "false" instead of cases.'),
  operand: z.unknown().optional().describe('What the operator compares with.'),
});

/**
 * Passes a value on to one of several branches; what hangs on the others is skipped. With `cases` the branches are the cases,
 * by their text, and `default`; with `operator`, `true` and `false`.
 */
export const switchNode = defineNode({
  name: 'switch',
  description: 'Passes a value on to one of several branches; what hangs on the others is skipped.',
  input: switchInput,
  output: z.record(z.string(), z.unknown()),
  branches: ({ cases, operator }) => {
    if (Array.isArray(cases)) return [...cases.map(String), 'default'];
    return operator === undefined ? undefined : ['true', 'false'];
  },
  process: ({ value, field, cases, operator, operand }) => {
    if ((cases === undefined) === (operator === undefined))
      throw new ConfigError('A switch needs either "cases" or an "operator", and not both.');
    const compared = lookUp(value, parsePath(field)).value;
    const branch = cases
      ? cases.includes(compared as never)
        ? String(compared)
        : 'default'
      : String(compare(compared, operator!, operand));
    return { [branch]: value };
  },
});

/** Ordering compares numbers with numbers and text with text; anything else is never less and never more. */
function compare(left: unknown, operator: SwitchOperator, right: unknown): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case 'in':
      return Array.isArray(right) && right.includes(left);
    case 'contains':
      return Array.isArray(left) ? left.includes(right) : typeof left === 'string' && typeof right === 'string' && left.includes(right);
    case 'is_null':
      return left === null || left === undefined;
    case 'is_not_null':
      return left !== null && left !== undefined;
    default:
      return order(left, operator, right);
  }
}

function order(left: unknown, operator: '<' | '<=' | '>' | '>=', right: unknown): boolean {
  if (typeof left !== typeof right || (typeof left !== 'number' && typeof left !== 'string' && typeof left !== 'bigint')) return false;
  const [a, b] = [left, right as typeof left];
  return operator === '<' ? a < b : operator === '<=' ? a <= b : operator === '>' ? a > b : a >= b;
}

export const mergeModes = ['first', 'concat', 'zip', 'merge_dict'] as const;
export type MergeMode = (typeof mergeModes)[number];

export const mergeInput = z.strictObject({
  data: z.array(z.unknown()).describe('What is merged, in order; skipped inputs are left out.'),
  mode: z
    .enum(mergeModes)
    .default('first')
    .describe('first: the first that is there; concat: one list; zip: tuples; merge_dict: one object, or by "key" one list of objects.'),
  key: z.string().optional().describe('For merge_dict over lists of objects: rows with the same value of this field become one.'),
});

/** Brings branches back together. Runs although some of its inputs were skipped, as long as one is there. */
export const mergeNode = defineNode({
  name: 'merge',
  description: 'Brings branches back together; skipped inputs are left out.',
  acceptsSkipped: true,
  input: mergeInput,
  output: z.object({ merged: z.unknown() }),
  process: ({ data, mode, key }) => ({ merged: merge(data, mode, key) }),
});

function merge(data: readonly unknown[], mode: MergeMode, key: string | undefined): unknown {
  switch (mode) {
    case 'first':
      return data[0];
    case 'concat':
      return data.flat();
    case 'zip':
      return zip(data.map(asArray));
    case 'merge_dict':
      return key === undefined
        ? Object.fromEntries(data.flatMap((item) => Object.entries(asObject(item))))
        : mergeRows(data.map(asArray), key);
  }
}

function asArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new ConfigError('This merge mode takes arrays; one of the inputs is none.');
  return value;
}

function asObject(value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError('Merge mode "merge_dict" takes objects; one of the inputs is none. Give "key" to merge lists of objects.');
  return value;
}

function zip(lists: readonly (readonly unknown[])[]): unknown[][] {
  const length = lists.reduce((least, list) => Math.min(least, list.length), Infinity);
  return Array.from({ length }, (_, i) => lists.map((list) => list[i]));
}

function mergeRows(lists: readonly (readonly unknown[])[], key: string): unknown[] {
  const rows = new Map<unknown, object>();
  for (const row of lists.flat()) {
    const object = asObject(row);
    const id = (object as Record<string, unknown>)[key];
    rows.set(id, { ...rows.get(id), ...object });
  }
  return [...rows.values()];
}

/** Nodes that every runtime has, by name. */
export const BUILT_IN_NODES: ReadonlyMap<string, AnyNode> = new Map<string, AnyNode>([
  ['switch', switchNode],
  ['merge', mergeNode],
]);
