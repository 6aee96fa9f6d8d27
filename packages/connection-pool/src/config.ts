/** Configuration of a pool: schema, defaults, rules across fields. The only place where a default is written. */
import { inspect } from 'node:util';
import { z } from 'zod';
import { circuitBreakerSchema } from './breaker-config.ts';
import { parseConnectionString, type ConnectionStringValues } from './connection-string.ts';
import { PoolConfigError } from './errors.ts';
import { describeIssues } from './issues.ts';
import { namedServers, serverFields, serverProblems, type OnConnect, type ServerAddress, type ServerTarget } from './server-config.ts';

/** Milliseconds, or `'never'` for no limit. */
const limitMs = z.union([
  z
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  z.literal('never'),
]);
/** No NUL: C libraries end a text there, and PostgreSQL would read what follows as another parameter. */
const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'holds a NUL character');

/** What the constructor of a pool takes. Durations are in milliseconds. */
export const poolConfigSchema = z.strictObject({
  /** Names the pool in messages and figures. */
  name: text.default('pool'),
  databaseType: z.enum(['postgresql', 'mysql', 'sqlite']).optional(),
  /** `postgres://`, `postgresql://`, `mysql://`, `mariadb://`, `sqlite:file`, `sqlite::memory:`. Replaces the separate fields. */
  connectionString: text.optional(),
  /** Name of the database; for SQLite the file, or `:memory:`. */
  database: text.optional(),
  ...serverFields,
  /** Runs once on each new connection, before it is lent, and again after a reset of its session. What it sets stays for all borrowers. */
  onConnect: z.custom<OnConnect>((value) => typeof value === 'function', 'expected a function').optional(),
  /** Connections that each host keeps open, also when nobody needs them. */
  minConnections: z.number().int().min(0).max(10_000).default(2),
  /** Connections that each host may open at most. */
  maxConnections: z.number().int().min(1).max(10_000).default(10),
  /** Score from 0 to 100; a connection under it is replaced when it is released. */
  healthThreshold: z.number().min(0).max(100).default(50),
  /** Sizes the pool by its load: see `adaptiveController`. May be changed later by `pool.adaptiveSizingEnabled`. */
  adaptiveSizing: z.boolean().default(false),
  /**
   * `transaction`: between the pool and PostgreSQL stands a pooler that changes connections after each transaction (PgBouncer's
   * `pool_mode = transaction`). Nothing is prepared, and statements that change the session are refused outside of transactions.
   */
  poolerMode: z.enum(['session', 'transaction']).default('session'),
  /** Learns patterns of statements, which routers with `patternLearning` record: see `queryPatternTracker`. May be changed later. */
  enableQueryRouting: z.boolean().default(false),
  /**
   * Where what is learnt is kept over restarts: a file of this machine, or a table of the pool's own database (made when it is not there),
   * with one row for each name of a pool. Read when learning begins; written every `saveIntervalMs` and when the pool is closed.
   */
  patternStore: z
    .strictObject({
      file: text.optional(),
      /** Letters, digits and `_`, with its schema before a point if need be. */
      table: z
        .string()
        .regex(/^[a-z_][a-z0-9_]{0,62}([.][a-z_][a-z0-9_]{0,62})?$/i, 'expected a name of letters, digits and _')
        .optional(),
      saveIntervalMs: z
        .number()
        .int()
        .min(1000)
        .max(2 ** 31 - 1)
        .default(600_000),
    })
    .optional(),
  /** Opens what past runs of the same workflow needed when a run begins. */
  preWarm: z.boolean().default(true),

  /** Longest wait for a connection: queue, connecting, checking together. */
  acquireTimeoutMs: limitMs.default(30_000),
  /** Callers that may wait at a time; one more is refused at once. */
  maxWaiting: z.union([z.number().int().min(0).max(10_000_000), z.literal('unlimited')]).default(10_000),
  /** Connections that one run may hold at a time. */
  maxConnectionsPerRun: z.union([z.number().int().min(1).max(10_000), z.literal('unlimited')]).default('unlimited'),
  /** The last so many connections of a role go only to those who hold none yet, so that no run shuts others out. */
  reservedConnections: z.number().int().min(0).max(10_000).default(0),
  /** A run that waits for a connection while it sits on all that it could get, without using them, is told so after this time. */
  deadlockAfterMs: limitMs.default(5000),
  /** A lease held longer is reported as a leak, with the place where it was acquired. */
  leakThresholdMs: limitMs.default('never'),
  /** Takes a leaked lease away from its holder and destroys its connection. */
  reclaimLeaks: z.boolean().default(false),

  /** Longest time that opening one connection may take. */
  connectTimeoutMs: limitMs.default(10_000),
  /** Connections of one host that are being opened at a time. */
  maxConcurrentConnects: z.number().int().min(1).max(1000).default(4),
  /** A connection that was idle for longer is checked before it is lent; of `'never'` none is. */
  validateAfterIdleMs: limitMs.default(500),
  /** Longest time that checking a connection may take. */
  validateTimeoutMs: limitMs.default(5000),
  /** A check that takes longer counts as slow, which lowers the connection's score. */
  slowCheckMs: limitMs.default(1000),
  /** Idle connections are checked this often, which also keeps firewalls from forgetting them. */
  healthCheckIntervalMs: limitMs.default(30_000),
  /** While reads are routed by lag, replicas are asked this often how far they are. More often while somebody waits for them. */
  lagCheckIntervalMs: z.number().int().min(10).max(3_600_000).default(250),
  /** An idle connection beyond `minConnections` is closed after this time. */
  idleTimeoutMs: limitMs.default(600_000),
  /** A connection is replaced after this time, less up to a tenth, so that not all go at once. */
  maxLifetimeMs: limitMs.default(3_600_000),
  /** When to stop knocking at a server that does not answer. */
  circuitBreaker: circuitBreakerSchema.prefault({}),
  /** What the loss of a connection does to the others, and how often is too often. */
  supervisor: z
    .strictObject({
      /** Replace the lost one; all of its host; or it and those opened after it. */
      strategy: z.enum(['one_for_one', 'one_for_all', 'rest_for_one']).default('one_for_one'),
      /** Replacements of one place within `restartWindowMs`; one more, and the host counts as failing until one opens again. */
      maxRestarts: z.number().int().min(0).max(1000).default(3),
      restartWindowMs: z
        .number()
        .int()
        .min(1)
        .max(2 ** 31 - 1)
        .default(60_000),
    })
    .prefault({}),

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

/** A file of SQLite. */
export interface FileTarget {
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly onConnect: OnConnect | undefined;
  /** Name of the pool. */
  readonly applicationName: string;
  readonly prepareCacheSize: number;
}

type Parsed = z.output<typeof poolConfigSchema>;
type DatabaseType = NonNullable<Parsed['databaseType']>;

/** A checked configuration, frozen. Printing, copying and listing it show no secret: those are there only for who names them. */
export type PoolConfig = Readonly<Omit<Parsed, 'connectionString' | 'databaseType'> & { databaseType: DatabaseType }>;

const DEFAULT_PORTS: Readonly<Record<Exclude<DatabaseType, 'sqlite'>, number>> = { postgresql: 5432, mysql: 3306 };

/** @throws PoolConfigError listing every problem, each with its path. */
export function parsePoolConfig(options: unknown): PoolConfig {
  try {
    return checkedConfig(options);
  } catch (error) {
    if (error instanceof PoolConfigError) throw error;
    // A getter or a proxy of the caller's; its message may hold anything.
    const name = error instanceof Error ? error.name : typeof error;
    throw new PoolConfigError(`The configuration of the pool cannot be read: one of its fields throws (${name}). Give plain values.`);
  }
}

function checkedConfig(options: unknown): PoolConfig {
  const shaped = poolConfigSchema.safeParse(options === undefined ? {} : options);
  const problems = shaped.success ? [] : describeIssues(shaped.error.issues, poolConfigSchema);
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

function crossFieldProblems(config: Parsed, fromString: ConnectionStringValues): string[] {
  const problems = serverProblems({ ...config, ...fromString });
  const { minConnections, maxConnections, reservedConnections, connectionString, databaseType } = config;
  if (reservedConnections >= maxConnections)
    problems.push(`reservedConnections: ${reservedConnections} leaves none of maxConnections (${maxConnections}) to others; give less`);
  if (config.patternStore && (config.patternStore.file === undefined) === (config.patternStore.table === undefined))
    problems.push('patternStore: give either file or table');
  if (minConnections > maxConnections) problems.push(`minConnections: ${minConnections} is more than maxConnections (${maxConnections})`);
  if (connectionString !== undefined) {
    for (const key of ['host', 'port', 'primary', 'database', 'user'] as const) {
      if (config[key] !== undefined) problems.push(`${key}: stands beside connectionString; give one of both`);
    }
    for (const key of ['password', 'tls'] as const) {
      if (config[key] !== undefined && fromString[key] !== undefined)
        problems.push(`${key}: stands also in connectionString; give one of both`);
    }
    if (databaseType !== undefined && fromString.databaseType !== undefined && databaseType !== fromString.databaseType) {
      problems.push(`databaseType: is "${databaseType}", but connectionString is of ${fromString.databaseType}`);
    }
  }
  if (config.poolerMode === 'transaction' && (fromString.databaseType ?? databaseType ?? 'postgresql') !== 'postgresql')
    problems.push('poolerMode: is for poolers of PostgreSQL; leave it out');
  if ((fromString.databaseType ?? databaseType) === 'sqlite') {
    if (config.database === undefined && connectionString === undefined)
      problems.push('database: is missing; give the file of SQLite, or ":memory:"');
    const file = fromString.database ?? config.database ?? '';
    if (/^(?:file|https?|wss?|libsql):/i.test(file))
      problems.push('database: is a URL; give the path of a file, or ":memory:" for a database in memory');
    else if (file.includes('\0')) problems.push('database: holds a NUL character');
    for (const key of Object.keys(serverFields) as (keyof typeof serverFields)[]) {
      if (config[key] !== undefined) problems.push(`${key}: means nothing to SQLite; leave it out`);
    }
  }
  return problems;
}

/** Where a server's pool connects. */
export function serverTarget(config: PoolConfig): ServerTarget {
  const { database, user, password, tls, onConnect, name, poolerMode } = config;
  const behindPooler = poolerMode === 'transaction';
  return {
    servers: serverAddresses(config),
    database,
    user,
    password,
    tls: tls === true ? {} : tls,
    onConnect,
    applicationName: name.slice(0, 63),
    prepareCacheSize: behindPooler ? 0 : config.prepareCacheSize,
    behindPooler,
  };
}

/** Each server by the name of its host plan, the primary first. */
export function serverAddresses(config: PoolConfig): Readonly<Record<string, ServerAddress>> {
  return namedServers(config, config.databaseType === 'mysql' ? DEFAULT_PORTS.mysql : DEFAULT_PORTS.postgresql);
}

export function fileTarget({ database = ':memory:', busyTimeoutMs, onConnect, name, prepareCacheSize }: PoolConfig): FileTarget {
  return { file: database, busyTimeoutMs, onConnect, applicationName: name, prepareCacheSize };
}

/** `'never'` as the number that timers and comparisons understand. */
export function milliseconds(limit: number | 'never'): number {
  return limit === 'never' ? Infinity : limit;
}

function freezeMasked(config: PoolConfig): PoolConfig {
  const { password, tls } = config;
  const masked = {
    ...config,
    ...(password !== undefined && { password: '***' }),
    ...(typeof tls === 'object' && { tls: { ...tls, ...(tls.key !== undefined && { key: '***' }) } }),
  };
  if (password !== undefined) Object.defineProperty(config, 'password', { enumerable: false });
  if (typeof tls === 'object' && tls.key !== undefined) Object.defineProperty(tls, 'key', { enumerable: false });
  for (const part of [tls, config.replicas, config.circuitBreaker, config.supervisor, config.patternStore]) Object.freeze(part);
  Object.defineProperty(config, inspect.custom, { value: () => masked });
  Object.defineProperty(config, 'toJSON', { value: () => masked });
  return Object.freeze(config);
}

/** Checks a value for a setting that may change while the pool works. @param property of the pool, for the message @throws PoolConfigError */
export function parsePoolSetting<Key extends 'healthThreshold' | 'adaptiveSizing' | 'enableQueryRouting' | 'preWarm'>(
  key: Key,
  value: unknown,
  property: string = key,
): Parsed[Key] {
  const parsed = poolConfigSchema.shape[key].unwrap().safeParse(value);
  if (parsed.success) return parsed.data as Parsed[Key];
  const problems = describeIssues(parsed.error.issues, poolConfigSchema.shape[key]).map((problem) => problem.replace(/^it/, property));
  throw new PoolConfigError(`The setting of the pool is wrong: ${problems.join('; ')}`, { facts: { problems } });
}
