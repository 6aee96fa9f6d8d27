/** Requests to cancel what PostgreSQL runs. They travel on connections of their own, protected as the others are. */
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ServerAddress, TlsTarget } from '../server-config.ts';
import { tlsOptions } from './tls.ts';

/** What a server is known by when it is asked to cancel. */
export interface CancelTarget {
  readonly address: ServerAddress;
  readonly tls: TlsTarget | undefined;
  readonly processId: number;
  readonly secretKey: number;
}

const SSL_REQUEST = 80_877_103;
const CANCEL_REQUEST = 80_877_102;
/** The server's yes to a request for TLS. */
const YES = 0x53;

/**
 * CancelRequest (PostgreSQL manual, "Canceling Requests in Progress"). Resolves when the server has closed: it has acted by then. Never
 * rejects: a request that does not get through cancels nothing. The key that may cancel is never sent in the clear where TLS is asked for.
 */
export async function sendCancel(target: CancelTarget, signal: AbortSignal): Promise<void> {
  try {
    const tls = target.tls && (await tlsOptions(target.tls, target.address));
    if (signal.aborted) return;
    const socket = createConnection(endpoint(target.address));
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.once('connect', () => {
      if (!tls) return deliver(socket, target);
      socket.write(words(SSL_REQUEST));
      socket.once('data', (answer) => {
        if (answer.length !== 1 || answer[0] !== YES) return socket.destroy();
        const secure = connectTls({ ...tls, socket }, () => deliver(secure, target));
        secure.on('error', () => socket.destroy());
      });
    });
    await closed;
  } catch {
    // The file of authorities is gone: then nothing is sent.
  }
}

function deliver(socket: Socket | TLSSocket, { processId, secretKey }: CancelTarget): void {
  socket.write(words(CANCEL_REQUEST, processId, secretKey));
  socket.resume();
}

function words(...values: readonly number[]): Buffer {
  const message = Buffer.alloc(4 + values.length * 4);
  message.writeInt32BE(message.length, 0);
  for (const [index, value] of values.entries()) message.writeInt32BE(value, 4 + index * 4);
  return message;
}

/** A host that is a folder holds the server's socket. */
function endpoint({ host, port }: ServerAddress): { host: string; port: number } | { path: string } {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}
