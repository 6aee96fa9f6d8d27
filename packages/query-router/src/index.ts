/** `@kailash-ts/query-router`: SQL in, the right connection chosen, rows out. In the order of the data path. */

export { QueryRouterNode } from './node.ts';
export type { RouterOutput } from './node.ts';
export type { ReplicaVerdict, RoutingExplanation } from './explain.ts';
export type { RouterOptions } from './config.ts';
export type {
  RouterMessage,
  RouterResult,
  RouterTransactionOptions,
  RoutingMetadata,
  TransactionCallOptions,
  TransactionMessage,
  TransactionResult,
  TransactionStatement,
} from './messages.ts';
export type { RouterTransaction } from './transaction-work.ts';
export type { Strategy } from './choose.ts';
export type { RouterMetrics } from './metrics.ts';

// Errors.
export {
  NoConnectionsError,
  NoTransactionError,
  PoolMissingError,
  RouterConfigError,
  RouterError,
  RouterMessageError,
  RouterStoppedError,
  SessionBusyError,
  SessionEndedError,
  SessionLostError,
  SessionRequiredError,
  SeveralStatementsError,
  TransactionEndedError,
  TransactionIdleError,
  TransactionOpenError,
  TransactionRolledBackError,
} from './errors.ts';
