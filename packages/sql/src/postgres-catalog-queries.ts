/**
 * What is asked of PostgreSQL (13 and later), and the shapes of the answers. Object identifiers are text; lists of them are joined by a
 * space. Definitions are read with nothing but `pg_catalog` in the search path, so that they name everything else with its schema.
 */

const SYSTEM = `('pg_catalog', 'pg_toast')`;
const USER_FUNCTION = (oid: string): string =>
  `SELECT 1 FROM pg_catalog.pg_proc f WHERE f.oid = ${oid} AND f.pronamespace <> 'pg_catalog'::regnamespace`;

/** By name, in the order in which they are to be run. */
export const POSTGRES_CATALOG_QUERIES = {
  settings: `SELECT current_setting('search_path') AS path, current_user AS "user",
    (SELECT string_agg(nspname, E'\\n') FROM pg_catalog.pg_namespace) AS schemas`,
  setPath: `SELECT set_config('search_path', 'pg_catalog', true)`,
  functions: `SELECT p.oid::text AS oid, n.nspname AS schema, p.proname AS name, l.lanname AS language, p.provolatile AS volatility,
    p.prokind AS kind, array_to_string(p.proargtypes::oid[], ' ') AS args, p.pronargdefaults AS defaults, p.provariadic <> 0 AS variadic,
    p.prorettype::text AS result, p.prosecdef AS definer, r.rolname AS owner, array_to_string(p.proconfig, E'\\n') AS config,
    CASE WHEN l.lanname IN ('sql', 'plpgsql') AND p.prokind = 'f' THEN pg_get_functiondef(p.oid) END AS definition,
    CASE WHEN l.lanname = 'internal' THEN (SELECT string_agg(b.proname, ' ') FROM pg_catalog.pg_proc b
      WHERE b.prosrc = p.prosrc AND b.pronamespace = 'pg_catalog'::regnamespace) END AS internal,
    CASE WHEN p.prokind = 'a' THEN (SELECT concat_ws(' ', a.aggtransfn::oid, a.aggfinalfn::oid, a.aggmtransfn::oid, a.aggminvtransfn::oid,
      a.aggmfinalfn::oid, a.aggcombinefn::oid, a.aggserialfn::oid, a.aggdeserialfn::oid)
      FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = p.oid) END AS parts
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    JOIN pg_catalog.pg_roles r ON r.oid = p.proowner WHERE n.nspname NOT IN ${SYSTEM}`,
  builtIns: `SELECT p.oid::text AS oid, p.proname AS name, p.provolatile AS volatility, array_to_string(p.proargtypes::oid[], ' ') AS args,
    p.pronargdefaults AS defaults, p.provariadic <> 0 AS variadic
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (p.provolatile = 'v'
      OR p.proname IN (SELECT u.proname FROM pg_catalog.pg_proc u WHERE u.pronamespace <> 'pg_catalog'::regnamespace))`,
  operators: `SELECT n.nspname AS schema, o.oprname AS name, o.oprleft::text AS "left", o.oprright::text AS "right",
    o.oprresult::text AS result, o.oprcode::oid::text AS code,
    EXISTS (SELECT 1 FROM pg_catalog.pg_operator b WHERE b.oprname = o.oprname AND b.oprnamespace = 'pg_catalog'::regnamespace
      AND (b.oprleft = 0) = (o.oprleft = 0)) AS shared,
    EXISTS (SELECT 1 FROM pg_catalog.pg_operator b WHERE b.oprname = o.oprname AND b.oprnamespace = 'pg_catalog'::regnamespace
      AND b.oprleft = o.oprleft AND b.oprright = o.oprright) AS hidden
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname NOT IN ${SYSTEM}`,
  types: `SELECT t.oid::text AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, t.typelem::text AS element,
    t.typbasetype::text AS base, CASE WHEN t.typtype IN ('b', 'd', 'r') THEN concat_ws(' ', t.typinput::oid, t.typoutput::oid,
      t.typreceive::oid, t.typsend::oid) END AS functions,
    CASE WHEN t.typtype = 'd' THEN (SELECT string_agg(pg_get_expr(c.conbin, 0), ' AND ') FROM pg_catalog.pg_constraint c
      WHERE c.contypid = t.oid AND c.contype = 'c') END AS checks,
    CASE WHEN t.typtype = 'c' THEN (SELECT string_agg(DISTINCT a.atttypid::text, ' ') FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN (SELECT u.oid FROM pg_catalog.pg_type u
      WHERE u.typnamespace <> 'pg_catalog'::regnamespace)) WHEN t.typtype = 'r' THEN (SELECT g.rngsubtype::text FROM pg_catalog.pg_range g
      WHERE g.rngtypid = t.oid) END AS members
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname NOT IN ${SYSTEM}`,
  /** Functions of the user's own that the server runs on its own for values of a type. */
  support: `SELECT x.type::text AS type, x.code::text AS code, x.implicit FROM (
      SELECT a.amproclefttype AS type, a.amproc::oid AS code, false AS implicit FROM pg_catalog.pg_amproc a
      UNION SELECT c.castsource, c.castfunc, false FROM pg_catalog.pg_cast c WHERE c.castfunc <> 0
      UNION SELECT c.casttarget, c.castfunc, c.castcontext = 'i' FROM pg_catalog.pg_cast c WHERE c.castfunc <> 0
      UNION SELECT c.casttarget, 0, true FROM pg_catalog.pg_cast c WHERE c.castfunc = 0 AND c.castcontext = 'i' AND c.casttarget >= 16384
      UNION SELECT r.rngtypid, r.rngcanonical::oid, false FROM pg_catalog.pg_range r
      UNION SELECT r.rngtypid, r.rngsubdiff::oid, false FROM pg_catalog.pg_range r) x
    WHERE (x.code = 0 AND x.implicit) OR EXISTS (${USER_FUNCTION('x.code')})`,
  /** Casts between built-in types by a function of the user's: they may happen anywhere. */
  casts: `SELECT c.castfunc::text AS code FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type s ON s.oid = c.castsource
    JOIN pg_catalog.pg_type t ON t.oid = c.casttarget WHERE s.typnamespace = 'pg_catalog'::regnamespace
    AND t.typnamespace = 'pg_catalog'::regnamespace AND EXISTS (${USER_FUNCTION('c.castfunc')})`,
  systemTypes: `SELECT t.typname AS name FROM pg_catalog.pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
    AND (t.typtype IN ('b', 'r', 'm', 'p') OR t.typname = 'record')`,
  relations: `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relpersistence AS persistence,
    c.reltype::text AS type, CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS definition,
    CASE WHEN c.relrowsecurity THEN (SELECT string_agg(pg_get_expr(p.polqual, p.polrelid), E') AND (') FROM pg_catalog.pg_policy p
      WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*')) END AS policies,
    CASE WHEN c.relhassubclass THEN (SELECT string_agg(i.inhrelid::text, ' ') FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) END
      AS children
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname NOT IN ${SYSTEM} AND n.nspname !~ '^pg_toast'`,
  systemRelations: `SELECT c.relname AS name FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')`,
} as const;

