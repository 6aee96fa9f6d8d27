/**
 * The protocol of PostgreSQL after login (manual, "Message Flow"). pg does the login, TLS and SCRAM; then its socket is taken
 * over: answers are read straight from their bytes, an exchange ends only at ReadyForQuery, when the connection is proven idle,
 * and a round trip is one write. (pg's own way, an event for each message, costs as much again as the statement: our benchmark.)
 */
import type { TransactionStatus } from '../contract.ts';
import { ConnectionLostError } from '../errors.ts';
import { compose } from './postgres-frontend.ts';

/** What is read and written here of a TCP or TLS socket. */
export interface WireSocket {
  readonly writable: boolean;
  write(bytes: Buffer): boolean;
  destroy(): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** An error as the server tells it. */
export interface ServerError {
  readonly severity?: string | undefined;
  readonly code?: string | undefined;
  readonly message: string;
  readonly position?: string | undefined;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  readonly routine?: string | undefined;
}

/** One request and its answers, from the write to ReadyForQuery. Offsets are those of message bodies. */
export interface Exchange {
  /** @param end where the description ends */
  describe(bytes: Buffer, at: number, end: number): void;
  row(bytes: Buffer, at: number): void;
  /** @param end where the tag ends */
  complete(bytes: Buffer, at: number, end: number): void;
  noRows(): void;
  parsed(): void;
  suspended(): void;
  /** The server waits for data of a COPY. */
  copyIn(): void;
  /** Refused; the server passes over all up to the next Sync. */
  failed(error: ServerError): void;
  /** The connection is idle again: the end. */
  ready(): void;
  /** The connection is gone: the end. */
  lost(error: unknown): void;
}

const TRANSACTION: Readonly<Record<number, TransactionStatus>> = { 73: 'idle', 84: 'open', 69: 'failed' };
const HEADER_BYTES = 5;

/** A connection after login. Modes: idle -> (start) -> busy -> idle; from any -> lost, which is final. */
export class PostgresWire {
  transactionStatus: TransactionStatus = 'idle';
  /** False once it broke or was destroyed. */
  usable = true;
  /** Called for each setting that the server reports. */
  onParameter: (name: string, value: string) => void = () => {};
  /** Called when it breaks while nothing runs. */
  onLost: () => void = () => {};
  readonly #socket: WireSocket;
  #current: Exchange | undefined;
  /** Bytes of a message that has not come whole; `#restLength` of them are used. */
  #rest: Buffer | undefined;
  #restLength = 0;
  #lastWords: ServerError | undefined;

  constructor(socket: WireSocket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(this.#lastWords ?? new ConnectionLostError('the server closed it', true)));
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  start(exchange: Exchange, bytes: Buffer): void {
    if (!this.usable) return exchange.lost(new ConnectionLostError('it was lost before', false));
    if (this.#current) {
      // Two at once would get each other's answers.
      this.destroy();
      return exchange.lost(new ConnectionLostError('it was used while another statement ran on it', false));
    }
    this.#current = exchange;
    this.#socket.write(bytes);
  }

  /** More of the exchange that runs. */
  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Ends it at once. What runs settles as lost. */
  destroy(error: unknown = new ConnectionLostError('it was destroyed', true)): void {
    const running = this.#current;
    this.usable = false;
    this.#current = undefined;
    this.#socket.destroy();
    running?.lost(error);
  }

  #lose(error: unknown): void {
    const wasUsable = this.usable;
    const wasBusy = this.#current !== undefined;
    this.destroy(error);
    if (wasUsable && !wasBusy) this.onLost();
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#restLength === 0) this.#keep(chunk, this.#read(chunk, chunk.length));
      else this.#append(chunk);
    } catch (error) {
      // An answer that cannot be read: nothing that follows can be trusted.
      this.#lose(error instanceof Error ? new ConnectionLostError(`its answer cannot be read: ${error.name}`, true) : error);
    }
  }

  #append(chunk: Buffer): void {
    const needed = this.#restLength + chunk.length;
    if (this.#rest!.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#rest!.length * 2));
      this.#rest!.copy(larger, 0, 0, this.#restLength);
      this.#rest = larger;
    }
    chunk.copy(this.#rest!, this.#restLength);
    this.#restLength = needed;
    const bytes = this.#rest!;
    if (needed < HEADER_BYTES || needed < messageEnd(bytes, 0)) return; // the first message is not whole yet
    this.#keep(bytes, this.#read(bytes, needed), needed);
  }

