/**
 * Has the statement prepared that usually follows in a session, while the session thinks: never between two statements that come one
 * right after the other, and never in a transaction.
 */
import type { ConnectionPool, PoolHost } from '@kailash-ts/connection-pool/contract';
import type { Clock } from '@kailash-ts/core';
import type { Classification } from '@kailash-ts/sql';
import type { Call } from './call.ts';
import type { Choice } from './choose.ts';
import { executionKey } from './learning.ts';
import type { Session } from './session.ts';

/** Sessions that are looked at together, and how often: predicting what comes takes some 20 us. */
const MOST_SESSIONS = 20;
const PAUSE_MS = 10;
/** Less probable ones are never worth it, whatever it costs. */
const LEAST_PROBABILITY = 0.5;

/** What it needs of its router. */
export interface ForesightParts {
  readonly clock: Clock;
  classify(sql: string, pool: ConnectionPool): Classification;
  sessionOf(call: Call): Session | undefined;
  /** Where a statement of that caller would go. */
  chooseFor(classification: Classification, hosts: readonly PoolHost[], call: Call, session: Session | undefined): Choice;
  workflowOf(runId: string | undefined): string | undefined;
}

/** Owned by one router. It looks when the event loop has come round, so that whoever goes on at once is ahead of it. */
export class Foresight {
  readonly #parts: ForesightParts;
  /** The last statement of each session since it last looked. */
  readonly #ended = new Map<string, Call>();
  #stopTimer: (() => void) | undefined;
  #lookedAt = -Infinity;

  constructor(parts: ForesightParts) {
    this.#parts = parts;
  }

  /** A statement has ended and was recorded. */
  saw(call: Call): void {
    if (!call.pool.preparesAhead) return;
    const key = executionKey(call);
    if (key === undefined || (this.#ended.size >= MOST_SESSIONS && !this.#ended.has(key))) return;
    this.#ended.set(key, call);
    this.#stopTimer ??= this.#schedule();
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#ended.clear();
  }

  #schedule(): () => void {
    const { clock } = this.#parts;
    return clock.setTimer(() => this.#look(), Math.max(0, this.#lookedAt + PAUSE_MS - clock.now()), { background: true });
  }

  #look(): void {
    this.#stopTimer = undefined;
    this.#lookedAt = this.#parts.clock.now();
    const ended = [...this.#ended];
    this.#ended.clear();
    for (const [key, call] of ended) this.#lookAt(key, call);
  }

  #lookAt(sessionId: string, call: Call): void {
    const { pool, hosts, classification } = call;
    const session = this.#parts.sessionOf(call);
    if (session !== undefined && (session.users > 0 || session.inTransaction)) return;
    const workflow = this.#parts.workflowOf(call.scope.runId);
    const [next] = pool.queryPatternTracker?.predictNextQueries(classification.template, { sessionId, workflow }) ?? [];
    if (next?.text === undefined || next.probability <= LEAST_PROBABILITY) return;
    const following = this.#parts.classify(next.text, pool);
    if (following.transaction !== undefined || following.pinsSession || following.queryType === 'ddl') return;
    const { role, hosts: eligible } = this.#parts.chooseFor(following, hosts, call, session);
    const { probability, expectedDelayMs: delayMs } = next;
    pool.prepareAhead(next.text, { role, hosts: eligible, lease: session?.lease, probability, delayMs });
  }
}
