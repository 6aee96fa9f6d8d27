/** What a PostgreSQL parse tree proves about its statement: tables, functions, locks, session state. An allow-list walk. */
import type { Dependencies, FunctionUse, ObjectName, RelationUse } from './classification.ts';
import { unique } from './classification.ts';
import { POSTGRES_READ_FUNCTIONS } from './postgres-functions.ts';
import { CALLED_AS_COLUMN, READ_FIELDS, READ_NODES, SESSION_FUNCTION, SESSION_RELATIONS, WRITING_FUNCTION } from './postgres-nodes.ts';

/** A node's fields, as libpg-query's JSON has them. */
export type Fields = Readonly<Record<string, unknown>>;

/** Names of the common table expressions that a query sees. */
interface Scope {
  readonly names: ReadonlySet<string>;
  readonly outer: Scope | null;
}

interface Visit {
  readonly value: unknown;
  readonly scope: Scope | null;
}

const WRITES: Readonly<Record<string, string>> = { InsertStmt: 'INSERT', UpdateStmt: 'UPDATE', DeleteStmt: 'DELETE', MergeStmt: 'MERGE' };

/** Collects what a tree does. Iterative: a tree may be as deep as its text is long. */
export class PostgresWalk {
  /** Why it is not proved to be a read. */
  readonly doubts: string[] = [];
  pins = false;
  /** It holds a data-modifying statement at some depth. */
  writes = false;
  /** Every doubt is about a function that a catalog may know. */
  provable = true;
  readonly #functions = new Map<string, FunctionUse>();
  readonly #fields = new Set<string>();
  readonly #columns = new Set<string>();
  readonly #operators = new Map<string, ObjectName>();
  readonly #types = new Map<string, ObjectName>();
  readonly #relations = new Map<string, RelationUse>();
  readonly #tables: { name: string; at: number; written: boolean }[] = [];
  readonly #visits: Visit[] = [];

