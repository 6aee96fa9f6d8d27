/** Rows of MySQL as they come: the socket is paused while a piece waits to be read. */
import type { FieldPacket } from 'mysql2';
import type { Field, Row } from '../contract.ts';
import type { RowStream } from '../driver.ts';
import { StatementError } from '../errors.ts';
import { isHeader, toFields, type Header } from './mysql-answers.ts';
import { readingAllNames, toRows } from './mysql-values.ts';

/** What mysql2's types do not tell: commands without a callback, and how to hold them. */
export interface StreamingConnection {
  query(options: { readonly sql: string; readonly rowsAsArray: boolean }): StreamingCommand;
  execute(options: { readonly sql: string; readonly rowsAsArray: boolean; readonly values: unknown[] }): StreamingCommand;
  pause(): void;
  resume(): void;
}

/** A command of mysql2 without a callback. */
export interface StreamingCommand {
  on(event: 'fields', listener: (fields: FieldPacket[] | undefined) => void): unknown;
  on(event: 'result', listener: (row: unknown, index: number | undefined) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

export interface FlowOptions {
  readonly command: StreamingCommand;
  readonly fetchSize: number;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Makes the server stop. */
  readonly kill: () => void;
  /** Called once when the server has said its last word. @returns the error to throw, if it failed; never rejects */
  readonly onEnd: (header: Header | undefined, failure: unknown) => Promise<Error | undefined>;
}

/** Modes: reading -> (a piece is full) paused -> reading -> ended -> over; with `discarding` nothing is kept any more. */
export class MysqlStream implements RowStream {
  readonly #options: FlowOptions;
  #columns: readonly FieldPacket[] = [];
  #fields: readonly Field[] = [];
  #piece: unknown[][] = [];
  #header: Header | undefined;
  #failure: unknown;
  #error: Error | undefined;
  #paused = false;
  #discarding = false;
  #closed = false;
  #stopped = false;
  #ended = false;
  #over = false;
  #waiting: (() => void) | undefined;
  readonly #whenOver: Promise<void>;
  #finish!: () => void;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#whenOver = new Promise((resolve) => (this.#finish = resolve));
    const command = readingAllNames(options.command);
    let results = 0;
    command.on('fields', (fields) => {
      results += 1;
      if (fields && results === 1) this.#columns = fields;
    });
    command.on('result', (row) => {
      if (isHeader(row)) this.#header = row;
      else if (results === 1) this.#add(row as unknown[]);
    });
    command.on('error', (error) => (this.#failure ??= error));
    command.on('end', () => void this.#end());
  }

  get fields(): readonly Field[] {
    return this.#fields;
  }

  async next(): Promise<readonly Row[] | undefined> {
    while (!this.#over && this.#piece.length < this.#options.fetchSize) {
      if (this.#ended && this.#piece.length > 0) break;
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
    if (this.#fields.length === 0) this.#fields = toFields(this.#columns);
    if (this.#piece.length === 0 || this.#failure !== undefined) return this.#last();
    const piece = this.#piece;
    this.#piece = [];
    this.#resume();
    return toRows(piece, this.#columns);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#discard();
    // The rest may be here already; then a connection to kill it would be dearer than reading it.
    for (let turn = 0; turn < 2 && !this.#ended; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!this.#ended) this.#options.kill();
    await this.#whenOver;
  }

  /** The statement was cancelled: what it had still to say is read and thrown away. */
  stop(reason: unknown): void {
    if (this.#ended) return;
    this.#failure ??= reason;
    this.#stopped = true;
    this.#discard();
  }

  /** The connection is gone. */
  lost(error: unknown): void {
    this.#failure ??= error;
    void this.#end();
  }

  #add(row: unknown[]): void {
    if (this.#discarding) return;
    this.#piece.push(row);
    if (this.#piece.length < this.#options.fetchSize) return;
    this.#paused = true;
    this.#options.pause();
    this.#wake();
  }

  #discard(): void {
    this.#discarding = true;
    this.#piece = [];
    this.#resume();
    this.#wake();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.resume();
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    this.#error = await this.#options.onEnd(this.#header, this.#failure);
    // Whoever gave up wants to hear of no KILL of ours.
    if (this.#closed && !this.#stopped && this.#error instanceof StatementError) this.#error = undefined;
    this.#over = true;
    this.#finish();
    this.#wake();
  }

  /** Waits for the end of the end. An error is told once. */
  async #last(): Promise<undefined> {
    await this.#whenOver;
    this.#piece = [];
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return undefined;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
