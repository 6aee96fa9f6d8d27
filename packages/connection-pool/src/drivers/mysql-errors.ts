/** From what mysql2 reports to this package's errors, by error number (MySQL and MariaDB error references). */
import {
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  ReadOnlyConnectionError,
  StatementError,
  StatementParametersError,
  type PoolError,
  type StatementErrorKind,
} from '../errors.ts';
import { withoutParameters } from './hidden-values.ts';
import { tlsError } from './tls.ts';

interface MysqlError extends Error {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
  readonly fatal?: boolean;
}

const KINDS: Readonly<Record<number, StatementErrorKind>> = {
  1062: 'unique_violation',
  1586: 'unique_violation',
  1451: 'foreign_key_violation',
  1452: 'foreign_key_violation',
  1216: 'foreign_key_violation',
  1217: 'foreign_key_violation',
  1048: 'not_null_violation',
  1364: 'not_null_violation',
  3819: 'check_violation',
  4025: 'check_violation',
  1064: 'syntax_error',
  1149: 'syntax_error',
  1044: 'permission_denied',
  1142: 'permission_denied',
  1143: 'permission_denied',
  1227: 'permission_denied',
  1054: 'unknown_object',
  1146: 'unknown_object',
  1049: 'unknown_object',
  1051: 'unknown_object',
  1305: 'unknown_object',
  1020: 'serialization_failure',
  1213: 'deadlock',
  1205: 'lock_timeout',
  3572: 'lock_timeout',
  1317: 'server_timeout',
  1969: 'server_timeout',
  3024: 'server_timeout',
};

/** Refused, because the server or the transaction is read-only. */
const READ_ONLY = new Set([1290, 1792, 1836]);
/** Server going down, killed connection. */
const FATAL = new Set([1053, 1077, 1078, 1079, 1927, 3169, 4031]);
const AUTHENTICATION = new Set([1045, 1044, 1698, 1130, 1251, 1862, 3118, 3159]);
const SERVER_FULL = new Set([1040, 1203, 1226]);

/** What the server says of a statement that was killed; for one whose last rows were on their way already. */
export const INTERRUPTED = {
  errno: 1317,
  code: 'ER_QUERY_INTERRUPTED',
  sqlState: '70100',
  message: 'Query execution was interrupted',
} as const;

/** The server reads no more of a statement that is too large, and closes the connection. */
const TOO_LARGE = 1153;
const TOO_LARGE_TEXT =
  'The statement and its values are larger than the server takes (max_allowed_packet). Send less at a time, or raise it on the server.';

/** Whether the connection must be destroyed: everything that did not come from the server, and its last words. */
export function isFatal(error: unknown): boolean {
  const { fatal, errno, sqlState } = error as MysqlError;
  return fatal === true || sqlState === undefined || sqlState.startsWith('08') || FATAL.has(errno ?? 0);
}

/** What mysql2 hands to a callback, as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new ConnectionLostError('mysql2 gave no reason', true);
}

/** The server takes no more prepared statements (`max_prepared_stmt_count`). */
export function holdsTooMany(error: unknown): boolean {
  return (error as MysqlError | null | undefined)?.errno === 1461;
}

/**
 * @param inTransaction whether a transaction was open before: then the statement alone must not be tried again.
 * @param values those of the parameters, to be kept out of the message. @param row which row of a batch it was, if known.
 */
export function toStatementError(error: unknown, inTransaction: boolean, values?: readonly unknown[], row?: number): PoolError {
  if (error instanceof ConnectionLostError) return error;
  const { errno = 0, code, sqlState, message, sqlMessage } = error as MysqlError;
  if (errno === TOO_LARGE) return new StatementParametersError(TOO_LARGE_TEXT, { facts: { errno } });
  if (isFatal(error)) return new ConnectionLostError(code ?? message, true);
  const facts = { errno, codeName: code, sqlState, row };
  if (READ_ONLY.has(errno)) return new ReadOnlyConnectionError(`error ${errno}`, facts);
  const kind = KINDS[errno] ?? (sqlState?.startsWith('22') ? 'data_error' : 'other');
  const retryable = !inTransaction && (kind === 'serialization_failure' || kind === 'deadlock' || kind === 'lock_timeout');
  const text = withoutParameters(withoutValues(sqlMessage ?? message, errno), values);
  return new StatementError(
    `MySQL refused the statement: ${text} (error ${errno}, SQLSTATE ${sqlState}).`,
    { kind, ...facts },
    { retryable },
  );
}

/** @param target host and port, for the message. */
export function toConnectError(error: unknown, target: string): ConnectError {
  if (error instanceof ConnectError) return error;
  const { tlsCode } = error as { tlsCode?: string };
  const tls = tlsError(tlsCode === undefined ? error : { ...(error as object), code: tlsCode }, `MySQL at ${target}`);
  if (tls) return tls;
  const { errno = 0, code, message } = error as MysqlError;
  if (AUTHENTICATION.has(errno)) {
    return new AuthenticationError(`MySQL at ${target} refused the login: ${message}. Check user, password and the user's host.`, code);
  }
  const serverFull = SERVER_FULL.has(errno);
  return new ConnectError(`MySQL at ${target} cannot be reached: ${message || code || 'unknown reason'}.`, {
    reason: code,
    serverFull,
    retryable: errno !== 1049,
  });
}

/** Messages in which all that is quoted are names. In every other, what is quoted may be a value. */
const ONLY_NAMES = new Set([
  1007, 1008, 1044, 1046, 1048, 1049, 1050, 1051, 1054, 1060, 1061, 1072, 1091, 1142, 1143, 1146, 1227, 1264, 1265, 1290, 1304, 1305, 1364,
  1406, 1451, 1452, 3819, 4025,
]);

function withoutValues(message: string, errno: number): string {
  if (ONLY_NAMES.has(errno)) return message;
  const key = errno === 1062 || errno === 1586 ? (/ for key '([^']*)'$/.exec(message)?.[1] ?? '') : '';
  if (key) return `Duplicate entry for key '${key}'`;
  // Greedy: a value may hold quotes itself.
  return message.replace(/'.*'/s, "'...'").replace(/".*"/s, '"..."');
}
