/**
 * What figures call an error: one of a fixed set, by the error's class and code, never by its text. Labels stay few whatever goes wrong.
 */
import {
  AcquireTimeoutError,
  AuthenticationError,
  CircuitOpenError,
  ConnectError,
  ConnectionLostError,
  PoolAbortedError,
  PoolError,
  StatementError,
  StatementParametersError,
  StatementTimeoutError,
  type StatementErrorKind,
} from './errors.ts';

/** The coarse kinds: those of the original, and after them what it did not know. */
export const ERROR_CATEGORIES = [
  'connection_timeout',
  'connection_refused',
  'authentication_failed',
  'query_timeout',
  'query_error',
  'pool_exhausted',
  'health_check_failed',
  'unknown',
  'connection_failed',
  'connection_lost',
  'server_full',
  'circuit_open',
  'aborted',
  'refused_by_pool',
] as const;

export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

/** What a statement's error is told apart into; all of them are `query_error`, except `server_timeout`. */
const STATEMENT_CLASSES = {
  unique_violation: true,
  foreign_key_violation: true,
  not_null_violation: true,
  check_violation: true,
  syntax_error: true,
  unknown_object: true,
  permission_denied: true,
  data_error: true,
  serialization_failure: true,
  deadlock: true,
  lock_timeout: true,
  transaction_failed: true,
  transaction_rolled_back: true,
  server_timeout: true,
  busy: true,
  other: true,
} satisfies Record<StatementErrorKind, true>;

/** The fine kinds: a category, or what a statement met. */
export type PoolErrorClass = ErrorCategory | StatementErrorKind | 'invalid_parameters';

/** Every value that `errorClass` of {@link classifyError} may have. */
export const ERROR_CLASSES: readonly PoolErrorClass[] = [
  ...ERROR_CATEGORIES,
  ...(Object.keys(STATEMENT_CLASSES) as StatementErrorKind[]),
  'invalid_parameters',
];

export interface ClassifiedError {
  readonly category: ErrorCategory;
  readonly errorClass: PoolErrorClass;
  /** The stable code, if it is an error of this project. */
  readonly code: string | null;
}

/** Never throws, whatever was thrown. */
export function classifyError(error: unknown): ClassifiedError {
  try {
    return classify(error);
  } catch {
    return plain('unknown', null);
  }
}

function classify(error: unknown): ClassifiedError {
  if (!(error instanceof PoolError)) return plain('unknown', null);
  // What does not look like one of our codes may be anything.
  const code = /^POOL_[A-Z_]{1,50}$/.test(error.code) ? error.code : null;
  if (error instanceof StatementError) return { ...ofStatement(error), code };
  if (error instanceof StatementTimeoutError) return plain('query_timeout', code);
  if (error instanceof ConnectionLostError) return plain('connection_lost', code);
  if (error instanceof StatementParametersError) return { category: 'query_error', errorClass: 'invalid_parameters', code };
  if (error instanceof PoolAbortedError) return plain('aborted', code);
  if (error instanceof CircuitOpenError) return plain('circuit_open', code);
  if (error instanceof ConnectError) return plain(ofConnect(error), code);
  if (error instanceof AcquireTimeoutError) return { ...ofAcquire(error), code };
  return plain('refused_by_pool', code);
}

const plain = (category: ErrorCategory, code: string | null): ClassifiedError => ({ category, errorClass: category, code });

function ofStatement({ kind }: StatementError): Omit<ClassifiedError, 'code'> {
  const errorClass = Object.hasOwn(STATEMENT_CLASSES, kind) ? kind : 'other';
  return { category: errorClass === 'server_timeout' ? 'query_timeout' : 'query_error', errorClass };
}

function ofConnect(error: ConnectError): ErrorCategory {
  if (error instanceof AuthenticationError) return 'authentication_failed';
  if (error.serverFull) return 'server_full';
  if (error.reason === 'ECONNREFUSED') return 'connection_refused';
  return error.reason === 'ETIMEDOUT' ? 'connection_timeout' : 'connection_failed';
}

/** Who waited in vain because nothing could be opened did not meet an exhausted pool. */
function ofAcquire({ cause }: AcquireTimeoutError): Omit<ClassifiedError, 'code'> {
  const { category, errorClass } = cause === undefined ? plain('pool_exhausted', null) : classify(cause);
  return category === 'unknown' || category === 'server_full' ? plain('pool_exhausted', null) : { category, errorClass };
}
