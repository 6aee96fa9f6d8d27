/**
 * The contract of a pool: all that another package (a query router) needs to know. Types, message schemas and errors only, so that
 * importing it loads no driver.
 */
import type { Dialect } from '@kailash-ts/sql';
import type { SerializedError } from '@kailash-ts/core';
import type { PoolStats, PoolStatus } from './stats.ts';

export type { PoolStats, PoolStatus } from './stats.ts';
export type { Dialect } from '@kailash-ts/sql';
export {
  acquireMessage,
  executeMessage,
  getStatusMessage,
  initializeMessage,
  parsePoolMessage,
  poolMessageSchema,
  poolOperations,
  releaseMessage,
  statsMessage,
  type PoolMessage,
  type PoolOperation,
} from './messages.ts';

export {
  AcquireTimeoutError,
  ConnectError,
  ConnectionLostError,
  LeaseReleasedError,
  LeaseUnknownError,
  PoolAbortedError,
  PoolClosedError,
  PoolError,
  ReadOnlyConnectionError,
  RunFinishedError,
  StatementError,
  StatementParametersError,
  StatementTimeoutError,
} from './errors.ts';

/** Values for placeholders: by position, or by name for `:name`. */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

/** What a connection may do: `primary` writes, `replica` only reads (SQLite: the writer and its readers). */
export type ConnectionRole = 'primary' | 'replica';

/** Where a connection stands, as the protocol tells it: in no transaction, in one, or in one that can only be rolled back. */
export type TransactionStatus = 'idle' | 'open' | 'failed';

/** Waiting for a connection. */
export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for queue and connect together; default: the pool's `acquireTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** The run that owns the lease: its end releases it. */
  readonly runId?: string | undefined;
  /** Default `primary`. `replica` falls back to the primary where there are none. */
  readonly role?: ConnectionRole | undefined;
  /** Ids of connections to take if they are idle, best first. */
  readonly prefer?: readonly string[] | undefined;
}

/** Running one statement. */
export interface ExecuteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for the statement; it is then cancelled on the server. Default: the pool's `statementTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** `all` (default): `data` is an array of rows. `one`: `data` is the first row, or null. */
  readonly fetchMode?: FetchMode | undefined;
  /** Whether to keep the statement prepared on its connection. Default: from its second use on. */
  readonly prepare?: boolean | undefined;
}

export type FetchMode = 'all' | 'one';

/** Where `pool.query` may run a statement, and how. `timeoutMs` bounds wait and statement together. */
export interface QueryConstraints extends ExecuteOptions {
  /** Default `primary`. `replica` promises that the statement only reads. */
  readonly role?: ConnectionRole | undefined;
  readonly prefer?: readonly string[] | undefined;
  readonly runId?: string | undefined;
}

/** A column of a result. `type` is the database's own name, in lower case. */
export interface Field {
  readonly name: string;
  readonly type: string;
}

export type Row = Record<string, unknown>;

/** What a statement gave. Methods answer only with `success: true` and throw otherwise; the message `execute` may answer false. */
export interface ExecuteResult<Data = readonly Row[]> {
  readonly success: boolean;
  /** Rows, keyed by column name (of two columns with one name the last wins); with `fetchMode: 'one'` a row or null. */
  readonly data: Data;
  /** Rows returned, or rows that a write affected. */
  readonly rowCount: number;
  /** Key that the database generated for the (MySQL: first, SQLite: last) inserted row. PostgreSQL: use RETURNING. */
  readonly lastInsertId?: number | bigint;
  readonly fields: readonly Field[];
  /** Only with `success: false`. */
  readonly error?: SerializedError;
  /** From sending the statement to its last row. */
  readonly executionTimeMs: number;
  /** Spent waiting for a connection; 0 on a lease that was already held. */
  readonly waitTimeMs: number;
  /** The connection that ran it; on a lease, the lease's id. */
  readonly connectionId: string;
}

/**
 * A connection in the hand of one borrower. Modes: held -> (release, end of its run, close of the pool) -> over.
 * Owned by whoever acquired it, who releases it; `await using` does.
 */
