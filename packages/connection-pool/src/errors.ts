/**
 * Every error of this package, under one base class.
 *
 * Drivers' own errors are told into these once, at the driver (`drivers/*-errors.ts`); the originals are not kept as causes,
 * because their fields hold SQL text and values of rows. A message holds neither.
 */
import { KailashError, type KailashErrorOptions } from '@kailash-ts/core';

/** Base of every error that a pool throws on purpose. */
export class PoolError extends KailashError {
  static override readonly errorName: string = 'PoolError';
}

/** The configuration of a pool is wrong. The message lists all problems, each with its path. Code `POOL_CONFIG_INVALID`. */
export class PoolConfigError extends PoolError {
  static override readonly errorName = 'PoolConfigError';

  constructor(message: string, options?: KailashErrorOptions) {
    super('POOL_CONFIG_INVALID', message, options);
  }
}

/** A message to the pool is wrong: unknown operation, unknown key, wrong type. Code `POOL_MESSAGE_INVALID`. */
export class PoolMessageError extends PoolError {
  static override readonly errorName = 'PoolMessageError';

  constructor(message: string, options?: KailashErrorOptions) {
    super('POOL_MESSAGE_INVALID', message, options);
  }
}

/** Options of a method of the pool are wrong. Nothing was done. Code `POOL_OPTIONS_INVALID`. */
export class PoolOptionsError extends PoolError {
  static override readonly errorName = 'PoolOptionsError';

  constructor(method: string, problems: readonly string[]) {
    super('POOL_OPTIONS_INVALID', `The call of ${method} is wrong: ${problems.join('; ')}.`, { facts: { method, problems } });
  }
}

/** The client library of the database is not installed. Code `POOL_DRIVER_MISSING`. */
export class DriverMissingError extends PoolError {
  static override readonly errorName = 'DriverMissingError';

  constructor(databaseType: string, packageName: string, cause: unknown) {
    super(
      'POOL_DRIVER_MISSING',
      `The client library "${packageName}" for ${databaseType} cannot be loaded. Install it beside @kailash-ts/connection-pool: npm install ${packageName}`,
      { cause, facts: { databaseType, packageName } },
    );
  }
}

/** The pool is closing or closed. Code `POOL_CLOSED`. */
export class PoolClosedError extends PoolError {
  static override readonly errorName = 'PoolClosedError';

  constructor(pool: string) {
    super('POOL_CLOSED', `Pool "${pool}" is closed: it gives no connections any more. Make a new pool, or close it later.`, {
      facts: { pool },
    });
  }
}

/** How a pool stood at one moment. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly active: number;
  readonly waiting: number;
  readonly max: number;
}

/** The lease that is held for longest at one moment. */
export interface LongestHeld {
  readonly leaseId: string;
  readonly heldMs: number;
  readonly runId: string | undefined;
  readonly nodeId: string | undefined;
}

/** No connection became free in time. `facts` hold the pool's counts and who holds one for longest. Code `POOL_ACQUIRE_TIMEOUT`, retryable. */
export class AcquireTimeoutError extends PoolError {
  static override readonly errorName = 'AcquireTimeoutError';

  constructor(pool: string, timeoutMs: number, counts: PoolCounts, cause?: unknown, longestHeld?: LongestHeld) {
    const limit = Math.round(timeoutMs);
    super(
      'POOL_ACQUIRE_TIMEOUT',
      `Pool "${pool}" had no free connection within ${limit} ms (${countsText(counts)}${longestHeld ? `; ${holderText(longestHeld)}` : ''}). ` +
        'Release connections sooner, raise maxConnections, or raise acquireTimeoutMs.',
      { cause, retryable: true, facts: { pool, timeoutMs: limit, ...counts, ...(longestHeld && { longestHeld }) } },
    );
  }
}

const countsText = ({ total, idle, active, waiting, max }: PoolCounts): string =>
  `total ${total}, idle ${idle}, active ${active}, waiting ${waiting}, max ${max}`;

