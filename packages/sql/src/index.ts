/**
 * Pure SQL understanding for PostgreSQL, MySQL/MariaDB and SQLite: what a text does, where it may run, which values it wants. No I/O.
 *
 * Await {@link loadSql} once before PostgreSQL is classified; all else works at once, and everything is synchronous.
 */

// Dialects
export { DIALECTS, parseDialect } from './dialect.ts';
export type { Dialect } from './dialect.ts';

// Text: tokens, statements, template
export { lex } from './lexer.ts';
export type { Comment, Lexed, LexOptions, Token, TokenKind } from './tokens.ts';
export { splitStatements } from './statements.ts';
export type { Statement } from './statements.ts';
export { hashTemplate, templateOf } from './template.ts';

// Placeholders and values
export { bindPlaceholders, compilePlaceholders } from './placeholders.ts';
export type { BoundStatement, CompiledPlaceholders, PlaceholderStyle, SqlParameters } from './placeholders.ts';
export { checkParameter } from './parameters.ts';

// Classification
export { isSqlLoaded, loadSql } from './postgres-parser.ts';
export { Classifier, classify } from './classify.ts';
export { classifyLine } from './classify-line.ts';
export type { ClassifiedLine } from './classify-line.ts';
export type {
  Classification,
  Dependencies,
  FunctionUse,
  ObjectName,
  QueryType,
  RelationUse,
  TransactionControl,
} from './classification.ts';

// What a database knows of the objects that statements name
export { loadCatalog } from './load-catalog.ts';
export type { Catalog, CatalogRow } from './catalog.ts';

// Errors
export { SqlError } from './errors.ts';
export type { SqlErrorCode } from './errors.ts';
