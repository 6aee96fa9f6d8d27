/** What a database says of the objects that a statement names, and how that changes the statement's classification. Pure: no I/O. */
import type { Classification } from './classification.ts';
import type { Dialect } from './dialect.ts';

/** A row as a driver gives it. */
export type CatalogRow = Readonly<Record<string, unknown>>;

/** Rows by the name of their query. */
export type CatalogRows = Readonly<Record<string, readonly CatalogRow[]>>;

/** The objects of one database as they were when it was asked. Immutable: a change makes a new one. */
export interface Catalog {
  readonly dialect: Dialect;
  /**
   * What keeps a statement from being a read, of the objects that it depends on; empty when all of them do nothing but read.
   * What the catalog does not know is an objection.
   */
  objections(sql: string, classification: Classification): readonly string[];
}

/** A classification with what a catalog knows: may prove a read that the text alone does not, and may take back one that it does. */
export function judge(sql: string, classification: Classification, catalog: Catalog): Classification {
  if (classification.provable === undefined) return classification;
  const objections = catalog.objections(sql, classification);
  if (objections.length > 0) {
    return Object.freeze({
      ...classification,
      queryType: 'unknown' as const,
      readOnly: false,
      target: 'primary' as const,
      reasons: Object.freeze([...objections]),
    });
  }
  if (classification.readOnly) return classification;
  return Object.freeze({
    ...classification,
    queryType: classification.provable,
    readOnly: true,
    target: classification.hint === undefined ? ('replica' as const) : ('primary' as const),
    reasons: Object.freeze(['every object of the statement is read-only, says the catalog']),
  });
}
