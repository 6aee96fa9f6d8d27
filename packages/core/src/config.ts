import { z } from 'zod';
import type { NodeMap } from './builder.ts';
import type { Clock } from './clock.ts';
import { ConfigError } from './errors.ts';
import { checkAtOnce, formatIssues } from './schema.ts';

const count = z.union([z.number().int().min(1), z.literal(Infinity)]);
const durationMs = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const runtimeSchema = z.strictObject({
  concurrency: count.default(1000),
  maxInFlight: count.default(Infinity),
  cancelGraceMs: durationMs.default(5000),
  startTimeoutMs: durationMs.default(30_000),
  stopTimeoutMs: durationMs.default(30_000),
});

export type RuntimeConfig = Readonly<z.infer<typeof runtimeSchema>>;

/** Options of a runtime. Durations are in milliseconds. */
export interface RuntimeOptions<Nodes extends NodeMap = NodeMap> {
  /** Nodes to register from the start, by name. */
  readonly nodes?: Nodes;
  /** Nodes in flight at a time in one run; `execute` may set another for its run. Default 1000. */
  readonly concurrency?: number;
  /**
   * Nodes in flight at a time over all runs of this runtime; runs take turns. Default Infinity. A node that executes a workflow
   * on the same runtime holds its own permit meanwhile, so leave room for that.
   */
  readonly maxInFlight?: number;
  /** How long a cancelled or failed run waits for running nodes to heed their signal. Default 5000. */
  readonly cancelGraceMs?: number;
  /** Limit of a node's `start`. Default 30000. */
  readonly startTimeoutMs?: number;
  /** Limit of a node's `stop`, and of its clean-up after a run. Default 30000. */
  readonly stopTimeoutMs?: number;
  /** Where time comes from; for tests. */
  readonly clock?: Clock;
  /** Source of jitter, numbers in [0, 1); for tests. */
  readonly random?: () => number;
}

/** Limits of one message. */
export interface ProcessOptions {
  readonly signal?: AbortSignal | undefined;
  /** Point in time, as a Date or in milliseconds since 1970. */
  readonly deadline?: Date | number | undefined;
  /** The same as a duration in milliseconds; the earlier of both counts. */
  readonly timeoutMs?: number | undefined;
}

/** Options of one run. */
export interface ExecuteOptions<In = unknown> extends ProcessOptions {
  readonly input?: In;
  /** Constant inputs for this run only, by node id: `{ load: { batchSize: 500 } }`. */
  readonly parameters?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Default: a random UUID. */
  readonly runId?: string;
  /** Nodes in flight at a time in this run. */
  readonly concurrency?: number;
  /** `output` keeps only those results that the output needs, and lets go of the others on the way. Default `all`. */
  readonly results?: 'all' | 'output';
}

const processSchema = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  deadline: z.union([z.date(), z.number()]).optional(),
  timeoutMs: durationMs.optional(),
});

const executeSchema = processSchema.extend({
  input: z.unknown().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  runId: z.string().min(1).max(200).optional(),
  concurrency: count.optional(),
  results: z.enum(['all', 'output']).optional(),
});

export function parseRuntimeOptions(options: unknown): RuntimeConfig {
  return Object.freeze(parse(runtimeSchema, options, 'Runtime options'));
}

export function parseExecuteOptions(options: ExecuteOptions<unknown>): ExecuteOptions<unknown> {
  parse(executeSchema, options, 'Options of execute');
  return options;
}

export function parseProcessOptions(options: ProcessOptions): ProcessOptions {
  parse(processSchema, options, 'Options of process');
  return options;
}

/** @throws ConfigError with every problem, each with its path */
function parse<T>(schema: z.ZodType<T>, value: unknown, subject: string): T {
  const result = checkAtOnce(schema, value);
  if (result.issues) throw new ConfigError(`${subject} do not fit: ${formatIssues(result.issues)}`, { issues: result.issues });
  return result.value as T;
}
