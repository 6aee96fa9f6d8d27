/** The same as `../stub-server.ts`, for MySQL: the protocol is mysql2's own server side. Takes text queries only. */
import type { AddressInfo, Socket } from 'node:net';
import mysql from 'mysql2';
import { CONNECT_MS, QUERY_MS, StubControl } from '../stub-control.ts';

const control = new StubControl();
// Without CLIENT_SSL, CLIENT_COMPRESS and CLIENT_DEPRECATE_EOF (a switch of packets that mysql2's server side does not make).
const CAPABILITIES = 0x00fff7df & ~0x00000020 & ~0x01000000;
const COLUMN = {
  catalog: 'def',
  schema: '',
  table: '',
  orgTable: '',
  name: 'one',
  orgName: 'one',
  characterSet: 63,
  columnLength: 1,
  columnType: 3,
  flags: 0,
  decimals: 0,
};

/** Packets are numbered anew with each command, which mysql2 leaves to its servers. */
function beginCommand(connection: object): void {
  (connection as { sequenceId: number }).sequenceId = 0;
}

const server = mysql.createServer();
server.on('connection', (connection) => {
  const { stream } = connection as unknown as { stream: Socket };
  stream.setNoDelay(true); // each packet of an answer is a write of its own
  const counted = control.add();
  stream.on('close', () => counted.ended());
  connection.on('error', () => {});
  connection.on('query', () => {
    setTimeout(() => {
      if (!stream.writable) return;
      connection.writeTextResult([{ one: 1 }], [COLUMN]);
      beginCommand(connection);
    }, QUERY_MS);
  });
  setTimeout(() => {
    if (!stream.writable) return;
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.0.30',
      connectionId: 1,
      statusFlags: 2,
      characterSet: 45,
      capabilityFlags: CAPABILITIES,
      authCallback: (_parameters: unknown, done: (error: unknown, message?: unknown) => void) => {
        counted.ready();
        done(null);
        beginCommand(connection);
      },
    });
  }, CONNECT_MS);
});
server.listen(0, '127.0.0.1');
const { _server } = server as unknown as { _server: import('node:net').Server };
_server.once('listening', () => control.serve((_server.address() as AddressInfo).port));
