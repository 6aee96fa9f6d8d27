/** What is known about a text of SQL: the shapes of the answers, and how the answers for several statements become one. */

/** The kinds of the classifier. `read_simple` and `read_complex` are exactly the statements proved read-only. */
export type QueryType = 'read_simple' | 'read_complex' | 'write_simple' | 'write_bulk' | 'ddl' | 'transaction' | 'unknown';

/** A statement that controls a transaction. */
export interface TransactionControl {
  readonly action:
    'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback_to' | 'prepare' | 'commit_prepared' | 'rollback_prepared';
  /** The transaction begun cannot write (`BEGIN READ ONLY`). */
  readonly readOnly?: boolean;
  /** Isolation level as written, lower case, if stated. */
  readonly isolation?: string;
  /** A new transaction begins at once (`COMMIT AND CHAIN`). */
  readonly chain?: boolean;
  /** Name of the savepoint, or id of the prepared transaction. */
  readonly name?: string;
}

/** The answer of `classify`. Frozen: it is shared by everyone who asks for the same text. */
export interface Classification {
  readonly queryType: QueryType;
  /** Proved to change nothing, take no lock and read no session state. What isn't proved is false. */
  readonly readOnly: boolean;
  /** Where it may run: `replica` only when proved read-only. */
  readonly target: 'replica' | 'primary';
  /** It changes or reads the state of its session, or may do so: it has to run on the session's own connection. */
  readonly pinsSession: boolean;
  /** Set when the text is one statement of transaction control. */
  readonly transaction?: TransactionControl;
  readonly statementCount: number;
  /** All tables named, in order of appearance: unquoted, folded as the dialect folds, schema-qualified as written; no CTE names. */
  readonly tables: readonly string[];
  readonly tablesRead: readonly string[];
  readonly tablesWritten: readonly string[];
  /** 0 to 1. */
  readonly complexityScore: number;
  /** The text with its values taken out: statistics only. */
  readonly template: string;
  /** 64-bit hash of the template, 16 hexadecimal digits: statistics only. */
  readonly templateHash: string;
  /** Why it may not run on a replica, or what proves that it may; names and keywords only, never values. */
  readonly reasons: readonly string[];
}

/** What one statement does. Collected by the classifiers of the dialects. */
export interface Effect {
  readonly type: QueryType;
  readonly pins: boolean;
  readonly transaction?: TransactionControl | undefined;
  readonly read: readonly string[];
  readonly written: readonly string[];
  readonly reasons: readonly string[];
}

/** From the weakest to the strongest. */
const STRENGTH: readonly QueryType[] = ['read_simple', 'read_complex', 'transaction', 'unknown', 'write_simple', 'write_bulk', 'ddl'];

/** The effect of several statements: the strongest type, everything that any of them does. */
export function strongest(effects: readonly Effect[]): Effect {
  const [first] = effects;
  if (first !== undefined && effects.length === 1) return first;
  let type: QueryType = 'read_simple';
  for (const effect of effects) if (STRENGTH.indexOf(effect.type) > STRENGTH.indexOf(type)) type = effect.type;
  return {
    type,
    pins: effects.some((effect) => effect.pins),
    read: unique(effects.flatMap((effect) => effect.read)),
    written: unique(effects.flatMap((effect) => effect.written)),
    reasons: unique(effects.flatMap((effect) => effect.reasons)),
  };
}

/** An effect that proves nothing. */
export function unproved(reason: string, pins = false): Effect {
  return { type: 'unknown', pins, read: [], written: [], reasons: [reason] };
}

/** Whether the type is one of the two that are proved read-only. */
export function isRead(type: QueryType): boolean {
  return type === 'read_simple' || type === 'read_complex';
}

/** The distinct elements, in order of first appearance. */
export function unique<T>(values: readonly T[]): readonly T[] {
  return values.length < 2 ? values : [...new Set(values)];
}
