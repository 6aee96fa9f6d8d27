/**
 * Every error of this package, under one base class. What the database or the pool says about a statement passes through as the
 * pool's own error. A message holds names and numbers, never SQL or values.
 */
import { KailashError, type KailashErrorOptions } from '@kailash-ts/core';

/** Base of every error that a router throws on purpose. */
export class RouterError extends KailashError {
  static override readonly errorName: string = 'RouterError';
}

/** The configuration of a router is wrong. The message lists all problems. Code `ROUTER_CONFIG_INVALID`. */
export class RouterConfigError extends RouterError {
  static override readonly errorName = 'RouterConfigError';

  constructor(message: string, options?: KailashErrorOptions) {
    super('ROUTER_CONFIG_INVALID', message, options);
  }
}

/** A message to a router is wrong: no query, unknown key, wrong type. Nothing was sent. Code `ROUTER_MESSAGE_INVALID`. */
export class RouterMessageError extends RouterError {
  static override readonly errorName = 'RouterMessageError';

  constructor(message: string, options?: KailashErrorOptions) {
    super('ROUTER_MESSAGE_INVALID', message, options);
  }
}

/** The router has no pool: it is not registered, its pool is not, or what is registered is no pool. Code `ROUTER_POOL_MISSING`. */
export class PoolMissingError extends RouterError {
  static override readonly errorName = 'PoolMissingError';

  constructor(router: string, pool: string, problem: string, cause?: unknown) {
    super('ROUTER_POOL_MISSING', `Router "${router}" has no pool "${pool}": ${problem}`, { cause, facts: { router, pool } });
  }
}

/** The pool offers no server at all. Code `ROUTER_NO_CONNECTIONS`. */
export class NoConnectionsError extends RouterError {
  static override readonly errorName = 'NoConnectionsError';

  constructor() {
    super('ROUTER_NO_CONNECTIONS', 'The pool has no available connections: it offers no server. Check its configuration.');
  }
}

/** The router has been stopped. Code `ROUTER_STOPPED`. */
export class RouterStoppedError extends RouterError {
  static override readonly errorName = 'RouterStoppedError';

  constructor(router: string) {
    super('ROUTER_STOPPED', `Router "${router}" is stopped and takes no more statements. Make a new one.`, { facts: { router } });
  }
}

/** Parameters were given to a text of several statements. Nothing was sent. Code `ROUTER_STATEMENTS_SEVERAL`. */
export class SeveralStatementsError extends RouterError {
  static override readonly errorName = 'SeveralStatementsError';

  constructor(statementCount: number) {
    super(
      'ROUTER_STATEMENTS_SEVERAL',
      `The query holds ${statementCount} statements; with parameters only one is allowed. Send them one by one, with a sessionId and BEGIN if they belong together.`,
      { facts: { statementCount } },
    );
  }
}

/** A statement that lives in a session came without `sessionId`. Nothing was sent. Code `ROUTER_SESSION_REQUIRED`. */
export class SessionRequiredError extends RouterError {
  static override readonly errorName = 'SessionRequiredError';

  constructor(what: string) {
    super(
      'ROUTER_SESSION_REQUIRED',
      `${what} Give a sessionId, here and with all statements that belong together: they then share one connection.`,
    );
  }
}

/** A transaction is open in the session already. It stays open. Code `ROUTER_TRANSACTION_OPEN`. */
export class TransactionOpenError extends RouterError {
  static override readonly errorName = 'TransactionOpenError';

  constructor(sessionId: string) {
    super(
      'ROUTER_TRANSACTION_OPEN',
      `Session "${sessionId}" has an open transaction, which another BEGIN cannot be part of. COMMIT or ROLLBACK first, use SAVEPOINT, or another sessionId.`,
      { facts: { sessionId } },
    );
  }
}

/** COMMIT, ROLLBACK or SAVEPOINT without an open transaction. Nothing was sent. Code `ROUTER_TRANSACTION_NONE`. */
export class NoTransactionError extends RouterError {
  static override readonly errorName = 'NoTransactionError';

