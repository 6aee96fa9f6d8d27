/** Figures of a router. All are measured; what is not measured is not there. */
import type { ConnectionRole, PoolHost } from '@kailash-ts/connection-pool/contract';
import type { SecondChance } from './second-chance.ts';

/** How many statements a server or a role has run, and which part of all that is. */
export interface Share {
  readonly statements: number;
  /** 0 to 1; 0 before the first. */
  readonly share: number;
}

/** Answer of `getMetrics`. */
export interface RouterMetrics {
  readonly routerMetrics: {
    /** Statements handed to the pool, those of transactions included. */
    readonly queriesRouted: number;
    /** Texts whose classification was remembered, and those that had to be classified. */
    readonly cacheHits: number;
    readonly cacheMisses: number;
    /** Messages that the router itself refused. What the database refuses is counted by the pool. */
    readonly routingErrors: number;
    /** Mean time of deciding, without waiting and execution; null before the first. */
    readonly avgRoutingTimeMs: number | null;
    /** Statements that a server refused because it only reads, and that were run once more on the primary. */
    readonly misroutes: number;
    /** Reads that a replica ended because it replayed over what they read, and that were run once more on the primary. */
    readonly recoveryConflicts: number;
    /** Reads that lost the replicas under them, and that were run once more on the primary. */
    readonly replicasLost: number;
  };
  /** Statements that were run, by what ran them. */
  readonly shares: {
    readonly byRole: Readonly<Record<ConnectionRole, Share>>;
    readonly byHost: Readonly<Record<string, Share>>;
    /** Of the statements proved read-only, outside of transactions: those that replicas ran. */
    readonly readsOnReplicas: Share;
  };
  readonly cacheStats: {
    readonly totalEntries: number;
    readonly maxEntries: number;
    /** `hits / (hits + misses)`, 0 to 1; 0 without any. */
    readonly hitRate: number;
  };
  /** Transactions open now, as the databases' protocols tell. */
  readonly activeTransactions: number;
}

/** Counters of one router. */
export class RouterCounters {
  queriesRouted = 0;
  cacheHits = 0;
  cacheMisses = 0;
  routingErrors = 0;
  readonly secondChances: Record<SecondChance, number> = { misroute: 0, recovery_conflict: 0, replica_lost: 0 };
  #routingTimeMs = 0;
  #reads = 0;
  #readsOnReplicas = 0;
  readonly #byRole: Record<ConnectionRole, number> = { primary: 0, replica: 0 };
  readonly #byHost = new Map<string, number>();

  routed(routingTimeMs: number): void {
    this.queriesRouted += 1;
    this.#routingTimeMs += routingTimeMs;
  }

  /** A statement was run. @param isRead proved read-only, and in no transaction */
  ran({ name, role }: Pick<PoolHost, 'name' | 'role'>, isRead: boolean): void {
    this.#byRole[role] += 1;
    this.#byHost.set(name, (this.#byHost.get(name) ?? 0) + 1);
    if (!isRead) return;
    this.#reads += 1;
    if (role === 'replica') this.#readsOnReplicas += 1;
  }

  snapshot(cache: { readonly size: number; readonly max: number }, activeTransactions: number): RouterMetrics {
    const { queriesRouted, cacheHits, cacheMisses, routingErrors, secondChances } = this;
    const lookups = cacheHits + cacheMisses;
    return {
      routerMetrics: {
        queriesRouted,
        cacheHits,
        cacheMisses,
        routingErrors,
        avgRoutingTimeMs: queriesRouted === 0 ? null : this.#routingTimeMs / queriesRouted,
        misroutes: secondChances.misroute,
        recoveryConflicts: secondChances.recovery_conflict,
        replicasLost: secondChances.replica_lost,
      },
      shares: this.#shares(),
      cacheStats: { totalEntries: cache.size, maxEntries: cache.max, hitRate: lookups === 0 ? 0 : cacheHits / lookups },
      activeTransactions,
    };
  }

  #shares(): RouterMetrics['shares'] {
    const { primary, replica } = this.#byRole;
    const all = primary + replica;
    return {
      byRole: { primary: share(primary, all), replica: share(replica, all) },
      byHost: Object.fromEntries([...this.#byHost].map(([name, statements]) => [name, share(statements, all)])),
      readsOnReplicas: share(this.#readsOnReplicas, this.#reads),
    };
  }
}

const share = (statements: number, all: number): Share => ({ statements, share: all === 0 ? 0 : statements / all });
