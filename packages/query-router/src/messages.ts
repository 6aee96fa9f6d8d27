/** What a router is told, and what it answers. */
import { checkAtOnce, formatIssues, shapeOf } from '@kailash-ts/core';
import type { ConnectionRole, ExecuteResult, FetchMode, IsolationLevel, Params, Row } from '@kailash-ts/connection-pool/contract';
import type { QueryType } from '@kailash-ts/sql';
import { z } from 'zod';
import type { Strategy } from './choose.ts';
import { RouterMessageError } from './errors.ts';

/** One statement to run. */
export interface RouterMessage {
  /** One statement of SQL, with `?`, `$1` or `:name` for its values on every database. */
  readonly query: string;
  /** Values for its placeholders. */
  readonly parameters?: Params | undefined;
  /** Runs the statement once for each set of values, in one go and all or nothing. Returns no rows. Replaces `parameters`. */
  readonly parameterSets?: readonly Params[] | undefined;
  /**
   * Statements with the same id share one connection from BEGIN to the end of the transaction, and run one after the other.
   * In a workflow the id belongs to the run: two runs may use the same one.
   */
  readonly sessionId?: string | undefined;
  /** `all` (default): `data` is an array of rows. `one`: `data` is the first row, or null. */
  readonly fetchMode?: FetchMode | undefined;
  /** Limit for waiting and running together, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Keeps a read on the primary. */
  readonly hint?: 'primary' | undefined;
}

/** A statement of a transaction. */
export type TransactionStatement = Pick<RouterMessage, 'query' | 'parameters' | 'parameterSets' | 'fetchMode' | 'timeoutMs'>;

/** How a transaction is to be run. */
export interface RouterTransactionOptions {
  /** Default: the server's. */
  readonly isolation?: IsolationLevel | undefined;
  /** Default false. One that only reads may run on a replica. */
  readonly readOnly?: boolean | undefined;
  /** How often all of it is run again when the database reports a serialization failure or a deadlock. Default 3. */
  readonly retries?: number | undefined;
  /** Limit for the wait for a connection, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Later reads of this session see what was written. */
  readonly sessionId?: string | undefined;
  /** Keeps a transaction that only reads on the primary. */
  readonly hint?: 'primary' | undefined;
}

/** Options of `router.transaction`. */
export interface TransactionCallOptions extends RouterTransactionOptions {
  /** Stops what runs in it; nothing is committed then. */
  readonly signal?: AbortSignal | undefined;
  /** The run on whose behalf it is run: its end rolls it back. */
  readonly runId?: string | undefined;
}

/** Statements of which all are carried out, in this order, or none. */
export interface TransactionMessage extends RouterTransactionOptions {
  readonly transaction: readonly TransactionStatement[];
}

/** What the statements of a transaction gave, in their order. */
export interface TransactionResult {
  readonly success: true;
  readonly results: readonly RouterResult<AnyData>[];
}

/** Where a statement went, and why. */
export interface RoutingMetadata {
  /** The physical connection; in a session, the lease. */
  readonly connectionId: string;
  /** Of the server that ran it. */
  readonly role: ConnectionRole;
  /** That server: `primary`, `replica`, `replica-2` of the pool; empty when nothing was run. */
  readonly host: string;
  readonly queryType: QueryType;
  /** 0 to 1, from the text alone. */
  readonly complexityScore: number;
  /**
   * How sure the choice is. 1: the session's own connection. On the primary 0.9, or 0.7 when its health is 80 or less. Among replicas
   * by the lead of the best one, 0.65 to 0.95; 0.5 if there was only one.
   */
  readonly routingConfidence: number;
  /** Whether the text's classification was remembered from an earlier call. */
  readonly cacheHit: boolean;
  /** Time spent on deciding: without waiting for a connection, a session or the database. */
  readonly routingTimeMs: number;
  readonly strategy: Strategy;
  readonly reasons: readonly string[];
}

/** The pool's result, and how it was routed. */
export interface RouterResult<Data> extends Omit<ExecuteResult<Data>, 'error'> {
  /** This statement began the session's transaction. */
  readonly transactionStarted?: boolean;
  /** This statement ended the session's transaction. */
  readonly transactionEnded?: boolean;
  readonly routingMetadata: RoutingMetadata;
}

/** Rows or a row, as `fetchMode` says; `[]` for `parameterSets`. */
export type AnyData = readonly Row[] | Row | null;

const params = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]);

const timeoutMs = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .optional();
const statement = {
  query: z.string().min(1),
  parameters: params.optional(),
  parameterSets: z.array(params).optional(),
  fetchMode: z.enum(['all', 'one']).optional(),
  timeoutMs,
};
const transactionOptions = {
  isolation: z.enum(['read_uncommitted', 'read_committed', 'repeatable_read', 'serializable']).optional(),
  readOnly: z.boolean().optional(),
  retries: z.number().int().min(0).max(1000).optional(),
};

