/**
 * Read your writes: when somebody's last write had ended. A replica that shows all that had ended by then (`PoolHost.freshAsOf`, proved
 * by its position in the primary's log) may serve their reads. Nothing is asked of the database for it.
 */

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
}

/** Who has written when, in moments of the pool (`pool.moment()`). */
export class WriteLedger {
  readonly #runs = new Map<string, Mark>();
  /** The latest writers last. */
  readonly #sessions = new Map<string, Mark>();
  readonly #remembered: number;
  /** The last write of all sessions that were forgotten: whoever is not known may be one of them. */
  #forgotten = -Infinity;

  constructor(remembered = REMEMBERED) {
    this.#remembered = remembered;
  }

  /** A write is about to be sent. @returns to be given to `end`; undefined for somebody without name */
  begin(runId: string | undefined, sessionId: string | undefined): Mark | undefined {
    const mark =
      runId !== undefined ? this.#markOf(this.#runs, runId) : sessionId === undefined ? undefined : this.#markOfSession(sessionId);
    if (mark) mark.pending += 1;
    return mark;
  }

  /** @param isUncertain it may still be carried out */
  end(mark: Mark, at: number, isUncertain: boolean): void {
    mark.pending -= 1;
    mark.at = Math.max(mark.at, isUncertain ? at + UNCERTAIN_MS : at);
  }

  /** What had ended by this moment must be seen: Infinity while a write is under way, -Infinity if there was none. */
  mustShow(runId: string | undefined, sessionId: string | undefined): number {
    if (runId === undefined && sessionId === undefined) return -Infinity;
    const mark = runId === undefined ? this.#sessions.get(sessionId!) : this.#runs.get(runId);
    if (!mark) return runId === undefined ? this.#forgotten : -Infinity;
    return mark.pending > 0 ? Infinity : mark.at;
  }

  forgetRun(runId: string): void {
    this.#runs.delete(runId);
  }

  #markOf(marks: Map<string, Mark>, key: string): Mark {
    const known = marks.get(key);
    if (known) return known;
    const mark = { at: -Infinity, pending: 0 };
    marks.set(key, mark);
    return mark;
  }

  #markOfSession(sessionId: string): Mark {
    const mark = this.#markOf(this.#sessions, sessionId);
    if (mark.at === -Infinity) mark.at = this.#forgotten;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, mark);
    if (this.#sessions.size > this.#remembered) this.#forgetOldest();
    return mark;
  }

  /** Whoever writes at this moment is not forgotten. */
  #forgetOldest(): void {
    for (const [sessionId, { at, pending }] of this.#sessions) {
      if (pending > 0) continue;
      this.#forgotten = Math.max(this.#forgotten, at);
      this.#sessions.delete(sessionId);
      return;
    }
  }
}
