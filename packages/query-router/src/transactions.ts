/**
 * What a statement does to its session. Whether a transaction is open is asked of the connection, which knows it from the
 * protocol; the text only tells what its author wants.
 */
import type { Lease, TransactionStatus } from '@kailash-ts/connection-pool/contract';
import type { TransactionControl } from '@kailash-ts/sql';
import type { Call } from './call.ts';
import type { Choice } from './choose.ts';
import { NoTransactionError, RouterError, TransactionOpenError, TransactionRolledBackError } from './errors.ts';
import type { AnyData, RouterResult } from './messages.ts';
import { giveBack, type Session } from './session.ts';
import { joinSignals } from './signals.ts';

type Answer = RouterResult<AnyData>;
type PoolResult = Awaited<ReturnType<Call['runOn']>>;

/** BEGIN. A failed one leaves nothing behind. @throws TransactionOpenError, and as `pool.acquire` and `pool.execute` */
export async function begin(session: Session, call: Call, choice: Choice): Promise<Answer> {
  if (session.inTransaction) throw new TransactionOpenError(session.id);
  session.clear();
  const { result, status } = await (session.lease ? runOnPin(session, call) : pinAndRun(session, call, { keeps: false, on: choice }));
  if (session.role === 'replica') session.opening = call;
  if (status === 'idle') await session.finishTransaction(call.pool);
  return call.answer(result, choice, status === 'idle' ? {} : { transactionStarted: true });
}

/** COMMIT, ROLLBACK, PREPARE TRANSACTION. @throws NoTransactionError, TransactionRolledBackError, SessionLostError, as `pool.execute` */
export async function endTransaction(session: Session, call: Call, choice: Choice, { action }: TransactionControl): Promise<Answer> {
  const { state } = session;
  if (state.kind === 'broken' || state.kind === 'closed') return endBroken(session, call, choice, action);
  requireTransaction(session, action);
  const wasFailed = session.lease!.transactionStatus === 'failed';
  const committing = action !== 'rollback';
  try {
    const { result, status } = await runOnPin(session, call, committing);
    if (wasFailed && committing) throw failedBefore(session);
    if (status === 'idle') await session.finishTransaction(call.pool);
    return call.answer(result, choice, status === 'idle' ? { transactionEnded: true } : {});
  } catch (error) {
    if (session.state.kind !== 'pinned' || session.inTransaction) throw error;
    await session.close(call.pool);
    throw wasFailed && !(error instanceof RouterError) ? failedBefore(session, error) : error;
  }
}

const failedBefore = (session: Session, cause?: unknown): TransactionRolledBackError =>
  new TransactionRolledBackError(session.id, 'a statement of it had failed before COMMIT', cause);

/** There is nothing left to roll back, which is what ROLLBACK wants; COMMIT has to be told. */
function endBroken(session: Session, call: Call, choice: Choice, action: TransactionControl['action']): Answer {
  const { state } = session;
  session.clear();
  if (action === 'rollback') {
    const nothing = { success: true, data: [], rowCount: 0, fields: [], executionTimeMs: 0, waitTimeMs: 0, connectionId: '' };
    return call.answer(nothing, { ...choice, reason: 'the transaction was rolled back before' }, { transactionEnded: true });
  }
  throw state.kind === 'broken' ? state.error : new NoTransactionError(action.toUpperCase(), session.id);
}

/** SAVEPOINT, RELEASE, ROLLBACK TO. @throws NoTransactionError, and as any statement of a session */
export async function withinTransaction(session: Session, call: Call, choice: Choice, { action }: TransactionControl): Promise<Answer> {
  if (session.state.kind === 'broken') throw session.state.error;
  requireTransaction(session, action);
  return runPinned(session, call, choice);
}

/** Any other statement on the session's own connection. The database may end the transaction with it (DDL of MySQL does). */
export async function runPinned(session: Session, call: Call, choice: Choice): Promise<Answer> {
  const { opening } = session;
  session.opening = undefined;
  const { readOnly, transaction } = call.classification;
  if (opening && session.inTransaction && !readOnly && !transaction) await moveToPrimary(session, call.insteadOf(opening));
  const wasOpen = session.inTransaction;
  const { result, status } = await runOnPin(session, call);
  if (!wasOpen || status !== 'idle') return call.answer(result, choice);
  await session.finishTransaction(call.pool);
  return call.answer(result, choice, { transactionEnded: true });
}