/** `pg_proc`. */
export interface FunctionRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly language: string;
  readonly volatility: 'i' | 's' | 'v';
  readonly kind: string;
  readonly args: string;
  readonly defaults: number;
  readonly variadic: boolean;
  readonly result: string;
  readonly definer: boolean;
  readonly owner: string;
  readonly config: string | null;
  readonly definition: string | null;
  /** Names that the built-in function behind a user's function of language `internal` has. */
  readonly internal: string | null;
  /** Functions of an aggregate. */
  readonly parts: string | null;
}

/** Built-in functions: those that are volatile, and those whose name a user's function has as well. */
export type BuiltInRow = Pick<FunctionRow, 'oid' | 'name' | 'volatility' | 'args' | 'defaults' | 'variadic'>;

/** `pg_operator`. */
export interface OperatorRow {
  readonly schema: string;
  readonly name: string;
  readonly left: string;
  readonly right: string;
  readonly result: string;
  readonly code: string;
  /** There is a built-in operator of that name. */
  readonly shared: boolean;
  /** There is one for the same types. */
  readonly hidden: boolean;
}

/** `pg_type`. */
export interface TypeRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly element: string;
  readonly base: string;
  readonly functions: string | null;
  readonly checks: string | null;
  readonly members: string | null;
}

/** A function that belongs to a type: of its operator classes, casts, range. `implicit`: values become the type unasked. */
export interface SupportRow {
  readonly type: string;
  readonly code: string;
  readonly implicit: boolean;
}

/** `pg_class`. */
export interface RelationRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly type: string;
  readonly definition: string | null;
  readonly policies: string | null;
  readonly children: string | null;
}
