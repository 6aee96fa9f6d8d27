/** What can be said of a statement from its first word and its names alone, when it is too long to parse: never that it is a read. */
import type { Effect, QueryType } from './classification.ts';
import { tablesOf } from './tables.ts';
import type { Lexed, Token } from './tokens.ts';

const HEADS: Readonly<Record<string, QueryType>> = {
  INSERT: 'write_bulk',
  COPY: 'write_bulk',
  REPLACE: 'write_bulk',
  LOAD: 'write_bulk',
  UPDATE: 'write_simple',
  DELETE: 'write_simple',
  MERGE: 'write_simple',
  CREATE: 'ddl',
  ALTER: 'ddl',
  DROP: 'ddl',
  TRUNCATE: 'ddl',
};

const SESSION_WORD = /^(?:CURRVAL|LASTVAL|SET_CONFIG|SETSEED|PG_.*ADVISORY_.*|TEMP|TEMPORARY|LAST_INSERT_ID|GET_LOCK|LO_.*)$/;

/** The effect of a statement that is too long to be understood. */
export function headEffect(lexed: Lexed, statement: readonly Token[]): Effect {
  const head = statement[0]?.text ?? '';
  const type = HEADS[head] ?? 'unknown';
  const known = type !== 'unknown' || head === 'SELECT' || head === 'WITH' || head === 'VALUES';
  const pins = !known || statement.some((token) => token.kind === 'variable' || (token.kind === 'word' && SESSION_WORD.test(token.text)));
  const { read, written } = tablesOf(lexed, statement);
  return { type, pins, read, written, reasons: ['the statement is too long to be proved read-only'] };
}
