/**
 * One question to a PostgreSQL catalog: does anything that a statement depends on do more than read? Follows views into their queries and
 * functions into their bodies. Where types would tell which of several functions or operators is meant, all of them have to be harmless.
 */
import type { Dependencies, FunctionUse, ObjectName, RelationUse } from './classification.ts';
import { unique } from './classification.ts';
import type { Unit } from './postgres-bodies.ts';
import type { FunctionRow, OperatorRow, RelationRow, TypeRow } from './postgres-catalog-queries.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import { POSTGRES_READ_FUNCTIONS } from './postgres-functions.ts';
import { RUN_WHILE_PLANNED, SESSION_RELATIONS } from './postgres-nodes.ts';
import type { SearchPath } from './postgres-path.ts';

/** Volatile functions of well-known extensions, in C, that write nothing. */
const HARMLESS_IN_C = /^(?:uuid_generate_v(?:1|1mc|4)|gen_random_(?:bytes|uuid)|gen_salt)$/;
const QUALIFIED = 'pg_catalog';

/** A piece of SQL to be looked into. */
interface Task {
  readonly unit: Unit;
  /** The search path of whoever runs it. */
  readonly path: SearchPath;
  /** It is planned only. */
  readonly planned: boolean;
  /** For messages: what it belongs to. */
  readonly of: string;
}

/** Something that may be meant only if a value of one of these types is there. */
interface Candidate {
  readonly operands: readonly string[];
  /** A row of a table that the statement names will do, though the statement does not use it as a value. */
  readonly ofRow: boolean;
  readonly take: () => void;
}

/** Used once. */
export class PostgresInquiry {
  readonly #catalog: PostgresCatalog;
  readonly #objections: string[] = [];
  readonly #tasks: Task[] = [];
  readonly #seen = new Set<string>();
  /** Of the task in hand: types of the user's own of which there may be values, and what depends on them. */
  #types = new Set<string>();
  /** Types of the rows of its tables. */
  #rowTypes = new Set<string>();
  #candidates: Candidate[] = [];

  constructor(catalog: PostgresCatalog) {
    this.#catalog = catalog;
  }

