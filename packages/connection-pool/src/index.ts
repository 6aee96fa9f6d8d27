/** `@kailash-ts/connection-pool`: connections to databases as a workflow node. In the order of the data path. */

export { WorkflowConnectionPool } from './node.ts';
export type { PoolAnswers, PoolMessageInput } from './node.ts';
export { Pool } from './pool.ts';
export type { PoolConfig, PoolOptions } from './config.ts';
export type { NewSession, OnConnect, PasswordSource } from './server-config.ts';

// The contract, also alone as `@kailash-ts/connection-pool/contract`.
export type {
  AcquireOptions,
  AdjustResult,
  CloseReason,
  ComprehensiveStatus,
  ConnectionPool,
  ConnectionRole,
  Dialect,
  ExecuteManyOptions,
  ExecuteManyResult,
  ExecuteOptions,
  ExecuteResult,
  ExpectedStatement,
  ExportedMetrics,
  FetchMode,
  Field,
  HostConnection,
  InitializeResult,
  IsolationLevel,
  Lease,
  Params,
  PoolHost,
  PoolEventName,
  PoolEvents,
  PoolMessage,
  PoolOperation,
  PoolStatistics,
  PoolStats,
  PoolStatus,
  QueryConstraints,
  ReleaseResult,
  Row,
  StreamOptions,
  TransactionOptions,
  TransactionStatus,
} from './contract.ts';
export { poolAnswerSchemas } from './answers.ts';

// Parameters.
export { postgresArray, type PostgresArray } from './parameters.ts';

// Circuit breakers, also alone.
export { CircuitBreaker } from './breaker.ts';
export type { CircuitListener, CircuitMetrics, CircuitState, CircuitStatus, CircuitTransition } from './breaker.ts';
export { CircuitBreakerManager } from './breaker-manager.ts';
export type { CircuitBreakerConfig, CircuitBreakerOptions, ErrorClass } from './breaker-config.ts';

// Learning from what was executed, also alone.
export { QueryPatternTracker } from './learning/query-pattern-tracker.ts';
export type { PredictOptions, QueryExecution, QueryPrediction } from './learning/query-pattern-tracker.ts';
export type { PatternConfig, PatternOptions } from './learning/pattern-config.ts';
export type { QueryPattern, TemporalPattern } from './learning/patterns.ts';
export type { CommonParameters } from './learning/parameter-digests.ts';
export type { QuerySuggestions } from './learning/suggestions.ts';
export type { ExpectedQuery, WorkloadForecast } from './learning/workload-forecast.ts';
export type { RateForecast } from './learning/arrivals.ts';
export type { PatternState } from './learning/tracker-state.ts';
export { PatternOptionsError, PatternStateError } from './learning/errors.ts';

// Errors.
export {
  AcquireTimeoutError,
  AuthenticationError,
  CircuitOpenError,
  ConnectError,
  ConnectionLostError,
  DriverMissingError,
  LeaseBusyError,
  LeaseReleasedError,
  LeaseUnknownError,
  NotificationsUnsupportedError,
  SessionUnsupportedError,
  PoolAbortedError,
  PoolClosedError,
  PoolConfigError,
  PoolError,
  PoolMessageError,
  PoolOptionsError,
  PoolQueueFullError,
  ReadOnlyConnectionError,
  RunDeadlockError,
  RunFinishedError,
  StatementError,
  StatementParametersError,
  StatementTimeoutError,
} from './errors.ts';
export type { LongestHeld, PoolCounts, StatementErrorFacts, StatementErrorKind } from './errors.ts';
