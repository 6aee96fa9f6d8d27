/** From the bytes of PostgreSQL's rows to objects, by the description that came before them. */
import { LRUCache } from 'lru-cache';
import type { Field, Row } from '../contract.ts';
import { readerFor, typeName, type ReadColumn } from './postgres-values.ts';

/** By description. Few: one for each form of rows that a program reads; a program that makes up names must not fill the memory. */
const readers = new LRUCache<string, RowReader>({ max: 1000 });
const LONGEST_KEPT = 4096;

/**
 * The reader for a description; the same one for the same bytes, so that a statement which is not prepared costs no more than one
 * that is. @param at of the body of a RowDescription @param end where it ends
 */
export function readerOf(bytes: Buffer, at: number, end: number): RowReader {
  if (end - at > LONGEST_KEPT) return new RowReader(bytes, at);
  const key = bytes.toString('latin1', at, end);
  let reader = readers.get(key);
  if (!reader) readers.set(key, (reader = new RowReader(bytes, at)));
  return reader;
}

/** Reads all rows of one description. */
export class RowReader {
  readonly fields: readonly Field[];
  readonly #names: readonly string[];
  readonly #readers: readonly ReadColumn[];
  /** Copied for each row, so that all rows have one shape from the beginning. */
  readonly #blank: Row = {};
  readonly #hasProto: boolean;

  /** @param at of the body of a RowDescription */
  constructor(bytes: Buffer, at: number) {
    const count = bytes.readInt16BE(at);
    const fields: Field[] = [];
    const readers: ReadColumn[] = [];
    let next = at + 2;
    for (let index = 0; index < count; index++) {
      const end = bytes.indexOf(0, next);
      const name = bytes.toString('utf8', next, end);
      const oid = bytes.readUInt32BE(end + 7); // after the table's oid and the column's number
      fields.push({ name, type: typeName(oid) });
      readers.push(readerFor(oid));
      next = end + 19;
    }
    this.fields = fields;
    this.#readers = readers;
    this.#names = fields.map((field) => field.name);
    this.#hasProto = this.#names.includes('__proto__');
    for (const name of this.#names) if (name !== '__proto__') this.#blank[name] = null;
  }

  /** @param at of the body of a DataRow */
  read(bytes: Buffer, at: number): Row {
    const names = this.#names;
    const readers = this.#readers;
    const row: Row = { ...this.#blank };
    let next = at + 2;
    for (let index = 0; index < names.length; index++) {
      const length = (bytes[next]! << 24) | (bytes[next + 1]! << 16) | (bytes[next + 2]! << 8) | bytes[next + 3]!;
      next += 4;
      if (length === -1) {
        // A second column of the same name may have written it.
        this.#put(row, names[index]!, null);
        continue;
      }
      this.#put(row, names[index]!, readers[index]!(bytes, next, next + length));
      next += length;
    }
    return row;
  }

  #put(row: Row, name: string, value: unknown): void {
    if (this.#hasProto && name === '__proto__')
      Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
    else row[name] = value;
  }
}
