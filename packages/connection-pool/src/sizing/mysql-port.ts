/**
 * A fleet on MySQL and MariaDB, by user-level locks alone (`GET_LOCK`): no table, no right to write, also on a read-only replica. These
 * locks have no shared form, and nobody can list them; so each member takes the first free of some numbered places, and beside it one
 * lock for each bit of what it has and wants. The server drops the locks of a member that dies.
 */
import type { DriverConnection, DriverResult } from '../driver.ts';
import type { Member, ServerLimits } from './allotment.ts';
import { tellable, type ServerPort, type Standing } from './server-port.ts';

const FAMILY = 'kailash.fleet';
const PLACES = 256;
const BITS = 12;
const TURN_WAIT_SECONDS = 2;

export class MysqlPort implements ServerPort {
  readonly #connection: DriverConnection;
  #place: number | undefined;
  #told: Standing = { held: 0, wanted: 0 };

  constructor(connection: DriverConnection) {
    this.#connection = connection;
  }

  async limits(): Promise<ServerLimits> {
    const row = (await this.#run('SELECT @@max_connections AS most, @@session.max_user_connections AS own')).rows[0]!;
    const own = Number(row['own']);
    // One more than `max_connections` may log in, for an administrator: none of it is counted.
    return { maxConnections: Number(row['most']), reserved: 0, ownLimit: own > 0 ? own : null };
  }

  async others(): Promise<readonly Member[]> {
    const taken = await this.#held(Array.from({ length: PLACES }, (_, place) => placeLock(place)));
    const places = [...taken].flatMap((isHeld, place) => (isHeld && place !== this.#place ? [place] : []));
    const bits = await this.#held(places.flatMap((place) => bitLocks(place)));
    return places.map((place, index) => {
      const own = bits.slice(index * 2 * BITS, (index + 1) * 2 * BITS);
      return { id: place, held: numberOf(own.slice(0, BITS)), wanted: numberOf(own.slice(BITS)) };
    });
  }

  async exchange(decide: (me: number, others: readonly Member[]) => Standing): Promise<void> {
    if (!(await this.#lock(`${FAMILY}.turn`, TURN_WAIT_SECONDS))) return;
    try {
      this.#place ??= await this.#takePlace();
      if (this.#place === undefined) return;
      const standing = tellable(decide(this.#place, await this.others()));
      await this.#tell(this.#place, standing);
    } finally {
      if (this.#connection.usable) await this.#run(`DO RELEASE_LOCK('${FAMILY}.turn')`);
    }
  }

  async #takePlace(): Promise<number | undefined> {
    for (let place = 0; place < PLACES; place++) if (await this.#lock(placeLock(place), 0)) return place;
    return undefined;
  }

  async #tell(place: number, standing: Standing): Promise<void> {
    const before = bitsOf(this.#told);
    const names = bitLocks(place);
    const changes = bitsOf(standing).flatMap((isSet, index) => {
      if (isSet === before[index]) return [];
      return [isSet ? `GET_LOCK('${names[index]!}', 0)` : `RELEASE_LOCK('${names[index]!}')`];
    });
    if (changes.length > 0) await this.#run(`DO ${changes.join(', ')}`);
    this.#told = standing;
  }

  async #lock(name: string, seconds: number): Promise<boolean> {
    return Number((await this.#run(`SELECT GET_LOCK('${name}', ${seconds}) AS got`)).rows[0]!['got']) === 1;
  }

  /** Which of the locks somebody holds. */
  async #held(names: readonly string[]): Promise<boolean[]> {
    if (names.length === 0) return [];
    const free = names.map((name) => `IS_FREE_LOCK('${name}')`).join(', ');
    const text = String((await this.#run(`SELECT CONCAT(${free}) AS free`)).rows[0]!['free']);
    return Array.from(text, (digit) => digit === '0');
  }

  #run(text: string): Promise<DriverResult> {
    return this.#connection.execute({ text, values: [], prepare: false });
  }
}

const placeLock = (place: number): string => `${FAMILY}.${place}`;

function bitLocks(place: number): string[] {
  const of = (figure: string): string[] => Array.from({ length: BITS }, (_, bit) => `${FAMILY}.${place}.${figure}${bit}`);
  return [...of('h'), ...of('w')];
}

function bitsOf({ held, wanted }: Standing): boolean[] {
  return [held, wanted].flatMap((figure) => Array.from({ length: BITS }, (_, bit) => (figure & (1 << bit)) !== 0));
}

function numberOf(bits: readonly boolean[]): number {
  return bits.reduce((sum, isSet, bit) => sum + (isSet ? 1 << bit : 0), 0);
}
