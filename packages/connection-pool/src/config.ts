/** Configuration of a pool: schema, defaults, rules across fields. The only place where a default is written. */
import { inspect } from 'node:util';
import { closest } from '@kailash-ts/core';
import { z } from 'zod';
import { parseConnectionString } from './connection-string.ts';
import { PoolConfigError } from './errors.ts';
import { describeIssues } from './issues.ts';

/** Milliseconds, or `'never'` for no limit. */
const limitMs = z.union([
  z
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  z.literal('never'),
]);
const text = z.string().min(1);

/** What the constructor of a pool takes. Durations are in milliseconds. */
export const poolConfigSchema = z.strictObject({
  /** Names the pool in messages and figures. */
  name: text.default('pool'),
  databaseType: z.enum(['postgresql', 'mysql', 'sqlite']).optional(),
  /** `postgres://`, `postgresql://`, `mysql://`, `mariadb://`, `sqlite:file`, `sqlite::memory:`. Replaces the separate fields. */
  connectionString: text.optional(),
  host: text.optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  /** Name of the database; for SQLite the file, or `:memory:`. */
  database: text.optional(),
  user: text.optional(),
  password: z.string().optional(),
  minConnections: z.number().int().min(0).max(10_000).default(2),
  maxConnections: z.number().int().min(1).max(10_000).default(10),
  /** Score from 0 to 100 under which a released connection is recycled. Takes effect with health scores. */
  healthThreshold: z.number().min(0).max(100).default(50),
  /** Sizes the pool by load. Its controller is not part of this version: `adaptiveController` is null. */
  adaptiveSizing: z.boolean().default(false),
  /** Learns query patterns. Its tracker is not part of this version: `queryPatternTracker` is null. */
  enableQueryRouting: z.boolean().default(false),
  /** Longest wait for a connection, connecting included. */
  acquireTimeoutMs: limitMs.default(30_000),
  /** Longest time that opening one connection may take. */
  connectTimeoutMs: limitMs.default(10_000),
  /** Longest time that a statement may take. */
  statementTimeoutMs: limitMs.default('never'),
  /** How long a cancelled statement may take to end before its connection is destroyed. */
  cancelGraceMs: limitMs.default(2000),
  /** How long cleaning a released connection may take before it is destroyed. */
  resetTimeoutMs: limitMs.default(5000),
  /** How long `close` waits for leases before it destroys their connections. */
  closeGraceMs: limitMs.default(5000),
  /** Prepared statements kept on each connection; 0 keeps none. */
  prepareCacheSize: z.number().int().min(0).max(10_000).default(256),
  /** SQLite: how long a statement waits for another process's lock. */
  busyTimeoutMs: z.number().int().min(0).max(3_600_000).default(5000),
});

/** What the constructor of a pool takes. */
export type PoolOptions = z.input<typeof poolConfigSchema>;

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Servers and how to log in. */
export interface ServerTarget {
  /** By the name of their host plan: `primary`, `replica`, `replica-2`. */
  readonly servers: Readonly<Record<string, ServerAddress>>;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly applicationName: string;
  readonly prepareCacheSize: number;
}

/** A file of SQLite. */
export interface FileTarget {
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly prepareCacheSize: number;
}

type Parsed = z.output<typeof poolConfigSchema>;
type DatabaseType = NonNullable<Parsed['databaseType']>;

/** A checked configuration, frozen. Printing it shows no secret. */
export type PoolConfig = Readonly<Omit<Parsed, 'connectionString' | 'databaseType'> & { databaseType: DatabaseType }>;

const DEFAULT_PORTS: Readonly<Record<Exclude<DatabaseType, 'sqlite'>, number>> = { postgresql: 5432, mysql: 3306 };

/** @throws PoolConfigError listing every problem, each with its path. */
export function parsePoolConfig(options: unknown): PoolConfig {
  const shaped = poolConfigSchema.safeParse(options ?? {});
  const problems = shaped.success ? [] : describeIssues(shaped.error.issues, Object.keys(poolConfigSchema.shape), closest);
  const { values, problems: stringProblems } = fromConnectionString(options);
  problems.push(...stringProblems);
  if (shaped.success) problems.push(...crossFieldProblems(shaped.data, values));
  if (problems.length > 0 || !shaped.success) {
    throw new PoolConfigError(`The configuration of the pool is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
      facts: { problems },
    });
  }
  const { connectionString: _, ...rest } = shaped.data;
  return freezeMasked({ ...rest, ...values, databaseType: values.databaseType ?? rest.databaseType ?? 'postgresql' });
}

function fromConnectionString(options: unknown): ReturnType<typeof parseConnectionString> {
  const given = (options as { connectionString?: unknown } | null | undefined)?.connectionString;
  return typeof given === 'string' && given !== '' ? parseConnectionString(given) : { values: {}, problems: [] };
}

function crossFieldProblems(config: Parsed, fromString: { readonly databaseType?: DatabaseType }): string[] {
  const problems: string[] = [];
  const { minConnections, maxConnections, connectionString, databaseType } = config;
  if (minConnections > maxConnections) problems.push(`minConnections: ${minConnections} is more than maxConnections (${maxConnections})`);
  if (connectionString !== undefined) {
    const doubled = (['host', 'port', 'database', 'user', 'password'] as const).filter((key) => config[key] !== undefined);
    for (const key of doubled) problems.push(`${key}: stands beside connectionString; give one of both`);
    if (databaseType !== undefined && fromString.databaseType !== undefined && databaseType !== fromString.databaseType) {
      problems.push(`databaseType: is "${databaseType}", but connectionString is of ${fromString.databaseType}`);
    }
    return problems;
  }
  if (databaseType === 'sqlite') {
    if (config.database === undefined) problems.push('database: is missing; give the file of SQLite, or ":memory:"');
    for (const key of ['host', 'port', 'user', 'password'] as const) {
      if (config[key] !== undefined) problems.push(`${key}: means nothing to SQLite; leave it out`);
    }
  }
  return problems;
}

/** Where a server's pool connects. */
export function serverTarget(config: PoolConfig): ServerTarget {
  const { database, user, password, name, prepareCacheSize } = config;
  return { servers: serverAddresses(config), database, user, password, applicationName: name.slice(0, 63), prepareCacheSize };
}

/** Each server by its name. */
export function serverAddresses({ host = 'localhost', port, databaseType }: PoolConfig): Readonly<Record<string, ServerAddress>> {
  const defaultPort = databaseType === 'mysql' ? DEFAULT_PORTS.mysql : DEFAULT_PORTS.postgresql;
  return { primary: { host, port: port ?? defaultPort } };
}

export function fileTarget({ database = ':memory:', busyTimeoutMs, prepareCacheSize }: PoolConfig): FileTarget {
  return { file: database, busyTimeoutMs, prepareCacheSize };
}

/** `'never'` as the number that timers and comparisons understand. */
export function milliseconds(limit: number | 'never'): number {
  return limit === 'never' ? Infinity : limit;
}

function freezeMasked(config: PoolConfig): PoolConfig {
  const masked = { ...config, ...(config.password !== undefined && { password: '***' }) };
  Object.defineProperty(config, inspect.custom, { value: () => masked });
  Object.defineProperty(config, 'toJSON', { value: () => masked });
  return Object.freeze(config);
}
