/**
 * As of when replicas are fresh. Pure bookkeeping: the primary's positions with the moments at which they were asked for, and how
 * far each replica has replayed them.
 *
 * All moments are of this process's own monotonic clock. A position that the primary tells after a write has ended lies behind that
 * write. So a replica that has replayed the position that was asked for at a moment shows all writes that had ended by that moment:
 * no clock of a server is looked at, and nobody needs to know the position of a write.
 */
import { covers, hasTurnedBack, missing, type LogPosition } from './log-position.ts';

interface Sample {
  /** When the primary was asked; it answered later. */
  at: number;
  readonly position: LogPosition;
}

/** What is known of one replica. */
export interface Freshness {
  /** It shows all that was committed by this moment; -Infinity while nothing is known. */
  readonly asOf: number;
  /** When it was asked last. */
  readonly readAt: number;
  readonly position: LogPosition;
  /** Bytes or transactions that it lacked of the primary's last known position; null where that cannot be told. */
  readonly missing: number | null;
}

/** More samples than this are thinned out: the older, the wider apart. */
const MOST_SAMPLES = 512;

export class FreshnessBook {
  readonly #samples: Sample[] = [];

  /** When the primary's last position was asked for; -Infinity without any. */
  get lastAt(): number {
    return this.#samples.at(-1)?.at ?? -Infinity;
  }

  /** Another primary: what was known of the old one tells nothing. */
  clear(): void {
    this.#samples.length = 0;
  }

  notePrimary(at: number, position: LogPosition): void {
    const last = this.#samples.at(-1);
    // Nothing was written between: who has the one has the other.
    if (last && covers(last.position, position)) last.at = at;
    else this.#samples.push({ at, position });
    if (this.#samples.length > MOST_SAMPLES) this.#thin();
  }

  /** @param before what was known of the replica: it forgets nothing that it had, unless it was made anew */
  judge(position: LogPosition, readAt: number, before: Freshness | undefined): Freshness {
    const known = before === undefined || hasTurnedBack(position, before.position) ? -Infinity : before.asOf;
    let asOf = known;
    for (let index = this.#samples.length - 1; index >= 0; index--) {
      const sample = this.#samples[index]!;
      if (sample.at <= known) break;
      if (!covers(position, sample.position)) continue;
      asOf = sample.at;
      break;
    }
    const last = this.#samples.at(-1);
    return { asOf, readAt, position, missing: last ? missing(position, last.position) : null };
  }

  #thin(): void {
    const older = this.#samples.splice(0, MOST_SAMPLES / 2);
    this.#samples.unshift(...older.filter((_, index) => index % 2 === 0));
  }
}
