/**
 * What a text of SQL does, and where it may run. Pure and synchronous; fails closed: what is not proved read-only belongs on the primary.
 *
 * From the text alone a relation is trusted to be a table, an operator and a type to be harmless; only a catalog can take that trust away.
 */
import { judge, type Catalog } from './catalog.ts';
import { isWellFormed } from './characters.ts';
import type { Classification, Effect } from './classification.ts';
import { isRead, NO_DEPENDENCIES, unique, unproved } from './classification.ts';
import { type Dialect, parseDialect } from './dialect.ts';
import { lex } from './lexer.ts';
import { headEffect } from './head.ts';
import { classifyMysql } from './mysql-classify.ts';
import { classifyPostgres } from './postgres-classify.ts';
import { shortenLists, textOf } from './shorten.ts';
import { complexityOf, shapeOf } from './shape.ts';
import { classifySqlite } from './sqlite-classify.ts';
import { splitStatements } from './statements.ts';
import { hashTemplate, templateOf } from './template.ts';
import { TextCache } from './text-cache.ts';
import type { Lexed } from './tokens.ts';

/** Of longer texts (UTF-16 units) only the head is looked at. */
const MAX_LENGTH = 1 << 18;
const HEAD = 4096;
/** Texts of more tokens are read up to there and prove nothing. */
const MAX_LEXED = 12_000;
/** Texts of more tokens, when their lists of values are shortened, prove nothing. */
const MAX_TOKENS = 2_500;
/** So do texts of more statements. */
const MAX_STATEMENTS = 100;

const CLASSIFIERS: Readonly<Record<Dialect, (lexed: Lexed) => Effect>> = {
  postgresql: classifyPostgres,
  mysql: classifyMysql,
  sqlite: classifySqlite,
};

/** Classifies with a bounded memory of its own, keyed by exact text and dialect. */
export class Classifier {
  readonly #caches: Readonly<Record<Dialect, TextCache<Classification>>>;

  /** `cacheSize`: texts remembered per dialect (their total length is bounded too). */
  constructor({ cacheSize = 5000 }: { cacheSize?: number } = {}) {
    const cache = (): TextCache<Classification> => new TextCache(cacheSize, 8_000_000);
    this.#caches = { postgresql: cache(), mysql: cache(), sqlite: cache() };
  }

  /** Number of texts remembered, over all dialects. */
  get cacheSize(): number {
    return this.#caches.postgresql.size + this.#caches.mysql.size + this.#caches.sqlite.size;
  }

  /**
   * The classification of a text; the same frozen object for the same text as long as it is remembered.
   * @throws SqlError `SQL_NOT_LOADED` (PostgreSQL before `loadSql()`), `SQL_DIALECT_UNKNOWN`. Never on the text itself.
   */
  classify(sql: string, dialect: Dialect): Classification {
    const cache = this.#caches[dialect] ?? this.#caches[parseDialect(dialect)];
    const known = cache.get(sql);
    if (known !== undefined) return known;
    const classification = classifyFresh(sql, dialect);
    if (typeof sql === 'string') cache.set(sql, classification);
    return classification;
  }

