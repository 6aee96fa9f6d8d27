import { describe, expect, it } from 'vitest';
import { classifyError, ERROR_CLASSES } from './error-classes.ts';
import {
  AcquireTimeoutError,
  AuthenticationError,
  CircuitOpenError,
  ConnectError,
  ConnectionLostError,
  PoolAbortedError,
  PoolClosedError,
  ReadOnlyConnectionError,
  StatementError,
  StatementParametersError,
  StatementTimeoutError,
  type StatementErrorKind,
} from './errors.ts';

const COUNTS = { total: 1, idle: 0, active: 1, waiting: 1, max: 1 };
const refused = new ConnectError('no', { reason: 'ECONNREFUSED' });
const told = (error: unknown): string => {
  const { category, errorClass } = classifyError(error);
  return category === errorClass ? category : `${category}/${errorClass}`;
};

describe('the class of an error', () => {
  it('is one of the categories of the original where it had one', () => {
    expect(told(refused)).toBe('connection_refused');
    expect(told(new ConnectError('late', { reason: 'ETIMEDOUT' }))).toBe('connection_timeout');
    expect(told(new AuthenticationError('no', '28P01'))).toBe('authentication_failed');
    expect(told(new StatementTimeoutError(5, false))).toBe('query_timeout');
    expect(told(new StatementError('late', { kind: 'server_timeout' }))).toBe('query_timeout/server_timeout');
    expect(told(new StatementError('no', { kind: 'unique_violation' }))).toBe('query_error/unique_violation');
    expect(told(new ReadOnlyConnectionError('25006', {}))).toBe('query_error/permission_denied');
    expect(told(new StatementParametersError('no'))).toBe('query_error/invalid_parameters');
    expect(told(new AcquireTimeoutError('p', 5, COUNTS))).toBe('pool_exhausted');
    expect(told('something thrown')).toBe('unknown');
  });

  it('is a category of ours for the rest', () => {
    expect(told(new ConnectError('dns', { reason: 'ENOTFOUND' }))).toBe('connection_failed');
    expect(told(new ConnectError('full', { reason: '53300', serverFull: true }))).toBe('server_full');
    expect(told(new ConnectionLostError('gone', true))).toBe('connection_lost');
    expect(told(new CircuitOpenError('b', 'open', 5, refused))).toBe('circuit_open');
    expect(told(new PoolAbortedError('It', false, 'why'))).toBe('aborted');
    expect(told(new PoolClosedError('p'))).toBe('refused_by_pool');
  });

  it('of a wait in vain is what kept connections from opening, if anything did', () => {
    expect(told(new AcquireTimeoutError('p', 5, COUNTS, refused))).toBe('connection_refused');
    expect(classifyError(new AcquireTimeoutError('p', 5, COUNTS, refused)).code).toBe('POOL_ACQUIRE_TIMEOUT');
    expect(told(new AcquireTimeoutError('p', 5, COUNTS, new Error('?')))).toBe('pool_exhausted');
    expect(told(new AcquireTimeoutError('p', 5, COUNTS, new ConnectError('full', { serverFull: true })))).toBe('pool_exhausted');
  });

  it('is of a fixed set, whatever is thrown', () => {
    const hostile = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw refused;
        },
        get: () => {
          throw refused;
        },
        has: () => {
          throw refused;
        },
      },
    );
    const odd = [
      undefined,
      null,
      0,
      {},
      hostile,
      new Error("x'; DROP TABLE"),
      { code: "a'b" },
      new StatementError('no', { kind: 'mine' as never }),
    ];
    for (const error of odd) expect(ERROR_CLASSES).toContain(classifyError(error).errorClass);
    expect(told(odd.at(-1))).toBe('query_error/other');
    for (const error of odd.slice(0, -1)) expect(classifyError(error)).toEqual({ category: 'unknown', errorClass: 'unknown', code: null });
  });

  it('knows every kind of a statement error', () => {
    const kinds: StatementErrorKind[] = ['deadlock', 'busy', 'transaction_rolled_back', 'other'];
    for (const kind of kinds) expect(classifyError(new StatementError('no', { kind })).errorClass).toBe(kind);
    expect(new Set(ERROR_CLASSES).size).toBe(ERROR_CLASSES.length);
  });
});
