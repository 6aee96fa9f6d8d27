/** The way of one message: classify, choose, hand to the pool. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionPool, Lease, PoolHost } from '@kailash-ts/connection-pool/contract';
import { classify, isSqlLoaded, loadSql, type Classification, type Dialect } from '@kailash-ts/sql';
import { Call, type Scope } from './call.ts';
import { Affinity } from './affinity.ts';
import type { Catalogs } from './catalogs.ts';
import { choose, PINNED, type Choice, type Situation } from './choose.ts';
import type { Classifications } from './classifications.ts';
import type { RouterSettings } from './config.ts';
import {
  NoTransactionError,
  RouterError,
  RouterMessageError,
  SessionRequiredError,
  SeveralStatementsError,
  TransactionEndedError,
} from './errors.ts';
import { logCall, logsCalls } from './debug-log.ts';
import { explanationOf, type RoutingExplanation } from './explain.ts';
import { Foresight } from './foresight.ts';
import { WriteLedger } from './freshness.ts';
import type { AnyData, RouterMessage, RouterResult, RouterTransactionOptions } from './messages.ts';
import type { RouterCounters } from './metrics.ts';
import type { Learning } from './learning.ts';
import { isSameRefusal, secondChance, type SecondChance } from './second-chance.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { bareName, namesAny } from './table-names.ts';
import { RouterTransaction } from './transaction-work.ts';
import { begin, endTransaction, pinAndRun, runPinned, withinTransaction } from './transactions.ts';

type Answer = RouterResult<AnyData>;

export interface RouterParts {
  readonly settings: Readonly<RouterSettings>;
  readonly classifications: Classifications;
  readonly catalogs: Catalogs;
  readonly sessions: Sessions;
  readonly counters: RouterCounters;
  readonly learning: Learning;
  readonly clock: Clock;
}

/** On whose behalf a decision is made. */
interface Caller {
  readonly sessionId?: string | undefined;
  readonly runId?: string | undefined;
  readonly hint?: 'primary' | undefined;
  readonly session?: Session | undefined;
}

/** Routes messages to one pool. Owned by its node, which finds the pool. */
export class Router {
  readonly #parts: RouterParts;
  readonly #ledger = new WriteLedger();
  readonly #affinity = new Affinity();

