/** This process as a member of the fleet that shares one server: what it may have of the server's connections, and what it tells. */
import type { Clock } from '@kailash-ts/core';
import type { Driver, DriverConnection } from '../driver.ts';
import type { Host } from '../host.ts';
import { budgetOf, grant, type Member, type ServerLimits } from './allotment.ts';
import { MysqlPort } from './mysql-port.ts';
import { PostgresPort } from './postgres-port.ts';
import type { ServerPort, Standing } from './server-port.ts';

const LIMITS_AGE_MS = 60_000;
const LOOK_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Modes: new -> (look) -> member -> closed; a lost connection makes it new again. One connection to the server beside the pool's own,
 * which counts in its budget. Owned by the controller, which closes it.
 */
export class FleetLink {
  readonly host: Host;
  readonly #driver: Driver;
  readonly #clock: Clock;
  #connection: DriverConnection | undefined;
  #port: ServerPort | undefined;
  #limits: ServerLimits | undefined;
  #limitsAt = -Infinity;
  #lookedAt = -Infinity;
  #pauseMs = 0;
  #isLooking = false;
  #members = 1;
  #allotted: number | undefined;
  #told: Standing = { held: 0, wanted: 0 };
  /** Among the members. */
  #id = 0;
  /** What the pool would like to have now; an exchange that is under way tells the others this, not what it was begun for. */
  #wanted = 0;
  readonly #stop = new AbortController();

  constructor(host: Host, driver: Driver, clock: Clock) {
    this.host = host;
    this.#driver = driver;
    this.#clock = clock;
  }

  /** Connections that the pool may have to this server; undefined before the server has told. */
  get allotted(): number | undefined {
    return this.#allotted;
  }

  /** In words, what limits that. */
  get limitedBy(): string {
    const limits = this.#limits;
    if (!limits) return 'the server, which has not told its limits yet,';
    if ((this.#allotted ?? 0) >= this.#told.wanted) return 'what was asked of the fleet so far';
    const { maxConnections, reserved, ownLimit } = limits;
    const of =
      ownLimit === null
        ? `max_connections ${maxConnections} less ${reserved} reserved`
        : `a limit of ${ownLimit} for this user or database`;
    const fleet = this.#members === 1 ? '' : ` in a fleet of ${this.#members}`;
    return `80 % of ${of}${fleet}, control connections included,`;
  }

  /** The server is asked again, and told what is wanted; at most once a second, unless more is wanted than there may be. Never rejects. */
  async look(wanted: number): Promise<void> {
    this.#wanted = wanted;
    const now = this.#clock.now();
    const isUrgent = this.#pauseMs === 0 && wanted > Math.max(this.#told.wanted, this.#allotted ?? 0);
    if (this.#isLooking || this.#stop.signal.aborted || (!isUrgent && now < this.#lookedAt + LOOK_MS + this.#pauseMs)) return;
    this.#isLooking = true;
    this.#lookedAt = now;
    try {
      await this.#ask();
      this.#pauseMs = 0;
    } catch {
      // The pool's own connections tell what is wrong; here it only means that nothing is known.
      this.#drop();
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(LOOK_MS, 2 * this.#pauseMs));
    } finally {
      this.#isLooking = false;
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.usable) await connection.close();
  }

  async #ask(): Promise<void> {
    const port = this.#port && this.#connection?.usable ? this.#port : await this.#join();
    const now = this.#clock.now();
    if (!this.#limits || now - this.#limitsAt >= LIMITS_AGE_MS) {
      this.#limits = await port.limits();
      this.#limitsAt = now;
    }
    const budget = budgetOf(this.#limits);
    // Nothing to agree on as long as nobody has changed what concerns the others.
    if (this.#allotted !== undefined) {
      const others = await port.others();
      const next = this.#standing(others, budget);
      this.#members = others.length + 1;
      if (next.held === this.#told.held && next.wanted === this.#told.wanted) return;
    }
    await port.exchange((id, others) => {
      this.#id = id;
      this.#members = others.length + 1;
      const me = this.#standing(others, budget);
      this.#allotted = grant({ id, ...me }, others, budget);
      return (this.#told = me);
    });
  }

  /** What it holds is what it may have, and what it still has though it may not. */
  #standing(others: readonly Member[], budget: number): Standing {
    const wanted = this.#wanted;
    const open = this.host.total + this.host.connector.connecting;
    const allotted = grant({ id: this.#id, held: open, wanted }, others, budget);
    return { held: Math.max(allotted, open), wanted };
  }

  async #join(): Promise<ServerPort> {
    this.#drop();
    const { signal } = this.#stop;
    const connection = await this.#driver.connect(this.host.plan, signal);
    if (signal.aborted) connection.destroy();
    signal.throwIfAborted();
    connection.onLost(() => {});
    this.#connection = connection;
    // What it had told is forgotten with the old connection.
    this.#allotted = undefined;
    this.#told = { held: 0, wanted: 0 };
    return (this.#port = this.#driver.dialect === 'mysql' ? new MysqlPort(connection) : new PostgresPort(connection));
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#port = undefined;
  }
}
