import { writeSync } from 'node:fs';
import process from 'node:process';

type Callback = (error?: Error | null) => void;
type Write = (chunk: string | Uint8Array, callback?: Callback) => boolean;

/** Text that has been gathered is written out at this size, in characters; and at the latest when the event loop turns. */
const CHUNK_LENGTH = 64 * 1024;

/**
 * Standard output, for the command alone: `divert` sends elsewhere whatever others (a `console.log` in a node) write to
 * `process.stdout`. A reader that goes away (`| head`) is no failure: the rest is dropped, and `isClosed` tells.
 */
export class Stdout {
  readonly #write = process.stdout.write.bind(process.stdout) as Write;
  #pending = '';
  #isFlushPlanned = false;
  #isClosed = false;

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#isClosed = true;
      if (error.code !== 'EPIPE') process.stderr.write(`kailash: standard output failed: ${error.message}\n`);
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** From now on what others write to `process.stdout` goes to `to`; by default to standard error. Not undone: a command owns its process. */
  divert(to: (chunk: string | Uint8Array) => void = (chunk) => process.stderr.write(chunk)): this {
    process.stdout.write = divertedWrite(to);
    return this;
  }

  /** Writes a line; many small ones reach the system as few large ones. */
  line(text: string): void {
    this.#pending += `${text}\n`;
    if (this.#pending.length >= CHUNK_LENGTH) this.flush();
    else if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      setImmediate(() => {
        this.#isFlushPlanned = false;
        this.flush();
      });
    }
  }

  /** Writes as it is, at once. */
  raw(chunk: string | Uint8Array): void {
    this.flush();
    if (!this.#isClosed) this.#write(chunk);
  }

  /** Resolves when all that was written has been taken over by the system, or its reader is gone. */
  async drain(): Promise<void> {
    const rest = this.#pending;
    this.#pending = '';
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      process.stdout.once('close', resolve);
      this.#write(rest, () => {
        process.stdout.off('close', resolve);
        resolve();
      });
    });
  }

  /** Writes out what is left, for an end that cannot wait. */
  flushSync(): void {
    const rest = this.#pending;
    this.#pending = '';
    if (rest === '' || this.#isClosed) return;
    try {
      writeSync(1, rest);
    } catch {
      // The process is about to end, and nobody may be reading.
    }
  }

  /** Hands over what was gathered, before something is written elsewhere that belongs after it. */
  flush(): void {
    const rest = this.#pending;
    this.#pending = '';
    if (rest !== '' && !this.#isClosed) this.#write(rest);
  }
}

/** A `write` as streams have it, for whoever calls it: encoding and callback are optional, and the callback is called. */
export function divertedWrite(to: (chunk: string | Uint8Array) => void): typeof process.stdout.write {
  return (chunk: string | Uint8Array, encodingOrCallback?: BufferEncoding | Callback, callback?: Callback): boolean => {
    to(typeof chunk === 'string' && typeof encodingOrCallback === 'string' ? Buffer.from(chunk, encodingOrCallback) : chunk);
    const done = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback;
    if (done) process.nextTick(done);
    return true;
  };
}
