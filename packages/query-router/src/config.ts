/** Configuration of a router: schema and defaults. The only place where a default is written. */
import { checkAtOnce, formatIssues } from '@kailash-ts/core';
import { z } from 'zod';
import { RouterConfigError } from './errors.ts';

const settings = {
  /** Reads proved harmless go to replicas (SQLite: to its readers). Off: everything goes to the primary. */
  enableReadWriteSplit: z.boolean().default(true),
  /** Most texts whose classification is remembered. */
  cacheSize: z.number().int().min(1).max(1_000_000).default(1000),
  /** Learns from what it runs, and has prepared what probably follows; takes effect with the pool's `enableQueryRouting`. */
  patternLearning: z.boolean().default(true),
  /** Least health score, 0 to 100, of a replica to be chosen; where all are under it, all count. */
  healthThreshold: z.number().min(0).max(100).default(50),
  /** A replica that is further behind serves no reads, nor does one of which it is not known; `'never'` permits any lag that is known. */
  maxReplicaLagMs: z
    .union([
      z
        .number()
        .int()
        .min(0)
        .max(2 ** 31 - 1),
      z.literal('never'),
    ])
    .default(10_000),
};

export const routerConfigSchema = z.strictObject({
  /** Names the router in messages, and in workflows that it is passed to. */
  name: z.string().min(1).default('query_router'),
  /** Name under which the pool is registered. */
  connectionPool: z.string().min(1),
  /**
   * With replicas, the router asks the primary for its functions, operators and views, which the text of a statement tells nothing of; and
   * again when what it knows is older than this, in milliseconds. Definitions that pass the router count at once. `never`: the text alone.
   */
  catalogMaxAgeMs: z.union([z.number().int().min(1000), z.literal('never')]).default(60_000),
  /**
   * A transaction of a session in which nothing has run for so long, in milliseconds, is rolled back, and its connection freed. Its owner
   * is told at the next statement.
   */
  idleTransactionTimeoutMs: z
    .union([
      z
        .number()
        .int()
        .min(1)
        .max(2 ** 31 - 1),
      z.literal('never'),
    ])
    .default(300_000),
  ...settings,
});

/** What the constructor of a router takes. */
export type RouterOptions = z.input<typeof routerConfigSchema>;
export type RouterConfig = z.output<typeof routerConfigSchema>;

/** What can be changed while the router works. */
export type RouterSettings = { -readonly [Key in keyof typeof settings]: RouterConfig[Key] };

/** @throws RouterConfigError listing every problem, with "did you mean" for unknown keys */
export function parseRouterConfig(options: unknown): RouterConfig {
  const result = checkAtOnce(routerConfigSchema, options ?? {});
  if (result.issues)
    throw new RouterConfigError(`The configuration of the router is wrong: ${formatIssues(result.issues)}`, {
      facts: { issues: result.issues },
    });
  return result.value as RouterConfig;
}

/** @throws RouterConfigError */
export function parseSetting<Key extends keyof RouterSettings>(key: Key, value: unknown): RouterSettings[Key] {
  const result = settings[key].safeParse(value);
  // `undefined` would mean the default, which nobody asked for.
  if (value !== undefined && result.success) return result.data as RouterSettings[Key];
  const problem = result.success
    ? 'is undefined'
    : result.error.issues.map((issue) => issue.message.replace(/^Invalid input: /, '')).join('; ');
  throw new RouterConfigError(`The router's ${key} cannot be set: ${problem}.`);
}
