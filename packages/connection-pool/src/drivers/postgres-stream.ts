/**
 * Rows piece by piece: one portal, read by Execute with a limit. Flush, and not Sync, asks for each piece, because Sync outside
 * of a transaction would end the portal (PostgreSQL manual, "Extended Query").
 */
import type { Field, Row } from '../contract.ts';
import type { RowStream } from '../driver.ts';
import { StatementError } from '../errors.ts';
import { compose } from './postgres-frontend.ts';
import { readerOf, type RowReader } from './postgres-rows.ts';
import { refuseCopy, type Exchange, type PostgresWire, type ServerError } from './postgres-wire.ts';

export interface PieceStreamOptions {
  readonly wire: PostgresWire;
  readonly fetchSize: number;
  /** Of a statement that was described before. */
  readonly reader?: RowReader | null | undefined;
  /** Stops a piece on its way, which may take its server long to find. */
  readonly cancel: () => void;
  /** Called once, when the connection is idle or lost. @returns the error to throw, if it failed */
  readonly onEnd: (stream: PieceStream, failure: unknown) => Error | undefined;
}

/**
 * Modes: reading (a piece is on its way) -> suspended (the server waits for us) -> reading -> ending (Sync is sent) -> over.
 * From any to over when the connection is lost.
 */
export class PieceStream implements Exchange, RowStream {
  hasParsed = false;
  reader: RowReader | null | undefined;
  readonly #options: PieceStreamOptions;
  #mode: 'reading' | 'suspended' | 'ending' | 'over' = 'reading';
  #piece: Row[] = [];
  #failure: unknown;
  #error: Error | undefined;
  #waiting: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  #stopped = false;
  readonly #over: Promise<void>;
  #finish!: () => void;

  constructor(options: PieceStreamOptions) {
    this.#options = options;
    this.reader = options.reader;
    this.#over = new Promise((resolve) => (this.#finish = resolve));
  }

  get fields(): readonly Field[] {
    return this.reader?.fields ?? [];
  }

  async next(): Promise<readonly Row[] | undefined> {
    if (this.#closing) await this.#closing;
    while (true) {
      if (this.#mode === 'suspended' && this.#piece.length === 0) this.#read();
      else if (this.#piece.length > 0 && this.#mode !== 'reading') return this.#take();
      else if (this.#mode === 'over') return this.#end();
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return (this.#closing ??= this.#giveUp());
  }

  /** The statement was cancelled: a server that waits for us does not notice that by itself. Resolves when the exchange is over. */
  stop(reason: unknown): Promise<void> {
    if (this.#mode !== 'over') {
      this.#failure ??= reason;
      this.#stopped = true;
      this.#closing ??= this.#giveUp();
    }
    return this.#over;
  }

  describe(bytes: Buffer, at: number, end: number): void {
    this.reader = readerOf(bytes, at, end);
  }

  noRows(): void {
    this.reader = null;
  }

  parsed(): void {
    this.hasParsed = true;
  }

  row(bytes: Buffer, at: number): void {
    if (this.#mode === 'reading') this.#piece.push(this.reader!.read(bytes, at));
  }

  suspended(): void {
    if (this.#mode === 'reading') this.#turn('suspended');
  }

  complete(): void {
    this.#sync();
  }

  copyIn(): void {
    refuseCopy(this.#options.wire);
    this.#mode = 'ending';
  }

  failed(error: ServerError): void {
    this.#failure ??= error;
    this.#sync();
  }

  ready(): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.#error = this.#options.onEnd(this, this.#failure);
    // Whoever gave up wants to hear of no cancel of ours.
    if (this.#closed && !this.#stopped && this.#error instanceof StatementError) this.#error = undefined;
    if (this.#error !== undefined) this.#piece = [];
    this.#finish();
    this.#wake();
  }

  lost(error: unknown): void {
    this.#failure ??= error;
    this.ready();
  }

  #read(): void {
    this.#mode = 'reading';
    this.#options.wire.send(compose().execute(this.#options.fetchSize).flush().take());
  }

  #sync(): void {
    if (this.#mode === 'ending' || this.#mode === 'over') return;
    this.#options.wire.send(compose().sync().take());
    this.#turn('ending');
  }

  async #giveUp(): Promise<void> {
    this.#piece = [];
    if (this.#mode === 'reading' || this.#mode === 'suspended') {
      // Not in a transaction, which a cancel would make fail.
      if (this.#mode === 'reading' && !this.#stopped && this.#options.wire.transactionStatus === 'idle') this.#options.cancel();
      this.#options.wire.send(compose().close('P', '').sync().take());
      this.#turn('ending');
    }
    await this.#over;
    this.#piece = [];
  }

  #take(): readonly Row[] {
    const piece = this.#piece;
    this.#piece = [];
    return piece;
  }

  /** An error is told once. */
  #end(): undefined {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return undefined;
  }

  #turn(mode: 'suspended' | 'ending'): void {
    this.#mode = mode;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
