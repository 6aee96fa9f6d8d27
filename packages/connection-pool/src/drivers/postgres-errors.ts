/** From what pg reports to this package's errors, by SQLSTATE (PostgreSQL manual, appendix A). */
import {
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  ReadOnlyConnectionError,
  StatementError,
  type PoolError,
  type StatementErrorKind,
} from '../errors.ts';
import { withoutParameters } from './hidden-values.ts';
import { tlsError } from './tls.ts';

interface PgError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly position?: string;
}

const KINDS: Readonly<Record<string, StatementErrorKind>> = {
  '23505': 'unique_violation',
  '23P01': 'unique_violation',
  '23503': 'foreign_key_violation',
  '23502': 'not_null_violation',
  '23514': 'check_violation',
  '42601': 'syntax_error',
  '42501': 'permission_denied',
  '42P01': 'unknown_object',
  '42703': 'unknown_object',
  '42883': 'unknown_object',
  '42704': 'unknown_object',
  '3F000': 'unknown_object',
  '40001': 'serialization_failure',
  '40P01': 'deadlock',
  '55P03': 'lock_timeout',
  '25P02': 'transaction_failed',
  '57014': 'server_timeout',
};

/** The connection is of no use after these: server going down, protocol violated, system error. */
const FATAL_CLASSES = /^(?:08|57P0|58|XX)/;

/** Whether the connection must be destroyed. */
export function isFatal(error: unknown): boolean {
  const { code, severity } = error as PgError;
  return severity === undefined || severity === 'FATAL' || severity === 'PANIC' || FATAL_CLASSES.test(code ?? '');
}

/**
 * @param inTransaction whether a transaction was open before: then the statement alone must not be tried again.
 * @param values those of the parameters, to be kept out of the message. @param row which row of a batch it was.
 */
export function toStatementError(error: unknown, inTransaction: boolean, values?: readonly unknown[], row?: number): PoolError {
  const { message, code = '', schema, table, column, constraint, position } = error as PgError;
  if (error instanceof ConnectionLostError) return error;
  if (isFatal(error)) return new ConnectionLostError(lostReason(error as PgError), true);
  const facts = { sqlState: code, schema, table, column, constraint, position: position === undefined ? undefined : Number(position), row };
  if (code === '25006') return new ReadOnlyConnectionError('SQLSTATE 25006', facts);
  const kind = KINDS[code] ?? (code.startsWith('22') ? 'data_error' : 'other');
  const retryable = !inTransaction && (kind === 'serialization_failure' || kind === 'deadlock' || kind === 'lock_timeout');
  return new StatementError(
    `PostgreSQL refused the statement: ${withoutParameters(withoutValues(message, code), values)} (SQLSTATE ${code}).`,
    { kind, ...facts },
    { retryable },
  );
}

/** What the server says of a statement that was cancelled; for one whose server had nothing to cancel at that moment. */
export const CANCELLED = { severity: 'ERROR', code: '57014', message: 'canceling statement due to user request' } as const;

/** A statement of ROLLBACK's tag that was sent as COMMIT: the transaction had failed before. */
export function commitRolledBack(): StatementError {
  return new StatementError('COMMIT did nothing: the transaction had failed before, and PostgreSQL rolled it back.', {
    kind: 'transaction_rolled_back',
  });
}

/** @param target host and port, for the message. */
export function toConnectError(error: unknown, target: string): ConnectError {
  if (error instanceof ConnectError) return error;
  const tls = tlsError(error, `PostgreSQL at ${target}`);
  if (tls) return tls;
  const { message, code } = error as PgError;
  if (code?.startsWith('28')) {
    return new AuthenticationError(`PostgreSQL at ${target} refused the login: ${message}. Check user, password and pg_hba.conf.`, code);
  }
  const serverFull = code === '53300';
  const retryable = serverFull || code === undefined || !/^(?:3D|42)/.test(code);
  return new ConnectError(`PostgreSQL at ${target} cannot be reached: ${message || code || 'unknown reason'}.`, {
    reason: code,
    serverFull,
    retryable,
  });
}

function lostReason({ severity, code, message }: PgError): string {
  return severity === undefined ? (code ?? message) : `SQLSTATE ${code}`;
}

/** PostgreSQL quotes values only in data errors (class 22) and shows text of the statement in syntax errors. */
function withoutValues(message: string, code: string): string {
  if (code.startsWith('22')) return message.replace(/"(?:[^"]|"")*"/g, '"..."');
  if (code === '42601') return message.replace(/at or near ".*"$/s, 'at the given position');
  return message;
}
