/** The pool's messages: one strict schema for each operation, and one door in which names what is wrong. */
import { didYouMean } from '@kailash-ts/core';
import { z } from 'zod';
import { PoolMessageError } from './errors.ts';
import { describeIssues } from './issues.ts';

const timeoutMs = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .optional();
const connectionId = z.string().min(1);
const params = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).nullish();

export const initializeMessage = z.strictObject({ operation: z.literal('initialize') });
export const acquireMessage = z.strictObject({
  operation: z.literal('acquire'),
  timeoutMs,
  role: z.enum(['primary', 'replica']).optional(),
});
export const releaseMessage = z.strictObject({ operation: z.literal('release'), connectionId });
export const executeMessage = z
  .strictObject({
    operation: z.literal('execute'),
    connectionId,
    query: z.string().min(1),
    params,
    /** Another word for `params`. */
    parameters: params,
    fetchMode: z.enum(['all', 'one', 'many']).optional(),
    /** How many rows `many` are. */
    fetchSize: z.number().int().min(1).optional(),
    timeoutMs,
    prepare: z.boolean().optional(),
  })
  .refine((message) => message.params == null || message.parameters == null, {
    path: ['parameters'],
    message: 'stands beside params; give one of both',
  })
  .refine((message) => (message.fetchMode === 'many') === (message.fetchSize !== undefined), {
    path: ['fetchSize'],
    message: 'goes with fetchMode "many", and only with it',
  });
export const statsMessage = z.strictObject({ operation: z.literal('stats') });
export const getStatusMessage = z.strictObject({ operation: z.literal('get_status') });
export const getPoolStatisticsMessage = z.strictObject({ operation: z.literal('get_pool_statistics') });
export const getComprehensiveStatusMessage = z.strictObject({ operation: z.literal('get_comprehensive_status') });
/** Sizes out of bounds are answered, not thrown: `{ success: false, reason }`. */
export const adjustPoolSizeMessage = z.strictObject({ operation: z.literal('adjust_pool_size'), newSize: z.number() });
export const exportMetricsMessage = z.strictObject({ operation: z.literal('export_metrics') });

const messages = {
  initialize: initializeMessage,
  acquire: acquireMessage,
  release: releaseMessage,
  execute: executeMessage,
  stats: statsMessage,
  get_status: getStatusMessage,
  get_pool_statistics: getPoolStatisticsMessage,
  get_comprehensive_status: getComprehensiveStatusMessage,
  adjust_pool_size: adjustPoolSizeMessage,
  export_metrics: exportMetricsMessage,
} as const;

/** Names of the operations, as in `{ operation: 'get_status' }`. */
export const poolOperations = Object.keys(messages) as readonly PoolOperation[];
export type PoolOperation = keyof typeof messages;

/** All messages as one schema, for documentation and editors; `parsePoolMessage` explains mistakes better. */
export const poolMessageSchema = z.discriminatedUnion('operation', [
  initializeMessage,
  acquireMessage,
  releaseMessage,
  executeMessage,
  statsMessage,
  getStatusMessage,
  getPoolStatisticsMessage,
  getComprehensiveStatusMessage,
  adjustPoolSizeMessage,
  exportMetricsMessage,
]);
export type PoolMessage = z.output<typeof poolMessageSchema>;

/** @throws PoolMessageError naming the operation, each wrong key with a suggestion, and each wrong type. */
export function parsePoolMessage(message: unknown): PoolMessage {
  const operation = operationOf(message);
  const schema = messages[operation];
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, schema);
  throw new PoolMessageError(`The message "${operation}" to the pool is wrong: ${problems.join('; ')}.`, {
    facts: { operation, problems },
  });
}

function operationOf(message: unknown): PoolOperation {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new PoolMessageError('A message to the pool must be an object such as { operation: "acquire" }.');
  }
  const { operation } = message as { operation?: unknown };
  if (typeof operation === 'string' && Object.hasOwn(messages, operation)) return operation as PoolOperation;
  if (typeof operation === 'string') {
    throw new PoolMessageError(`The pool knows no operation "${operation}"${didYouMean(operation, poolOperations)}.`, {
      facts: { operation },
    });
  }
  throw new PoolMessageError(`The message to the pool has no operation. Give one of: ${poolOperations.join(', ')}.`);
}
