/**
 * The contract of a pool: all that another package (a query router) needs to know. Types, message schemas and errors only, so that
 * importing it loads no driver.
 */
import type { QueryPatternTracker } from './learning/query-pattern-tracker.ts';
import type { Dialect } from '@kailash-ts/sql';
import type { SerializedError } from '@kailash-ts/core';
import type { AdjustResult, ComprehensiveStatus, ExportedMetrics, PoolStatistics, PoolStats, PoolStatus } from './answers.ts';
import type { PoolEventName, PoolEvents } from './events.ts';
import type { ConnectionRole } from './role.ts';

export type { AdjustResult, ComprehensiveStatus, ExportedMetrics, PoolStatistics, PoolStats, PoolStatus } from './answers.ts';
export type { CloseReason, PoolEventName, PoolEvents } from './events.ts';
export type { Dialect } from '@kailash-ts/sql';
export type { ConnectionRole } from './role.ts';
export { poolAnswerSchemas } from './answers.ts';
export {
  acquireMessage,
  adjustPoolSizeMessage,
  executeMessage,
  exportMetricsMessage,
  getComprehensiveStatusMessage,
  getPoolStatisticsMessage,
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
  CircuitOpenError,
  ConnectError,
  ConnectionLostError,
  LeaseBusyError,
  LeaseReleasedError,
  LeaseUnknownError,
  PoolAbortedError,
  PoolClosedError,
  PoolError,
  PoolQueueFullError,
  ReadOnlyConnectionError,
  RunDeadlockError,
  RunFinishedError,
  StatementError,
  StatementParametersError,
  StatementTimeoutError,
} from './errors.ts';

/** Values for placeholders: by position, or by name for `:name`. */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

/** Where a connection stands, as the protocol tells it: in no transaction, in one, or in one that can only be rolled back. */
export type TransactionStatus = 'idle' | 'open' | 'failed';

/** Waiting for a connection. */
export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for queue, connect and check together; default: the pool's `acquireTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** The run that owns the lease: its end releases it. */
  readonly runId?: string | undefined;
  /** The node of the run that asks; named when the lease leaks. */
  readonly nodeId?: string | undefined;
  /** Default `primary`. `replica` falls back to the primary where there are none. */
  readonly role?: ConnectionRole | undefined;
  /**
   * With role `replica`: the names of the only replicas that may serve, best first. The first one with an idle connection does; if there
   * is none, the caller waits for one of them. The primary serves where none of them can be reached, or is a replica any more; another
   * replica never does. Without meaning for the role `primary`.
   */
  readonly hosts?: readonly string[] | undefined;
  /** Ids of connections to take if they are idle, best first. */
  readonly prefer?: readonly string[] | undefined;
}

/** Running one statement. */
export interface ExecuteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for the statement; it is then cancelled on the server. Default: the pool's `statementTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** `all` (default): `data` is an array of rows. `one`: `data` is the first row, or null. `many`: the first `fetchSize` rows. */
  readonly fetchMode?: FetchMode | undefined;
  /** With `fetchMode: 'many'`: how many rows, at least 1. The rest is not read, except on MySQL, which sends all. */
  readonly fetchSize?: number | undefined;
  /** Whether to keep the statement prepared on its connection. Default: from its second use on. */
  readonly prepare?: boolean | undefined;
}

export type FetchMode = 'all' | 'one' | 'many';

/** Where `pool.query` may run a statement, and how. `timeoutMs` bounds wait and statement together. */
export interface QueryConstraints extends ExecuteOptions {
  /** Default `primary`. `replica` promises that the statement only reads. */
  readonly role?: ConnectionRole | undefined;
  /** As in `AcquireOptions`. */
  readonly hosts?: readonly string[] | undefined;
  readonly prefer?: readonly string[] | undefined;
  readonly runId?: string | undefined;
}

/** A statement that will probably be run, and where. */
export interface ExpectedStatement extends Pick<QueryConstraints, 'role' | 'hosts'> {
  /** That it is the next one: from 0 to 1, calibrated. */
  readonly probability: number;
  /** After how many milliseconds it has ended, on average. */
  readonly delayMs: number;
  /** If its connection is known already. */
  readonly lease?: Lease | undefined;
}

/** A connection, for whoever chooses between hosts. */
export interface HostConnection {
  readonly id: string;
  /** From 0 to 100. */
  readonly healthScore: number;
  /** Lent, or being checked. */
  readonly busy: boolean;
  /** Mean of its last statements; null before the first. */
  readonly latencyMs: number | null;
}