type Problems = z.core.$RefinementCtx;

function refuseBoth(message: { parameterSets?: unknown; parameters?: unknown; fetchMode?: unknown }, context: Problems): void {
  if (message.parameterSets === undefined) return;
  for (const key of ['parameters', 'fetchMode'] as const)
    if (message[key] !== undefined)
      context.addIssue({ code: 'custom', path: [key], message: 'stands beside parameterSets; give one of both' });
}

const transactionStatement = z.strictObject(statement).superRefine(refuseBoth);

/** A statement, or `transaction` with several. */
export const routerMessageSchema = z
  .strictObject({
    ...statement,
    query: statement.query.optional(),
    sessionId: z.string().min(1).max(200).optional(),
    hint: z.literal('primary').optional(),
    transaction: z.array(transactionStatement).min(1).max(10_000).optional(),
    ...transactionOptions,
  })
  .superRefine((message, context) => {
    refuseBoth(message, context);
    const { transaction } = message;
    if (transaction === undefined && message.query === undefined)
      context.addIssue({ code: 'invalid_type', expected: 'string', input: undefined, path: ['query'], message: MISSING_QUERY });
    const strangers =
      transaction === undefined ? keysOf(transactionOptions) : (['query', 'parameters', 'parameterSets', 'fetchMode'] as const);
    const why = transaction === undefined ? 'goes with transaction only' : 'stands beside transaction; give one of both';
    for (const key of strangers) if (message[key] !== undefined) context.addIssue({ code: 'custom', path: [key], message: why });
  });

const MISSING_QUERY = 'Invalid input: expected string, received undefined';
const keysOf = <T extends object>(value: T): (keyof T)[] => Object.keys(value) as (keyof T)[];

const tableNames = z.array(z.string());

/** Checks the options of a transaction given as a function. */
export const transactionOptionsSchema = z.strictObject({
  ...transactionOptions,
  timeoutMs,
  sessionId: z.string().min(1).max(200).optional(),
  hint: z.literal('primary').optional(),
  /** The pool checks these. */
  signal: z.unknown().optional(),
  runId: z.unknown().optional(),
});

/** For workflows: which outputs there are. Rows pass as they are. */
export const routerOutputSchema = z.object({
  success: z.boolean(),
  /** Of a transaction: the answers to its statements, and nothing else. */
  results: z.array(z.unknown()).optional(),
  data: z.unknown(),
  rowCount: z.number(),
  lastInsertId: z.union([z.number(), z.bigint()]).optional(),
  fields: z.array(z.object({ name: z.string(), type: z.string() })),
  executionTimeMs: z.number(),
  waitTimeMs: z.number(),
  connectionId: z.string(),
  transactionStarted: z.boolean().optional(),
  transactionEnded: z.boolean().optional(),
  routingMetadata: z.object({
    connectionId: z.string(),
    role: z.enum(['primary', 'replica']),
    host: z.string(),
    queryType: z.string(),
    complexityScore: z.number(),
    routingConfidence: z.number(),
    cacheHit: z.boolean(),
    routingTimeMs: z.number(),
    strategy: z.string(),
    reasons: z.array(z.string()),
  }),
});

/** @throws RouterMessageError naming every wrong key, with "did you mean" */
export function parseRouterMessage(message: unknown, router: string): RouterMessage | TransactionMessage {
  return parse(routerMessageSchema, message, `message to router "${router}"`, 'Send { query, parameters }, or { transaction: [...] }.');
}

/** A statement inside of a transaction. @throws RouterMessageError */
export function parseStatement(message: unknown): TransactionStatement {
  return parse(transactionStatement, message, 'statement of the transaction', 'Send { query, parameters }.');
}

/** @throws RouterMessageError */
export function parseTransactionOptions(options: unknown): TransactionCallOptions {
  return parse(transactionOptionsSchema, options, 'options of the transaction', 'Give { isolation, readOnly, retries, timeoutMs }.');
}

/** @throws RouterMessageError */
export function requireFunction(work: unknown): void {
  if (typeof work === 'function') return;
  throw new RouterMessageError(`A transaction takes a function (received ${shapeOf(work)}). Send a list as { transaction: [...] }.`);
}

/** Names of tables. @throws RouterMessageError */
export function parseTables(tables: unknown): void {
  parse(tableNames, tables, 'list of tables', "Give an array of names, such as ['users'], or nothing for all.");
}

function parse<T>(schema: z.ZodType, value: unknown, subject: string, remedy: string): T {
  const result = checkAtOnce(schema, value);
  if (!result.issues) return result.value as T;
  throw new RouterMessageError(`The ${subject} does not fit: ${formatIssues(result.issues)} (received ${shapeOf(value)}). ${remedy}`, {
    facts: { issues: result.issues },
  });
}
