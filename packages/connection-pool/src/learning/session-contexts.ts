/** The last statements of each session, newest first: the context of the next one. Bounded: the session that was idle for longest is forgotten. */
import { LRUCache } from 'lru-cache';
import { MAX_ORDER } from './context-table.ts';
import { SESSION_START } from './sequence-model.ts';

export interface SessionContext {
  /** Templates, newest first; ends in `SESSION_START` while the session is young. */
  readonly statements: number[];
  /** When the newest one was recorded, monotonic. */
  at: number;
}

export class SessionContexts {
  readonly #sessions: LRUCache<string, SessionContext>;
  readonly #windowMs: number;

  /** @param windowMs after a longer pause a session begins anew */
  constructor(maxSessions: number, windowMs: number) {
    this.#sessions = new LRUCache({ max: maxSessions });
    this.#windowMs = windowMs;
  }

  /** The session as a statement at `now` finds it; made when it is not there. */
  enter(sessionId: string, now: number): SessionContext {
    let session = this.#sessions.get(sessionId);
    if (!session) {
      session = { statements: [SESSION_START], at: NaN };
      this.#sessions.set(sessionId, session);
    } else if (now - session.at > this.#windowMs) {
      session.statements.length = 1;
      session.statements[0] = SESSION_START;
      session.at = NaN;
    }
    return session;
  }

  peek(sessionId: string): SessionContext | undefined {
    return this.#sessions.peek(sessionId);
  }

  clear(): void {
    this.#sessions.clear();
  }
}

/** Puts a statement in front. */
export function push(session: SessionContext, template: number, now: number): void {
  const { statements } = session;
  if (statements.length < MAX_ORDER) statements.push(0);
  for (let back = statements.length - 1; back > 0; back--) statements[back] = statements[back - 1]!;
  statements[0] = template;
  session.at = now;
}
