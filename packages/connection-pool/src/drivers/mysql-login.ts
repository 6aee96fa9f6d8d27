/** Connections of mysql2, ready for use. */
import type { Connection, ConnectionOptions } from 'mysql2';
import type { ServerAddress, ServerTarget } from '../config.ts';
import { DriverMissingError } from '../errors.ts';
import type { TypedIntegers } from './mysql-values.ts';

export type Mysql2 = typeof import('mysql2') & { readonly TypedParameter: TypedIntegers };

export async function loadMysql(): Promise<Mysql2> {
  try {
    const loaded = (await import('mysql2')) as unknown as { default: Mysql2 };
    return loaded.default;
  } catch (error) {
    throw new DriverMissingError('MySQL', 'mysql2', error);
  }
}

export function connectionOptions(target: ServerTarget, { host, port }: ServerAddress): ConnectionOptions {
  const { database, user, password, prepareCacheSize } = target;
  return {
    host,
    port,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
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

/** @throws as mysql2 throws, or the signal's reason */
export function open(mysql: Mysql2, options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const connection = mysql.createConnection(options);
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

export function streamOf(connection: Connection): { destroy(): void; on(event: 'close', listener: () => void): void } {
  return (connection as unknown as { stream: ReturnType<typeof streamOf> }).stream;
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