  ask(dependsOn: Dependencies): readonly string[] {
    const unit: Unit = { problem: null, understood: true, dependsOn, qualified: false };
    this.#tasks.push({ unit, path: this.#catalog.path, planned: dependsOn.planned === true, of: '' });
    for (let task = this.#tasks.pop(); task !== undefined && this.#objections.length < 12; task = this.#tasks.pop()) this.#look(task);
    return unique(this.#objections);
  }

  #object(task: Pick<Task, 'of'>, reason: string): void {
    this.#objections.push(task.of === '' ? reason : `${task.of}: ${reason}`);
  }

  #look(task: Task): void {
    const { problem, understood, dependsOn, qualified } = task.unit;
    if (problem !== null && !(task.planned && understood && !RUN_WHILE_PLANNED.test(problem))) return this.#object(task, problem);
    const schemas = this.#catalog.schemasOf(qualified ? { setting: QUALIFIED, user: '' } : task.path);
    this.#types = new Set();
    this.#rowTypes = new Set();
    this.#candidates = [];
    for (const relation of dependsOn.relations) this.#relation(task, relation, schemas);
    for (const type of dependsOn.types) this.#namedType(task, type, schemas);
    for (const use of dependsOn.functions) this.#function(task, use, schemas);
    for (const field of dependsOn.fields) this.#field(task, field, schemas);
    for (const code of this.#catalog.casts) this.#code(task, code, 'a cast');
    for (const operator of dependsOn.operators) this.#operator(task, operator, schemas);
    this.#settle(task);
  }

  #relation(task: Task, name: RelationUse, schemas: readonly string[]): void {
    if (name.schema === undefined && this.#catalog.isTemporary(name.name))
      return this.#object(task, `${name.name} may be a temporary table`);
    const row = this.#catalog.relationNamed(name, schemas);
    if (row === undefined) this.#object(task, `relation ${shown(name)} is not in the catalog`);
    else if (row !== 'built-in') {
      const { columns } = task.unit.dependsOn;
      if (columns.includes(name.alias ?? name.name) || columns.includes('*')) this.#types.add(row.type);
      this.#row(task, row);
    } else if (SESSION_RELATIONS.has(name.name)) this.#object(task, `${name.name} shows the session's own state`);
  }

  #row(task: Task, row: RelationRow): void {
    if (row.persistence === 't') return this.#object(task, `${row.name} is temporary`);
    if (row.kind === 'f') return this.#object(task, `${row.name} is a foreign table`);
    this.#rowTypes.add(row.type);
    for (const member of words(this.#catalog.types.get(row.type)?.members ?? null)) this.#types.add(member);
    this.#follow(task, row, `r${row.oid}`, row.kind === 'v' ? `view ${row.schema}.${row.name}` : `policy of ${row.schema}.${row.name}`);
    for (const oid of words(row.children)) {
      const child = this.#catalog.relations.get(oid);
      if (child === undefined) this.#object(task, `a part of ${row.name} is not in the catalog`);
      else if (!this.#seenBefore(`child ${oid}`)) this.#child(task, child);
    }
  }

  /** The parent's policies count, not the child's. */
  #child(task: Task, row: RelationRow): void {
    this.#row(task, { ...row, policies: null });
  }

  /** Puts what an object consists of on the list, once for each search path. */
  #follow(task: Task, row: FunctionRow | RelationRow | TypeRow, key: string, of: string, path = task.path, planned = task.planned): void {
    if (this.#seenBefore(`${key} ${path.user} ${path.setting} ${planned}`)) return;
    for (const unit of this.#catalog.unitsOf(row)) this.#tasks.push({ unit, path, planned, of });
  }

  #seenBefore(key: string): boolean {
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }

  #namedType(task: Task, name: ObjectName, schemas: readonly string[]): void {
    const type = this.#catalog.typeNamed(name, schemas);
    if (type === undefined) this.#object(task, `type ${shown(name)} is not in the catalog`);
    else if (type !== 'built-in') this.#types.add(type.oid);
  }

  #function(task: Task, use: FunctionUse, schemas: readonly string[]): void {
    const builtIn = use.schema === undefined || use.schema === QUALIFIED;
    const shadowed = builtIn ? this.#catalog.builtInsNamed(use.name).filter((row) => takes(row, use.arguments)) : [];
    const rows = this.#catalog.functionsNamed(use, schemas).filter((row) => takes(row, use.arguments));
    const known = builtIn && POSTGRES_READ_FUNCTIONS.has(use.name);
    const first = schemas[0] === QUALIFIED ? new Set(shadowed.map((row) => row.args)) : new Set<string>();
    for (const row of visible(rows, first, use)) {
      // Beside a built-in function of its name, one for the user's types is meant only if there is a value of theirs.
      const operands = row.args.split(' ').filter((oid) => this.#catalog.types.has(oid));
      const take = (): void => this.#run(task, row);
      if (known && operands.length > 0) this.#candidates.push({ operands, ofRow: false, take });
      else take();
    }
    if (!known && (rows.length === 0 || shadowed.length > 0)) this.#object(task, `function ${shown(use)}() is not known to be read-only`);
  }

  /** `t.x` calls `x(t)` where `t` has no column of that name; `(1).x` calls `x(1)`. */
  #field(task: Task, name: string, schemas: readonly string[]): void {
    for (const row of this.#catalog.functionsNamed({ name }, schemas)) {
      if (!takes(row, 1)) continue;
      const operands = row.args.split(' ').filter((oid) => this.#catalog.types.has(oid));
      const take = (): void => this.#run(task, row);
      if (operands.length > 0) this.#candidates.push({ operands, ofRow: true, take });
      else take();
    }
  }

  #operator(task: Task, name: ObjectName, schemas: readonly string[]): void {
    for (const row of this.#catalog.operatorsNamed(name, schemas)) {
      if (row.hidden && name.schema === undefined && schemas[0] === QUALIFIED) continue;
      const operands = [row.left, row.right].filter((oid) => this.#catalog.types.has(oid));
      const take = (): void => this.#runOperator(task, row);
      if (row.shared && operands.length > 0 && name.schema === undefined) this.#candidates.push({ operands, ofRow: false, take });
      else take();
    }
  }

  #runOperator(task: Task, row: OperatorRow): void {
    this.#types.add(row.result);
    this.#code(task, row.code, `operator ${row.name}`);
  }

