/** Connections of mysql2, ready for use. */
import type { Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { Connection, ConnectionOptions } from 'mysql2';
import { DriverMissingError } from '../errors.ts';
import type { ServerAddress, ServerTarget } from '../server-config.ts';
import type { TypedIntegers } from './mysql-values.ts';
import { passwordFor, untilAborted } from './new-session.ts';
import { tlsOptions } from './tls.ts';

export type Mysql2 = typeof import('mysql2') & { readonly TypedParameter: TypedIntegers };

export async function loadMysql(): Promise<Mysql2> {
  try {
    const loaded = (await import('mysql2')) as unknown as { default: Mysql2 };
    return loaded.default;
  } catch (error) {
    throw new DriverMissingError('MySQL', 'mysql2', error);
  }
}

export interface LoginTarget {
  readonly mysql: Mysql2;
  readonly target: ServerTarget;
  readonly address: ServerAddress;
}

function connectionOptions({ target, address }: LoginTarget, password: string | undefined): ConnectionOptions {
  const { database, user, tls, prepareCacheSize } = target;
  return {
    host: address.host,
    port: address.port,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(tls && { ssl: {} }), // only to ask for it: how, `protect` says
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: ['DATE'],
    supportBigNumbers: true,
    multipleStatements: false,
    maxPreparedStatements: Math.max(1, prepareCacheSize),
    connectTimeout: 0, // the pool has its own deadline
    // IGNORE_SPACE changes the sql_mode at login only: after a reset of the session the same SQL would mean something else.
    flags: ['-LOCAL_FILES', '-IGNORE_SPACE'],
  };
}

/** @throws ConnectError for password or authorities, else as mysql2 throws, or the signal's reason */
export async function open(login: LoginTarget, signal: AbortSignal): Promise<Connection> {
  const password = await untilAborted(passwordFor(login.target.password), signal);
  const tls = login.target.tls && (await tlsOptions(login.target.tls, login.address));
  signal.throwIfAborted();
  return connect(login.mysql.createConnection(connectionOptions(login, password)), tls, signal);
}

function connect(connection: Connection, tls: TlsOptions | undefined, signal: AbortSignal): Promise<Connection> {
  if (tls) protect(connection, tls);
  return new Promise((resolve, reject) => {
    const drop = (): void => {
      streamOf(connection).destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', drop, { once: true });
    connection.on('error', () => {}); // its failures reach us through callbacks and `close`
    connection.connect((error) => {
      signal.removeEventListener('abort', drop);
      if (error) {
        streamOf(connection).destroy();
        reject(error);
      } else resolve(connection);
    });
  });
}

/** The parts of mysql2 that its own way to TLS uses. */
interface Upgradable {
  stream: Socket;
  readonly packetParser: { execute(data: Buffer): void };
  startTLS(onSecure: (error?: Error) => void): void;
  _handleNetworkError(error: Error): void;
}

/** In place of mysql2's own way, which does not check the name where the host is an address, and forgets why a handshake failed. */
function protect(connection: Connection, options: TlsOptions): void {
  const upgradable = connection as unknown as Upgradable;
  upgradable.startTLS = (onSecure) => {
    upgradable.stream.removeAllListeners('data');
    let established = false;
    const secure = connectTls({ ...options, socket: upgradable.stream }, () => {
      established = true;
      onSecure();
    });
    secure.on('error', (error: Error & { code?: string }) => {
      if (established) upgradable._handleNetworkError(error);
      else onSecure(Object.assign(error, { tlsCode: error.code }));
    });
    secure.on('data', (data: Buffer) => upgradable.packetParser.execute(data));
    upgradable.stream = secure;
  };
}

/** KILL QUERY, from a connection of its own. Resolves when the server has answered. @throws as `open` */
export async function sendKill(login: LoginTarget, threadId: number, signal: AbortSignal): Promise<void> {
  const killer = await open(login, signal);
  signal.addEventListener('abort', () => streamOf(killer).destroy(), { once: true });
  try {
    await new Promise<void>((resolve) => killer.query(`KILL QUERY ${threadId}`, () => resolve()));
  } finally {
    killer.end();
  }
}

export function streamOf(connection: Connection): {
  readonly closed: boolean;
  destroy(): void;
  on(event: 'close', listener: () => void): void;
} {
  return (connection as unknown as { stream: ReturnType<typeof streamOf> }).stream;
}

/** Resolves when its socket is closed, also if it has been for long. */
export function closingOf(connection: Connection): Promise<void> {
  const stream = streamOf(connection);
  return new Promise((resolve) => (stream.closed ? resolve() : stream.on('close', resolve)));
}

/**
 * mysql2 keeps the server's status only of answers without rows. That of the packet behind rows is read here as it passes, which
 * spares a round trip after each SELECT in a transaction.
 */
export function watchStatus(connection: Connection, learn: (flags: number) => void): void {
  const watched = connection as unknown as { handlePacket: (packet?: Packet) => void };
  const handle = watched.handlePacket.bind(connection);
  watched.handlePacket = (packet) => {
    if (packet?.isEOF()) learn(packet.eofStatusFlags());
    handle(packet);
  };
}

interface Packet {
  isEOF(): boolean;
  eofStatusFlags(): number;
}