/** A server of the pool as it is now: each property is looked up when it is read. Of SQLite the writer is one, the readers are another. */
export interface PoolHost {
  /** `primary`, `replica`, `replica-2`: as configured, whatever it is by now. */
  readonly name: string;
  readonly address: string;
  /** What the server itself said last. */
  readonly role: ConnectionRole;
  /** Whether it has connections, or may get some. */
  readonly available: boolean;
  /** Mean of its connections, from 0 to 100; 100 without any. */
  readonly healthScore: number;
  /** Connections that are lent, and how many there may be. */
  readonly busy: number;
  readonly size: number;
  /** How long its statements take, the latest ones counting most; null before the first. */
  readonly latencyMs: number | null;
  /** It shows all that had ended by this moment (as `moment()` counts). -Infinity: not known. Infinity: it is the primary, or cannot lag. */
  readonly freshAsOf: number;
  /** By how much its state is older than the primary's last known one, to within `lagCheckIntervalMs`; null: not known. */
  readonly lagMs: number | null;
  /** What it lacked when it was last asked: bytes of the log (PostgreSQL), transactions (MariaDB); null: not known. */
  readonly missing: number | null;
  /** Of a replica: how far it has replayed, in the words of its database; null: not known. */
  readonly position: string | null;
  readonly connections: readonly HostConnection[];
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
  /** From 0 to 100: how well the connection does. */
  readonly healthScore: number;
  readonly released: boolean;
  /** After the last finished statement. */
  readonly transactionStatus: TransactionStatus;
  /** Runs one statement on it, as `pool.execute(lease, ...)`. */
  execute(sql: string, params: Params | undefined, options: ExecuteOptions & { fetchMode: 'one' }): Promise<ExecuteResult<Row | null>>;
  execute(sql: string, params?: Params, options?: ExecuteOptions & { fetchMode?: 'all' | 'many' }): Promise<ExecuteResult>;
  execute(sql: string, params?: Params, options?: ExecuteOptions): Promise<ExecuteResult<readonly Row[] | Row | null>>;
  /** One statement, many rows of parameters, as `pool.executeMany(..., { lease })`. */
  executeMany(sql: string, rows: readonly Params[], options?: ExecuteManyOptions): Promise<ExecuteManyResult>;
}

export interface ReleaseResult {
  /**
   * `recycled`: the connection was closed instead of going back, because it was broken, unhealthy, too old, or could not be
   * cleaned. Another one is opened beside, where it is needed.
   */
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

export type ExecuteManyOptions = Omit<QueryConstraints, 'fetchMode' | 'fetchSize' | 'prepare' | 'role' | 'hosts'>;

/** Reading rows one by one. `timeoutMs` limits each piece of `fetchSize` rows (and, without a lease, the wait for a connection). */
export interface StreamOptions extends Omit<QueryConstraints, 'fetchMode' | 'fetchSize'> {
  /** Rows that are fetched at a time, default 100. */
  readonly fetchSize?: number | undefined;
  /** Reads on this lease, inside of its transaction, instead of taking a connection. */
  readonly lease?: Lease | string | undefined;
}

export type IsolationLevel = 'read_uncommitted' | 'read_committed' | 'repeatable_read' | 'serializable';

/** A transaction around a function. */
export interface TransactionOptions extends AcquireOptions {
  /** Default: the server's. SQLite knows `serializable` only, and gives it for every level. */
  readonly isolation?: IsolationLevel | undefined;
  /** Default false. */
  readonly readOnly?: boolean | undefined;
  /**
   * How often the whole function is run again, with growing pauses, when the database reports a serialization failure or a deadlock.
   * Default 0: the function must bear being run more than once.
   */
  readonly retries?: number | undefined;
}

/** Result of `executeMany`: no rows are returned. */
export type ExecuteManyResult = Omit<ExecuteResult, 'data' | 'fields' | 'error' | 'lastInsertId'>;

/** A pool, as its users see it. Every method initialises the pool where needed. */
export interface ConnectionPool {
  readonly name: string;
  readonly dialect: Dialect;
  /** Whether there are connections that only read, so that `role: 'replica'` differs from `primary`. */
  readonly hasReplicas: boolean;
  /**
   * The servers, always the same objects. A promise only before the first use, which it is; nobody is waited for.
   * Asking keeps the monitor of replicas awake, which finds out how far they are behind.
   * @throws PoolClosedError
   */
  hosts(): readonly PoolHost[] | Promise<readonly PoolHost[]>;
  /** The server of a connection, by the `connectionId` of a result or a lease; undefined for one that there is not. */
  hostOf(connectionId: string): PoolHost | undefined;
  /** Now, as `PoolHost.freshAsOf` counts. A write that has ended before is seen on hosts whose `freshAsOf` is no less. */
  moment(): number;
  /** Somebody waits for replicas to catch up: they are asked soon, once for all who wait. */
  checkReplicas(): void;

