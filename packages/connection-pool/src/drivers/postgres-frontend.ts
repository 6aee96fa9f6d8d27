/**
 * Messages to PostgreSQL (manual, "Message Formats"), several of them in one piece of memory, so that a round trip is one write.
 * Composed and taken without anything in between: one composer serves all connections.
 */
import { StatementParametersError } from '../errors.ts';
import type { ParameterValue } from '../parameters.ts';
import { toWire } from './postgres-values.ts';

const BIND = 66;
const CLOSE = 67;
const DESCRIBE = 68;
const EXECUTE = 69;
const FLUSH = 72;
const PARSE = 80;
const QUERY = 81;
const SYNC = 83;
const COPY_FAIL = 102;

const INITIAL_BYTES = 16_384;
/** Beyond this the memory itself is handed out, and not a copy of it. */
const LARGE_BYTES = 65_536;
/** PostgreSQL takes no larger message (`PQ_LARGE_MESSAGE_LIMIT`): it would end the connection. */
const MOST_BYTES = 0x3fff_ffff;

class Composer {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;

  /** Forgets what a composition that threw has left. */
  begin(): this {
    this.#at = 0;
    return this;
  }

  parse(statement: string, text: string): this {
    const start = this.#open(PARSE);
    this.#cstring(statement);
    this.#cstring(text);
    this.#int16(0); // types of parameters: the server infers them
    return this.#close(start);
  }

  /** Values in text, bytes in binary; results in text. */
  bind(statement: string, values: readonly unknown[]): this {
    const start = this.#open(BIND);
    this.#cstring('');
    this.#cstring(statement);
    const count = values.length;
    this.#int16(count);
    this.#reserve(count * 2);
    let format = this.#at;
    this.#at += count * 2;
    this.#int16(count);
    for (let index = 0; index < count; index++) {
      const binary = this.#value(toWire(values[index] as ParameterValue));
      this.#bytes[format++] = 0;
      this.#bytes[format++] = binary;
    }
    this.#int16(0); // formats of results: all text
    return this.#close(start);
  }

  describePortal(): this {
    return this.#describe('P', '');
  }

  describeStatement(name: string): this {
    return this.#describe('S', name);
  }

  /** @param rows at most; 0 for all */
  execute(rows: number): this {
    const start = this.#open(EXECUTE);
    this.#cstring('');
    this.#int32(rows);
    return this.#close(start);
  }

  /** @param kind S for a statement, P for a portal */
  close(kind: 'P' | 'S', name: string): this {
    const start = this.#open(CLOSE);
    this.#kindAndName(kind, name);
    return this.#close(start);
  }

  sync(): this {
    return this.#close(this.#open(SYNC));
  }

  flush(): this {
    return this.#close(this.#open(FLUSH));
  }

  /** The simple protocol: several statements at once, without values. */
  query(text: string): this {
    const start = this.#open(QUERY);
    this.#cstring(text);
    return this.#close(start);
  }

  copyFail(reason: string): this {
    const start = this.#open(COPY_FAIL);
    this.#cstring(reason);
    return this.#close(start);
  }

  /** What was composed, for the caller to keep. */
  take(): Buffer {
    const end = this.#at;
    this.#at = 0;
    if (end < LARGE_BYTES) return Buffer.from(this.#bytes.subarray(0, end));
    const taken = this.#bytes.subarray(0, end);
    this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    return taken;
  }

  #describe(kind: 'P' | 'S', name: string): this {
    const start = this.#open(DESCRIBE);
    this.#kindAndName(kind, name);
    return this.#close(start);
  }

  #open(code: number): number {
    this.#reserve(5);
    this.#bytes[this.#at] = code;
    this.#at += 5;
    return this.#at - 4;
  }

  #close(start: number): this {
    this.#bytes.writeInt32BE(this.#at - start, start);
    return this;
  }

  /** @returns format of the value: 1 for binary */
  #value(value: string | Buffer | null): 0 | 1 {
    if (value === null) {
      this.#int32(-1);
      return 0;
    }
    if (typeof value === 'string') {
      // Three bytes a character at most; counted only where that would be much.
      this.#reserve(4 + (value.length < LARGE_BYTES ? value.length * 3 : Buffer.byteLength(value)));
      const length = this.#bytes.write(value, this.#at + 4);
      this.#bytes.writeInt32BE(length, this.#at);
      this.#at += 4 + length;
      return 0;
    }
    this.#int32(value.length);
    this.#reserve(value.length);
    value.copy(this.#bytes, this.#at);
    this.#at += value.length;
    return 1;
  }

  #kindAndName(kind: string, name: string): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = kind.charCodeAt(0);
    this.#cstring(name);
  }

  #cstring(text: string): void {
    this.#reserve(text.length * 3 + 1);
    if (text !== '') this.#at += this.#bytes.write(text, this.#at);
    this.#bytes[this.#at++] = 0;
  }

  #int16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value & 0xff;
  }

  #int32(value: number): void {
    this.#reserve(4);
    this.#bytes.writeInt32BE(value, this.#at);
    this.#at += 4;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    if (needed > MOST_BYTES)
      throw new StatementParametersError(
        'The statement and its values are larger than the gigabyte that PostgreSQL takes at a time. Send less.',
      );
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

const composer = new Composer();

/** Begins a composition: `compose().bind(...).execute(0).sync().take()`. */
export function compose(): Composer {
  return composer.begin();
}

export type { Composer };
