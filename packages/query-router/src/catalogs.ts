/** Keeps the catalog of a pool's database at hand: loaded once, again when it is old, and at once when the router has seen a definition. */
import type { Clock } from '@kailash-ts/core';
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import type { Catalog, Classification } from '@kailash-ts/sql';
import { loadPoolCatalog } from './pool-catalog.ts';

/** A statement waits no longer than this for a catalog; then it is judged by its text. */
const PATIENCE_MS = 2_000;
/** After a failure the next attempt comes no earlier. */
const PAUSE_MS = 5_000;

type Pool = Pick<ConnectionPool, 'dialect' | 'hasReplicas' | 'transaction'>;

export interface CatalogsOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Older catalogs are loaded again, in the background. `never`: no catalog at all. */
  readonly maxAgeMs: number | 'never';
}

/**
 * Modes: none -> (first statement) loading -> fresh -> (age) fresh and loading -> fresh; fresh -> (a definition) none. Without one,
 * statements are judged by their text, and a replica's read-only session is the backstop. An old catalog is better than none: it is kept
 * while the primary does not answer. Belongs to one router, hence to one database.
 */
export class Catalogs {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #maxAgeMs: number | 'never';
  #catalog: Catalog | null = null;
  #loadedAt = -Infinity;
  #failedAt = -Infinity;
  #loading: Promise<void> | undefined;
  /** Counts definitions: what was loaded before one says nothing. */
  #definitions = 0;
  /** Sessions with a definition in their transaction, which others see when it is committed. */
  readonly #defining = new Set<string>();

  constructor({ clock, maxAgeMs }: CatalogsOptions) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * The catalog to classify with; null when there is none, or none is needed: without replicas all goes to the primary anyway. A promise
   * only where one has to be loaded first.
   */
  for(pool: Pool): Catalog | null | Promise<Catalog | null> {
    if (this.#maxAgeMs === 'never' || !pool.hasReplicas || pool.dialect === 'sqlite') return null;
    const now = this.#clock.now();
    if (now - this.#loadedAt >= this.#maxAgeMs && now - this.#failedAt >= PAUSE_MS) this.#load(pool);
    if (this.#catalog !== null || this.#loading === undefined) return this.#catalog;
    return this.#loading.then(() => this.#catalog);
  }

  /** A statement has been run, in a session or alone. */
  saw({ queryType, transaction }: Pick<Classification, 'queryType' | 'transaction'>, sessionId: string | undefined): void {
    const commits = transaction?.action === 'commit' && sessionId !== undefined && this.#defining.delete(sessionId);
    if (transaction?.action === 'rollback' && sessionId !== undefined) this.#defining.delete(sessionId);
    if (queryType !== 'ddl' && !commits) return;
    if (queryType === 'ddl' && sessionId !== undefined) this.#defining.add(sessionId);
    this.forget();
  }

  /** What is known may be wrong from now on. */
  forget(): void {
    this.#definitions += 1;
    this.#catalog = null;
    this.#loadedAt = this.#failedAt = -Infinity;
    this.#loading = undefined;
  }

  #load(pool: Pool): void {
    if (this.#loading !== undefined) return;
    const definitions = this.#definitions;
    this.#loading = loadPoolCatalog(pool, { timeoutMs: PATIENCE_MS, signal: AbortSignal.timeout(PATIENCE_MS) })
      .then(
        (catalog) => {
          if (definitions !== this.#definitions) return;
          this.#catalog = catalog;
          this.#loadedAt = this.#clock.now();
        },
        () => {
          if (definitions === this.#definitions) this.#failedAt = this.#clock.now();
        },
      )
      .finally(() => {
        if (definitions === this.#definitions) this.#loading = undefined;
      });
  }
}
