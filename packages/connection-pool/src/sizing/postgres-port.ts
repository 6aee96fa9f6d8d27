/**
 * A fleet on PostgreSQL, by advisory locks alone: no table, no right to write, also on a hot standby. Each member holds one shared lock
 * whose number tells what it has and wants; `pg_locks` shows the locks of all, and the server drops those of a member that dies.
 */
import type { DriverConnection, DriverResult } from '../driver.ts';
import type { Member, ServerLimits } from './allotment.ts';
import { tellable, type ServerPort, type Standing } from './server-port.ts';

/** First key of the locks: "kail" in ASCII. */
const FAMILY = 0x6b61696c;
/** Second key of the lock that a member holds while it decides; no standing has it. */
const TURN = 0;
const TURN_WAIT_MS = 2000;

export class PostgresPort implements ServerPort {
  readonly #connection: DriverConnection;
  /** Second key of the lock that tells this member's standing. */
  #told: number | undefined;

  constructor(connection: DriverConnection) {
    this.#connection = connection;
  }

  async limits(): Promise<ServerLimits> {
    const row = (await this.#run(LIMITS)).rows[0]!;
    const own = [row['of_role'], row['of_database']].map(Number).filter((limit) => limit >= 0);
    return {
      maxConnections: Number(row['most']),
      reserved: Number(row['reserved']),
      ownLimit: own.length === 0 ? null : Math.min(...own),
    };
  }

  async others(): Promise<readonly Member[]> {
    return (await this.#members()).others;
  }

  async exchange(decide: (me: number, others: readonly Member[]) => Standing): Promise<void> {
    await this.#run('BEGIN');
    try {
      await this.#run(`SET LOCAL lock_timeout = ${TURN_WAIT_MS}`);
      await this.#run(`SELECT pg_advisory_xact_lock(${FAMILY}, ${TURN})`);
      const { me, others } = await this.#members();
      const number = encode(tellable(decide(me, others)));
      if (number !== this.#told) {
        await this.#run(`SELECT pg_advisory_lock_shared(${FAMILY}, ${number})`);
        if (this.#told !== undefined) await this.#run(`SELECT pg_advisory_unlock_shared(${FAMILY}, ${this.#told})`);
        this.#told = number;
      }
      await this.#run('COMMIT');
    } catch (error) {
      if (this.#connection.usable) await this.#run('ROLLBACK');
      throw error;
    }
  }

  async #members(): Promise<{ readonly me: number; readonly others: readonly Member[] }> {
    const { rows } = await this.#run(MEMBERS);
    const members = rows.map((row) => ({ id: Number(row['pid']), isMe: row['is_me'] === true, ...decode(Number(row['number'])) }));
    const me = Number((await this.#run('SELECT pg_backend_pid() AS pid')).rows[0]!['pid']);
    return { me, others: members.filter(({ isMe }) => !isMe).map(({ id, held, wanted }) => ({ id, held, wanted })) };
  }

  #run(text: string): Promise<DriverResult> {
    return this.#connection.execute({ text, values: [], prepare: false });
  }
}

const LIMITS = `
  SELECT current_setting('max_connections')::int AS most,
    current_setting('superuser_reserved_connections')::int + coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS reserved,
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database`;

const MEMBERS = `
  SELECT pid, objid::bigint AS number, pid = pg_backend_pid() AS is_me FROM pg_locks
  WHERE locktype = 'advisory' AND classid = ${FAMILY} AND objsubid = 2 AND mode = 'ShareLock' AND granted ORDER BY pid`;

const BITS = 12;

/** Never 0, which is the turn's: the bit above both figures is always set. */
function encode({ held, wanted }: Standing): number {
  return (1 << (2 * BITS)) | (held << BITS) | wanted;
}

function decode(number: number): Standing {
  const mask = (1 << BITS) - 1;
  return { held: (number >> BITS) & mask, wanted: number & mask };
}
