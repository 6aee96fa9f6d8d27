/** What a controller asks of a server, over a connection of its own. Implementations know their database and nothing of sizing. */
import type { DriverConnection } from '../driver.ts';
import type { Dialect } from '../contract.ts';
import type { Member, ServerLimits } from './allotment.ts';
import { MysqlPort } from './mysql-port.ts';
import { PostgresPort } from './postgres-port.ts';

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

/** Undefined where there is nothing to share: a file has no limit of connections. */
export function serverPort(dialect: Dialect, connection: DriverConnection): ServerPort | undefined {
  if (dialect === 'sqlite') return undefined;
  return dialect === 'mysql' ? new MysqlPort(connection) : new PostgresPort(connection);
}

/** Largest figure that a member can tell. */
export const MOST_TOLD = 4095;

/** Of figures that may be more than can be told. */
export function tellable({ held, wanted }: Standing): Standing {
  return { held: Math.min(held, MOST_TOLD), wanted: Math.min(wanted, MOST_TOLD) };
}
