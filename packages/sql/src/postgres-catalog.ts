/** A PostgreSQL database's own functions, operators, types, tables and views, by name. `PostgresInquiry` is what asks it. */
import type { CatalogRows } from './catalog.ts';
import type { ObjectName } from './classification.ts';
import { readExpression, readFunction, readQuery, type Unit } from './postgres-bodies.ts';
import type { BuiltInRow, FunctionRow, OperatorRow, RelationRow, SupportRow, TypeRow } from './postgres-catalog-queries.ts';
import { schemasOf, type SearchPath } from './postgres-path.ts';

/** Immutable. Definitions are parsed when they are first asked about, and remembered. */
export class PostgresCatalog {
  readonly path: SearchPath;
  readonly functions: ReadonlyMap<string, FunctionRow>;
  readonly builtIns: ReadonlyMap<string, BuiltInRow>;
  readonly types: ReadonlyMap<string, TypeRow>;
  readonly relations: ReadonlyMap<string, RelationRow>;
  readonly support: ReadonlyMap<string, readonly SupportRow[]>;
  /** Functions of casts that may happen in any statement. */
  readonly casts: readonly string[];
  readonly systemTypes: ReadonlySet<string>;
  /** Types that a value of another type may become unasked. */
  readonly implicitTargets: ReadonlySet<string>;
  readonly #functionsByName: ReadonlyMap<string, readonly FunctionRow[]>;
  readonly #builtInsByName: ReadonlyMap<string, readonly BuiltInRow[]>;
  readonly #operatorsByName: ReadonlyMap<string, readonly OperatorRow[]>;
  readonly #typesByName: ReadonlyMap<string, readonly TypeRow[]>;
  readonly #relationsByName: ReadonlyMap<string, readonly RelationRow[]>;
  readonly #systemRelations: ReadonlySet<string>;
  readonly #schemas: ReadonlySet<string>;
  readonly #paths = new Map<string, readonly string[]>();
  readonly #units = new Map<string, readonly Unit[]>();

  constructor(rows: CatalogRows) {
    const of = <Row>(name: string): readonly Row[] => (rows[name] ?? []) as unknown as readonly Row[];
    const settings = of<{ path: string; user: string; schemas: string }>('settings')[0];
    this.path = { setting: settings?.path ?? '', user: settings?.user ?? '' };
    this.#schemas = new Set(settings?.schemas.split('\n'));
    this.functions = byOid(of<FunctionRow>('functions'));
    this.builtIns = byOid(of<BuiltInRow>('builtIns'));
    this.types = byOid(of<TypeRow>('types'));
    this.relations = byOid(of<RelationRow>('relations'));
    this.support = grouped(of<SupportRow>('support'), ({ type }) => type);
    this.casts = of<{ code: string }>('casts').map(({ code }) => code);
    this.implicitTargets = new Set(of<SupportRow>('support').flatMap((row) => (row.implicit ? [row.type] : [])));
    this.systemTypes = new Set(
      [...of<{ name: string }>('systemTypes'), ...of<{ name: string }>('systemRelations')].map(({ name }) => name),
    );
    this.#systemRelations = new Set(of<{ name: string }>('systemRelations').map(({ name }) => name));
    this.#functionsByName = grouped([...this.functions.values()], nameOf);
    this.#builtInsByName = grouped([...this.builtIns.values()], nameOf);
    this.#operatorsByName = grouped(of<OperatorRow>('operators'), nameOf);
    this.#typesByName = grouped([...this.types.values()], nameOf);
    this.#relationsByName = grouped([...this.relations.values()], nameOf);
  }

  schemasOf(path: SearchPath): readonly string[] {
    const key = `${path.user}\n${path.setting}`;
    let schemas = this.#paths.get(key);
    if (schemas === undefined) this.#paths.set(key, (schemas = schemasOf(path, this.#schemas)));
    return schemas;
  }

  /** Functions of the user's own that the name may mean, those of earlier schemas first. */
  functionsNamed(name: ObjectName, schemas: readonly string[]): readonly FunctionRow[] {
    return inPath(this.#functionsByName.get(name.name), name.schema, schemas);
  }

  /** Built-in functions of the name, as far as they are volatile or share it with one of the user's. */
  builtInsNamed(name: string): readonly BuiltInRow[] {
    return this.#builtInsByName.get(name) ?? [];
  }

  operatorsNamed(name: ObjectName, schemas: readonly string[]): readonly OperatorRow[] {
    return inPath(this.#operatorsByName.get(name.name), name.schema, schemas);
  }

  /** The user's type, `built-in`, or undefined when there is none. */
  typeNamed(name: ObjectName, schemas: readonly string[]): TypeRow | 'built-in' | undefined {
    return first(this.#typesByName.get(name.name), this.systemTypes, name, schemas);
  }

  relationNamed(name: ObjectName, schemas: readonly string[]): RelationRow | 'built-in' | undefined {
    return first(this.#relationsByName.get(name.name), this.#systemRelations, name, schemas);
  }

  /** Whether some session has a temporary table of that name: in that session it hides all others. */
  isTemporary(name: string): boolean {
    return this.#relationsByName.get(name)?.some(({ persistence }) => persistence === 't') === true;
  }

  /** What a view's query, a table's policies, a domain's checks, or a function's definition does. */
  unitsOf(row: FunctionRow | RelationRow | TypeRow): readonly Unit[] {
    const key = `${'language' in row ? 'f' : 'checks' in row ? 't' : 'r'}${row.oid}`;
    let units = this.#units.get(key);
    if (units === undefined) this.#units.set(key, (units = readUnits(row)));
    return units;
  }
}

function readUnits(row: FunctionRow | RelationRow | TypeRow): readonly Unit[] {
  if ('language' in row) return row.definition === null ? [] : readFunction(row.definition, row.language);
  if ('checks' in row) return row.checks === null ? [] : [readExpression(row.checks)];
  const policies = row.policies === null ? [] : [readExpression(`(${row.policies})`)];
  return row.definition === null ? policies : [...policies, readQuery(row.definition, true)];
}

/** With a schema, what is in it; else what is in the path, in its order. */
function inPath<Row extends { readonly schema: string }>(
  rows: readonly Row[] | undefined,
  schema: string | undefined,
  schemas: readonly string[],
): readonly Row[] {
  if (rows === undefined) return [];
  if (schema !== undefined) return rows.filter((row) => row.schema === schema);
  return schemas.flatMap((each) => rows.filter((row) => row.schema === each));
}

function first<Row extends { readonly schema: string }>(
  rows: readonly Row[] | undefined,
  system: ReadonlySet<string>,
  { schema, name }: ObjectName,
  schemas: readonly string[],
): Row | 'built-in' | undefined {
  for (const each of schema === undefined ? schemas : [schema]) {
    if (each === 'pg_catalog' && system.has(name)) return 'built-in';
    const found = rows?.find((row) => row.schema === each);
    if (found !== undefined) return found;
  }
  return undefined;
}

const nameOf = ({ name }: { readonly name: string }): string => name;

function byOid<Row extends { readonly oid: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.oid, row]));
}

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
