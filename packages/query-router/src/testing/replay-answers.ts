/** What a statement gave, in a form that can be compared. */
import { createHash } from 'node:crypto';
import type { Row } from '@kailash-ts/connection-pool/contract';

export type ReplayAnswer =
  | {
      readonly kind: 'ran';
      /** Rows as texts, in order. */
      readonly rows: readonly string[];
      readonly rowCount: number;
    }
  | { readonly kind: 'failed'; readonly errorClass: string; readonly detail: string; readonly isReadOnlyRefusal: boolean }
  /** By the router or the pool: it never came to the server. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'timed out' | 'lost' };

interface Failure {
  readonly code?: string;
  readonly sqlState?: string;
  readonly errno?: number;
  readonly kind?: string;
  readonly message: string;
}

const REFUSALS = /^(?:ROUTER_|SQL_|POOL_PARAMETERS_INVALID$|POOL_NOTIFICATIONS_UNSUPPORTED$)/;
const READ_ONLY = new Set<unknown>(['25006', 1290, 1792, 1836]);

export async function answerOf(
  work: Promise<{ readonly data: readonly Row[] | Row | null; readonly rowCount: number }>,
): Promise<ReplayAnswer> {
  try {
    const { data, rowCount } = await work;
    return { kind: 'ran', rows: (Array.isArray(data) ? data : [data]).map(rowText), rowCount };
  } catch (error) {
    return failureOf(error as Failure);
  }
}

function failureOf({ code = '', sqlState, errno, kind, message }: Failure): ReplayAnswer {
  // COMMIT of a failed transaction: the server rolls back and calls that a success, which neither pool nor router keep to themselves.
  if (code === 'ROUTER_TRANSACTION_ROLLED_BACK' || kind === 'transaction_rolled_back') return { kind: 'ran', rows: [], rowCount: 0 };
  if (code === 'POOL_STATEMENT_TIMEOUT') return { kind: 'timed out' };
  if (code === 'POOL_CONNECTION_LOST' || code === 'ROUTER_SESSION_LOST') return { kind: 'lost' };
  if (REFUSALS.test(code)) return { kind: 'refused', code };
  const isReadOnlyRefusal = code === 'POOL_READ_ONLY_CONNECTION' || READ_ONLY.has(sqlState) || READ_ONLY.has(errno);
  const detail = `${errno ?? sqlState ?? code}: ${message.slice(0, 120)}`;
  return { kind: 'failed', errorClass: sqlState?.slice(0, 2) ?? code, detail, isReadOnlyRefusal };
}

function rowText(row: unknown): string {
  const text = JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
  return text.length > 500 ? createHash('sha256').update(text).digest('hex') : text;
}

/** `ok`, or the class of the error. */
export function classOf(answer: ReplayAnswer): string {
  return answer.kind === 'ran' ? 'ok' : answer.kind === 'failed' ? answer.errorClass : answer.kind;
}

/** Rows in their order, or in any. */
export function rowsOf(answer: ReplayAnswer, isOrdered: boolean): string {
  if (answer.kind !== 'ran') return '';
  return `${answer.rowCount} of ${(isOrdered ? answer.rows : [...answer.rows].sort()).join('\n')}`;
}

/** For a report. */
export function answerText(answer: ReplayAnswer): string {
  if (answer.kind === 'ran') return `${answer.rowCount}: ${answer.rows.slice(0, 3).join(' ').slice(0, 200)}`;
  return answer.kind === 'failed' ? answer.detail : answer.kind;
}
