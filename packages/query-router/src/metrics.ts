/** Figures of a router. All are measured; what is not measured is not there. */

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
  #routingTimeMs = 0;

  routed(routingTimeMs: number): void {
    this.queriesRouted += 1;
    this.#routingTimeMs += routingTimeMs;
  }

  snapshot(cache: { readonly size: number; readonly max: number }, activeTransactions: number): RouterMetrics {
    const { queriesRouted, cacheHits, cacheMisses, routingErrors } = this;
    const lookups = cacheHits + cacheMisses;
    return {
      routerMetrics: {
        queriesRouted,
        cacheHits,
        cacheMisses,
        routingErrors,
        avgRoutingTimeMs: queriesRouted === 0 ? null : this.#routingTimeMs / queriesRouted,
      },
      cacheStats: { totalEntries: cache.size, maxEntries: cache.max, hitRate: lookups === 0 ? 0 : cacheHits / lookups },
      activeTransactions,
    };
  }
}