function holderText({ leaseId, heldMs, runId, nodeId }: LongestHeld): string {
  const who = [runId === undefined ? '' : ` by run "${runId}"`, nodeId === undefined ? '' : `, node "${nodeId}"`].join('');
  return `held for longest: ${leaseId}${who}, ${Math.round(heldMs)} ms`;
}

/** As many callers wait as may. Code `POOL_QUEUE_FULL`, retryable. */
export class PoolQueueFullError extends PoolError {
  static override readonly errorName = 'PoolQueueFullError';

  constructor(pool: string, maxWaiting: number, counts: PoolCounts) {
    super(
      'POOL_QUEUE_FULL',
      `Pool "${pool}" lets no more than ${maxWaiting} callers wait (${countsText(counts)}). ` +
        'Send less at a time, raise maxConnections if the database can take it, or raise maxWaiting.',
      { retryable: true, facts: { pool, maxWaiting, ...counts } },
    );
  }
}

/** A run waits for a connection while it holds, unused, all that it could get. Code `POOL_RUN_DEADLOCK`. */
export class RunDeadlockError extends PoolError {
  static override readonly errorName = 'RunDeadlockError';

  constructor(pool: string, runId: string, held: number, afterMs: number) {
    super(
      'POOL_RUN_DEADLOCK',
      `Run "${runId}" waits for another connection of pool "${pool}" while it holds ${held} that it has not used for ${Math.round(afterMs)} ms, ` +
        'and nobody else has one to give back. Use the connection that it holds, release it before acquiring another one, or raise maxConnections.',
      { facts: { pool, runId, held, afterMs } },
    );
  }
}

/** The caller's signal was aborted; `cause` is its reason. Code `POOL_ABORTED`. */
export class PoolAbortedError extends PoolError {
  static override readonly errorName = 'PoolAbortedError';
  /** Whether the database may have carried out the statement all the same. False while waiting for a connection. */
  readonly mayHaveExecuted: boolean;

