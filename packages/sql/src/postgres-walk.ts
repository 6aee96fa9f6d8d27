/** What a PostgreSQL parse tree proves about its statement: tables, functions, locks, session state. An allow-list walk. */
import { unique } from './classification.ts';
import { POSTGRES_READ_FUNCTIONS } from './postgres-functions.ts';
import { READ_FIELDS, READ_NODES, SESSION_FUNCTION, SESSION_RELATIONS, WRITING_FUNCTION } from './postgres-nodes.ts';

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
      case 'ColumnRef':
        return;
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
    this.#tables.push({ name: full, at: Number(fields['location'] ?? 0), written });
  }

  #call(fields: Fields): void {
    const parts = (fields['funcname'] as readonly { String?: { sval?: string } }[]).map((part) => part.String?.sval ?? '');
    const name = parts.at(-1) ?? '';
    const builtIn = parts.length === 1 || (parts.length === 2 && parts[0] === 'pg_catalog');
    if (SESSION_FUNCTION.test(name)) this.#pin(`${name}() touches the session's own state`);
    else if (WRITING_FUNCTION.test(name) && builtIn) this.#doubt(`${name}() writes`);
    else if (!builtIn) this.#doubt(`function ${parts.join('.')}() is not known to be read-only`);
    else if (!POSTGRES_READ_FUNCTIONS.has(name)) this.#doubt(`function ${name}() is not known to be read-only`);
  }

  #pin(reason: string): void {
    this.pins = true;
    this.#doubt(reason);
  }

  /** A dozen reasons are enough for a reader. */
  #doubt(reason: string): void {
    if (this.doubts.length < 12 && !this.doubts.includes(reason)) this.doubts.push(reason);
  }
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