  /** A function by its identifier: of an operator, an aggregate, a type. */
  #code(task: Task, oid: string, of: string): void {
    const row = this.#catalog.functions.get(oid);
    if (row !== undefined) return this.#run({ ...task, of: task.of === '' ? of : task.of }, row);
    const builtIn = this.#catalog.builtIns.get(oid);
    if (builtIn?.volatility === 'v' && !POSTGRES_READ_FUNCTIONS.has(builtIn.name)) this.#object(task, `${of} runs ${builtIn.name}()`);
  }

  #run(task: Task, row: FunctionRow): void {
    this.#types.add(row.result);
    for (const oid of row.args.split(' ')) this.#types.add(oid);
    // The planner runs what is not volatile, and may put the body of a function in SQL in the place of its call.
    if (task.planned && row.volatility === 'v' && row.language !== 'sql') return;
    const name = `${row.schema}.${row.name}()`;
    if (row.kind === 'a') return words(row.parts).forEach((oid) => this.#code(task, oid, `aggregate ${name}`));
    const problem = problemOf(row);
    if (problem !== null) return this.#object(task, `function ${name} ${problem}`);
    const planned = task.planned && row.volatility === 'v';
    this.#follow(task, row, `f${row.oid}`, `function ${name}`, pathIn(row, task.path), planned);
  }

  /** Types bring types, and with them what else may be meant. */
  #settle(task: Task): void {
    const done = new Set<string>();
    for (let size = -1; size !== this.#types.size + this.#candidates.length;) {
      size = this.#types.size + this.#candidates.length;
      for (const oid of this.#types) if (!done.has(oid)) this.#type(task, oid, done);
      const waiting = this.#candidates;
      this.#candidates = [];
      for (const candidate of waiting) {
        if (candidate.operands.some((oid) => this.#mayBe(oid, candidate.ofRow))) candidate.take();
        else this.#candidates.push(candidate);
      }
    }
  }

  /** Whether there may be a value of the type. */
  #mayBe(oid: string, ofRow: boolean): boolean {
    return this.#types.has(oid) || this.#catalog.implicitTargets.has(oid) || (ofRow && this.#rowTypes.has(oid));
  }

  #type(task: Task, oid: string, done: Set<string>): void {
    done.add(oid);
    const row = this.#catalog.types.get(oid);
    for (const { code } of this.#catalog.support.get(oid) ?? []) if (row !== undefined) this.#code(task, code, `type ${row.name}`);
    if (row === undefined) return;
    for (const code of words(row.functions)) this.#code(task, code, `type ${row.name}`);
    for (const other of [row.element, row.base, ...words(row.members)]) this.#types.add(other);
    this.#follow(task, row, `t${oid}`, `type ${row.schema}.${row.name}`);
  }
}

/** What is known of a function without looking into its body. */
function problemOf(row: FunctionRow): string | null {
  if (/(?:^|\n)(?:transaction_|default_transaction_|session_replication_role)/.test(row.config ?? ''))
    return 'changes settings of the transaction';
  switch (row.language) {
    case 'sql':
    case 'plpgsql':
      return row.definition === null ? 'is no plain function' : null;
    case 'internal': {
      const names = words(row.internal);
      return names.length > 0 && names.every((name) => POSTGRES_READ_FUNCTIONS.has(name)) ? null : 'is not known to be read-only';
    }
    case 'c':
      return row.volatility !== 'v' || HARMLESS_IN_C.test(row.name) ? null : 'is volatile and written in C';
    default:
      return `is written in ${row.language}`;
  }
}

/** The search path inside a function: its own, or its caller's, with the owner's rights if it is a security definer. */
function pathIn(row: FunctionRow, path: SearchPath): SearchPath {
  const own = /(?:^|\n)search_path=([^\n]*)/.exec(row.config ?? '')?.[1];
  return { setting: own ?? path.setting, user: row.definer ? row.owner : path.user };
}

function takes(row: Pick<FunctionRow, 'args' | 'defaults' | 'variadic'>, given: number): boolean {
  if (given < 0) return true;
  const most = row.args === '' ? 0 : row.args.split(' ').length;
  return given >= most - row.defaults - (row.variadic ? 1 : 0) && (given <= most || row.variadic);
}

/** Without those that one of an earlier schema hides, by having the same types. */
function visible(rows: readonly FunctionRow[], before: ReadonlySet<string>, use: FunctionUse): readonly FunctionRow[] {
  if (use.schema !== undefined || use.arguments < 0) return rows;
  const taken = new Set(before);
  return rows.filter((row) => {
    const hidden = taken.has(row.args);
    taken.add(row.args);
    return !hidden;
  });
}

const words = (text: string | null): readonly string[] => (text === null || text === '' ? [] : text.split(' '));
const shown = ({ schema, name }: ObjectName): string => (schema === undefined ? name : `${schema}.${name}`);