  /** Walks a node (`{ SelectStmt: {...} }`). May be called for several. */
  walk(node: unknown): this {
    this.#visits.push({ value: node, scope: null });
    for (let visit = this.#visits.pop(); visit !== undefined; visit = this.#visits.pop()) this.#visit(visit.value, visit.scope);
    return this;
  }

  /** Notes a table that the statement itself writes; a RangeVar's fields. */
  write(relation: unknown): void {
    if (typeof relation === 'object' && relation !== null) this.#relation(relation as Fields, null, true);
  }

  get read(): readonly string[] {
    return this.#names(false);
  }

  get written(): readonly string[] {
    return this.#names(true);
  }

  /** What only a catalog can tell. */
  dependsOn(planned?: boolean): Dependencies {
    return {
      functions: [...this.#functions.values()],
      fields: [...this.#fields],
      columns: [...this.#columns],
      operators: [...this.#operators.values()],
      types: [...this.#types.values()],
      relations: [...this.#relations.values()],
      ...(planned === true ? { planned } : {}),
    };
  }

  #names(written: boolean): readonly string[] {
    const found = this.#tables.filter((table) => table.written === written).sort((a, b) => a.at - b.at);
    return unique(found.map((table) => table.name));
  }

  #visit(value: unknown, scope: Scope | null): void {
    if (Array.isArray(value)) {
      for (const element of value) if (typeof element === 'object' && element !== null) this.#visit(element, scope);
      return;
    }
    for (const key in value as Fields) {
      const field = (value as Fields)[key];
      if (typeof field !== 'object' || field === null) continue;
      if (key === 'typeName') this.#type(field as Fields);
      // The two sides of a set operation are queries, without the name of their node.
      if (key === 'larg' || key === 'rarg') {
        this.#select(field as Fields, scope);
        continue;
      }
      const first = key.charCodeAt(0);
      if (first >= 65 && first <= 90) this.#node(key, field as Fields, scope);
      else {
        if (!Array.isArray(field) && !READ_FIELDS.has(key) && !isWrapped(field as Fields))
          this.#doubt(`${key} is not known to be read-only`);
        this.#visits.push({ value: field, scope });
      }
    }
  }

  #node(type: string, fields: Fields, scope: Scope | null): void {
    switch (type) {
      case 'String':
      case 'A_Const':
        return;
      case 'ColumnRef':
        return this.#column(fields['fields'] as readonly Named[]);
      case 'A_Indirection':
        this.#field(fields['indirection'] as readonly Named[], 0);
        break;
      case 'A_Expr':
        this.#expression(fields);
        break;
      case 'SortBy':
        if (fields['useOp'] !== undefined) this.#operator(fields['useOp'] as readonly Named[]);
        break;
      case 'SubLink':
        if (fields['operName'] !== undefined) this.#operator(fields['operName'] as readonly Named[]);
        else if (fields['testexpr'] !== undefined) this.#equals();
        break;
      case 'CaseExpr':
        if (fields['arg'] !== undefined) this.#equals();
        break;
      case 'JoinExpr':
        if (fields['usingClause'] !== undefined || fields['isNatural'] === true) this.#equals();
        break;
      case 'TypeName':
        this.#type(fields);
        break;
      case 'RangeTableSample':
        this.#sample(fields['method'] as readonly Named[]);
        break;
      case 'FuncCall':
        this.#call(fields);
        break;
      case 'RangeVar':
        return this.#relation(fields, scope, false);
      case 'SelectStmt':
        return this.#select(fields, scope);
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
        return this.#modify(type, fields, scope);
      default:
        if (!READ_NODES.has(type)) this.#doubt(`${type} is not known to be read-only`);
    }
    this.#visits.push({ value: fields, scope });
  }

  #select(fields: Fields, scope: Scope | null): void {
    if (fields['lockingClause'] !== undefined) this.#doubt('it locks rows');
    const into = fields['intoClause'] as Fields | undefined;
    if (into !== undefined) {
      this.#doubt('SELECT INTO creates a table');
      this.write(into['rel']);
    }
    this.#visits.push({ value: without(fields, 'withClause', 'intoClause', 'lockingClause'), scope: this.#with(fields, scope) });
  }

  #modify(type: string, fields: Fields, scope: Scope | null): void {
    this.writes = true;
    this.#doubt(`${WRITES[type]} writes`);
    this.#relation((fields['relation'] ?? {}) as Fields, null, true);
    this.#visits.push({ value: without(fields, 'withClause', 'relation'), scope: this.#with(fields, scope) });
  }

  /** Visits the common table expressions, each in the scope that it sees; answers the scope of the query behind them. */
  #with(fields: Fields, outer: Scope | null): Scope | null {
    const clause = fields['withClause'] as { ctes?: readonly Fields[]; recursive?: boolean } | undefined;
    if (clause?.ctes === undefined) return outer;
    const names = clause.ctes.map((cte) => String((cte['CommonTableExpr'] as Fields | undefined)?.['ctename']));
    const all: Scope = { names: new Set(names), outer };
    clause.ctes.forEach((cte, index) => {
      const seen = clause.recursive === true ? all : { names: new Set(names.slice(0, index)), outer };
      this.#visits.push({ value: cte, scope: seen });
    });
    return all;
  }

  #relation(fields: Fields, scope: Scope | null, written: boolean): void {
    const name = String(fields['relname'] ?? '');
    const schema = fields['schemaname'] as string | undefined;
    if (fields['relpersistence'] === 't' || schema?.startsWith('pg_temp')) this.#pin(`${name} is temporary`);
    if (SESSION_RELATIONS.has(name)) this.#pin(`${name} shows the session's own state`);
    if (schema === undefined && !written && isVisible(name, scope)) return;
    const catalog = fields['catalogname'] as string | undefined;
    const full = [catalog, schema, name].filter((part) => part !== undefined).join('.');
    if (!written) this.#use({ schema, name, alias: (fields['alias'] as { aliasname?: string } | undefined)?.aliasname });
    this.#tables.push({ name: full, at: Number(fields['location'] ?? 0), written });
  }

