/** The exchanges of PostgreSQL that end with one outcome: a statement, a batch of rows, anything whose rows nobody wants. */
import type { Row } from '../contract.ts';
import { readerOf, type RowReader } from './postgres-rows.ts';
import { refuseCopy, type Exchange, type PostgresWire, type ServerError } from './postgres-wire.ts';

/** An exchange that keeps nothing but its failure. Settles once, at ReadyForQuery or when the connection is gone. */
export class Outcome implements Exchange {
  /** What the server refused, or why the connection is gone. */
  failure: unknown;
  /** Whether the server parsed a statement under its name, also if running it failed. */
  hasParsed = false;
  protected readonly wire: PostgresWire;
  readonly #settle: (outcome: this) => void;

  constructor(wire: PostgresWire, settle: (outcome: never) => void) {
    this.wire = wire;
    this.#settle = settle as (outcome: this) => void;
  }

  describe(_bytes: Buffer, _at: number, _end: number): void {}
  row(_bytes: Buffer, _at: number): void {}
  complete(_bytes: Buffer, _at: number, _end: number): void {}
  noRows(): void {}
  suspended(): void {}

  parsed(): void {
    this.hasParsed = true;
  }

  copyIn(): void {
    refuseCopy(this.wire);
  }

  failed(error: ServerError): void {
    this.failure ??= error;
  }

  ready(): void {
    this.#settle(this);
  }

  lost(error: unknown): void {
    this.failure ??= error;
    this.#settle(this);
  }
}

/** One statement with its rows. */
export class Execution extends Outcome {
  readonly rows: Row[] = [];
  rowCount = 0;
  /** A COMMIT may answer so: the transaction had failed before. */
  isRollback = false;
  /** Undefined until the server has described the rows; null when there are none. */
  reader: RowReader | null | undefined;

  /** @param reader of a statement that was described before */
  constructor(wire: PostgresWire, reader: RowReader | null | undefined, settle: (execution: Execution) => void) {
    super(wire, settle);
    this.reader = reader;
  }

  override describe(bytes: Buffer, at: number, end: number): void {
    this.reader = readerOf(bytes, at, end);
  }

  override noRows(): void {
    this.reader = null;
  }

  override row(bytes: Buffer, at: number): void {
    this.rows.push(this.reader!.read(bytes, at));
  }

  override complete(bytes: Buffer, at: number, end: number): void {
    this.rowCount = affectedRows(bytes, at, end);
    this.isRollback = isRollback(bytes, at, end);
  }

  /** As many rows as were wanted; there are more. */
  override suspended(): void {
    this.rowCount = this.rows.length;
  }
}

/** One statement with many rows of values. */
export class Batch extends Outcome {
  affected = 0;
  /** Rows of values that were done. */
  done = 0;

  override complete(bytes: Buffer, at: number, end: number): void {
    this.done += 1;
    this.affected += affectedRows(bytes, at, end);
  }
}

/** The number at the end of a tag such as `INSERT 0 12`; 0 for one without. */
function affectedRows(bytes: Buffer, at: number, end: number): number {
  let value = 0;
  for (let place = end - 1, weight = 1; place >= at; place--, weight *= 10) {
    const byte = bytes[place]!;
    if (byte < 0x30 || byte > 0x39) return byte === 0x20 ? value : 0;
    value += (byte - 0x30) * weight;
  }
  return 0;
}

function isRollback(bytes: Buffer, at: number, end: number): boolean {
  return end - at === 8 && bytes[at] === 0x52 && bytes[at + 1] === 0x4f && bytes.toString('latin1', at, end) === 'ROLLBACK';
}