  constructor(command: string, sessionId: string | undefined) {
    const where = sessionId === undefined ? 'The message has no sessionId' : `Session "${sessionId}" has no open transaction`;
    super('ROUTER_TRANSACTION_NONE', `${where}, so ${command} has nothing to act on. Begin one with BEGIN and the same sessionId.`, {
      facts: { command, ...(sessionId === undefined ? {} : { sessionId }) },
    });
  }
}

/** The database has rolled the session's transaction back: nothing of it persists. Code `ROUTER_TRANSACTION_ROLLED_BACK`. */
export class TransactionRolledBackError extends RouterError {
  static override readonly errorName = 'TransactionRolledBackError';

  constructor(sessionId: string, why: string, cause?: unknown) {
    super(
      'ROUTER_TRANSACTION_ROLLED_BACK',
      `The transaction of session "${sessionId}" was rolled back by the database: ${why}. Nothing of it persists. Do it again from BEGIN.`,
      { cause, facts: { sessionId } },
    );
  }
}

/**
 * A statement came in a `router.transaction` whose transaction was over: an earlier one had committed it (definitions on MySQL do) or
 * the database had rolled it back. It was not sent, since it would have been committed by itself. Code `ROUTER_TRANSACTION_ENDED`.
 */
export class TransactionEndedError extends RouterError {
  static override readonly errorName = 'TransactionEndedError';

  constructor() {
    super(
      'ROUTER_TRANSACTION_ENDED',
      'The transaction is over before its function is: an earlier statement has committed it (a definition on MySQL does), or a conflict has rolled it back. This statement was not sent. Keep definitions out of transactions, and let conflicts be thrown.',
    );
  }
}

/** Nothing ran in the transaction of a session for `idleTransactionTimeoutMs`. It was rolled back. Code `ROUTER_TRANSACTION_IDLE`. */
export class TransactionIdleError extends RouterError {
  static override readonly errorName = 'TransactionIdleError';

  constructor(sessionId: string, idleMs: number) {
    super(
      'ROUTER_TRANSACTION_IDLE',
      `Nothing ran in the transaction of session "${sessionId}" for ${idleMs} ms (idleTransactionTimeoutMs), so it was rolled back. Do it again from BEGIN.`,
      { facts: { sessionId, idleMs } },
    );
  }
}

/** The connection of a session broke, and with it its transaction and settings. The session is free for BEGIN. Code `ROUTER_SESSION_LOST`. */
export class SessionLostError extends RouterError {
  static override readonly errorName = 'SessionLostError';
  /** The connection broke during COMMIT: the transaction may have been committed. */
  readonly mayHaveCommitted: boolean;

  constructor(
    sessionId: string,
    options: { readonly inTransaction: boolean; readonly mayHaveCommitted: boolean; readonly cause: unknown },
  ) {
    const { inTransaction, mayHaveCommitted, cause } = options;
    const outcome = mayHaveCommitted
      ? 'It broke during COMMIT, so the transaction may have been committed: check before doing it again.'
      : inTransaction
        ? 'Its transaction is rolled back. Do it again from BEGIN.'
        : 'Its settings and temporary tables are gone. Make them again.';
    super('ROUTER_SESSION_LOST', `The connection of session "${sessionId}" was lost. ${outcome}`, {
      cause,
      facts: { sessionId, mayHaveCommitted },
    });
    this.mayHaveCommitted = mayHaveCommitted;
  }
}

/** The session was ended from outside (its run is over, the router was stopped, `endSession`) while a call was in it. Code `ROUTER_SESSION_ENDED`. */
export class SessionEndedError extends RouterError {
  static override readonly errorName = 'SessionEndedError';

  constructor(sessionId: string, why: string) {
    super('ROUTER_SESSION_ENDED', `Session "${sessionId}" was ended: ${why}. What was open in it is rolled back.`, {
      facts: { sessionId },
    });
  }
}

/** Another call of the same session did not end in time. Nothing was sent. Code `ROUTER_SESSION_BUSY`, retryable. */
export class SessionBusyError extends RouterError {
  static override readonly errorName = 'SessionBusyError';

  constructor(sessionId: string, timeoutMs: number) {
    super(
      'ROUTER_SESSION_BUSY',
      `Session "${sessionId}" was busy with an earlier statement for ${timeoutMs} ms. Statements of one session run one after the other: await them, or use several sessions.`,
      { retryable: true, facts: { sessionId, timeoutMs } },
    );
  }
}
