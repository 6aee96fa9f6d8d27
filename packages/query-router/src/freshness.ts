/**
 * Read your writes: who has written. For now a writer's later reads stay on the primary; positions in the primary's log will let
 * replicas that have caught up serve them.
 */

/** Sessions remembered; of runs there are as many as run. */
const REMEMBERED = 100_000;

export class WriteLedger {
  readonly #runs = new Set<string>();
  readonly #sessions = new Set<string>();
  #forgotten = false;

  note(runId: string | undefined, sessionId: string | undefined): void {
    if (runId !== undefined) this.#runs.add(runId);
    else if (sessionId !== undefined) this.#noteSession(sessionId);
  }

  /** Errs on the side of yes: once a session had to be forgotten, no unknown one is trusted. */
  hasWritten(runId: string | undefined, sessionId: string | undefined): boolean {
    if (runId !== undefined) return this.#runs.has(runId);
    return sessionId !== undefined && (this.#forgotten || this.#sessions.has(sessionId));
  }

  forgetRun(runId: string): void {
    this.#runs.delete(runId);
  }

  #noteSession(sessionId: string): void {
    if (this.#sessions.has(sessionId)) return;
    if (this.#sessions.size >= REMEMBERED) {
      this.#sessions.delete(this.#sessions.values().next().value!);
      this.#forgotten = true;
    }
    this.#sessions.add(sessionId);
  }
}
