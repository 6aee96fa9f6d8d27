/** Figures of a replay. */
import type { ConnectionRole } from '@kailash-ts/connection-pool/contract';

/** Counts over many files. */
export class ReplayTally {
  statements = 0;
  files = 0;
  /** Sent through the router and to the primary alone. */
  replayed = 0;
  /** On the primary alone. */
  succeeded = 0;
  sameRows = 0;
  misroutes = 0;
  secondChances = 0;
  onReplicas = 0;
  /** How often a replica was told to leave out what a file had left to it. */
  skips = 0;
  /** Files whose statements ended the server, and were not replayed to the end. */
  readonly crashes: string[] = [];
  readonly mismatches: string[] = [];
  /** That a caller of the router saw, and one of the primary alone did not. */
  readonly readOnlyErrors: string[] = [];
  /** Statements that a replica refused and the primary then ran: nobody noticed, and yet they were sent to the wrong place. */
  readonly misrouted: string[] = [];
  readonly #byHost = new Map<string, number>();
  readonly #leftOut = new Map<string, Group>();
  readonly #failed = new Map<string, Group>();
  readonly #notCompared = new Map<string, Group>();

  leaveOut(reason: string, sql?: string, count = 1): void {
    add(this.#leftOut, reason, sql, count);
  }

  /** It was replayed, and not compared. */
  note(reason: string, sql?: string): void {
    add(this.#notCompared, reason, sql, 1);
  }

  /** On the primary alone; with the same class through the router, or it is a mismatch as well. */
  fail(code: string, sql: string): void {
    add(this.#failed, code, sql, 1);
  }

  ranOn(host: string, role: ConnectionRole): void {
    this.#byHost.set(host, (this.#byHost.get(host) ?? 0) + 1);
    if (role === 'replica') this.onReplicas += 1;
  }

  count(metrics: { readonly misroutes: number; readonly recoveryConflicts: number; readonly replicasLost: number }): void {
    this.misroutes += metrics.misroutes;
    this.secondChances += metrics.recoveryConflicts + metrics.replicasLost;
  }

  report(title: string): string {
    const { files, statements, replayed, succeeded, sameRows, onReplicas, skips, misroutes, secondChances, mismatches, readOnlyErrors } =
      this;
    return [
      `${title}: ${files} files, ${statements} statements, ${replayed} replayed (${percent(replayed, statements)}), ${succeeded} of these succeed`,
      `  ${onReplicas} on replicas (${[...this.#byHost].map(([host, count]) => `${host || 'nowhere'} ${count}`).join(', ')})`,
      `  ${misroutes} misroutes, ${secondChances} other second chances, ${readOnlyErrors.length} read-only errors seen by users`,
      ...(skips === 0 ? [] : [`  ${skips} times the replica was too far behind at the end of a file, and left out the rest`]),
      `  ${sameRows} with the same rows, ${mismatches.length} mismatches`,
      ...this.crashes.map((file) => `  left out: the rest of ${file}, in which the server itself died`),
      ...groupLines('left out', this.#leftOut),
      ...groupLines('not compared', this.#notCompared),
      ...groupLines('fails alone too', this.#failed).slice(0, 12),
      ...readOnlyErrors.map((line) => `  read-only error: ${line}`),
      ...this.misrouted.map((sql) => `  misrouted: ${sql}`),
      ...mismatches.map((line) => `  mismatch: ${line}`),
    ].join('\n');
  }
}

interface Group {
  count: number;
  readonly examples: string[];
}

const EXAMPLES = 3;

function add(groups: Map<string, Group>, reason: string, sql: string | undefined, count: number): void {
  const group = groups.get(reason) ?? { count: 0, examples: [] };
  groups.set(reason, group);
  group.count += count;
  if (sql !== undefined && group.examples.length < EXAMPLES) group.examples.push(sql.replaceAll(/\s+/g, ' ').slice(0, 100));
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

function groupLines(title: string, groups: ReadonlyMap<string, Group>): string[] {
  return [...groups]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([reason, { count, examples }]) => `  ${title}: ${count} x ${reason}${examples.length === 0 ? '' : ` (${examples.join(' | ')})`}`);
}
