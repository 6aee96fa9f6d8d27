/** The servers of a pool: which of them is the primary, who waits for which, and where the primary is after a failover. */
import type { AcquireOptions, ConnectionRole } from './contract.ts';
import type { Driver } from './driver.ts';
import type { Entry } from './entry.ts';
import { Host, type Callers } from './host.ts';
import { HostView } from './host-view.ts';
import { Line, type Holders } from './line.ts';
import type { PoolParts } from './parts.ts';
import { ReplicaMonitor } from './replica-monitor.ts';

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
  /** The same, as routers see them. */
  readonly views: readonly HostView[];
  /** Undefined where no replica can lag. */
  readonly monitor: ReplicaMonitor | undefined;
  readonly #parts: PoolParts;
  readonly #lines: Readonly<Record<ConnectionRole, Line>>;
  /** Where those wait who may have connections of this host and of no other. */
  readonly #own = new Map<Host, Line>();
  readonly #holders: Holders;
  /** Servers that call themselves primary but were replaced by another one. */
  readonly #superseded = new Set<Host>();
  #seeking = false;

  constructor(driver: Driver, parts: PoolParts, holders: Holders) {
    this.#parts = parts;
    this.#holders = holders;
    const primary = new Line('primary', parts, holders);
    const replica = driver.hosts.length > 1 ? new Line('replica', parts, holders) : primary;
    this.#lines = { primary, replica };
    this.hosts = driver.hosts.map((plan) => new Host(plan, driver, parts, this));
    this.#sort();
    if (this.hosts.length > 1 && driver.dialect !== 'sqlite') this.monitor = new ReplicaMonitor(driver, this, parts);
    this.views = this.hosts.map((host) => new HostView(host, this.monitor));
  }

  get lines(): readonly Line[] {
    const { primary, replica } = this.#lines;
    return primary === replica ? [primary] : [primary, replica, ...this.#own.values()];
  }

  /** Where to wait: for a replica also at the primary, when no replica is to be had. */
  lineFor({ role = 'primary', hosts }: AcquireOptions): Line {
    const { primary, replica } = this.#lines;
    if (role !== 'replica' || replica === primary || replica.hosts.length === 0 || !replica.isPromising) return primary;
    return hosts === undefined || replica.hosts.every(({ plan }) => hosts.includes(plan.name)) ? replica : this.#lineOfSome(hosts);
  }

  /** The one server that takes writes; undefined while there is none, or more than one says so. */
  get primary(): Host | undefined {
    const { hosts } = this.#lines.primary;
    return hosts.length === 1 ? hosts[0] : undefined;
  }

  /** The server of a connection or a lease, by its id. */
  viewOf(connectionId: string): HostView | undefined {
    const lease = connectionId.indexOf('#');
    const name = connectionId.slice(0, connectionId.lastIndexOf('-', lease === -1 ? undefined : lease));
    for (const view of this.views) if (view.name === name) return view;
    return undefined;
  }

  /** Between a host's own line and that of its role, whoever waits longer. */
  serve(host: Host, entry: Entry): boolean {
    const line = this.#lineOf(host);
    const own = this.#own.get(host);
    if (!own || own.waiting === 0) return line?.serve(entry) ?? false;
    const ownFirst = own.queue.waitingSince <= (line?.queue.waitingSince ?? Infinity);
    const [first, second] = ownFirst ? [own, line] : [line, own];
    return (first?.serve(entry) ?? false) || (second?.serve(entry) ?? false);
  }

  /** A run holds less than before: those of it who wait may be served. */
  wake(): void {
    for (const line of this.lines) line.grow();
  }

  changed(host: Host): void {
    this.#lineOf(host)?.grow();
    this.#own.get(host)?.grow();
  }

  refused(host: Host, error: unknown): void {
    if (!host.isAvailable) this.#own.get(host)?.queue.failAll(() => ASK_AGAIN);
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
    this.#own.get(host)?.queue.failAll(() => ASK_AGAIN);
    // Who waits there may not know the newcomer, and must not get its connections.
    if (role === 'replica') this.#lines.replica.queue.failAll(() => ASK_AGAIN);
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

  /** Of several the first with an idle connection, else the first that can be had: whoever waits, waits for one host. */
  #lineOfSome(names: readonly string[]): Line {
    let best: Host | undefined;
    for (const name of names) {
      const host = this.#lines.replica.hosts.find(({ plan }) => plan.name === name);
      if (!host?.isAvailable) continue;
      if (host.idleCount > 0) return this.#ownLine(host);
      best ??= host;
    }
    return best ? this.#ownLine(best) : this.#lines.primary;
  }

  #ownLine(host: Host): Line {
    const known = this.#own.get(host);
    if (known) return known;
    const line = new Line('replica', this.#parts, this.#holders);
    line.hosts = [host];
    this.#own.set(host, line);
    return line;
  }

  #lineOf(host: Host): Line | undefined {
    if (this.hosts.length === 1) return this.#lines.primary;
    const { primary, replica } = this.#lines;
    return [primary, replica].find((line) => line.hosts.includes(host));
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
