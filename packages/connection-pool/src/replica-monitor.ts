/** Knows how far the replicas of a pool are behind, while somebody wants to know. */
import { milliseconds } from './config.ts';
import type { Driver } from './driver.ts';
import { FreshnessBook, type Freshness } from './freshness.ts';
import type { Host } from './host.ts';
import { positionText } from './log-position.ts';
import type { PoolParts } from './parts.ts';
import type { ConnectionRole } from './role.ts';
import { PositionReader } from './position-reader.ts';

/** The servers that it watches, and whom it tells of a promotion. */
interface Servers {
  readonly hosts: readonly Host[];
  /** The one that takes writes; undefined while there is none, or more than one. */
  readonly primary: Host | undefined;
  roleFound(host: Host, role: ConnectionRole): void;
}

/** Looks are at least so far apart, however many ask: each costs one short statement a server. */
const SOONEST_MS = 10;
/** Nobody has asked for so long: it rests, and closes its connections. */
const REST_AFTER_MS = 30_000;
/** What was read longer ago is not known any more. */
const MISSED_LOOKS = 4;

/**
 * Modes: resting -> (asked) -> looking, every `lagCheckIntervalMs`, sooner when asked for -> (nobody asks) -> resting; -> closed.
 * One connection to each server beside the pool's own, so that it gets its answers however busy the pool is. It also is the first to
 * notice a promotion.
 */
export class ReplicaMonitor {
  readonly #parts: PoolParts;
  readonly #servers: Servers;
  readonly #readers: ReadonlyMap<Host, PositionReader>;
  readonly #book = new FreshnessBook();
  readonly #replicas = new Map<Host, Freshness>();
  readonly #intervalMs: number;
  readonly #soonestMs: number;
  /** Whose positions the book holds. */
  #primary: Host | undefined;
  #mode: 'resting' | 'waiting' | 'looking' | 'closed' = 'resting';
  #lookAgain = false;
  #askedAt = -Infinity;
  #lookedAt = -Infinity;
  /** When it looks next, while it waits. */
  #dueAt = Infinity;
  #stopTimer: () => void = () => {};

  constructor(driver: Driver, servers: Servers, parts: PoolParts) {
    this.#parts = parts;
    this.#servers = servers;
    this.#readers = new Map(servers.hosts.map((host) => [host, new PositionReader(host, driver, parts)]));
    this.#intervalMs = milliseconds(parts.config.lagCheckIntervalMs);
    this.#soonestMs = Math.min(SOONEST_MS, this.#intervalMs);
  }

  /** Somebody wants to know: it wakes up, or goes on. */
  asked(): void {
    this.#askedAt = this.#parts.clock.now();
    if (this.#mode === 'resting') this.#look();
  }

  /** Somebody waits for replicas to catch up: it looks soon. */
  hurry(): void {
    this.#askedAt = this.#parts.clock.now();
    if (this.#mode === 'looking') this.#lookAgain = true;
    else if (this.#mode === 'resting') this.#look();
    else if (this.#mode === 'waiting' && this.#dueAt > this.#lookedAt + this.#soonestMs) this.#schedule(this.#soonestMs);
  }

  /** The moment whose state the replica shows at least; -Infinity while it is not known. */
  freshAsOf(host: Host): number {
    if (host.role === 'primary') return Infinity;
    return this.#replicas.get(host)?.asOf ?? -Infinity;
  }

  /**
   * By how much the replica's state is older than the primary's last known one; null while that is not known. Both must have been
   * asked lately; but a primary that cannot be reached takes no writes from here, and its last known position stays the measure.
   */
  lagOf(host: Host): number | null {
    if (host.role === 'primary') return 0;
    const freshness = this.#replicas.get(host);
    const primary = this.#primary;
    if (!freshness || freshness.asOf === -Infinity || !primary) return null;
    const since = this.#parts.clock.now() - MISSED_LOOKS * this.#intervalMs;
    if (freshness.readAt < since || (this.#book.lastAt < since && primary.isAvailable)) return null;
    return Math.max(0, this.#book.lastAt - freshness.asOf);
  }

  missing(host: Host): number | null {
    return host.role === 'primary' ? 0 : (this.#replicas.get(host)?.missing ?? null);
  }

  position(host: Host): string | null {
    const freshness = this.#replicas.get(host);
    return freshness ? positionText(freshness.position) : null;
  }

  close(): void {
    this.#mode = 'closed';
    this.#stopTimer();
    this.#closeReaders();
  }

  /** @param afterMs counted from the beginning of the last look */
  #schedule(afterMs: number): void {
    const { clock } = this.#parts;
    this.#stopTimer();
    this.#mode = 'waiting';
    this.#dueAt = this.#lookedAt + afterMs;
    this.#stopTimer = clock.setTimer(() => this.#look(), Math.max(0, this.#dueAt - clock.now()), { background: true });
  }

  #look(): void {
    this.#mode = 'looking';
    this.#lookAgain = false;
    this.#lookedAt = this.#parts.clock.now();
    void this.#round().then(() => this.#next());
  }

  #next(): void {
    if (this.#mode === 'closed') return;
    const now = this.#parts.clock.now();
    if (now - this.#askedAt > Math.max(REST_AFTER_MS, 2 * this.#intervalMs)) {
      this.#mode = 'resting';
      this.#closeReaders();
    } else this.#schedule(this.#lookAgain ? this.#soonestMs : this.#intervalMs);
  }

  /** First the primary, then the others: what they have replayed is measured by what it had before. */
  async #round(): Promise<void> {
    const { primary } = this.#servers;
    if (primary !== this.#primary) this.#begin(primary);
    const others = this.#servers.hosts.filter((host) => host !== primary);
    if (primary) await this.#readPrimary(primary);
    if (this.#mode === 'closed') return;
    await Promise.all(others.map((host) => this.#readOther(host)));
  }

  #begin(primary: Host | undefined): void {
    this.#primary = primary;
    this.#book.clear();
    this.#replicas.clear();
  }

  async #readPrimary(host: Host): Promise<void> {
    const askedAt = this.#parts.clock.now();
    const reading = await this.#readers.get(host)!.read();
    if (!reading || this.#mode === 'closed') return;
    if (reading.role !== host.role) this.#servers.roleFound(host, reading.role);
    if (host === this.#primary && host === this.#servers.primary) this.#book.notePrimary(askedAt, reading.position);
  }

  async #readOther(host: Host): Promise<void> {
    const reading = await this.#readers.get(host)!.read();
    if (!reading || this.#mode === 'closed') return;
    if (reading.role !== host.role) this.#servers.roleFound(host, reading.role);
    if (reading.role === 'primary' || this.#primary !== this.#servers.primary) return;
    this.#replicas.set(host, this.#book.judge(reading.position, this.#parts.clock.now(), this.#replicas.get(host)));
  }

  #closeReaders(): void {
    for (const reader of this.#readers.values()) reader.close();
  }
}