  /** Forgets all texts. */
  clear(): void {
    for (const cache of Object.values(this.#caches)) cache.clear();
  }
}

const shared = new Classifier();
const judged = new WeakMap<Catalog, TextCache<Classification>>();

/**
 * Classifies with a memory shared by the process (a pure function's answers: nothing leaks from one caller to another). With a catalog of
 * the same dialect, what the objects of the database do counts as well: it may prove a read that the text alone does not, and take back
 * one that it does.
 * @throws SqlError `SQL_NOT_LOADED` (PostgreSQL before `loadSql()`), `SQL_DIALECT_UNKNOWN`. Never on the text itself.
 */
export function classify(sql: string, dialect: Dialect, catalog?: Catalog | null): Classification {
  if (catalog === undefined || catalog === null) return shared.classify(sql, dialect);
  let cache = judged.get(catalog);
  if (cache === undefined) judged.set(catalog, (cache = new TextCache(5000, 8_000_000)));
  const known = cache.get(sql);
  if (known !== undefined) return known;
  const classification = judge(sql, shared.classify(sql, catalog.dialect), catalog);
  if (typeof sql === 'string') cache.set(sql, classification);
  return classification;
}

function classifyFresh(sql: string, dialect: Dialect): Classification {
  const refusal = gate(sql);
  if (refusal !== null) return describe(lex('', dialect), unproved(refusal, true), 0);
  if (sql.length > MAX_LENGTH) return classifyHead(lex(sql.slice(0, HEAD), dialect, { maxTokens: 200 }), sql);
  const lexed = lex(sql, dialect, { maxTokens: MAX_LEXED });
  if (lexed.tokens.length <= MAX_TOKENS) return classifyLexed(lexed);
  // Lists of values are most of a long text. Where a string ends must be certain before anything is left out.
  const certain = lexed.problem === null && !lexed.backslashQuote && !lexed.versionedComment;
  const short = certain ? lex(textOf(lexed, shortenLists(lexed.tokens)), dialect) : lexed;
  return short.tokens.length <= MAX_TOKENS ? classifyLexed(short) : classifyHead(lex(sql.slice(0, HEAD), dialect, { maxTokens: 200 }), sql);
}

function classifyLexed(lexed: Lexed): Classification {
  const statementCount = splitStatements(lexed).length;
  return describe(lexed, effectOf(lexed, statementCount), statementCount);
}

/** Of a text that is too long, only the beginning is looked at. It is never a read; a semicolon may hide any other statement. */
function classifyHead(head: Lexed, sql: string): Classification {
  const [first = []] = splitStatements(head);
  const effect = headEffect(head, first);
  const hidden = sql.slice(0, -1).includes(';');
  return describe(
    head,
    hidden ? { ...effect, pins: true, reasons: [...effect.reasons, 'a semicolon may hide another statement'] } : effect,
    1,
  );
}

/** What no server should be sent, or would take too long to look into. */
function gate(sql: unknown): string | null {
  if (typeof sql !== 'string') return 'the SQL is no text';
  if (sql.includes('\0')) return 'the text holds a NUL character';
  return isWellFormed(sql) ? null : 'the text holds a lone surrogate';
}

function effectOf(lexed: Lexed, statementCount: number): Effect {
  if (statementCount > MAX_STATEMENTS) return unproved(`there are more than ${MAX_STATEMENTS} statements`, true);
  // PostgreSQL's parser is asked all the same: its absence has to be noticed on any text.
  const effect = CLASSIFIERS[lexed.dialect](lexed);
  if (lexed.problem !== null)
    return {
      ...effect,
      type: isRead(effect.type) || effect.type === 'transaction' ? 'unknown' : effect.type,
      transaction: undefined,
      provable: undefined,
      dependsOn: undefined,
      reasons: [lexed.problem],
    };
  return statementCount === 0 ? unproved('there is no statement') : effect;
}

function describe(lexed: Lexed, effect: Effect, statementCount: number): Classification {
  const readOnly = isRead(effect.type) && !effect.pins;
  const type = isRead(effect.type) && !readOnly ? 'unknown' : effect.type;
  const hint = lexed.comments.length === 0 ? undefined : hintOf(lexed);
  const template = templateOf(lexed);
  return Object.freeze({
    queryType: type,
    readOnly,
    target: readOnly && hint === undefined ? ('replica' as const) : ('primary' as const),
    hint,
    pinsSession: effect.pins,
    ...(effect.transaction !== undefined && statementCount === 1 ? { transaction: Object.freeze({ ...effect.transaction }) } : {}),
    statementCount,
    tables: frozen(effect.written.length === 0 ? effect.read : unique([...effect.written, ...effect.read])),
    tablesRead: frozen(effect.read),
    tablesWritten: frozen(effect.written),
    complexityScore: complexityOf(type, shapeOf(lexed.tokens)),
    template,
    templateHash: hashTemplate(template),
    dependsOn: effect.dependsOn === undefined ? NO_DEPENDENCIES : Object.freeze(effect.dependsOn),
    provable: effect.provable,
    reasons: frozen(effect.reasons),
  });
}

const HINT = /^\/\*\s*route:\s*primary\s*\*\/$/i;

/** What a comment asks for. Long comments are none of ours. */
function hintOf({ sql, comments }: Lexed): 'primary' | undefined {
  return comments.some(({ start, end }) => end - start < 64 && HINT.test(sql.slice(start, end))) ? 'primary' : undefined;
}

const NONE: readonly string[] = Object.freeze([]);

/** Most lists are empty, and freezing costs more than asking. */
function frozen(list: readonly string[]): readonly string[] {
  if (list.length === 0) return NONE;
  return Object.isFrozen(list) ? list : Object.freeze(list);
}
