/** What a router may know of one server of a pool: looked up when asked for, never older. */
import type { HostConnection, PoolHost } from './contract.ts';
import type { ConnectionRole } from './role.ts';
import type { Host } from './host.ts';
import type { ReplicaMonitor } from './replica-monitor.ts';

/** One a host, for the pool's life. Reading costs no allocation, except of `connections` and `position`. */
export class HostView implements PoolHost {
  readonly name: string;
  readonly address: string;
  readonly #host: Host;
  /** Undefined where replicas cannot lag. */
  readonly #monitor: ReplicaMonitor | undefined;

  constructor(host: Host, monitor: ReplicaMonitor | undefined) {
    this.name = host.plan.name;
    this.address = host.plan.address;
    this.#host = host;
    this.#monitor = monitor;
  }

  get role(): ConnectionRole {
    return this.#host.role;
  }

  get available(): boolean {
    return this.#host.isAvailable;
  }

  get healthScore(): number {
    return this.#host.health;
  }

  get busy(): number {
    return this.#host.total - this.#host.idleCount;
  }

  get size(): number {
    return this.#host.size;
  }

  get latencyMs(): number | null {
    return this.#host.latencyMs;
  }

  get freshAsOf(): number {
    return this.#monitor ? this.#monitor.freshAsOf(this.#host) : Infinity;
  }

  get lagMs(): number | null {
    return this.#monitor ? this.#monitor.lagOf(this.#host) : 0;
  }

  get missing(): number | null {
    return this.#monitor ? this.#monitor.missing(this.#host) : 0;
  }

  get position(): string | null {
    return this.#monitor?.position(this.#host) ?? null;
  }

  get connections(): readonly HostConnection[] {
    return [...this.#host.entries].map(({ id, health, state, latencies }) => ({
      id,
      healthScore: health.score,
      busy: state !== 'idle',
      latencyMs: latencies.mean(),
    }));
  }
}
