import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ConnectionLostError } from '../errors.ts';
import { Execution } from './postgres-exchanges.ts';
import { PostgresWire, type WireSocket } from './postgres-wire.ts';

/** A socket in a test's hand: what comes is what the test says. */
class TestSocket extends EventEmitter implements WireSocket {
  readonly writable = true;
  destroyed = false;
  write(): boolean {
    return true;
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function message(code: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5, code);
  head.writeInt32BE(4 + bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function int(value: number, size: 2 | 4): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
}

const column = (name: string, oid: number): Buffer =>
  Buffer.concat([Buffer.from(`${name}\0`), int(0, 4), int(0, 2), int(oid, 4), int(0, 2), int(0, 4), int(0, 2)]);
const cell = (text: string | null): Buffer =>
  text === null ? int(-1, 4) : Buffer.concat([int(Buffer.byteLength(text), 4), Buffer.from(text)]);

const description = message('T', Buffer.concat([int(3, 2), column('id', 23), column('name', 25), column('big', 20)]));
const row = (...cells: (string | null)[]): Buffer => message('D', Buffer.concat([int(cells.length, 2), ...cells.map(cell)]));
const answer = Buffer.concat([
  message('1'),
  message('2'),
  description,
  row('-7', 'sieben 你好', '9007199254740993'),
  row('0', null, '-1'),
  message('C', 'SELECT 2\0'),
  message('Z', 'I'),
]);

function started(): { socket: TestSocket; wire: PostgresWire; ended: Execution[] } {
  const socket = new TestSocket();
  const wire = new PostgresWire(socket);
  const ended: Execution[] = [];
  wire.start(new Execution(wire, undefined, (execution) => ended.push(execution)), Buffer.alloc(0));
  return { socket, wire, ended };
}

describe('the wire of PostgreSQL', () => {
  it.each([1, 2, 3, 5, 7, 64, answer.length])('reads an answer that comes in pieces of %i bytes', (size) => {
    const { socket, wire, ended } = started();
    for (let at = 0; at < answer.length; at += size) {
      expect(ended).toHaveLength(0);
      socket.emit('data', Buffer.from(answer.subarray(at, at + size)));
    }
    expect(ended[0]!.rows).toEqual([
      { id: -7, name: 'sieben 你好', big: 9007199254740993n },
      { id: 0, name: null, big: -1 },
    ]);
    expect(ended[0]).toMatchObject({ failure: undefined, rowCount: 2, hasParsed: true });
    expect(wire.busy).toBe(false);
  });

  it('ends at ReadyForQuery, also after an error', () => {
    const { socket, wire, ended } = started();
    socket.emit('data', message('E', 'SERROR\0VERROR\0C42P01\0Mno such\0\0'));
    expect(ended).toHaveLength(0);
    socket.emit('data', message('Z', 'E'));
    expect(ended[0]!.failure).toMatchObject({ severity: 'ERROR', code: '42P01', message: 'no such' });
    expect(wire).toMatchObject({ usable: true, transactionStatus: 'failed' });
  });

  it('is lost with the last words of a server that goes', () => {
    const { socket, wire, ended } = started();
    socket.emit('data', message('E', 'SFATAL\0VFATAL\0C57P01\0Mgoing\0\0'));
    expect(ended[0]!.failure).toMatchObject({ code: '57P01' });
    expect(wire.usable).toBe(false);
  });

  it.each([
    ['an unknown message', message('!', 'x')],
    ['a length that cannot be', Buffer.from([0x5a, 0, 0, 0, 1, 0])],
    ['noise that looks like a long message', Buffer.from([0x21, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])],
    ['a row that nobody described', Buffer.concat([row('1')])],
  ])('is lost with %s, at once', (_what, bytes) => {
    const { socket, wire, ended } = started();
    socket.emit('data', bytes);
    expect(ended[0]!.failure).toBeInstanceOf(ConnectionLostError);
    expect([wire.usable, socket.destroyed]).toEqual([false, true]);
  });

  it('takes settings, notices and notifications at any time', () => {
    const { socket, wire, ended } = started();
    const told: string[] = [];
    wire.onParameter = (name, value) => void told.push(`${name}=${value}`);
    const unasked = [message('N', 'SNOTICE\0\0'), message('S', 'in_hot_standby\0off\0'), message('A', '\0\0\0\0c\0x\0')];
    socket.emit('data', Buffer.concat([...unasked, answer]));
    expect(told).toEqual(['in_hot_standby=off']);
    expect(ended[0]!.rows).toHaveLength(2);
  });
});
