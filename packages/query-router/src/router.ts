/** The way of one message: classify, choose, hand to the pool. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { isSqlLoaded, loadSql, type Classification } from '@kailash-ts/sql';
import { Call, type Scope } from './call.ts';
import type { Catalogs } from './catalogs.ts';
import { choose, type Choice } from './choose.ts';
import type { Classifications } from './classifications.ts';
import type { RouterSettings } from './config.ts';
import { NoTransactionError, RouterError, RouterMessageError, SessionRequiredError, SeveralStatementsError } from './errors.ts';
import { WriteLedger } from './freshness.ts';
import type { AnyData, RouterMessage, RouterResult } from './messages.ts';
import type { RouterCounters } from './metrics.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { begin, endTransaction, pinAndRun, runPinned, withinTransaction } from './transactions.ts';

type Answer = RouterResult<AnyData>;

export interface RouterParts {
  readonly settings: Readonly<RouterSettings>;
  readonly classifications: Classifications;
  readonly catalogs: Catalogs;
  readonly sessions: Sessions;
  readonly counters: RouterCounters;
  readonly clock: Clock;
}

/** Routes messages to one pool. Owned by its node, which finds the pool. */
export class Router {
  readonly #parts: RouterParts;
  readonly #ledger = new WriteLedger();

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** @throws RouterError, SqlError, and as `pool.query` and `pool.execute` */
  async run(pool: ConnectionPool, message: RouterMessage, scope: Scope): Promise<Answer> {
    const { catalogs, classifications, clock, sessions } = this.#parts;
    if (pool.dialect === 'postgresql' && !isSqlLoaded()) await loadSql();
    const preparing = this.prepare(pool);
    if (preparing) await preparing;
    const startedAt = clock.now();
    const { classification, cacheHit } = classifications.look(message.query, pool.dialect);
    refuseSeveral(message, classification);
    const call = new Call({ pool, message, scope, clock, classification, cacheHit });
    call.routingTimeMs = clock.now() - startedAt;
    const { sessionId } = message;
    try {
      if (sessionId === undefined) return await this.#runAlone(call);
      const limits = { runId: scope.runId, signal: scope.signal, timeoutMs: call.remainingMs };
      return await sessions.inTurn(sessionId, limits, (session) => this.#runIn(session, call));
    } finally {
      catalogs.saw(classification, sessionId);
    }
  }

  /** Has the catalog of the pool's database ready, as far as one is needed; a promise only where it has to be loaded. */
  prepare(pool: ConnectionPool): Promise<void> | undefined {
    const { catalogs, classifications } = this.#parts;
    const catalog = catalogs.for(pool);
    if (catalog instanceof Promise) return catalog.then((loaded) => classifications.useCatalog(loaded));
    classifications.useCatalog(catalog);
    return undefined;
  }

  /** Where a text would go now. */
  choose(
    pool: ConnectionPool,
    classification: Classification,
    {
      sessionId,
      hint,
      runId,
      session,
    }: { sessionId?: string | undefined; hint?: 'primary' | undefined; runId?: string | undefined; session?: Session | undefined },
  ): Choice {
    return choose({
      classification,
      pinnedRole: session?.role,
      readWriteSplit: this.#parts.settings.enableReadWriteSplit,
      hasReplicas: pool.hasReplicas,
      // SQLite's readers see what is committed at once.
      replicasMayLag: pool.dialect !== 'sqlite',
      hasWritten: this.#ledger.hasWritten(runId, sessionId),
      hint: hint ?? classification.hint,
    });
  }

  forgetRun(runId: string): void {
    this.#ledger.forgetRun(runId);
  }

  async #runAlone(call: Call): Promise<Answer> {
    const { classification } = call;
    const { transaction } = classification;
    if (transaction?.action === 'begin') throw new SessionRequiredError('BEGIN opens a transaction that belongs to a session.');
    if (transaction && !isDetached(transaction.action))
      throw new NoTransactionError(transaction.action.toUpperCase().replace('_', ' '), undefined);
    if (needsSession(classification)) {
      throw new SessionRequiredError(
        `The statement changes or reads the state of its connection (${classification.reasons.join('; ')}), which the next statement may not get.`,
      );
    }
    return this.#runAnywhere(call, undefined);
  }

  async #runIn(session: Session, call: Call): Promise<Answer> {
    const { transaction } = call.classification;
    const action = transaction?.action;
    if (transaction && (action === 'savepoint' || action === 'release' || action === 'rollback_to'))
      return withinTransaction(session, call, this.#decide(call, session), transaction);
    if (action === 'begin') return begin(session, call, this.#decide(call, session));
    if (transaction && (action === 'commit' || action === 'rollback' || action === 'prepare'))
      return endTransaction(session, call, this.#decide(call, session), transaction);
    if (session.state.kind === 'broken') throw session.state.error;
    if (session.lease) return runPinned(session, call, this.#decide(call, session));
    session.clear();
    if (!needsSession(call.classification)) return this.#runAnywhere(call, session);
    const choice = this.#decide(call, session);
    return call.answer((await pinAndRun(session, call, true)).result, choice);
  }

  async #runAnywhere(call: Call, session: Session | undefined): Promise<Answer> {
    const choice = this.#decide(call, session);
    return call.answer(await call.runAnywhere(choice), choice);
  }

  /** Notes the write before it is sent: a read that comes meanwhile must be as careful as one that comes after. */
  #decide(call: Call, session: Session | undefined): Choice {
    const { clock, counters } = this.#parts;
    const startedAt = clock.now();
    const { sessionId, hint, parameterSets } = call.message;
    const { runId } = call.scope;
    // What runs many times is meant to write; the pool sends it to the primary.
    const classification = parameterSets === undefined ? call.classification : { ...call.classification, readOnly: false };
    if (!classification.readOnly) this.#ledger.note(runId, sessionId);
    const choice = this.choose(call.pool, classification, { sessionId, hint, runId, session });
    call.routingTimeMs += clock.now() - startedAt;
    counters.routed(call.routingTimeMs);
    return choice;
  }
}

/** @throws SeveralStatementsError, RouterMessageError */
function refuseSeveral({ parameters, parameterSets }: RouterMessage, { statementCount, transaction }: Classification): void {
  const given = parameterSets !== undefined || (parameters !== undefined && Object.keys(parameters).length > 0);
  if (given && statementCount > 1) throw new SeveralStatementsError(statementCount);
  if (parameterSets !== undefined && transaction !== undefined)
    throw new RouterMessageError('parameterSets runs a statement many times, which transaction control is not made for. Send it alone.');
}

const isDetached = (action: string): boolean => action === 'commit_prepared' || action === 'rollback_prepared';

/** A procedure or block may do anything to its connection, but stands alone; the pool cleans up behind it. */
const STANDS_ALONE = /^(?:CALL|DO)\b/i;

function needsSession({ pinsSession, transaction, template }: Classification): boolean {
  return pinsSession && !(transaction !== undefined && isDetached(transaction.action)) && !STANDS_ALONE.test(template);
}

/** Whether the router itself refused. */
export function isRoutingError(error: unknown): boolean {
  return error instanceof RouterError || (error as { name?: unknown } | null)?.name === 'SqlError';
}
