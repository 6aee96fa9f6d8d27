/**
 * The port to a database. A driver opens connections; a connection runs one statement at a time and knows from the protocol
 * where it stands. Pools see nothing of the client libraries behind it.
 */
import type { Dialect } from '@kailash-ts/sql';
import type { ConnectionRole, Field, Row, TransactionStatus } from './contract.ts';
import type { LogPosition } from './log-position.ts';

/** A group of connections to one server in one role, with its own limits. SQLite: the writer is one, the readers are another. */
export interface HostPlan {
  /** Begins the ids of its connections: `primary`, `replica`, `replica-b`. */
  readonly name: string;
  /** What the configuration says it is. What it really is, its connections find out (`DriverConnection.role`). */
  readonly role: ConnectionRole;
  /** Where it is: `db1:5432`, or the file of SQLite. */
  readonly address: string;
  readonly min: number;
  readonly max: number;
  /** Its connections hold the data themselves (SQLite in memory): none is closed for being idle, old or slow. */
  readonly permanent?: boolean;
}

/** Opens connections of one kind of database. Owned by one pool, which closes it after its connections. */
export interface Driver {
  readonly dialect: Dialect;
  readonly hosts: readonly HostPlan[];
  /**
   * Opens a connection, ready for use.
   * @throws ConnectError, AuthenticationError, DriverMissingError; when the signal is aborted nothing may stay open.
   */
  connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection>;
  close(): Promise<void>;
}

/** A statement in the database's own placeholder style, with values that it takes. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly prepare: boolean | undefined;
  /** Rows wanted at most: the rest is neither read nor kept where the protocol allows that. Default: all. */
  readonly maxRows?: number | undefined;
}

/** A statement with many rows of values. Each row has as many values as the text has placeholders. */
export interface BoundBatch {
  readonly text: string;
  readonly rows: readonly (readonly unknown[])[];
}

export interface DriverResult {
  readonly rows: Row[];
  readonly rowCount: number;
  readonly lastInsertId?: number | bigint;
  readonly fields: readonly Field[];
  /** Whether the server had the statement prepared already; undefined for one that is not to be kept prepared. */
  readonly wasPrepared?: boolean | undefined;
}

/**
 * Rows of one statement, piece by piece; the connection is busy until the end. Owned by the caller, who reads it to its end or
 * closes it.
 */
export interface RowStream {
  /** Known after the first `next`. */
  readonly fields: readonly Field[];
  /** At least one row and at most `fetchSize`; undefined at the end, when the connection is idle again. @throws as `execute` */
  next(): Promise<readonly Row[] | undefined>;
  /** Gives up the rest; resolves when the connection is idle or lost. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Prepares statements that nobody runs yet. Only outside of transactions: a refusal would end them in PostgreSQL. */
export interface PreparesAhead {
  /** Whether a statement that is not prepared costs its caller a round trip more, or is prepared on the way. */
  readonly savesRoundTrip: boolean;
  /** Whether the statement would be prepared when it is run, is not yet, and there is room for it. */
  lacks(text: string): boolean;
  /** One operation, as `execute`, which runs nothing. @throws StatementError, ConnectionLostError */
  prepare(text: string): Promise<void>;
}

/**
 * One connection. Modes: idle -> (execute, executeMany, reset) -> busy -> idle; from any -> lost | destroyed, which is final.
 *
 * The caller never starts a second operation before the first has settled. Errors are this package's, made by the driver.
 */
export interface DriverConnection {
  /** After the last settled operation. */
  readonly transactionStatus: TransactionStatus;
  /** False once it broke or was destroyed: it must not be used again. */
  readonly usable: boolean;
  /** What its server is, as probed when it was opened and last by `probeRole`; servers that tell of a change by themselves change it. */
  readonly role: ConnectionRole;
  /** Whether `reset` would have nothing to do: no transaction, no change of the session, no cancel on its way. */
  readonly clean: boolean;
  /** @throws StatementError (connection stays usable), ConnectionLostError (it does not). Settles only when the connection is idle or lost. */
  execute(statement: BoundStatement): Promise<DriverResult>;
  /** Rows in pieces of `fetchSize`, with no more of them in memory than that (and what the socket holds). */
  stream(statement: BoundStatement, fetchSize: number): RowStream;
  /** All or nothing, also inside of a transaction (which may then be `failed`). @returns rows affected */
  executeMany(batch: BoundBatch): Promise<number>;
  /** One round trip that proves it alive. @throws ConnectionLostError */
  ping(): Promise<void>;
  /** Asks the server anew what it is: free of side effects, also inside of a transaction. @throws ConnectionLostError */
  probeRole(): Promise<ConnectionRole>;
  /**
   * How far its server's log goes: on a primary the end of what may have been committed, on a replica of what is replayed and visible.
   * Undefined where that cannot be told. May notice a change of the role, too. Absent where replicas cannot lag (SQLite).
   */
  readPosition?(): Promise<LogPosition | undefined>;
  /**
   * Asks the server to cancel what runs. Resolves when the request is through, whatever becomes of it; the operation itself
   * then settles. SQLite cannot interrupt: a connection to a file is retired, and its operation settles as lost; one to memory
   * is kept, and its operation settles when it ends by itself.
   */
  cancel(): Promise<void>;
  /**
   * Makes the connection as good as new: rolls back, and undoes changes of the session if there were any. Free of round trips
   * when clean. A rejection means that it must be destroyed.
   */
  reset(): Promise<void>;
  /** Absent where preparing takes no time worth mentioning (SQLite). */
  readonly ahead?: PreparesAhead;
  /** Prepares the statements whose text matches anew at their next use, and lets the server forget them. No round trip. */
  forgetPrepared(matches: (text: string) => boolean): void;
  /** Ends it in order. Never rejects. */
  close(): Promise<void>;
  /** Ends it at once; operations under way settle as lost. Never throws. */
  destroy(): void;
  /** Called once if the connection breaks while nothing runs on it. */
  onLost(listener: () => void): void;
}
