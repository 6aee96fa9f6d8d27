/** What the definitions of PostgreSQL's views and functions do, as its catalog shows them: hard facts, and what else has to be asked. */
import type { Dependencies } from './classification.ts';
import { NO_DEPENDENCIES } from './classification.ts';
import { lex } from './lexer.ts';
import { parseStatements, requireParser } from './postgres-parser.ts';
import { PostgresWalk, type Fields } from './postgres-walk.ts';

/** A piece of SQL, understood. */
export interface Unit {
  /** Why it is no read, whatever its objects do; null if nothing is known against it. */
  readonly problem: string | null;
  /** It was read to its end, so that what it depends on is all there is. */
  readonly understood: boolean;
  readonly dependsOn: Dependencies;
  /** Its names are written with their schemas, as the catalog prints them; else the search path of its caller decides. */
  readonly qualified: boolean;
}

/** Parsing takes up to 0.4 us a character; longer definitions are not looked into. */
const MAX_LENGTH = 20_000;

const refused = (problem: string, understood = false): Unit => ({ problem, understood, dependsOn: NO_DEPENDENCIES, qualified: true });

function unitOf(walk: PostgresWalk, qualified: boolean): Unit {
  return {
    problem: walk.provable ? null : (walk.doubts[0] ?? 'it is not understood'),
    understood: true,
    dependsOn: walk.dependsOn(),
    qualified,
  };
}

/** A query (a view's definition), or several; anything else is refused. */
export function readQuery(sql: string, qualified: boolean): Unit {
  if (sql.length > MAX_LENGTH) return refused('its definition is too long');
  const walk = new PostgresWalk();
  try {
    for (const statement of parseStatements(sql)) {
      if (!('SelectStmt' in statement)) return refused(`it runs ${verbOf(statement)}`, true);
      walk.walk(statement);
    }
  } catch {
    return refused('its definition cannot be parsed');
  }
  return unitOf(walk, qualified);
}

const verbOf = (statement: Fields): string => (Object.keys(statement)[0] ?? 'nothing').replace(/Stmt$/, '').toUpperCase();

/** An expression as the catalog prints it. */
export function readExpression(sql: string): Unit {
  return readQuery(`SELECT ${sql}`, true);
}

/** What `pg_get_functiondef` shows of a function in `sql` or `plpgsql`. */
export function readFunction(definition: string, language: string): readonly Unit[] {
  if (definition.length > MAX_LENGTH) return [refused('its definition is too long')];
  try {
    const fields = parseStatements(definition)[0]?.['CreateFunctionStmt'] as Fields | undefined;
    if (fields === undefined) return [refused('its definition is not understood')];
    const units = [signature(fields)];
    if (fields['sql_body'] !== undefined) units.push(atomicBody(fields['sql_body']));
    else if (language === 'plpgsql') units.push(...plpgsqlBody(definition));
    else units.push(bodyOf(fields));
    return units;
  } catch {
    return [refused('its definition cannot be parsed')];
  }
}

/** Default values are computed by the call, and the types of arguments decide what else runs. */
function signature(fields: Fields): Unit {
  const walk = new PostgresWalk();
  for (const each of (fields['parameters'] ?? []) as readonly { FunctionParameter?: { argType?: Fields; defexpr?: Fields } }[]) {
    const { argType, defexpr } = each.FunctionParameter ?? {};
    if (argType !== undefined) walk.walk({ TypeName: argType });
    if (defexpr !== undefined) walk.walk(defexpr);
  }
  return unitOf(walk, true);
}

function bodyOf(fields: Fields): Unit {
  for (const option of (fields['options'] ?? []) as readonly { DefElem?: { defname?: string; arg?: { List?: { items?: unknown[] } } } }[]) {
    if (option.DefElem?.defname !== 'as') continue;
    const [text] = (option.DefElem.arg?.List?.items ?? []) as readonly { String?: { sval?: string } }[];
    return readQuery(text?.String?.sval ?? '', false);
  }
  return refused('it has no body');
}

/** `RETURN expression`, or the statements between BEGIN ATOMIC and END. */
function atomicBody(body: unknown): Unit {
  const walk = new PostgresWalk();
  for (const statement of flattened(body)) {
    if ('ReturnStmt' in statement) walk.walk((statement['ReturnStmt'] as Fields)['returnval'] ?? {});
    else if ('SelectStmt' in statement) walk.walk(statement);
    else return refused(`it runs ${verbOf(statement)}`, true);
  }
  return unitOf(walk, true);
}

function flattened(node: unknown): Fields[] {
  const list = (node as { List?: { items?: readonly unknown[] } } | undefined)?.List;
  return list === undefined ? [node as Fields] : (list.items ?? []).flatMap(flattened);
}

/** Statements of PL/pgSQL that do nothing but compute, or what the SQL in them does. Dynamic SQL may do anything. */
const HARMLESS = new Set(
  `block assign if case loop while fori fors forc foreach_a exit return return_next return_query raise assert execsql perform getdiag open
  fetch close null`.split(/\s+/),
);

function plpgsqlBody(definition: string): Unit[] {
  const units: Unit[] = [];
  visit(requireParser().parsePlpgsql(definition), units);
  return units;
}

function visit(node: unknown, units: Unit[]): void {
  if (Array.isArray(node)) for (const element of node) visit(element, units);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  for (const [key, value] of Object.entries(node as Fields)) {
    if (key === 'PLpgSQL_expr') units.push(embedded(value as { query?: string; parseMode?: number }));
    else if (key === 'PLpgSQL_type') units.push(declaredType((value as { typname?: string }).typname ?? ''));
    else {
      const statement = /^PLpgSQL_stmt_(\w+)$/.exec(key)?.[1];
      if ((statement !== undefined && !HARMLESS.has(statement)) || key === 'dynquery')
        units.push(refused('it runs dynamic SQL or a command'));
      visit(value, units);
    }
  }
}

/** SQL inside PL/pgSQL: 0 a statement, 2 an expression, above an assignment. */
function embedded({ query = '', parseMode }: { query?: string; parseMode?: number }): Unit {
  if (parseMode === 0) return readQuery(query, false);
  if (parseMode === 2) return readQuery(`SELECT ${query}`, false);
  const sign = lex(query, 'postgresql').tokens.find(({ text }) => text === ':=' || text === '=');
  if (sign === undefined) return refused('an assignment is not understood');
  return readQuery(`SELECT ${query.slice(0, sign.start)}, ${query.slice(sign.end)}`, false);
}

/** The type of a variable; of `table%ROWTYPE` the table tells. */
function declaredType(name: string): Unit {
  const copied = /^(.*?)%(row)?type$/i.exec(name.trim());
  if (copied === null) return name === '' || name === 'UNKNOWN' ? readQuery('', true) : readQuery(`SELECT NULL::${name}`, false);
  const table = copied[2] === undefined ? copied[1]!.replace(/\.[^.]*$/, '') : copied[1]!;
  return table === copied[1] && copied[2] === undefined ? readQuery('', true) : readQuery(`SELECT FROM ${table}`, false);
}
