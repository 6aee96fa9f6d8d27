/**
 * Placeholders, the same on all databases: `?`, `$1` and `:name` turn into what the database's driver wants (`$1` for PostgreSQL, `?` for
 * MySQL and SQLite). Never inside strings, comments, dollar quotes or identifiers. In PostgreSQL, `??` stands for the operator `?`
 * (`??|` for `?|`, `??&` for `?&`), as in JDBC.
 */
import type { Dialect } from './dialect.ts';
import { nearest, SqlError } from './errors.ts';
import { isOperand, lex } from './lexer.ts';
import { checkParameter } from './parameters.ts';
import { splitStatements } from './statements.ts';
import { TextCache } from './text-cache.ts';
import type { Lexed, Token } from './tokens.ts';

/** How a text writes its placeholders. A text has one style only. */
export type PlaceholderStyle = 'none' | 'positional' | 'numbered' | 'named';

/** Values for the placeholders: an array for `?` and `$1`, an object for `:name`. */
export type SqlParameters = readonly unknown[] | Readonly<Record<string, unknown>>;

/** A text whose placeholders are understood; made once per text. */
export interface CompiledPlaceholders {
  /** What the driver is given. */
  readonly text: string;
  readonly style: PlaceholderStyle;
  /** How many values the caller must give (for names: how many different names). */
  readonly count: number;
  /** For each value sent, the index of the caller's value; null when they are the same, in the same order. */
  readonly order: readonly number[] | null;
  /** The names, in order of first appearance; empty for other styles. */
  readonly names: readonly string[];
  /** Number of statements in the text. */
  readonly statementCount: number;
}

/** What goes to the driver. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The most values one statement may carry: the wire protocol's 16 bits, and SQLite's default. */
const LIMITS: Readonly<Record<Dialect, number>> = { postgresql: 65_535, mysql: 65_535, sqlite: 32_766 };

const caches: Readonly<Record<Dialect, TextCache<CompiledPlaceholders>>> = {
  postgresql: new TextCache(4096, 4_000_000),
  mysql: new TextCache(4096, 4_000_000),
  sqlite: new TextCache(4096, 4_000_000),
};

/**
 * Puts a text and its values into the form that the dialect's driver wants. A hit in the cache of compiled texts only maps values: the
 * caller's own array comes back when nothing has to be reordered.
 *
 * @throws SqlError `SQL_PLACEHOLDERS_MIXED`, `SQL_PARAMETERS_SHAPE` (array for names, or the reverse), `SQL_PARAMETERS_COUNT`,
 * `SQL_PARAMETERS_LIMIT`, `SQL_PARAMETER_MISSING`, `SQL_PARAMETER_UNKNOWN`, `SQL_PARAMETER_INVALID` (undefined, NaN, unsafe integer, ...),
 * `SQL_STATEMENTS_SEVERAL` (parameters with more than one statement), `SQL_TEXT_INVALID` (NUL in the text)
 */
export function bindPlaceholders(sql: string, params: SqlParameters | undefined, dialect: Dialect): BoundStatement {
  const compiled = compilePlaceholders(sql, dialect);
  const given = params ?? [];
  const values = Array.isArray(given) ? fromArray(compiled, given) : fromNames(compiled, given as Readonly<Record<string, unknown>>);
  if (values.length > 0 && compiled.statementCount > 1) {
    const message = `SQL holds ${compiled.statementCount} statements; with parameters only one is allowed. Send them one by one, or in a transaction.`;
    throw new SqlError('SQL_STATEMENTS_SEVERAL', message, { statementCount: compiled.statementCount });
  }
  if (values.length > LIMITS[dialect]) {
    const message = `SQL has ${values.length} parameters; ${dialect} allows ${LIMITS[dialect]} in one statement. Send fewer rows at once.`;
    throw new SqlError('SQL_PARAMETERS_LIMIT', message, { given: values.length, limit: LIMITS[dialect] });
  }
  return { text: compiled.text, values };
}