  constructor(subject: string, mayHaveExecuted: boolean, cause: unknown) {
    const outcome = mayHaveExecuted ? ' The database may have carried it out all the same: check before doing it again.' : '';
    super('POOL_ABORTED', `${subject} was aborted by its caller.${outcome}`, { cause, facts: { mayHaveExecuted } });
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** No connection is leased under this id. Code `POOL_LEASE_UNKNOWN`. */
export class LeaseUnknownError extends PoolError {
  static override readonly errorName = 'LeaseUnknownError';

  constructor(pool: string, connectionId: string) {
    super(
      'POOL_LEASE_UNKNOWN',
      `Pool "${pool}" has no leased connection "${connectionId}". Use the connectionId that acquire gave, in the same run, before it is released.`,
      { facts: { pool, connectionId } },
    );
  }
}

/** A lease was used or released after its release. Code `POOL_LEASE_RELEASED`. */
export class LeaseReleasedError extends PoolError {
  static override readonly errorName = 'LeaseReleasedError';

  constructor(pool: string, connectionId: string, reason: string) {
    super('POOL_LEASE_RELEASED', `Lease "${connectionId}" of pool "${pool}" is over: ${reason}. Acquire a new one.`, {
      facts: { pool, connectionId, reason },
    });
  }
}

/** A statement was sent on a lease on which a stream is open that waits for its reader. Nothing was sent. Code `POOL_LEASE_BUSY`. */
export class LeaseBusyError extends PoolError {
  static override readonly errorName = 'LeaseBusyError';

  constructor(connectionId: string) {
    super(
      'POOL_LEASE_BUSY',
      `A stream is open on lease "${connectionId}" and waits for its reader, so that no other statement can have its turn. ` +
        'Read the stream to its end or leave its loop first, or run the statement on another connection.',
      { facts: { connectionId } },
    );
  }
}

/** A run that is over asked for a connection. Code `POOL_RUN_FINISHED`. */
export class RunFinishedError extends PoolError {
  static override readonly errorName = 'RunFinishedError';

  constructor(pool: string, runId: string) {
    super(
      'POOL_RUN_FINISHED',
      `Run "${runId}" is over and can take no connection of pool "${pool}". Await all work before the node ends.`,
      {
        facts: { pool, runId },
      },
    );
  }
}

/** A connection could not be opened: refused, unreachable, too slow, no such database. Code `POOL_CONNECT_FAILED`. */
export class ConnectError extends PoolError {
  static override readonly errorName: string = 'ConnectError';
  /** SQLSTATE, `ECONNREFUSED` and the like, as far as known. */
  readonly reason: string | undefined;
  /** The server itself is full: waiting helps where this pool has connections of its own. */
  readonly serverFull: boolean;

  constructor(
    message: string,
    options: KailashErrorOptions & { readonly reason?: string | undefined; readonly serverFull?: boolean; readonly code?: string } = {},
  ) {
    super(options.code ?? 'POOL_CONNECT_FAILED', message, { ...options, facts: { ...options.facts, reason: options.reason } });
    this.reason = options.reason;
    this.serverFull = options.serverFull ?? false;
  }
}

/** The database refused user or password. Never retryable, so that nobody is locked out. Code `POOL_AUTHENTICATION_FAILED`. */
export class AuthenticationError extends ConnectError {
  static override readonly errorName = 'AuthenticationError';

  constructor(message: string, reason: string | undefined) {
    super(message, { reason, retryable: false, code: 'POOL_AUTHENTICATION_FAILED' });
  }
}

/** What kind of mistake or conflict a statement met, the same on all databases. */
export type StatementErrorKind =
  | 'unique_violation'
  | 'foreign_key_violation'
  | 'not_null_violation'
  | 'check_violation'
  | 'syntax_error'
  | 'unknown_object'
  | 'permission_denied'
  | 'data_error'
  | 'serialization_failure'
  | 'deadlock'
  | 'lock_timeout'
  | 'transaction_failed'
  | 'transaction_rolled_back'
  | 'server_timeout'
  | 'busy'
  | 'other';

/** What the database said about a statement, without values. */
export interface StatementErrorFacts {
  readonly kind: StatementErrorKind;
  /** SQLSTATE of PostgreSQL and MySQL. */
  readonly sqlState?: string | undefined;
  /** Error number of MySQL, result code of SQLite. */
  readonly errno?: number | undefined;
  /** Name of the code: `ER_DUP_ENTRY`, `SQLITE_CONSTRAINT_UNIQUE`. */
  readonly codeName?: string | undefined;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  /** Offset of the mistake in the SQL as sent, from 1. */
  readonly position?: number | undefined;
  /** Which row of `executeMany`, from 0. */
  readonly row?: number | undefined;
}

/** The database refused a statement. The connection stays. Code `POOL_STATEMENT_FAILED`; retryable only for conflicts outside of a transaction. */
export class StatementError extends PoolError {
  static override readonly errorName: string = 'StatementError';
  readonly kind: StatementErrorKind;
  readonly sqlState: string | undefined;
  readonly errno: number | undefined;

  constructor(message: string, facts: StatementErrorFacts, options: { readonly retryable?: boolean; readonly code?: string } = {}) {
    const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
    super(options.code ?? 'POOL_STATEMENT_FAILED', message, { retryable: options.retryable ?? false, facts: known });
    this.kind = facts.kind;
    this.sqlState = facts.sqlState;
    this.errno = facts.errno;
  }
}

/** A statement that writes was sent to a read-only connection. Code `POOL_READ_ONLY_CONNECTION`. */
export class ReadOnlyConnectionError extends StatementError {
  static override readonly errorName = 'ReadOnlyConnectionError';

  constructor(detail: string, facts: Omit<StatementErrorFacts, 'kind'>) {
    super(
      `The statement writes, but its connection is read-only (${detail}). Ask for a connection with role "primary".`,
      { ...facts, kind: 'permission_denied' },
      { code: 'POOL_READ_ONLY_CONNECTION' },
    );
  }
}

/** LISTEN was sent. Connections of a pool change hands, so a notification would reach nobody or the wrong one. Code `POOL_NOTIFICATIONS_UNSUPPORTED`. */
export class NotificationsUnsupportedError extends StatementError {
  static override readonly errorName = 'NotificationsUnsupportedError';

  constructor() {
    super(
      'LISTEN is not supported by this pool: its connections change hands. Listen on a connection of your own. NOTIFY may be sent through the pool.',
      { kind: 'other' },
      { code: 'POOL_NOTIFICATIONS_UNSUPPORTED' },
    );
  }
}

/**
 * The statement changes its session, and behind a pooler there is none that lasts (`poolerMode: 'transaction'`). Nothing was sent.
 * Code `POOL_SESSION_UNSUPPORTED`.
 */
export class SessionUnsupportedError extends StatementError {
  static override readonly errorName = 'SessionUnsupportedError';

  constructor() {
    super(
      "The statement changes its session, which behind a pooler (poolerMode: 'transaction') another client would get. Use SET LOCAL in a transaction, or connect past the pooler.",
      { kind: 'other' },
      { code: 'POOL_SESSION_UNSUPPORTED' },
    );
  }
}

/** Parameters do not fit the statement: wrong count, wrong shape, or a value that no database takes. Code `POOL_PARAMETERS_INVALID`. */
export class StatementParametersError extends PoolError {
  static override readonly errorName = 'StatementParametersError';

  constructor(message: string, options?: KailashErrorOptions) {
    super('POOL_PARAMETERS_INVALID', message, options);
  }
}

/** The connection broke. The pool destroys it and opens another. Code `POOL_CONNECTION_LOST`. */
export class ConnectionLostError extends PoolError {
  static override readonly errorName = 'ConnectionLostError';
  /** Whether the database may have carried out the statement that was under way. */
  readonly mayHaveExecuted: boolean;

  constructor(detail: string, mayHaveExecuted: boolean) {
    const outcome = mayHaveExecuted ? ' The statement under way may have been carried out: check before doing it again.' : '';
    super('POOL_CONNECTION_LOST', `The connection to the database was lost (${detail}).${outcome}`, {
      retryable: !mayHaveExecuted,
      facts: { mayHaveExecuted },
    });
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** A statement took longer than its `timeoutMs`; it was cancelled on the server. Code `POOL_STATEMENT_TIMEOUT`. */
export class StatementTimeoutError extends PoolError {
  static override readonly errorName = 'StatementTimeoutError';
  /** Whether the database may have carried out the statement all the same. */
  readonly mayHaveExecuted: boolean;

  constructor(timeoutMs: number, mayHaveExecuted: boolean) {
    const outcome = mayHaveExecuted ? ' It may have been carried out all the same: check before doing it again.' : '';
    super(
      'POOL_STATEMENT_TIMEOUT',
      `The statement was not done within ${timeoutMs} ms and was cancelled.${outcome} Raise timeoutMs, or make the statement do less.`,
      { retryable: !mayHaveExecuted, facts: { timeoutMs, mayHaveExecuted } },
    );
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** A circuit breaker lets no call through. `cause` is the failure that opened it. Code `POOL_CIRCUIT_OPEN`, retryable. */
export class CircuitOpenError extends PoolError {
  static override readonly errorName = 'CircuitOpenError';
  /** When the next call may try; 0 while others are trying. */
  readonly retryAfterMs: number;

  constructor(breaker: string, state: 'open' | 'half_open', retryAfterMs: number, cause?: unknown) {
    const when =
      state === 'open'
        ? `is open after repeated failures. It tries again in ${(retryAfterMs / 1000).toFixed(1)} s`
        : 'is half-open, and as many calls as it admits are trying. Wait for one of them';
    super('POOL_CIRCUIT_OPEN', `Circuit breaker "${breaker}" ${when}; see cause for the last failure.`, {
      cause,
      retryable: true,
      facts: { breaker, state, retryAfterMs },
    });
    this.retryAfterMs = retryAfterMs;
  }
}
