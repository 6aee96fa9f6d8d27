/**
 * Read your writes: when somebody's last write had ended. A replica that shows all that had ended by then (`PoolHost.freshAsOf`, proved
 * by its position in the primary's log) may serve their reads. Nothing is asked of the database for it.
 */

import { LRUCache } from 'lru-cache';

/** Sessions remembered; of runs there are as many as run. */
const REMEMBERED = 100_000;
/** A write whose end nobody saw may still go on at the server. After this time it does not. */
const UNCERTAIN_MS = 60_000;

/** One writer. */
export interface Mark {
  /** When its last write had ended. */
  at: number;
  /** Writes under way. */
  pending: number;
  /** Of a session that had to be forgotten in the middle of a write. */
  evictedAs?: string;
}

/** Who has written when, in moments of the pool (`pool.moment()`). */
export class WriteLedger {
  readonly #runs = new Map<string, Mark>();
  // A Map, kept in order by deleting and setting, takes tens of microseconds for a session that writes again and again.
  readonly #sessions: LRUCache<string, Mark>;
  /** Sessions that there was no room for while they write. */
  readonly #evicted = new Map<string, Mark>();
  /** The last write of all sessions that were forgotten: whoever is not known may be one of them. */
  #forgotten = -Infinity;

  constructor(remembered = REMEMBERED) {
    this.#sessions = new LRUCache({
      max: remembered,
      dispose: (mark, sessionId, reason) => reason === 'evict' && this.#evict(sessionId, mark),
    });
  }

  /** A write is about to be sent. @returns to be given to `end`; undefined for somebody without name */
  begin(runId: string | undefined, sessionId: string | undefined): Mark | undefined {
    const mark = runId !== undefined ? this.#markOfRun(runId) : sessionId === undefined ? undefined : this.#markOfSession(sessionId);
    if (mark) mark.pending += 1;
    return mark;
  }

  /** @param isUncertain it may still be carried out */
  end(mark: Mark, at: number, isUncertain: boolean): void {
    mark.pending -= 1;
    mark.at = Math.max(mark.at, isUncertain ? at + UNCERTAIN_MS : at);
    if (mark.evictedAs === undefined || mark.pending > 0) return;
    this.#evicted.delete(mark.evictedAs);
    this.#forgotten = Math.max(this.#forgotten, mark.at);
  }

  /** What had ended by this moment must be seen: Infinity while a write is under way, -Infinity if there was none. */
  mustShow(runId: string | undefined, sessionId: string | undefined): number {
    if (runId === undefined && sessionId === undefined) return -Infinity;
    const mark = runId === undefined ? this.#find(sessionId!) : this.#runs.get(runId);
    if (!mark) return runId === undefined ? this.#forgotten : -Infinity;
    return mark.pending > 0 ? Infinity : mark.at;
  }

  forgetRun(runId: string): void {
    this.#runs.delete(runId);
  }

  #markOfRun(runId: string): Mark {
    const known = this.#runs.get(runId);
    if (known) return known;
    const mark = { at: -Infinity, pending: 0 };
    this.#runs.set(runId, mark);
    return mark;
  }

  #markOfSession(sessionId: string): Mark {
    const known = this.#find(sessionId);
    if (known) return known;
    const mark = { at: this.#forgotten, pending: 0 };
    this.#sessions.set(sessionId, mark);
    return mark;
  }

  #find(sessionId: string): Mark | undefined {
    return this.#sessions.get(sessionId) ?? (this.#evicted.size > 0 ? this.#evicted.get(sessionId) : undefined);
  }

  /** Whoever writes at this moment is remembered until that has ended. */
  #evict(sessionId: string, mark: Mark): void {
    if (mark.pending === 0) {
      this.#forgotten = Math.max(this.#forgotten, mark.at);
      return;
    }
    mark.evictedAs = sessionId;
    this.#evicted.set(sessionId, mark);
  }
}