/**
 * The placeholders of a text, understood; cached by exact text and dialect in a bounded cache.
 * @throws SqlError `SQL_PLACEHOLDERS_MIXED`, `SQL_TEXT_INVALID`, `SQL_DIALECT_UNKNOWN`
 */
export function compilePlaceholders(sql: string, dialect: Dialect): CompiledPlaceholders {
  const known = caches[dialect]?.get(sql);
  if (known !== undefined) return known;
  const compiled = isPlain(sql, dialect) ? { ...PLAIN, text: sql } : compileFresh(sql, dialect);
  caches[dialect].set(sql, compiled);
  return compiled;
}

/**
 * Whether a text is one statement without placeholders as it stands. Values written into a long text would each be a token, and a
 * megabyte of them hold the event loop for half a second.
 */
function isPlain(sql: unknown, dialect: Dialect): boolean {
  return typeof sql === 'string' && caches[dialect] !== undefined && BEGINS_STATEMENT.test(sql) && !MAY_NEED_LEXING.test(sql);
}

const BEGINS_STATEMENT = /^\s*[a-z(]/i;
const MAY_NEED_LEXING = /[?$:@;\0]|\/\*M?!/;
const PLAIN = { style: 'none', count: 0, order: null, names: [], statementCount: 1 } as const;

function compileFresh(sql: string, dialect: Dialect): CompiledPlaceholders {
  const lexed = lex(sql, dialect);
  if (sql.includes('\0')) throw new SqlError('SQL_TEXT_INVALID', 'SQL holds a NUL character, at which servers would cut the text.');
  return compileLexed(lexed, splitStatements(lexed).length);
}

/**
 * The same, from text that is lexed already; not cached.
 * @throws SqlError `SQL_PLACEHOLDERS_MIXED`
 */
export function compileLexed(lexed: Lexed, statementCount: number): CompiledPlaceholders {
  const found = findPlaceholders(lexed);
  const style = found.length === 0 ? 'none' : singleStyle(found);
  const slots = new Map<string, number>();
  const order: number[] = [];
  let text = '';
  let copied = 0;
  for (const token of lexed.tokens) {
    let replacement: string | undefined;
    if (token.kind === 'placeholder') replacement = place(token, style, slots, order, lexed.dialect);
    else if (token.kind === 'operator' && token.text.includes('??') && lexed.dialect === 'postgresql')
      replacement = token.text.replace('??', '?');
    if (replacement === undefined) continue;
    text += lexed.sql.slice(copied, token.start) + replacement;
    copied = token.end;
  }
  const count = style === 'numbered' ? order.reduce((most, index) => Math.max(most, index + 1), 0) : slots.size || order.length;
  return {
    text: copied === 0 ? lexed.sql : text + lexed.sql.slice(copied),
    style,
    count,
    order: isIdentity(order, count, lexed.dialect) ? null : order,
    names: style === 'named' ? [...slots.keys()] : [],
    statementCount,
  };
}

function findPlaceholders(lexed: Lexed): Token[] {
  const found = lexed.tokens.filter((token) => token.kind === 'placeholder');
  if (lexed.dialect !== 'postgresql' || !found.some((token) => /^\$\d/.test(token.text))) return found;
  // Beside `$1`, a `?` behind an operand is PostgreSQL's operator.
  lexed.tokens.forEach((token, index) => {
    if (token.kind === 'placeholder' && token.text === '?' && isOperand(lexed.tokens[index - 1])) token.kind = 'operator';
  });
  return found.filter((token) => token.kind === 'placeholder');
}

function styleOf(token: Token): PlaceholderStyle {
  if (token.text === '?') return 'positional';
  return /^[$?]\d/.test(token.text) ? 'numbered' : 'named';
}

function singleStyle(found: readonly Token[]): PlaceholderStyle {
  const style = styleOf(found[0]!);
  const other = found.find((token) => styleOf(token) !== style);
  if (other === undefined) return style;
  const message = `SQL mixes placeholder styles: ${style} (${found[0]!.text}) and ${styleOf(other)} (${other.text} at offset ${other.start}). Use one style.`;
  throw new SqlError('SQL_PLACEHOLDERS_MIXED', message, { styles: [style, styleOf(other)], offset: other.start });
}

/** Notes which value the placeholder stands for; answers what is written in its place. */
function place(token: Token, style: PlaceholderStyle, slots: Map<string, number>, order: number[], dialect: Dialect): string {
  let index = order.length;
  if (style === 'numbered') {
    index = Number(token.text.slice(1)) - 1;
    if (index < 0)
      throw new SqlError('SQL_TEXT_INVALID', `Placeholder ${token.text} is none: numbered placeholders begin at 1.`, {
        offset: token.start,
      });
  }
  if (style === 'named') {
    const name = token.text.slice(1);
    index = slots.get(name) ?? slots.size;
    slots.set(name, index);
  }
  order.push(index);
  return dialect === 'postgresql' ? `$${index + 1}` : '?';
}

/** PostgreSQL's driver takes the caller's values as they are: a repeated `$1` is sent once. */
function isIdentity(order: readonly number[], count: number, dialect: Dialect): boolean {
  return dialect === 'postgresql' || (order.length === count && order.every((index, position) => index === position));
}

function fromArray(compiled: CompiledPlaceholders, given: readonly unknown[]): readonly unknown[] {
  if (compiled.style === 'named') {
    const message = `SQL names its placeholders (:${compiled.names[0] ?? ''}, ...) but got an array of ${given.length}. Pass an object with these names.`;
    throw new SqlError('SQL_PARAMETERS_SHAPE', message, { names: compiled.names });
  }
  if (given.length !== compiled.count) refuseCount(compiled, given.length);
  for (let i = 0; i < given.length; i++) checkParameter(given[i], i + 1);
  return compiled.order === null ? given : compiled.order.map((index) => given[index]);
}

function refuseCount(compiled: CompiledPlaceholders, given: number): never {
  const hint = compiled.style === 'none' && given > 0 ? ' The SQL has no placeholder: are they inside quotes?' : '';
  const message = `SQL has ${compiled.count} placeholder${compiled.count === 1 ? '' : 's'}, but ${given} value${given === 1 ? ' was' : 's were'} given.${hint}`;
  throw new SqlError('SQL_PARAMETERS_COUNT', message, { expected: compiled.count, given });
}

function fromNames(compiled: CompiledPlaceholders, given: Readonly<Record<string, unknown>>): readonly unknown[] {
  const keys = Object.keys(given);
  if (compiled.style === 'positional' || compiled.style === 'numbered') {
    const message = `SQL has ${compiled.count} ${compiled.style} placeholders but got an object with ${keys.length} keys. Pass an array.`;
    throw new SqlError('SQL_PARAMETERS_SHAPE', message, { expected: compiled.count });
  }
  for (const key of keys) if (!compiled.names.includes(key)) refuseUnknown(compiled, key);
  const values = compiled.names.map((name) => {
    if (!Object.hasOwn(given, name)) refuseMissing(compiled, name, keys);
    checkParameter(given[name], name);
    return given[name];
  });
  return compiled.order === null ? values : compiled.order.map((index) => values[index]);
}

function refuseUnknown(compiled: CompiledPlaceholders, key: string): never {
  const meant = nearest(key, compiled.names);
  const known =
    compiled.names.length === 0 ? 'The SQL has no placeholder.' : `Placeholders: ${compiled.names.map((name) => `:${name}`).join(', ')}.`;
  const message = `Parameter "${key}" stands nowhere in the SQL. ${meant === undefined ? known : `Did you mean "${meant}"?`}`;
  throw new SqlError('SQL_PARAMETER_UNKNOWN', message, { parameter: key, names: compiled.names });
}

function refuseMissing(compiled: CompiledPlaceholders, name: string, keys: readonly string[]): never {
  const given = keys.length === 0 ? 'none was given' : `given: ${keys.join(', ')}`;
  throw new SqlError('SQL_PARAMETER_MISSING', `Placeholder :${name} has no value; ${given}.`, { parameter: name, names: compiled.names });
}