export interface Lease extends AsyncDisposable {
  /** Names this lease and no other, also in messages (`connectionId`): `primary-2#17` is the 17th lease of connection `primary-2`. */
  readonly id: string;
  /** The physical connection. */
  readonly connectionId: string;
  readonly role: ConnectionRole;
  readonly runId: string | undefined;
  readonly waitTimeMs: number;
  readonly released: boolean;
  /** After the last finished statement. */
  readonly transactionStatus: TransactionStatus;
}

export interface ReleaseResult {
  /** `recycled`: the connection was destroyed instead of going back, because it was broken or could not be cleaned. */
  readonly status: 'released' | 'recycled';
  readonly connectionId: string;
}

export interface InitializeResult {
  readonly status: 'initialized' | 'already_initialized';
  readonly minConnections: number;
  readonly maxConnections: number;
  readonly adaptiveSizing: boolean;
  readonly queryRouting: boolean;
}

export type ExecuteManyOptions = Omit<QueryConstraints, 'fetchMode' | 'prepare' | 'role'>;

/** Result of `executeMany`: no rows are returned. */
export type ExecuteManyResult = Omit<ExecuteResult, 'data' | 'fields' | 'error' | 'lastInsertId'>;

/** A pool, as its users see it. Every method initialises the pool where needed. */
export interface ConnectionPool {
  readonly name: string;
  readonly dialect: Dialect;
  /** Whether there are connections that only read, so that `role: 'replica'` differs from `primary`. */
  readonly hasReplicas: boolean;

  /** Opens `minConnections`. @throws ConnectError, AuthenticationError within `acquireTimeoutMs`. */
  initialize(): Promise<InitializeResult>;
  /** @throws AcquireTimeoutError, PoolAbortedError, RunFinishedError, PoolClosedError, ConnectError, AuthenticationError */
  acquire(options?: AcquireOptions): Promise<Lease>;
  /**
   * Runs one statement on a lease. Statements on one lease run one after the other.
   * @throws StatementError, StatementParametersError, LeaseReleasedError, ConnectionLostError, StatementTimeoutError, PoolAbortedError
   */
  execute(lease: Lease | string, sql: string, params?: Params, options?: ExecuteOptions & { fetchMode?: 'all' }): Promise<ExecuteResult>;
  execute(
    lease: Lease | string,
    sql: string,
    params: Params | undefined,
    options: ExecuteOptions & { fetchMode: 'one' },
  ): Promise<ExecuteResult<Row | null>>;
  execute(
    lease: Lease | string,
    sql: string,
    params?: Params,
    options?: ExecuteOptions,
  ): Promise<ExecuteResult<readonly Row[] | Row | null>>;
  /** Rolls back what is open, cleans the connection and gives it back. @throws LeaseReleasedError, LeaseUnknownError */
  release(lease: Lease | string): Promise<ReleaseResult>;
  /** Acquires, executes and releases. @throws as `acquire` and `execute`. */
  query(sql: string, params?: Params, constraints?: QueryConstraints & { fetchMode?: 'all' }): Promise<ExecuteResult>;
  query(sql: string, params: Params | undefined, constraints: QueryConstraints & { fetchMode: 'one' }): Promise<ExecuteResult<Row | null>>;
  query(sql: string, params?: Params, constraints?: QueryConstraints): Promise<ExecuteResult<readonly Row[] | Row | null>>;
  /**
   * One statement, many rows of parameters, by the driver's best means; all or nothing. `lease` in the options runs it on a
   * lease, inside of its transaction if one is open.
   */
  executeMany(
    sql: string,
    rows: readonly Params[],
    options?: ExecuteManyOptions & { readonly lease?: Lease | string },
  ): Promise<ExecuteManyResult>;
  /** Lends a connection to `use` and takes it back, whatever happens. */
  withConnection<T>(use: (lease: Lease) => Promise<T>, options?: AcquireOptions): Promise<T>;
  /** A lease by its id. @throws LeaseUnknownError */
  lease(id: string): Lease;
  stats(): PoolStats;
  getStatus(): PoolStatus;
  /** Rejects waiters at once, gives leases `closeGraceMs`, then destroys. Idempotent. */
  close(): Promise<void>;
}