  /** Opens `minConnections`. @throws ConnectError, AuthenticationError within `acquireTimeoutMs`. */
  initialize(): Promise<InitializeResult>;
  /** @throws AcquireTimeoutError, PoolQueueFullError, CircuitOpenError, PoolAbortedError, RunFinishedError, RunDeadlockError, PoolClosedError, ConnectError, AuthenticationError */
  acquire(options?: AcquireOptions): Promise<Lease>;
  /**
   * Runs one statement on a lease. Statements on one lease run one after the other.
   * `timeoutMs` and `signal` cover the wait for their turn.
   * @throws StatementError, StatementParametersError, LeaseReleasedError, ConnectionLostError, StatementTimeoutError, PoolAbortedError;
   * LeaseBusyError while a stream on the lease waits for its reader
   */
  execute(
    lease: Lease | string,
    sql: string,
    params?: Params,
    options?: ExecuteOptions & { fetchMode?: 'all' | 'many' },
  ): Promise<ExecuteResult>;
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
  query(sql: string, params?: Params, constraints?: QueryConstraints & { fetchMode?: 'all' | 'many' }): Promise<ExecuteResult>;
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
  /** Rows one by one, with backpressure: the connection is held until the last row or until the reader stops. @throws as `query` */
  stream(sql: string, params?: Params, options?: StreamOptions): AsyncGenerator<Row, void, undefined>;
  /**
   * Lends a connection to `use` and takes it back, whatever happens. Its `signal` ends both at once, also
   * while `use` is still at work: what runs is stopped, and what `use` still sends is refused.
   */
  withConnection<T>(use: (lease: Lease) => Promise<T>, options?: AcquireOptions): Promise<T>;
  /**
   * Runs `work` in a transaction: commits what it returns, rolls back what it throws. `signal` ends it at once,
   * also while `work` does not settle: nothing is committed then, and what `work` still sends is refused; `timeoutMs` limits the wait for a connection, and no statement.
   * @throws what `work` throws; ConnectionLostError with `mayHaveExecuted` when COMMIT got no answer
   */
  transaction<T>(work: (transaction: Lease) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Learns patterns of statements from whoever records them, as a router does; null while `enableQueryRouting` is false. */
  readonly queryPatternTracker: QueryPatternTracker | null;
  /** A lease by its id. @throws LeaseUnknownError */
  lease(id: string): Lease;
  stats(): PoolStats;
  getStatus(): PoolStatus;
  getPoolStatistics(): PoolStatistics;
  getComprehensiveStatus(): ComprehensiveStatus;
  /** Whether `prepareAhead` may be of use now: its connections keep what is prepared, and one of them has lately been without. */
  readonly preparesAhead: boolean;
  /**
   * Prepares a statement that will probably be run, without running it, if that is worth while: in the background, on an idle connection
   * that is the next to be lent while another one is idle, too, or on a lease outside of its transactions. Waits for nobody, lets nobody
   * wait, and pushes no other statement out. What the server refuses is told to whoever runs it.
   * @param sql with placeholders @returns whether it has begun @throws PoolOptionsError
   */
  prepareAhead(sql: string, expected: ExpectedStatement): boolean;
  /**
   * Statements whose text matches are prepared anew at their next use, and the servers forget them. For changes of tables that the
   * pool cannot see; what a server itself refuses as out of date is prepared anew without that. The text is that of the database, with
   * its own placeholders.
   */
  forgetPrepared(matches: (text: string) => boolean): void;
  /** Keeps exactly `newSize` connections per host from now on; closes idle ones only. Out of bounds: `success: false` with the reason. */
  adjustPoolSize(newSize: number): AdjustResult;
  /** In the text format of Prometheus. */
  exportMetrics(): Promise<ExportedMetrics>;
  /** A listener that throws disturbs nobody; it is reported as `pool:warning`. */
  on<Name extends PoolEventName>(name: Name, listener: (event: PoolEvents[Name]) => void): void;
  off<Name extends PoolEventName>(name: Name, listener: (event: PoolEvents[Name]) => void): void;
  /** Rejects waiters at once, gives leases `closeGraceMs`, then destroys. Idempotent. */
  close(): Promise<void>;
}
