/** Reads the rows of one SQLite statement as far as they are wanted. Plain JavaScript, as the worker needs it. */
import { columnReader, fieldType } from './sqlite-values.js';

/**
 * @typedef {{ name: string, type: string | null }} Column
 * @typedef {{ iterate(values: unknown[]): Iterator<unknown[]>, columns(): Column[] }} Readable
 * @typedef {{ interrupt(): void }} Interruptible
 */

/** libsql fetches that many rows at once. */
const FETCHED = 100;
/** A write with RETURNING is done only when it has been read to its end. */
const MAY_WRITE = /\breturning\b/i;

/** The error of SQLite for a statement that was interrupted. */
export function interrupted() {
  return Object.assign(new Error('interrupted'), { code: 'SQLITE_INTERRUPT', rawCode: 9 });
}

export class Cursor {
  /** Known after the first `take`. @type {{ name: string, type: string }[]} */
  fields = [];
  #database;
  #iterator;
  #statement;
  #mayWrite;
  #isCancelled;
  #fetched = 0;
  #done = false;
  /** @type {Column[] | undefined} */
  #columns;
  /** @type {((value: unknown) => unknown)[]} */
  #readers = [];

  /**
   * @param {Interruptible} database @param {Readable} statement @param {string} text @param {unknown[]} values
   * @param {() => boolean} isCancelled asked now and then
   */
  constructor(database, statement, text, values, isCancelled) {
    this.#database = database;
    this.#statement = statement;
    this.#mayWrite = MAY_WRITE.test(text);
    this.#isCancelled = isCancelled;
    this.#iterator = statement.iterate(values);
  }

  /** At most `count` rows; fewer are the last. @param {number} count @returns {Record<string, unknown>[]} */
  take(count) {
    const rows = [];
    while (rows.length < count) {
      const row = this.#next();
      if (row === undefined) break;
      rows.push(this.#toObject(row));
    }
    return rows;
  }

  /** Lets go of the rest. */
  close() {
    if (this.#done) return;
    if (this.#mayWrite) while (this.#next() !== undefined);
    else this.#abandon();
  }

  /** @returns {unknown[] | undefined} */
  #next() {
    if (this.#done) return undefined;
    if (this.#fetched++ % FETCHED === 0 && this.#isCancelled()) {
      this.#abandon();
      throw interrupted();
    }
    const { done, value } = this.#iterator.next();
    if (this.#columns === undefined) this.#learnColumns();
    if (!done) return value;
    this.#done = true;
    return undefined;
  }

  // After the first row: SQLite compiles anew when a table has changed, and only then knows its columns.
  #learnColumns() {
    this.#columns = this.#statement.columns();
    this.#readers = this.#columns.map(({ type }) => columnReader(type));
    this.fields = this.#columns.map(({ name, type }) => ({ name, type: fieldType(type) }));
  }

  // A statement that is merely left holds its snapshot, and locks, until it runs again; libsql has no other way to end it.
  #abandon() {
    this.#done = true;
    this.#database.interrupt();
    try {
      while (!this.#iterator.next().done);
    } catch {
      // It was interrupted, as wanted.
    }
  }

  /** @param {unknown[]} row */
  #toObject(row) {
    const columns = /** @type {Column[]} */ (this.#columns);
    /** @type {Record<string, unknown>} */
    const object = {};
    for (let index = 0; index < columns.length; index++) {
      const name = /** @type {Column} */ (columns[index]).name;
      const value = /** @type {(value: unknown) => unknown} */ (this.#readers[index])(row[index]);
      if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
      else object[name] = value;
    }
    return object;
  }
}
