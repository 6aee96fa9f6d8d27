/** The line form of a classification: what `kailash classify --jsonl` writes. */
import type { Catalog } from './catalog.ts';
import { classify } from './classify.ts';
import type { QueryType } from './classification.ts';
import type { Dialect } from './dialect.ts';

/** A classification cut down to what a line of output holds; plain data, in this order. */
export interface ClassifiedLine {
  readonly queryType: QueryType;
  readonly target: 'replica' | 'primary';
  readonly pinsSession: boolean;
  readonly tables: readonly string[];
  readonly template: string;
  readonly reasons: readonly string[];
}

/**
 * Classifies one text for output. Invalid SQL, and what is no text at all, is `unknown` and `primary` with the reason.
 * @throws SqlError `SQL_NOT_LOADED`, `SQL_DIALECT_UNKNOWN`. Never on the text itself.
 */
export function classifyLine(sql: unknown, dialect: Dialect, catalog?: Catalog | null): ClassifiedLine {
  const { queryType, target, pinsSession, tables, template, reasons } = classify(sql as string, dialect, catalog);
  return { queryType, target, pinsSession, tables, template, reasons };
}
