import type { Dialect } from './dialect.ts';

/**
 * What a token is.
 *
 * - `word`: a keyword or unquoted identifier; `quoted`: a quoted identifier; `variable`: `@x`, `@@x` of MySQL
 * - `string`: any text or binary literal, with its prefix; `number`
 * - `placeholder`: `?`, `$1`, `?1`, `:name`, and `@name`, `$name` of SQLite
 * - `operator`: a run of operator characters; `punctuation`: one of `( ) [ ] { } , ; . :`
 * - `executable`: the opening or closing mark of a MySQL comment whose content is code
 * - `error`: something unterminated (up to the end of the text), or a character that no SQL has
 */
export type TokenKind =
  'word' | 'quoted' | 'string' | 'number' | 'placeholder' | 'variable' | 'operator' | 'punctuation' | 'executable' | 'error';

/** A significant token: comments and white space are none. Offsets are UTF-16 units, `end` exclusive. */
export interface Token {
  kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Words: in upper case if ASCII. Operators, punctuation, placeholders and variables: as written. Other kinds: empty. */
  readonly text: string;
}

/** A comment, with its delimiters. */
export interface Comment {
  readonly start: number;
  readonly end: number;
}

/** How to read what a server's settings decide. Defaults are the servers' defaults. */
export interface LexOptions {
  /** Whether a backslash escapes in a plain string. Default: only in MySQL. */
  readonly backslashEscapes?: boolean;
  /** Whether MySQL comments that carry a server version are code. Default: `code`; version 99999 is always a comment. */
  readonly versionedComments?: 'code' | 'comment';
  /** After so many tokens and comments the rest of the text becomes one `error` token. Default: unlimited. */
  readonly maxTokens?: number;
}

/** A text, lexed. Tokens, comments and the white space between them cover the text exactly. */
export interface Lexed {
  readonly sql: string;
  readonly dialect: Dialect;
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
  /** What is unterminated or no SQL, in words; null if nothing. */
  readonly problem: string | null;
  /** A plain string holds a backslash before a quote: its end depends on the server's settings. */
  readonly backslashQuote: boolean;
  /** There is a MySQL comment whose being code depends on the server's version. */
  readonly versionedComment: boolean;
  /** How deeply comments nest (PostgreSQL). */
  readonly commentDepth: number;
}
