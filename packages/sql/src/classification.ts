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

/** A name as the statement writes it, folded as the dialect folds. */
export interface ObjectName {
  readonly schema?: string | undefined;
  readonly name: string;
}

/** A call of a function. */
export interface FunctionUse extends ObjectName {
  /** How many arguments it is given; -1 when that does not tell overloads apart. */
  readonly arguments: number;
}

/** A table or view that is read. */
export interface RelationUse extends ObjectName {
  readonly alias?: string | undefined;
}

/** What the text cannot tell: objects that a catalog has to be asked about. */
export interface Dependencies {
  readonly functions: readonly FunctionUse[];
  /** Parts of qualified names and fields of values that may be functions with one argument: `x` in `t.x` and `(f()).x`. */
  readonly fields: readonly string[];
  /** Names that stand alone: columns, or tables whose rows are taken as values. `*` for `t.*`. */
  readonly columns: readonly string[];
  /** Operators, written or implied (`IN` uses `=`). */
  readonly operators: readonly ObjectName[];
  /** Types that values are converted to. */
  readonly types: readonly ObjectName[];
  /** Tables, or views that look like tables. */
  readonly relations: readonly RelationUse[];
  /** The statement is planned and not run (`EXPLAIN`). */
  readonly planned?: boolean | undefined;
}

/** The answer of `classify`. Frozen: it is shared by everyone who asks for the same text. */
export interface Classification {
  readonly queryType: QueryType;
  /** Proved to change nothing, take no lock and read no session state. What isn't proved is false. */
  readonly readOnly: boolean;
  /** Where it may run: `replica` only when proved read-only, and not when a hint asks for the primary. */
  readonly target: 'replica' | 'primary';
  /** The text asks for the primary, in a comment `route:primary`. Nothing in a text can ask for a replica. */
  readonly hint: 'primary' | undefined;
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
  /** What only a catalog can tell of it; empty where the text has told enough. */
  readonly dependsOn: Dependencies;
  /** The type that it has if everything that it depends on does nothing but read; undefined when that would not help. */
  readonly provable: 'read_simple' | 'read_complex' | undefined;
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
  /** As in {@link Classification}; left out where a catalog would not help. */
  readonly provable?: 'read_simple' | 'read_complex' | undefined;
  readonly dependsOn?: Dependencies | undefined;
}

/** Nothing that a catalog could tell. */
export const NO_DEPENDENCIES: Dependencies = Object.freeze({
  functions: Object.freeze([]),
  fields: Object.freeze([]),
  columns: Object.freeze([]),
  operators: Object.freeze([]),
  types: Object.freeze([]),
  relations: Object.freeze([]),
});

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
    ...mergedDependencies(effects),
  };
}

/** Provable together when each is. */
function mergedDependencies(effects: readonly Effect[]): Pick<Effect, 'provable' | 'dependsOn'> {
  if (!effects.every((effect) => effect.provable !== undefined || isRead(effect.type))) return {};
  const all = effects.map((effect) => effect.dependsOn ?? NO_DEPENDENCIES);
  return {
    provable: effects.some((effect) => (effect.provable ?? effect.type) === 'read_complex') ? 'read_complex' : 'read_simple',
    dependsOn: {
      functions: all.flatMap((each) => each.functions),
      fields: all.flatMap((each) => each.fields),
      columns: all.flatMap((each) => each.columns),
      operators: all.flatMap((each) => each.operators),
      types: all.flatMap((each) => each.types),
      relations: all.flatMap((each) => each.relations),
      planned: all.every((each) => each.planned === true),
    },
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
