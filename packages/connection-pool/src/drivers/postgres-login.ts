/** Login to PostgreSQL, with pg. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import { DriverMissingError } from '../errors.ts';
import type { ServerAddress, ServerTarget } from '../server-config.ts';
import { passwordFor, untilAborted } from './new-session.ts';
import { toConnectError } from './postgres-errors.ts';
import { PostgresWire, type WireSocket } from './postgres-wire.ts';
import { tlsOptions } from './tls.ts';

/** A connection as it stands after login. */
export interface LoggedIn {
  readonly client: Client;
  readonly wire: PostgresWire;
  /** Settings that the server reported, such as `in_hot_standby`. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly processId: number;
  readonly secretKey: number;
}

/** The part of pg's `Connection` that is used here. */
interface PgConnection {
  readonly stream: WireSocket & { removeAllListeners(event: 'data'): void };
  on(event: 'parameterStatus', listener: (message: { parameterName: string; parameterValue: string }) => void): void;
}

export interface LoginOptions {
  readonly target: ServerTarget;
  readonly address: ServerAddress;
  /** Sessions that begin read-only, and become so again at RESET ALL. */
  readonly readOnly: boolean;
}

/** @throws ConnectError, AuthenticationError, DriverMissingError, or the signal's reason */
export async function login(options: LoginOptions, signal: AbortSignal): Promise<LoggedIn> {
  const { Client } = await loadPg();
  const password = await untilAborted(passwordFor(options.target.password), signal);
  const tls = options.target.tls && (await tlsOptions(options.target.tls, options.address));
  signal.throwIfAborted();
  const client = new Client(clientConfig(options, password, tls));
  const drop = (): void => void connectionOf(client).stream.destroy();
  // pg reports a broken connection as an event, which ends the process when nobody listens.
  client.on('error', () => {});
  const parameters = new Map<string, string>();
  connectionOf(client).on('parameterStatus', ({ parameterName, parameterValue }) => parameters.set(parameterName, parameterValue));
  signal.addEventListener('abort', drop, { once: true });
  try {
    await client.connect();
    signal.throwIfAborted();
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    return { client, wire: takeOver(client), parameters, processId: processID, secretKey };
  } catch (error) {
    drop();
    throw signal.aborted ? signal.reason : toConnectError(error, `${options.address.host}:${options.address.port}`);
  } finally {
    signal.removeEventListener('abort', drop);
  }
}

// pg has read the last message of the login whole, and the server sends nothing more unasked: nothing is lost in between.
function takeOver(client: Client): PostgresWire {
  const { stream } = connectionOf(client);
  stream.removeAllListeners('data');
  return new PostgresWire(stream);
}

async function loadPg(): Promise<typeof import('pg')> {
  try {
    const loaded = (await import('pg')) as unknown as { default: typeof import('pg') };
    return loaded.default;
  } catch (error) {
    throw new DriverMissingError('PostgreSQL', 'pg', error);
  }
}

function clientConfig(
  { target, address, readOnly }: LoginOptions,
  password: string | undefined,
  tls: TlsOptions | undefined,
): ClientConfig {
  const { database, user, applicationName, behindPooler } = target;
  return {
    host: address.host,
    port: address.port,
    database,
    user,
    password,
    ssl: tls ?? false, // said, so that pg reads nothing from the environment
    application_name: applicationName,
    // The same meaning of times without a zone on all databases; also what RESET ALL returns to. Poolers take no options.
    options: behindPooler ? undefined : `-c TimeZone=UTC -c DateStyle=ISO${readOnly ? ' -c default_transaction_read_only=on' : ''}`,
    keepAlive: true,
  };
}

function connectionOf(client: Client): PgConnection {
  return (client as unknown as { connection: PgConnection }).connection;
}
