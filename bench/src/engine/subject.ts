/** What is asked of an engine, and how its process is told. */

/** `chain`: each node takes the value of the one before. `fan-out`: one source, and all other nodes take its value. */
export type Shape = 'chain' | 'fan-out';

/** A workflow that has been defined and can be run again and again. */
export interface PreparedRun {
  /** Runs it to its end. Resolves with the value of the last node, so that nobody can leave the data out. */
  run(): Promise<number>;
}

/** An engine, as far as the bench knows it. Its nodes are `counted` functions: no-ops that add one to what they take. */
export interface EngineSubject {
  prepare(shape: Shape, nodes: number): PreparedRun | Promise<PreparedRun>;
}

/** Job of a subject's process: prepare (once per shape and size, or anew when `fresh`), then run once at least, until both times are over. */
export interface Job {
  readonly shape: Shape;
  readonly nodes: number;
  readonly minMs: number;
  readonly minCpuMs: number;
  readonly fresh?: boolean;
}

/** Answer of a subject's process. */
export interface JobResult {
  readonly runs: number;
  readonly totalMs: number;
  readonly prepareMs: number;
}

let executed = 0;

/** The no-op that all engines run. Counts its calls, by which the bench checks that no node was left out. */
export async function counted(value: number): Promise<number> {
  executed++;
  return value + 1;
}

/** Calls of `counted` since the last time that this was asked. */
export function takeExecutedCount(): number {
  const count = executed;
  executed = 0;
  return count;
}

/** The last node's value when everything ran: a chain of n adds n, the leaf of a fan-out adds 2. */
export function expectedValue(shape: Shape, nodes: number): number {
  return shape === 'chain' ? nodes : Math.min(nodes, 2);
}
