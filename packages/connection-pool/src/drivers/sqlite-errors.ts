/** From what libsql reports to this package's errors, by result code (sqlite.org/rescode.html). */
import {
  ConnectError,
  ConnectionLostError,
  ReadOnlyConnectionError,
  StatementError,
  type PoolError,
  type StatementErrorKind,
} from '../errors.ts';
import { withoutParameters } from './hidden-values.ts';

/** What the worker sends of an error. */
export interface WorkerError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly rawCode?: number | undefined;
  readonly row?: number | undefined;
}

const KINDS: Readonly<Record<string, StatementErrorKind>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique_violation',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique_violation',
  SQLITE_CONSTRAINT_ROWID: 'unique_violation',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign_key_violation',
  SQLITE_CONSTRAINT_NOTNULL: 'not_null_violation',
  SQLITE_CONSTRAINT_CHECK: 'check_violation',
  SQLITE_CONSTRAINT_DATATYPE: 'data_error',
  SQLITE_MISMATCH: 'data_error',
  SQLITE_TOOBIG: 'data_error',
  SQLITE_BUSY: 'busy',
  SQLITE_BUSY_SNAPSHOT: 'busy',
  SQLITE_LOCKED: 'busy',
  SQLITE_INTERRUPT: 'server_timeout',
  SQLITE_AUTH: 'permission_denied',
};

/** The file is broken or gone: another connection may do better. */
const FATAL = /^SQLITE_(?:CORRUPT|NOTADB|IOERR|CANTOPEN|INTERNAL|NOMEM)/;

export function isFatal({ code }: WorkerError): boolean {
  return FATAL.test(code ?? '');
}

/**
 * @param inTransaction whether a transaction was open before: then the statement alone must not be tried again.
 * @param values those of the parameters, to be kept out of the message.
 */
export function toStatementError(error: WorkerError, inTransaction: boolean, values?: readonly unknown[]): PoolError {
  const { code = 'SQLITE_ERROR', rawCode, message, row } = error;
  if (isFatal(error)) return new ConnectionLostError(code, true);
  const facts = { codeName: code, errno: rawCode, row };
  if (code.startsWith('SQLITE_READONLY')) return new ReadOnlyConnectionError(code, facts);
  const kind = KINDS[code] ?? kindOfMessage(message);
  const remedy = kind === 'busy' ? ' Another process holds the file: raise busyTimeoutMs, or try again.' : '';
  return new StatementError(
    `SQLite refused the statement: ${withoutParameters(withoutText(message), values)} (${code}).${remedy}`,
    { kind, ...facts },
    { retryable: kind === 'busy' && !inTransaction },
  );
}

export function toConnectError({ code, message }: WorkerError, file: string): ConnectError {
  // libsql tells the result code of a failed open only in its text.
  const reason = /: 14"\)$/.test(message)
    ? 'there is no such folder, it is a folder itself, or permission is lacking. Paths are relative to the working folder'
    : message;
  return new ConnectError(`SQLite file ${file} cannot be opened: ${reason}.`, { reason: code, retryable: code === 'SQLITE_BUSY' });
}

function kindOfMessage(message: string): StatementErrorKind {
  if (/syntax error|incomplete input|unrecognized token/.test(message)) return 'syntax_error';
  if (/^no such /.test(message)) return 'unknown_object';
  return 'other';
}

/** Syntax errors show the text near them, which may be a literal. */
function withoutText(message: string): string {
  return message.replace(/near ".*": syntax error$/s, 'syntax error').replace(/unrecognized token: ".*"$/s, 'unrecognized token');
}
