/** Remembers what texts do. */
import { classify, type Catalog, type Classification, type Dialect } from '@kailash-ts/sql';
import { LRUCache } from 'lru-cache';
import { InlinedValues } from './inlined-values.ts';
import type { RouterCounters } from './metrics.ts';
import { namesAny } from './table-names.ts';

/** Longer texts are classified anew each time: a few of them would fill the memory. */
const MAX_CHARACTERS = 65_536;

/** Classifications by exact text, the least recently used forgotten first. Belongs to one router, hence to one dialect. */
export class Classifications {
  readonly #counters: RouterCounters;
  #cache: LRUCache<string, Classification>;
  #catalog: Catalog | null = null;
  readonly #inlinedValues = new InlinedValues();

  constructor(max: number, counters: RouterCounters) {
    this.#cache = new LRUCache({ max });
    this.#counters = counters;
  }

  get size(): number {
    return this.#cache.size;
  }

  get max(): number {
    return this.#cache.max;
  }

  /** Keeps the most recently used ones. */
  resize(max: number): void {
    const resized = new LRUCache<string, Classification>({ max });
    for (const [sql, classification] of [...this.#cache.entries()].reverse()) resized.set(sql, classification);
    this.#cache = resized;
  }

  /** Forgets texts that name one of the tables (without schema: of any schema), or all. */
  invalidate(tables: readonly string[] | undefined): void {
    if (tables === undefined) return this.#cache.clear();
    const names = new Set(tables);
    for (const [sql, { tables: named }] of [...this.#cache.entries()]) if (namesAny(names, named)) this.#cache.delete(sql);
  }

  /** Classifies with it from now on; another catalog may say otherwise, so that all is forgotten. */
  useCatalog(catalog: Catalog | null): void {
    if (catalog === this.#catalog) return;
    this.#catalog = catalog;
    this.#cache.clear();
  }

  /** Needs `loadSql` for PostgreSQL. */
  look(sql: string, dialect: Dialect): { readonly classification: Classification; readonly cacheHit: boolean } {
    const known = this.#cache.get(sql);
    if (known !== undefined) {
      this.#counters.cacheHits += 1;
      return { classification: known, cacheHit: true };
    }
    this.#counters.cacheMisses += 1;
    const classification = this.peek(sql, dialect);
    this.#inlinedValues.saw(sql, classification);
    return { classification, cacheHit: false };
  }

  /** The same for whoever only asks: not counted as a lookup. */
  peek(sql: string, dialect: Dialect): Classification {
    const known = this.#cache.peek(sql);
    if (known !== undefined) return known;
    const classification = classify(sql, dialect, this.#catalog);
    if (sql.length <= MAX_CHARACTERS) this.#cache.set(sql, classification);
    return classification;
  }
}
