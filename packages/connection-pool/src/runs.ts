/** What runs hold, what they held at most, and which are over. */
import type { ConnectionRole } from './contract.ts';
import type { PoolLease } from './lease.ts';

/** Finished runs remembered; a late call of an older one finds no lease anyway. */
const REMEMBERED_RUNS = 10_000;
/** Workflows whose past is remembered, and how many of their last runs. */
const REMEMBERED_WORKFLOWS = 1000;
const REMEMBERED_PEAKS = 100;
/** What a workflow is thought to need of which nothing is known. */
const FIRST_GUESS: Peaks = { primary: 2, replica: 0 };

/** Connections held at once at most, by role. */
export type Peaks = Readonly<Record<ConnectionRole, number>>;

interface Run {
  readonly workflow: string | undefined;
  readonly leases: Set<PoolLease>;
  readonly active: Record<ConnectionRole, number>;
  readonly peak: Record<ConnectionRole, number>;
}

export class Runs {
  readonly #runs = new Map<string, Run>();
  readonly #finished = new Set<string>();
  /** Connections on their way to a run: served, and not yet leased. */
  readonly #promised = new Map<string, number>();
  /** What leases of runs still do after their release: ending a statement that was stopped, cleaning. */
  readonly #returning = new Set<{ readonly runId: string; readonly done: Promise<void> }>();
  /** Peaks of past runs by workflow, oldest first; the workflow that ran last is last. */
  readonly #history = new Map<string, Peaks[]>();

  isFinished(runId: string): boolean {
    return this.#finished.has(runId);
  }

  /** A run with an id that was used before begins anew (a resumed run). */
  begin(runId: string, workflow: string | undefined): void {
    this.#finished.delete(runId);
    const known = this.#runs.get(runId);
    this.#runs.set(runId, known ? { ...known, workflow } : newRun(workflow));
  }

  /**
   * What a run of this workflow will need: the 90th percentile of what past runs held at most, 2 without any. Asked before the run
   * itself is counted.
   */
  expected(workflow: string): Peaks {
    const past = this.#history.get(workflow);
    if (!past || past.length === 0) return FIRST_GUESS;
    const at = (role: ConnectionRole): number => past.map((peaks) => peaks[role]).sort((a, b) => a - b)[Math.floor(0.9 * past.length)]!;
    return { primary: at('primary'), replica: at('replica') };
  }

  /** Connections that the run holds, those on their way to it included. */
  held(runId: string): number {
    return (this.#runs.get(runId)?.leases.size ?? 0) + (this.#promised.get(runId) ?? 0);
  }

  /** A connection is on its way to a caller of the run. */
  promise(runId: string | undefined): void {
    if (runId !== undefined) this.#promised.set(runId, (this.#promised.get(runId) ?? 0) + 1);
  }

  /** It has arrived, or will not. */
  keepPromise(runId: string | undefined): void {
    if (runId === undefined) return;
    const left = this.#promised.get(runId)! - 1;
    if (left === 0) this.#promised.delete(runId);
    else this.#promised.set(runId, left);
  }

  /** A lease of the run was released, and its connection is on the way back until `done` resolves. */
  returns(runId: string, done: Promise<void>): void {
    const returning = { runId, done };
    this.#returning.add(returning);
    void done.then(() => this.#returning.delete(returning));
  }

  /** Resolves when every connection that the run has given back is back. */
  async untilReturned(runId: string): Promise<void> {
    await Promise.all([...this.#returning].filter((returning) => returning.runId === runId).map(({ done }) => done));
  }

  leasesOf(runId: string): Iterable<PoolLease> {
    return this.#runs.get(runId)?.leases ?? [];
  }

  add(lease: PoolLease): void {
    const { runId, role } = lease;
    if (runId === undefined) return;
    let run = this.#runs.get(runId);
    if (!run) this.#runs.set(runId, (run = newRun(undefined)));
    run.leases.add(lease);
    run.active[role] += 1;
    run.peak[role] = Math.max(run.peak[role], run.active[role]);
  }

  remove(lease: PoolLease): void {
    const { runId, role } = lease;
    if (runId === undefined) return;
    const run = this.#runs.get(runId);
    if (!run?.leases.delete(lease)) return;
    run.active[role] -= 1;
    // Nobody will tell of its end: it was never begun.
    if (run.workflow === undefined && run.leases.size === 0) this.#runs.delete(runId);
  }

  /** Marks the run as over. @returns its leases, which the caller releases */
  finish(runId: string): PoolLease[] {
    this.#finished.add(runId);
    if (this.#finished.size > REMEMBERED_RUNS) this.#finished.delete(this.#finished.values().next().value!);
    const run = this.#runs.get(runId);
    if (!run) return [];
    this.#runs.delete(runId);
    if (run.workflow !== undefined) this.#remember(run.workflow, run.peak);
    return [...run.leases];
  }

  #remember(workflow: string, peak: Peaks): void {
    const past = this.#history.get(workflow) ?? [];
    past.push({ ...peak });
    if (past.length > REMEMBERED_PEAKS) past.shift();
    this.#history.delete(workflow);
    this.#history.set(workflow, past);
    if (this.#history.size > REMEMBERED_WORKFLOWS) this.#history.delete(this.#history.keys().next().value!);
  }
}

function newRun(workflow: string | undefined): Run {
  return { workflow, leases: new Set(), active: { primary: 0, replica: 0 }, peak: { primary: 0, replica: 0 } };
}
