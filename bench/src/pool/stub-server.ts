/**
 * A server that speaks enough of PostgreSQL's wire protocol for clients to log in and to query, and takes its time: `CONNECT_MS` for a
 * login and `QUERY_MS` for a query, one after the other on a connection. Every query answers one row, `one = 1`; a query without text,
 * none. A process of its own, so that its work does not stand in the way of the pool that is measured.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CONNECT_MS, QUERY_MS, StubControl } from './stub-control.ts';

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const INT4 = 23;

function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const parameter = (name: string, value: string): Buffer => message('S', `${name}\0${value}\0`);

const READY = message('Z', 'I');
const LOGIN = Buffer.concat([
  message('R', int32(0)),
  parameter('server_version', '16.0'),
  parameter('server_encoding', 'UTF8'),
  parameter('client_encoding', 'UTF8'),
  parameter('standard_conforming_strings', 'on'),
  parameter('integer_datetimes', 'on'),
  parameter('DateStyle', 'ISO, MDY'),
  parameter('TimeZone', 'UTC'),
  parameter('in_hot_standby', 'off'),
  parameter('default_transaction_read_only', 'off'),
  message('K', int32(1), int32(2)),
  READY,
]);
const ROW_DESCRIPTION = message('T', int16(1), 'one\0', int32(0), int16(0), int32(INT4), int16(4), int32(-1), int16(0));
const ROW = Buffer.concat([message('D', int16(1), int32(1), '1'), message('C', 'SELECT 1\0')]);
const EMPTY = message('I');
const PARSED = message('1');
const BOUND = message('2');
const CLOSED = message('3');
const NO_PARAMETERS = message('t', int16(0));
const NO_DATA = message('n');

/** One client. Modes: new -> logging in -> ready -> ended. */
class Connection {
  readonly #socket: Socket;
  readonly #counted: ReturnType<StubControl['add']>;
  #received = Buffer.alloc(0);
  #loggingIn = false;
  #loggedIn = false;
  #answer: Buffer[] = [];
  #isEmpty = false;
  /** Queries on one connection run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket, counted: ReturnType<StubControl['add']>) {
    this.#socket = socket;
    this.#counted = counted;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => counted.ended());
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#read();
    });
  }

  #read(): void {
    while (!this.#loggingIn) {
      const headLength = this.#loggedIn ? 1 : 0;
      if (this.#received.length < headLength + 4) return;
      const end = headLength + this.#received.readInt32BE(headLength);
      if (this.#received.length < end) return;
      const type = this.#loggedIn ? String.fromCharCode(this.#received[0]!) : undefined;
      const body = this.#received.subarray(headLength + 4, end);
      this.#received = this.#received.subarray(end);
      if (type === undefined) this.#start(body.readInt32BE(0));
      else this.#take(type, body);
    }
  }

  #start(code: number): void {
    if (code === SSL_REQUEST || code === GSS_REQUEST) this.#write(Buffer.from('N'));
    else if (code === CANCEL_REQUEST) this.#socket.end();
    else {
      this.#loggingIn = true;
      setTimeout(() => {
        if (!this.#socket.writable) return;
        this.#loggingIn = false;
        this.#loggedIn = true;
        this.#counted.ready();
        this.#write(LOGIN);
        this.#read();
      }, CONNECT_MS);
    }
  }

  #take(type: string, body: Buffer): void {
    switch (type) {
      case 'Q':
        this.#answer.push(...(isEmptyText(body, 0) ? [EMPTY] : [ROW_DESCRIPTION, ROW]));
        return this.#reply(true);
      case 'P':
        this.#isEmpty = isEmptyText(body, body.indexOf(0) + 1);
        return void this.#answer.push(PARSED);
      case 'B':
        return void this.#answer.push(BOUND);
      case 'D':
        if (body[0] === 'S'.charCodeAt(0)) this.#answer.push(NO_PARAMETERS);
        return void this.#answer.push(this.#isEmpty ? NO_DATA : ROW_DESCRIPTION);
      case 'E':
        return void this.#answer.push(this.#isEmpty ? EMPTY : ROW);
      case 'C':
        return void this.#answer.push(CLOSED);
      case 'H':
        return this.#reply(false);
      case 'S':
        return this.#reply(true);
      default:
        this.#socket.end(); // Terminate, or what is not known here
    }
  }

  #reply(ready: boolean): void {
    const answer = Buffer.concat(ready ? [...this.#answer, READY] : this.#answer);
    this.#answer = [];
    this.#turn = this.#turn.then(() => (ready ? delay(QUERY_MS) : undefined)).then(() => this.#write(answer));
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}

function isEmptyText(body: Buffer, start: number): boolean {
  return body.toString('utf8', start, body.indexOf(0, start)).trim() === '';
}

const control = new StubControl();
const server = createServer((socket) => void new Connection(socket, control.add()));
server.listen(0, '127.0.0.1', () => control.serve((server.address() as AddressInfo).port));
