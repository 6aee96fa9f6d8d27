/**
 * The thread behind one SQLite connection. libsql blocks its thread while a statement runs, so each connection has one.
 * Plain JavaScript, because it is loaded by URL, from sources and from `dist` alike.
 *
 * Answers one request after the other: `{ id, op, ... }` -> `{ id, inTransaction, result }` or `{ id, inTransaction, error }`.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { columnReader, fieldType } from './sqlite-values.js';

/**
 * @typedef {{ name: string, type: string | null }} Column
 * @typedef {{ reader: boolean, raw(on?: boolean): Statement, safeIntegers(on?: boolean): Statement, columns(): Column[],
 *   run(values: unknown[]): { changes: number, lastInsertRowid: number | bigint }, all(values: unknown[]): unknown[][] }} Statement
 * @typedef {{ prepare(sql: string): Statement, exec(sql: string): void, close(): void, inTransaction: boolean }} Database
 * @typedef {{ id: number, op: 'execute', text: string, values: unknown[], write: boolean }} ExecuteRequest
 * @typedef {{ id: number, op: 'many', text: string, rows: unknown[][] }} ManyRequest
 * @typedef {{ id: number, op: 'open' | 'rollback' | 'close' }} PlainRequest
 * @typedef {ExecuteRequest | ManyRequest | PlainRequest} Request
 */

const { file, readOnly, busyTimeoutMs, cacheSize, cancelled } =
  /** @type {{ file: string, readOnly: boolean, busyTimeoutMs: number, cacheSize: number, cancelled: Int32Array }} */ (workerData);
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** @type {Database | undefined} */
let database;
/** Prepared statements by exact text, least recently used first. @type {Map<string, Statement>} */
const statements = new Map();

port.on('message', (/** @type {Request} */ request) => {
  try {
    answer(request, handle(request));
  } catch (error) {
    const { name, message, code, rawCode, row } = /** @type {Error & { code?: string, rawCode?: number, row?: number }} */ (error);
    port.postMessage({ id: request.id, inTransaction: database?.inTransaction ?? false, error: { name, message, code, rawCode, row } });
  }
  if (request.op === 'close') port.close();
});

/** @param {Request} request */
function handle(request) {
  switch (request.op) {
    case 'open':
      return open();
    case 'execute':
      return execute(request);
    case 'many':
      return executeMany(request);
    case 'rollback':
      return rollBack();
    case 'close':
      return close();
  }
}

/** @param {Request} request @param {unknown} result */
function answer(request, result) {
  port.postMessage({ id: request.id, inTransaction: database?.inTransaction ?? false, result });
}

function open() {
  const Database = createRequire(import.meta.url)('libsql');
  const opened = /** @type {Database} */ (new Database(file, { timeout: busyTimeoutMs }));
  database = opened;
  if (file !== ':memory:') {
    opened.prepare('PRAGMA journal_mode = WAL').all([]);
    opened.exec('PRAGMA synchronous = NORMAL');
  }
  opened.exec('PRAGMA foreign_keys = ON');
  if (readOnly) opened.exec('PRAGMA query_only = ON');
  const [[version]] = /** @type {[[string]]} */ (opened.prepare('SELECT sqlite_version()').raw().all([]));
  return version;
}

/** @param {ExecuteRequest} request */
function execute({ text, values }) {
  const statement = prepared(text);
  if (!statement.reader) {
    const { changes, lastInsertRowid } = statement.run(values);
    return { rows: [], fields: [], rowCount: changes, lastInsertId: lastInsertRowid };
  }
  const rows = statement.all(values);
  // After the rows: SQLite compiles anew when a table has changed, and only then knows its columns.
  const columns = statement.columns();
  const readers = columns.map(({ type }) => columnReader(type));
  return {
    rows: rows.map((row) => toObject(row, columns, readers)),
    fields: columns.map(({ name, type }) => ({ name, type: fieldType(type) })),
    rowCount: rows.length,
  };
}

/** @param {unknown[]} row @param {Column[]} columns @param {((value: unknown) => unknown)[]} readers */
function toObject(row, columns, readers) {
  /** @type {Record<string, unknown>} */
  const object = {};
  for (let index = 0; index < columns.length; index++) {
    const name = /** @type {Column} */ (columns[index]).name;
    const value = /** @type {(value: unknown) => unknown} */ (readers[index])(row[index]);
    if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    else object[name] = value;
  }
  return object;
}

/** All rows in one call and one savepoint, which is a transaction of its own where none is open. @param {ManyRequest} request */
function executeMany({ text, rows }) {
  const target = opened();
  const own = !target.inTransaction;
  target.exec(own ? 'BEGIN IMMEDIATE' : 'SAVEPOINT kailash_many');
  let row = 0;
  try {
    const statement = prepared(text);
    let changes = 0;
    for (; row < rows.length; row++) {
      if (row % 256 === 0 && Atomics.load(cancelled, 0) === 1) throw new Error('cancelled');
      const values = /** @type {unknown[]} */ (rows[row]);
      changes += statement.reader ? statement.all(values).length : statement.run(values).changes;
    }
    target.exec(own ? 'COMMIT' : 'RELEASE kailash_many');
    return changes;
  } catch (error) {
    if (target.inTransaction) target.exec(own ? 'ROLLBACK' : 'ROLLBACK TO kailash_many; RELEASE kailash_many');
    throw Object.assign(/** @type {Error} */ (error), { row });
  }
}

function rollBack() {
  if (opened().inTransaction) opened().exec('ROLLBACK');
}

// The transaction is ended first: statements that are still alive keep a closed database, and its locks, until they are collected.
function close() {
  if (!database) return;
  if (database.inTransaction) database.exec('ROLLBACK');
  statements.clear();
  database.close();
  database = undefined;
}

/** @param {string} text */
function prepared(text) {
  let statement = statements.get(text);
  if (statement) statements.delete(text);
  else {
    statement = opened().prepare(text).safeIntegers(true);
    if (statement.reader) statement.raw(true);
    if (statements.size >= cacheSize) statements.delete(/** @type {string} */ (statements.keys().next().value));
  }
  statements.set(text, statement);
  return statement;
}

function opened() {
  if (!database) throw new Error('The database is not open.');
  return database;
}