  /** Keeps what is left from `at` on, in memory of its own. */
  #keep(bytes: Buffer, at: number, end = bytes.length): void {
    this.#restLength = end - at;
    this.#rest = this.#restLength === 0 ? undefined : Buffer.from(bytes.subarray(at, end));
  }

  /** Reads all whole messages. @returns where the first one begins that is not whole */
  #read(bytes: Buffer, end: number): number {
    let at = 0;
    while (at + HEADER_BYTES <= end) {
      const next = messageEnd(bytes, at);
      if (next > end) return at;
      this.#message(bytes[at]!, bytes, at + HEADER_BYTES, next);
      at = next;
    }
    return at;
  }

  #message(code: number, bytes: Buffer, at: number, end: number): void {
    const current = this.#current;
    switch (code) {
      case 68: // DataRow
        return current?.row(bytes, at);
      case 67: // CommandComplete
        return current?.complete(bytes, at, end - 1);
      case 90: // ReadyForQuery
        this.transactionStatus = TRANSACTION[bytes[at]!] ?? 'failed';
        this.#current = undefined;
        return current?.ready();
      case 84: // RowDescription
        return current?.describe(bytes, at, end);
      case 110: // NoData
        return current?.noRows();
      case 49: // ParseComplete
        return current?.parsed();
      case 115: // PortalSuspended
        return current?.suspended();
      case 69: // ErrorResponse
        return this.#refused(readError(bytes, at));
      case 71: // CopyInResponse
        return current?.copyIn();
      case 83: // ParameterStatus
        return this.#parameter(bytes, at);
      // BindComplete, CloseComplete, EmptyQueryResponse, CopyOutResponse, CopyData, CopyDone, Notice, Notification, ParameterDescription
      case 50:
      case 51:
      case 73:
      case 72:
      case 100:
      case 99:
      case 78:
      case 65:
      case 116:
        return undefined;
      default:
        throw new ConnectionLostError(`it sent a message of unknown type ${code}`, true);
    }
  }

  #refused(error: ServerError): void {
    if (error.severity !== 'ERROR') {
      this.#lastWords = error; // FATAL, PANIC: the server closes now
      if (this.#current) this.#lose(error);
    } else this.#current?.failed(error);
  }

  #parameter(bytes: Buffer, at: number): void {
    const split = bytes.indexOf(0, at);
    this.onParameter(bytes.toString('utf8', at, split), bytes.toString('utf8', split + 1, bytes.indexOf(0, split + 1)));
  }
}

/** Messages that may be long: errors, notices, notifications, and what holds data. As libpq has it. */
const LONG = new Set([65, 67, 68, 69, 78, 84, 86, 100]);
const MOST_BYTES = 30_000;

/** Where the message ends that begins at `at`. Whoever took noise for a length would wait for ever. @throws ConnectionLostError */
function messageEnd(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at + 1);
  if (length < 4 || (length > MOST_BYTES && !LONG.has(bytes[at]!))) throw new ConnectionLostError('its answer makes no sense', true);
  return at + 1 + length;
}

/** Fields of an error by their letter (manual, "Error and Notice Message Fields"). V is the severity in English. */
function readError(bytes: Buffer, at: number): ServerError {
  const fields: Record<string, string> = {};
  for (let next = at; bytes[next] !== 0;) {
    const end = bytes.indexOf(0, next + 1);
    fields[String.fromCharCode(bytes[next]!)] = bytes.toString('utf8', next + 1, end);
    next = end + 1;
  }
  const { V, S, C, M = '', P, s, t, c, n, R } = fields;
  return { severity: V ?? S, code: C, message: M, position: P, schema: s, table: t, column: c, constraint: n, routine: R };
}

/** Answers a server that waits for data of a COPY. */
export function refuseCopy(wire: PostgresWire): void {
  // A server that waits for data has passed over the Sync that went before.
  wire.send(compose().copyFail('COPY FROM STDIN is not supported here').sync().take());
}
