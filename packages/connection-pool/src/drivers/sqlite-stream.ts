/** Rows of SQLite, one message of the worker a piece. */
import type { Field, Row } from '../contract.ts';
import type { RowStream } from '../driver.ts';
import { toStatementError } from './sqlite-errors.ts';

/** A piece of a stream as the worker sends it; fewer rows than asked for are the last. */
export interface Piece {
  readonly rows: Row[];
  readonly fields: readonly Field[];
}

export interface SqliteStreamOptions {
  readonly fetchSize: number;
  readonly begin: () => Promise<Piece>;
  readonly read: () => Promise<Piece>;
  /** Lets go of the rest; never rejects. */
  readonly end: () => Promise<unknown>;
}

/** Modes: new -> (a piece, and there may be more) open -> over. */
export class SqliteStream implements RowStream {
  fields: readonly Field[] = [];
  readonly #options: SqliteStreamOptions;
  #mode: 'new' | 'open' | 'over' = 'new';
  #reading: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #error: Error | undefined;

  constructor(options: SqliteStreamOptions) {
    this.#options = options;
  }

  get over(): boolean {
    return this.#mode === 'over';
  }

  async next(): Promise<readonly Row[] | undefined> {
    await this.#closing;
    if (this.#mode === 'over') return this.#end();
    const reading = this.#mode === 'new' ? this.#options.begin() : this.#options.read();
    this.#reading = reading.catch(() => {});
    this.#mode = 'open';
    try {
      const { rows, fields } = await reading;
      this.fields = fields;
      if (rows.length < this.#options.fetchSize) this.#mode = 'over';
      if (this.#closing) await this.#closing;
      else if (rows.length > 0) return rows;
      return this.#end();
    } catch (error) {
      this.#mode = 'over';
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#giveUp());
  }

  /** The statement was cancelled. */
  stop(): Promise<void> {
    if (this.#mode !== 'over')
      this.#error ??= toStatementError({ name: 'SqliteError', message: 'interrupted', code: 'SQLITE_INTERRUPT', rawCode: 9 }, true);
    return this.close();
  }

  async #giveUp(): Promise<void> {
    await this.#reading;
    if (this.#mode === 'open') await this.#options.end();
    this.#mode = 'over';
  }

  /** An error is told once. */
  #end(): undefined {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return undefined;
  }
}