/**
 * A read-only transaction may do more than read (SET TRANSACTION, LOCK), and a replica not all of that. So if the first statement after
 * BEGIN is not proved to be a read, the transaction begins anew on the primary. If that fails it stays where it is.
 */
async function moveToPrimary(session: Session, begin: Call): Promise<void> {
  const left = session.lease!;
  await pinAndRun(session, begin, { keeps: false, on: PRIMARY });
  await giveBack(begin.pool, left);
}

const PRIMARY: Place = { role: 'primary', hosts: undefined };

type Place = Pick<Choice, 'role' | 'hosts'>;

/**
 * Takes a connection for the session and runs the statement on it. If that fails the connection goes back at once.
 * `keeps`: the connection stays with the session beyond transactions.
 */
export async function pinAndRun(
  session: Session,
  call: Call,
  { keeps, on = PRIMARY }: { readonly keeps: boolean; readonly on?: Place },
): Promise<Outcome> {
  const { signal, release } = joinSignals(call.scope.signal, session.signal);
  let lease: Lease | undefined;
  try {
    lease = await call.acquire(on, signal);
    const result = await call.runOn(lease, signal);
    session.signal.throwIfAborted();
    session.pin(lease, keeps);
    return { result: { ...result, waitTimeMs: lease.waitTimeMs }, status: lease.transactionStatus };
  } catch (error) {
    if (lease) await giveBack(call.pool, lease);
    throw session.signal.aborted ? session.signal.reason : error;
  } finally {
    release();
  }
}

interface Outcome {
  readonly result: PoolResult;
  readonly status: TransactionStatus;
}

async function runOnPin(session: Session, call: Call, committing = false): Promise<Outcome> {
  const lease = session.lease!;
  const inTransaction = session.inTransaction;
  const { signal, release } = joinSignals(call.scope.signal, session.signal);
  try {
    const result = await call.runOn(lease, signal);
    return { result, status: lease.transactionStatus };
  } catch (error) {
    if (session.signal.aborted) throw session.signal.reason;
    if (isLoss(error)) {
      if (call.classification.transaction?.action === 'rollback') return await rolledBackByLoss(session, call, lease, error);
      throw await session.lost(call.pool, { inTransaction, committing, cause: error });
    }
    if (inTransaction && !committing && lease.transactionStatus === 'idle') {
      if (hasCommitted(call, error)) await session.finishTransaction(call.pool);
      else await session.rolledBack(call.pool, error);
    }
    throw error;
  } finally {
    release();
  }
}

/** A ROLLBACK on a connection that is gone has got what it wants. */
async function rolledBackByLoss(session: Session, call: Call, lease: Lease, cause: unknown): Promise<Outcome> {
  await session.lost(call.pool, { inTransaction: true, committing: false, cause });
  session.clear();
  const result = { success: true, data: [], rowCount: 0, fields: [], executionTimeMs: 0, waitTimeMs: 0, connectionId: lease.id };
  return { result, status: 'idle' };
}

function requireTransaction(session: Session, action: TransactionControl['action']): void {
  if (!session.inTransaction) throw new NoTransactionError(action.toUpperCase().replace('_', ' '), session.id);
}

/**
 * Whether a transaction that a failed statement has ended was committed: in MySQL, definitions and the like commit before they are
 * carried out (manual, "Statements That Cause an Implicit Commit"). What only reads or writes rows ends it by rolling it back.
 */
function hasCommitted({ pool, classification: { queryType } }: Call, error: unknown): boolean {
  if (pool.dialect !== 'mysql') return false;
  const { kind } = error as { kind?: unknown };
  return queryType === 'ddl' || (queryType === 'unknown' && kind !== 'deadlock' && kind !== 'lock_timeout');
}

/** By code: the contract of a pool has no error classes. */
function isLoss(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'POOL_CONNECTION_LOST' || code === 'POOL_LEASE_RELEASED';
}
