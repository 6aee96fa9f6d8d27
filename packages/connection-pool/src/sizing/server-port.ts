/** What a controller asks of a server, over a connection of its own. Implementations know their database and nothing of sizing. */
import type { Member, ServerLimits } from './allotment.ts';

/** What a member tells the others. */
export type Standing = Omit<Member, 'id'>;

export interface ServerPort {
  /** @throws as the statements of its connection */
  limits(): Promise<ServerLimits>;
  /** What the members tell now, this one excluded. @throws as the statements of its connection */
  others(): Promise<readonly Member[]>;
  /**
   * Alone with the server for a moment, so that no two members take the same connections: sees what the others tell, and tells what
   * `decide` makes of it. What a member has told ends with its connection, however it ends.
   * @throws as the statements of its connection
   */
  exchange(decide: (me: number, others: readonly Member[]) => Standing): Promise<void>;
}

/** Largest figure that a member can tell. */
const MOST_TOLD = 4095;

/** Of figures that may be more than can be told. */
export function tellable({ held, wanted }: Standing): Standing {
  return { held: Math.min(held, MOST_TOLD), wanted: Math.min(wanted, MOST_TOLD) };
}
