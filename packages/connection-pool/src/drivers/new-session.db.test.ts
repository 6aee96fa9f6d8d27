/** Passwords that are asked for, and `onConnect`. */
import { SECURED_USER } from '@kailash-ts/test-databases';
import { describeDatabases, freshDatabase, type DatabaseKind } from '@kailash-ts/test-databases/vitest';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { parsePoolConfig, type PoolOptions } from '../config.ts';
import type { Driver, DriverConnection } from '../driver.ts';
import { AuthenticationError, ConnectError, LeaseReleasedError } from '../errors.ts';
import type { NewSession } from '../server-config.ts';
import { loadDriver } from './select.ts';
import { failure } from './stream-contract.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function driverOf(options: PoolOptions): Promise<Driver> {
  const driver = await loadDriver(parsePoolConfig(options));
  cleanUps.push(() => driver.close());
  return driver;
}

async function connect(driver: Driver, host = 0): Promise<DriverConnection> {
  const connection = await driver.connect(driver.hosts[host]!, new AbortController().signal);
  cleanUps.push(() => connection.close());
  return connection;
}

/** Sets something, and shows it. */
const SETTING: Record<DatabaseKind, { readonly set: string; readonly get: string; readonly value: unknown }> = {
  postgresql: { set: "SET statement_timeout = '7s'", get: 'SHOW statement_timeout', value: '7s' },
  mysql: { set: 'SET SESSION lock_wait_timeout = 77', get: 'SELECT @@session.lock_wait_timeout AS v', value: 77 },
  sqlite: { set: 'PRAGMA cache_size = -777', get: 'PRAGMA cache_size', value: -777 },
};

describeDatabases('onConnect', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  const { set, get, value } = SETTING[kind];
  const shown = async (connection: DriverConnection): Promise<unknown> => {
    const { rows } = await connection.execute({ text: get, values: [], prepare: false });
    return Object.values(rows[0]!)[0];
  };

  it('prepares each new connection once, which is clean then', async () => {
    let calls = 0;
    const onConnect = async (session: NewSession): Promise<void> => {
      calls += 1;
      await session.execute(set);
      expect((await session.execute('SELECT ? AS n', [7])).rows).toEqual([{ n: kind === 'postgresql' ? '7' : 7 }]);
    };
    const driver = await driverOf({ connectionString: (await freshDatabase(kind)).url, onConnect });
    for (let round = 1; round <= 2; round++) {
      const connection = await connect(driver);
      expect(connection.clean).toBe(true);
      expect(await shown(connection)).toBe(value);
      await connection.close();
      expect(calls).toBe(round);
    }
  });

  it('prepares it again after a reset of the session', async () => {
    const onConnect = async (session: NewSession): Promise<void> => void (await session.execute(set));
    const driver = await driverOf({ connectionString: (await freshDatabase(kind)).url, onConnect });
    const connection = await connect(driver);
    await connection.execute({ text: set.replace('7', '8'), values: [], prepare: false });
    expect(connection.clean).toBe(false);
    const reset = connection.reset();
    if (kind === 'sqlite') return expect(await failure(reset)).toMatchObject({ code: 'POOL_CONNECTION_LOST' });
    await reset;
    expect(connection.clean).toBe(true);
    expect(await shown(connection)).toBe(value);
  });

  it.each([
    ['throws', () => Promise.reject(new RangeError('not today')), 'see the cause'],
    ['sends what is refused', (session: NewSession) => session.execute('SELECT * FROM no_such_table').then(() => {}), 'no_such_table'],
    ['leaves a transaction open', (session: NewSession) => session.execute('BEGIN').then(() => {}), 'transaction open'],
  ])('fails the connection when it %s', async (_what, onConnect, text) => {
    const driver = await driverOf({ connectionString: (await freshDatabase(kind)).url, onConnect });
    const error = await failure(driver.connect(driver.hosts[0]!, new AbortController().signal));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ reason: 'ON_CONNECT', retryable: false });
    expect((error as Error).message).toContain(text);
  });

  it('waits for statements that nobody awaited, and takes none later', async () => {
    let kept: NewSession | undefined;
    const onConnect = (session: NewSession): void => {
      kept = session;
      void session.execute(set);
    };
    const driver = await driverOf({ connectionString: (await freshDatabase(kind)).url, onConnect });
    expect(await shown(await connect(driver))).toBe(value);
    expect(await failure(kept!.execute(set))).toBeInstanceOf(LeaseReleasedError);
  });

  it('does not hold up whoever gives up', async () => {
    const onConnect = (): Promise<void> => new Promise(() => {});
    const driver = await driverOf({ connectionString: (await freshDatabase(kind)).url, onConnect });
    const abort = new AbortController();
    const connecting = driver.connect(driver.hosts[0]!, abort.signal);
    setTimeout(() => abort.abort('enough'), 200);
    expect(await failure(connecting)).toBe('enough');
  });
});

describeDatabases('a password that is asked for', ['postgresql', 'mysql'], (kind) => {
  const withPassword = async (password: PoolOptions['password']): Promise<Driver> => {
    const url = new URL((await freshDatabase(kind)).url);
    const secured = kind === 'postgresql' ? SECURED_USER : { user: url.username, password: url.password };
    Object.assign(url, { username: secured.user, password: '' });
    return driverOf({ connectionString: url.href, password });
  };
  const right = kind === 'postgresql' ? SECURED_USER.password : 'test-only-app';

  it('is asked for before each login, and before a KILL', async () => {
    let calls = 0;
    const driver = await withPassword(() => Promise.resolve((calls += 1) > 0 ? right : ''));
    const connection = await connect(driver);
    await connect(driver);
    expect(calls).toBe(2);
    await connection.cancel();
    expect(calls).toBe(kind === 'mysql' ? 3 : 2);
  });

  it('may be wrong once and right later', async () => {
    const answers = ['wrong', right];
    const driver = await withPassword(() => answers.shift()!);
    expect(await failure(connect(driver))).toBeInstanceOf(AuthenticationError);
    expect((await connect(driver)).usable).toBe(true);
  });

  it.each([
    ['that it throws', () => Promise.reject(new RangeError('hush-hush'))],
    ['that it throws at once', () => { throw new RangeError('hush-hush'); }], // prettier-ignore
    ['of another type', () => ({ secret: 'hush-hush' }) as never],
  ])('is not shown: %s', async (_what, password) => {
    const driver = await withPassword(password);
    const error = await failure(connect(driver));
    expect(error).toMatchObject({ code: 'POOL_CONNECT_FAILED', reason: 'PASSWORD_UNAVAILABLE' });
    expect(inspect(error, { depth: 9 })).not.toContain('hush');
  });

  it('does not hold up whoever gives up', async () => {
    const driver = await withPassword(() => new Promise<string>(() => {}));
    const abort = new AbortController();
    const connecting = driver.connect(driver.hosts[0]!, abort.signal);
    abort.abort('enough');
    expect(await failure(connecting)).toBe('enough');
  });
});

describe('the configuration of passwords and hooks', () => {
  it('shows none of them', () => {
    const config = parsePoolConfig({ password: () => 'hush', tls: { cert: 'hush-public', key: 'hush-key' } });
    expect(inspect(config, { depth: 9 })).not.toContain('hush-key');
    expect(inspect(config, { depth: 9 })).toContain("password: '***'");
    expect(JSON.stringify(config)).not.toContain('hush-key');
  });
});
