/** The servers of a pool: which of them is the primary, who waits for which, and where the primary is after a failover. */
import type { ConnectionRole } from './contract.ts';
import type { Driver } from './driver.ts';
import type { Entry } from './entry.ts';
import { Host, type Callers } from './host.ts';
import { Line, type Holders } from './line.ts';
import type { PoolParts } from './parts.ts';

/** Tells those who wait for a replica that they are served elsewhere now: they ask again. */
const ASK_AGAIN = Symbol('ask again');

/** Whether a wait ended only because the caller shall ask again. */
export const isAskAgain = (error: unknown): boolean => error === ASK_AGAIN;

/**
 * Roles are what the servers say, never what the configuration says. A pool of one server lends its connections for every role,
 * whatever the server is.
 *
 * When the primary is lost, or says that it is none any more, the other servers are asked; whoever says that it is the primary is, and
 * the old one counts as primary again only when the new one is gone.
 */
export class Topology implements Callers {
  readonly hosts: readonly Host[];
  readonly #parts: PoolParts;
  readonly #lines: Readonly<Record<ConnectionRole, Line>>;
  /** Servers that call themselves primary but were replaced by another one. */
  readonly #superseded = new Set<Host>();
  #seeking = false;

  constructor(driver: Driver, parts: PoolParts, holders: Holders) {
    this.#parts = parts;
    const primary = new Line('primary', parts, holders);
    const replica = driver.hosts.length > 1 ? new Line('replica', parts, holders) : primary;
    this.#lines = { primary, replica };
    this.hosts = driver.hosts.map((plan) => new Host(plan, driver, parts, this));
    this.#sort();
  }

  get lines(): readonly Line[] {
    const { primary, replica } = this.#lines;
    return primary === replica ? [primary] : [primary, replica];
  }

  /** Where to wait: for a replica also at the primary, when no replica is to be had. */
  lineFor(role: ConnectionRole = 'primary'): Line {
    const { primary, replica } = this.#lines;
    return role === 'replica' && replica.hosts.length > 0 && replica.isPromising ? replica : primary;
  }

  serve(host: Host, entry: Entry): boolean {
    return this.#lineOf(host)?.serve(entry) ?? false;
  }

  /** A run holds less than before: those of it who wait may be served. */
  wake(): void {
    for (const line of this.lines) line.grow();
  }

  changed(host: Host): void {
    this.#lineOf(host)?.grow();
  }

  refused(host: Host, error: unknown): void {
    const line = this.#lineOf(host);
    if (!line || line.hosts.some((other) => other !== host && other.isAvailable)) return line?.grow();
    if (line.role === 'replica') line.queue.failAll(() => ASK_AGAIN);
    else if (this.hosts.length > 1) void this.seekPrimary(error);
    else line.queue.failAll(() => error);
  }

  roleFound(host: Host, role: ConnectionRole): void {
    const from = host.role;
    if (from === role) return;
    host.role = role;
    const { config, events } = this.#parts;
    events.emit('host:role-changed', { pool: config.name, host: host.plan.name, from, to: role });
    if (role === 'primary') {
      for (const other of this.#lines.primary.hosts) if (other !== host) this.#superseded.add(other);
      this.#superseded.delete(host);
    } else this.#superseded.delete(host);
    this.#sort();
    host.evictAll('role_changed');
    for (const line of this.lines) line.grow();
    if (this.#lines.primary.hosts.length === 0) void this.seekPrimary(undefined);
  }

  /** Looks for lost connections to be opened, and for a lost primary. Called by the housekeeper. */
  upkeep(): void {
    for (const host of this.hosts) host.upkeep();
    for (const line of this.lines) line.grow();
    if (this.hosts.length > 1 && !this.#hasPrimary) void this.seekPrimary(undefined);
  }

  /** Asks all servers what they are. @param error what to tell those who wait when no primary is found; undefined lets them wait on */
  async seekPrimary(error: unknown): Promise<void> {
    if (this.#seeking) return;
    this.#seeking = true;
    try {
      await Promise.all(this.hosts.map((host) => this.#ask(host)));
    } finally {
      this.#seeking = false;
    }
    if (!this.#hasPrimary && this.#superseded.size > 0) {
      this.#superseded.clear();
      this.#sort();
    }
    if (this.#hasPrimary) this.#lines.primary.grow();
    else if (error !== undefined) this.#lines.primary.queue.failAll(() => error);
  }

  get #hasPrimary(): boolean {
    return this.#lines.primary.hosts.some((host) => host.isAvailable);
  }

  async #ask(host: Host): Promise<void> {
    const entry = host.take(undefined);
    if (!entry) {
      // What it is, its next connection tells.
      if (host.connector.connecting === 0 && host.connector.canConnect) host.connector.connect();
      return;
    }
    await host.checkIdle(entry);
  }

  #lineOf(host: Host): Line | undefined {
    if (this.hosts.length === 1) return this.#lines.primary;
    return this.lines.find((line) => line.hosts.includes(host));
  }

  #sort(): void {
    const { primary, replica } = this.#lines;
    if (primary === replica) {
      primary.hosts = this.hosts;
      return;
    }
    const primaries = this.hosts.filter((host) => host.role === 'primary');
    const current = primaries.filter((host) => !this.#superseded.has(host));
    primary.hosts = current.length > 0 ? current : primaries;
    replica.hosts = this.hosts.filter((host) => host.role === 'replica');
  }
}
