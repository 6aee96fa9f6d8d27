/** What happens to every new connection by the user's own code: its password, and `onConnect`. */
import type { Dialect } from '@kailash-ts/sql';
import type { DriverConnection } from '../driver.ts';
import { ConnectError, LeaseReleasedError, PoolError } from '../errors.ts';
import { bindStatement } from '../parameters.ts';
import type { NewSession, OnConnect, PasswordSource } from '../server-config.ts';

/** The password for one login. @throws ConnectError, in which nothing of what the function said stands: it may be the password */
export async function passwordFor(source: PasswordSource | undefined): Promise<string | undefined> {
  if (typeof source !== 'function') return source;
  let password: unknown;
  try {
    password = await source();
  } catch {
    throw new ConnectError('The function for the password failed. What it threw is not shown, because it may hold secrets.', {
      reason: 'PASSWORD_UNAVAILABLE',
      retryable: true,
    });
  }
  if (typeof password === 'string') return password;
  throw new ConnectError(`The function for the password gave no text (${typeof password}).`, {
    reason: 'PASSWORD_UNAVAILABLE',
    retryable: false,
  });
}

/** The same promise, but it ends with the signal: whoever waits no longer does not hang on another's code. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export interface HookOptions {
  readonly onConnect: OnConnect | undefined;
  readonly pool: string;
  readonly dialect: Dialect;
}

/** Runs `onConnect`, statement after statement. @throws ConnectError when it throws, or leaves a transaction open */
export async function runOnConnect(connection: DriverConnection, { onConnect, pool, dialect }: HookOptions): Promise<void> {
  if (!onConnect) return;
  let over = false;
  let last: Promise<unknown> = Promise.resolve();
  const session: NewSession = {
    execute: (sql, params) => {
      const result = last.then(() => {
        if (over) throw new LeaseReleasedError(pool, 'onConnect', 'onConnect has ended');
        return connection.execute(bindStatement(sql, params, dialect, false));
      });
      last = result.catch(() => {});
      return result;
    },
  };
  try {
    await onConnect(session);
    await last;
  } catch (error) {
    await last;
    throw hookFailed(pool, error);
  } finally {
    over = true;
  }
  if (connection.transactionStatus !== 'idle') throw hookFailed(pool, undefined);
}

function hookFailed(pool: string, cause: unknown): ConnectError {
  const told = cause instanceof PoolError ? `: ${cause.message}` : ' (see the cause).';
  const what = cause === undefined ? ' left a transaction open. Commit it.' : ` failed${told}`;
  return new ConnectError(`onConnect of pool "${pool}"${what}`, { reason: 'ON_CONNECT', cause, retryable: isPassing(cause) });
}

/** A server that went away in the middle comes back; a mistake in the hook does not go away. */
function isPassing(cause: unknown): boolean {
  return cause instanceof PoolError && (cause.code === 'POOL_CONNECTION_LOST' || cause.retryable);
}
