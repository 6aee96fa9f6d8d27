/** The sessions of a router by id. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { SessionBusyError, type RouterError } from './errors.ts';
import { Session } from './session.ts';

/** Broken sessions remembered outside of runs; whose owner never came back is forgotten first. */
const MAX_BROKEN = 1000;

/** Whose call it is, and how long it may take. */
export interface CallLimits {
  readonly runId: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Infinity for no limit. */
  readonly timeoutMs: number;
}

/**
 * Holds sessions while they are in use, hold a connection, or have something to tell. Inside of a run an id belongs to the run:
 * nobody else reaches its sessions, and they end with it.
 *
 * Whatever ends a session from outside comes through `end`: the end of a run, `stop`, and a limit on idle transactions.
 */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;
  readonly #idleMs: number;

  /** @param idleMs how long a transaction may stand still; Infinity for ever */
  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  get activeTransactions(): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.inTransaction) count += 1;
    return count;
  }

  find(sessionId: string, runId: string | undefined): Session | undefined {
    return this.#sessions.get(keyOf(sessionId, runId));
  }

  /** Runs `work` when it is this call's turn. @throws SessionBusyError, SessionEndedError, the signal's reason, or what `work` throws */
  async inTurn<T>(sessionId: string, limits: CallLimits, pool: ConnectionPool, work: (session: Session) => Promise<T>): Promise<T> {
    const { runId, signal, timeoutMs } = limits;
    const key = keyOf(sessionId, runId);
    const session = this.#sessions.get(key) ?? new Session(sessionId, runId);
    this.#sessions.set(key, session);
    session.users += 1;
    session.stopIdleTimer();
    try {
      const onTimeout = (): SessionBusyError => new SessionBusyError(sessionId, timeoutMs);
      await session.turns.take({ clock: this.#clock, signal, timeoutMs, onTimeout });
      try {
        session.signal.throwIfAborted();
        return await work(session);
      } finally {
        session.turns.pass();
      }
    } finally {
      session.users -= 1;
      if (session.users === 0 && session.inTransaction && this.#idleMs !== Infinity) this.#limitIdleness(session, pool);
      this.#forgetIfDone(key, session);
    }
  }

  /** @param because makes the error for those who are in it */
  async end(sessions: Iterable<Session>, pool: ConnectionPool | undefined, because: (session: Session) => RouterError): Promise<void> {
    const ending = [...sessions];
    for (const session of ending) this.#sessions.delete(keyOf(session.id, session.runId));
    await Promise.all(ending.map((session) => session.end(pool, because(session))));
  }

  #limitIdleness(session: Session, pool: ConnectionPool): void {
    session.stopIdleTimer = this.#clock.setTimer(() => {
      void session.idleTooLong(pool, this.#idleMs).then(() => this.#forgetIfDone(keyOf(session.id, session.runId), session));
    }, this.#idleMs);
  }

  ofRun(runId: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.runId === runId);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  #forgetIfDone(key: string, session: Session): void {
    if (session.users > 0 || this.#sessions.get(key) !== session) return;
    const { kind } = session.state;
    if (kind === 'free') this.#sessions.delete(key);
    else if (kind !== 'pinned') this.#keepBroken(key, session);
  }

  /** The latest ones stay. */
  #keepBroken(key: string, session: Session): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= MAX_BROKEN) return;
    for (const [other, { users, state }] of this.#sessions) {
      if (users > 0 || state.kind === 'pinned') continue;
      this.#sessions.delete(other);
      return;
    }
  }
}

// No run id begins with a line feed.
const keyOf = (sessionId: string, runId: string | undefined): string => (runId === undefined ? `\n${sessionId}` : `${runId}\n${sessionId}`);