  readonly #foresight: Foresight;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    const { clock, classifications, sessions, learning } = parts;
    this.#foresight = new Foresight({
      clock,
      classify: (sql, pool) => classifications.peek(sql, pool.dialect),
      sessionOf: ({ message, scope }) => (message.sessionId === undefined ? undefined : sessions.find(message.sessionId, scope.runId)),
      chooseFor: (classification, hosts, { scope, message }, session) =>
        choose(this.#situation(hosts, classification, { sessionId: message.sessionId, runId: scope.runId, session })),
      workflowOf: (runId) => learning.workflowOf(runId),
    });
  }

  /** Nothing is done ahead any more. */
  stop(): void {
    this.#foresight.stop();
  }

  /** @throws RouterError, SqlError, and as `pool.query` and `pool.execute` */
  async run(pool: ConnectionPool, message: RouterMessage, scope: Scope): Promise<Answer> {
    const { sessions } = this.#parts;
    const ready = this.#prepare(pool);
    const hosts = ready instanceof Promise ? await ready : ready;
    const call = this.#callFor(pool, hosts, message, scope);
    const { sessionId } = message;
    if (sessionId === undefined) return this.#noting(call, this.#runAlone(call));
    const limits = { runId: scope.runId, signal: scope.signal, timeoutMs: call.remainingMs };
    return sessions.inTurn(sessionId, limits, pool, (session) => this.#noting(call, this.#runIn(session, call)));
  }

  /** @throws what `work` throws; RouterError; as `pool.transaction` */
  async transaction<T>(
    pool: ConnectionPool,
    work: (transaction: RouterTransaction) => Promise<T>,
    options: RouterTransactionOptions,
    scope: Scope,
  ): Promise<T> {
    const { sessionId, hint, retries = DEFAULT_RETRIES, ...limits } = options;
    const { isolation, readOnly = false } = limits;
    const hosts = await this.#prepare(pool);
    const begin = {
      readOnly: false,
      transaction: { action: 'begin', readOnly, ...(isolation && { isolation }) },
      templateHash: '',
      hint: undefined,
    } as const;
    const { role, hosts: eligible } = choose(this.#situation(hosts, begin, { sessionId, hint, runId: scope.runId }));
    const write = readOnly ? undefined : this.#ledger.begin(scope.runId, sessionId);
    const calls: Call[] = [];
    let isUncertain = false;
    try {
      const useOf = (lease: Lease): RouterTransaction =>
        new RouterTransaction((statement) => {
          const call = this.#callFor(pool, hosts, statement, scope);
          calls.push(call);
          return this.#runWithin(lease, call);
        });
      return await pool.transaction((lease) => work(useOf(lease)), { ...limits, ...scope, role, hosts: eligible, retries });
    } catch (error) {
      isUncertain = isInDoubt(error);
      throw error;
    } finally {
      if (write) this.#ledger.end(write, pool.moment(), isUncertain);
      for (const call of calls) this.#noteDefinition(call);
    }
  }

  async #runWithin(lease: Lease, call: Call): Promise<Answer> {
    const { action } = call.classification.transaction ?? {};
    if (action !== undefined && !isSavepoint(action))
      throw new RouterMessageError(
        `${action.toUpperCase()} inside of router.transaction: it begins and ends by itself. Return to commit, throw to roll back.`,
      );
    // Alone, it would be committed at once, whatever becomes of the others.
    if (!lease.released && lease.transactionStatus === 'idle') throw new TransactionEndedError();
    this.#parts.counters.routed(call.routingTimeMs);
    const answer = call.answer(await call.runOn(lease, call.scope.signal), PINNED[lease.role]);
    this.#ended(call, answer);
    return answer;
  }

  #ended(call: Call, answer: Answer | undefined, error?: unknown): void {
    if (logsCalls) logCall(call, answer, error);
    const { learning, settings } = this.#parts;
    if (learning.record(call, settings.patternLearning, answer)) this.#foresight.saw(call);
  }

  /** Where a text would go now. */
  async explain(pool: ConnectionPool, query: string, caller: Caller): Promise<RoutingExplanation> {
    const hosts = await this.#prepare(pool);
    const classification = this.#parts.classifications.peek(query, pool.dialect);
    const situation = this.#situation(hosts, classification, caller);
    return explanationOf(classification, situation, choose(situation), hosts);
  }

  /** Forgets what was learned of texts with these tables, or of all, and what is prepared of them. @param pool if it is known yet */
  invalidate(tables: readonly string[] | undefined, pool: ConnectionPool | undefined): void {
    const { classifications, catalogs } = this.#parts;
    classifications.invalidate(tables);
    pool?.forgetPrepared(tables === undefined ? () => true : namesOneOf(tables, pool.dialect));
    if (tables !== undefined) return;
    this.#affinity.clear();
    catalogs.forget();
  }

  /** What was known of the database may be wrong now, and what is prepared out of date. */
  #noteDefinition({ pool, classification, message }: Call): void {
    this.#parts.catalogs.saw(classification, message.sessionId);
    const { queryType, tables } = classification;
    if (queryType === 'ddl' && tables.length > 0) pool.forgetPrepared(namesOneOf(tables, pool.dialect));
  }

  #callFor(pool: ConnectionPool, hosts: readonly PoolHost[], message: RouterMessage, scope: Scope): Call {
    const { classifications, clock } = this.#parts;
    const startedAt = clock.now();
    const { classification, cacheHit } = classifications.look(message.query, pool.dialect);
    refuseUnsendable(classification);
    refuseSeveral(message, classification);
    const call = new Call({ pool, hosts, message, scope, clock, classification, cacheHit });
    call.routingTimeMs = clock.now() - startedAt;
    return call;
  }

  /** What a decision needs: the parser, the catalog, the hosts. A promise only where something has to be loaded first. */
  #prepare(pool: ConnectionPool): readonly PoolHost[] | Promise<readonly PoolHost[]> {
    if (pool.dialect === 'postgresql' && !isSqlLoaded()) return loadSql().then(() => this.#prepare(pool));
    const { catalogs, classifications } = this.#parts;
    const catalog = catalogs.for(pool);
    if (catalog instanceof Promise) {
      return catalog.then((loaded) => {
        classifications.useCatalog(loaded);
        return pool.hosts();
      });
    }
    classifications.useCatalog(catalog);
    return pool.hosts();
  }

  #situation(
    hosts: readonly PoolHost[],
    classification: Situation['classification'] & Pick<Classification, 'templateHash' | 'hint'>,
    caller: Caller,
  ): Situation {
    const { enableReadWriteSplit, healthThreshold, maxReplicaLagMs } = this.#parts.settings;
    return {
      classification,
      pinnedRole: caller.session?.role,
      readWriteSplit: enableReadWriteSplit,
      hosts,
      mustShow: this.#ledger.mustShow(caller.runId, caller.sessionId),
      hint: caller.hint ?? classification.hint,
      healthThreshold,
      maxReplicaLagMs: maxReplicaLagMs === 'never' ? Infinity : maxReplicaLagMs,
      affinity: this.#affinity.hostOf(classification.templateHash),
    };
  }

  forgetRun(runId: string): void {
    this.#ledger.forgetRun(runId);
  }

  /** Promises nothing before it has looked: what it refuses it throws. */
  #runAlone(call: Call): Promise<Answer> {
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
    if (transaction && isSavepoint(transaction.action)) return withinTransaction(session, call, this.#decide(call, session), transaction);
    if (action === 'begin') return begin(session, call, this.#decide(call, session));
    if (transaction && (action === 'commit' || action === 'rollback' || action === 'prepare'))
      return endTransaction(session, call, this.#decide(call, session), transaction);
    if (session.state.kind === 'broken') throw session.state.error;
    if (session.lease) return runPinned(session, call, this.#decide(call, session));
    session.clear();
    if (!keepsConnection(call.classification)) return this.#runAnywhere(call, session);
    const choice = this.#decide(call, session);
    return call.answer((await pinAndRun(session, call, { keeps: true })).result, choice);
  }

  async #runAnywhere(call: Call, session: Session | undefined): Promise<Answer> {
    const choice = this.#decide(call, session);
    const { templateHash } = call.classification;
    try {
      const answer = call.answer(await call.runAnywhere(choice), choice);
      if (choice.role === 'replica') this.#affinity.note(templateHash, answer.routingMetadata.host);
      return answer;
    } catch (error) {
      return this.#onceMore(call, choice, error);
    }
  }

  /** Nobody shall notice that a server only reads: it refused the statement, which is run on the primary instead. @throws error */
  async #onceMore(call: Call, choice: Choice, error: unknown): Promise<Answer> {
    const chance = secondChance(error, choice.role);
    if (chance === undefined) throw error;
    if (chance === 'misroute') call.write ??= this.#ledger.begin(call.scope.runId, call.message.sessionId);
    const strategy = chance === 'misroute' ? 'primary_write' : 'primary_read';
    const { secondChances } = this.#parts.counters;
    try {
      const result = await call.runAnywhere(ON_PRIMARY);
      secondChances[chance] += 1;
      return call.answer(result, { ...choice, ...ON_PRIMARY, strategy, reason: SECOND_REASONS[chance] });
    } catch (again) {
      if (!isSameRefusal(error, again)) secondChances[chance] += 1;
      throw again;
    }
  }

  /** Notes the write before it is sent: a read that comes meanwhile must be as careful as one that comes after. */
  #decide(call: Call, session: Session | undefined): Choice {
    const { clock, counters } = this.#parts;
    const startedAt = clock.now();
    const { sessionId, hint, parameterSets } = call.message;
    const { runId } = call.scope;
    // What runs many times is meant to write; the pool sends it to the primary.
    const classification = parameterSets === undefined ? call.classification : { ...call.classification, readOnly: false };
    const choice = choose(this.#situation(call.hosts, classification, { sessionId, hint, runId, session }));
    if (!classification.readOnly && choice.role === 'primary') call.write = this.#ledger.begin(runId, sessionId);
    if (choice.awaitsReplicas) call.pool.checkReplicas();
    call.routingTimeMs += clock.now() - startedAt;
    counters.routed(call.routingTimeMs);
    return choice;
  }

  /** Counts where it ran, and notes when a write has ended, however it has. */
  async #noting(call: Call, running: Promise<Answer>): Promise<Answer> {
    let isUncertain = false;
    try {
      const answer = await running;
      const host = call.pool.hostOf(answer.connectionId);
      const isRead = call.classification.readOnly && answer.routingMetadata.strategy !== 'transaction_affinity';
      if (host) this.#parts.counters.ran(host, isRead);
      this.#ended(call, answer);
      return answer;
    } catch (error) {
      isUncertain = isInDoubt(error);
      this.#ended(call, undefined, error);
      throw error;
    } finally {
      if (call.write) this.#ledger.end(call.write, call.pool.moment(), isUncertain);
      this.#noteDefinition(call);
    }
  }
}