  #use(relation: RelationUse): void {
    this.#relations.set(`${relation.schema}\0${relation.name}\0${relation.alias}`, relation);
  }

  #call(fields: Fields): void {
    const parts = (fields['funcname'] as readonly Named[]).map(nameOf);
    const name = parts.at(-1) ?? '';
    const builtIn = parts.length === 1 || (parts.length === 2 && parts[0] === 'pg_catalog');
    if (SESSION_FUNCTION.test(name)) this.#pin(`${name}() touches the session's own state`);
    else if (WRITING_FUNCTION.test(name) && builtIn) this.#doubt(`${name}() writes`);
    else {
      this.#useFunction(fields, parts);
      if (!builtIn || !POSTGRES_READ_FUNCTIONS.has(name)) this.#ask(`function ${parts.join('.')}() is not known to be read-only`);
    }
  }

  #useFunction(fields: Fields, parts: readonly string[]): void {
    const given = (fields['args'] as readonly Fields[] | undefined) ?? [];
    const vague = fields['agg_within_group'] === true || given.some((each) => 'NamedArgExpr' in each);
    const count = vague ? -1 : given.length;
    const key = `${parts.join('\0')}/${count}`;
    if (!this.#functions.has(key)) this.#functions.set(key, { ...objectName(parts), arguments: count });
  }

  #column(parts: readonly Named[]): void {
    const name = parts[0]!.String?.sval;
    if (parts.length > 1) {
      if (parts.at(-1)!.String === undefined) this.#columns.add('*');
      this.#field(parts, 1);
    } else if (name !== undefined) this.#columns.add(name);
  }

  /** A part of a qualified column, or a field of a value, may be a function with one argument. */
  #field(parts: readonly Named[], from: number): void {
    for (let i = from; i < parts.length; i++) {
      const name = parts[i]!.String?.sval;
      if (name === undefined) continue;
      this.#fields.add(name);
      if (CALLED_AS_COLUMN.test(name)) this.#doubt(`${name} may be called like a column`);
    }
  }

  #expression(fields: Fields): void {
    const parts = (fields['name'] ?? []) as readonly Named[];
    if (!/BETWEEN/.test(String(fields['kind']))) return this.#operator(parts);
    this.#operators.set('>=', { name: '>=' });
    this.#operators.set('<=', { name: '<=' });
  }

  #operator(parts: readonly Named[]): void {
    if (parts.length === 1) {
      const name = nameOf(parts[0]!);
      if (!this.#operators.has(name)) this.#operators.set(name, { name });
    } else this.#operators.set(parts.map(nameOf).join('\0'), objectName(parts.map(nameOf)));
  }

  #equals(): void {
    if (!this.#operators.has('=')) this.#operators.set('=', { name: '=' });
  }

  #type(fields: Fields): void {
    const parts = ((fields['names'] ?? []) as readonly Named[]).map(nameOf);
    if (parts.length > 0 && parts[0] !== 'pg_catalog') this.#types.set(parts.join('\0'), objectName(parts));
  }

  #sample(method: readonly Named[]): void {
    const parts = method.map(nameOf);
    if (parts.length > 1 || (parts[0] !== 'bernoulli' && parts[0] !== 'system'))
      this.#doubt('a sampling method is not known to be read-only');
  }

  #pin(reason: string): void {
    this.pins = true;
    this.#doubt(reason);
  }

  /** A doubt that nothing takes away. */
  #doubt(reason: string): void {
    this.provable = false;
    this.#ask(reason);
  }

  /** A dozen reasons are enough for a reader. */
  #ask(reason: string): void {
    if (this.doubts.length < 12 && !this.doubts.includes(reason)) this.doubts.push(reason);
  }
}

/** A part of a qualified name. */
interface Named {
  readonly String?: { readonly sval?: string };
}

const nameOf = (part: Named): string => part.String?.sval ?? '';

function objectName(parts: readonly string[]): ObjectName {
  const name = parts.at(-1) ?? '';
  return parts.length === 1 ? { name } : { schema: parts.at(-2)!, name };
}

/** A node in a field of type Node is wrapped in an object of one key, its type's name. */
function isWrapped(field: Fields): boolean {
  for (const key in field) {
    const first = key.charCodeAt(0);
    return first >= 65 && first <= 90;
  }
  return false;
}

function without(fields: Fields, ...keys: readonly string[]): Fields {
  if (!keys.some((key) => key in fields)) return fields;
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
}

function isVisible(name: string, scope: Scope | null): boolean {
  for (let each = scope; each !== null; each = each.outer) if (each.names.has(name)) return true;
  return false;
}