/** How often a transaction is run again when the database asks for it. */
const DEFAULT_RETRIES = 3;

const isSavepoint = (action: string): boolean => action === 'savepoint' || action === 'release' || action === 'rollback_to';

const SECOND_REASONS: Readonly<Record<SecondChance, string>> = {
  misroute: 'a server that only reads refused it',
  recovery_conflict: 'the replica replayed over what it read',
  replica_lost: 'the replica broke under it',
};

const ON_PRIMARY = { role: 'primary', hosts: undefined } as const;

/** Whether the statement may be carried out all the same, even after its caller was told. */
function isInDoubt(error: unknown): boolean {
  const { code, mayHaveExecuted, mayHaveCommitted, cause } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (mayHaveExecuted === true || mayHaveCommitted === true || code === 'ROUTER_SESSION_ENDED') return true;
  return (cause as { mayHaveExecuted?: unknown } | null | undefined)?.mayHaveExecuted === true;
}

/** What is no text, or none that a server could take: of it nothing was looked at. @throws RouterMessageError */
function refuseUnsendable({ statementCount, pinsSession, reasons }: Classification): void {
  if (statementCount === 0 && pinsSession) throw new RouterMessageError(`The query cannot be sent: ${reasons.join('; ')}.`);
}

/** @throws SeveralStatementsError, RouterMessageError */
function refuseSeveral({ parameters, parameterSets }: RouterMessage, { statementCount, transaction }: Classification): void {
  const given = parameterSets !== undefined || (parameters !== undefined && Object.keys(parameters).length > 0);
  if (given && statementCount > 1) throw new SeveralStatementsError(statementCount);
  if (parameterSets !== undefined && transaction !== undefined)
    throw new RouterMessageError('parameterSets runs a statement many times, which transaction control is not made for. Send it alone.');
}

/** Which statements have to do with a table, whatever schema they or we name. */
function namesOneOf(tables: readonly string[], dialect: Dialect): (sql: string) => boolean {
  const names = new Set(tables.flatMap((table) => [table, bareName(table)]));
  return (sql) => namesAny(names, classify(sql, dialect).tables);
}

const isDetached = (action: string): boolean => action === 'commit_prepared' || action === 'rollback_prepared';

/** Whether the next statement of its session has to run on the same connection. */
function keepsConnection({ pinsSession, transaction }: Classification): boolean {
  return pinsSession && !(transaction !== undefined && isDetached(transaction.action));
}

/** A procedure or block may do anything to its connection, but also makes sense alone; the pool cleans up behind it. */
const STANDS_ALONE = /^(?:CALL|DO)\b/i;

const needsSession = (classification: Classification): boolean =>
  keepsConnection(classification) && !STANDS_ALONE.test(classification.template);

/** Whether the router itself refused. */
export function isRoutingError(error: unknown): boolean {
  return error instanceof RouterError || (error as { name?: unknown } | null)?.name === 'SqlError';
}
