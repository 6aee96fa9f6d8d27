/**
 * The thread behind one SQLite connection. libsql blocks its thread while a statement runs, so each connection has one.
 * Plain JavaScript, because it is loaded by URL, from sources and from `dist` alike.
 *
 * Answers one request after the other: `{ id, op, ... }` -> `{ id, inTransaction, result }` or `{ id, inTransaction, error }`.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { Cursor, interrupted } from './sqlite-cursor.js';
import { Session } from './sqlite-session.js';

/**
 * @typedef {{ name: string, type: string | null }} Column
 * @typedef {{ reader: boolean, raw(on?: boolean): Statement, safeIntegers(on?: boolean): Statement, columns(): Column[],
 *   run(values: unknown[]): { changes: number, lastInsertRowid: number | bigint }, all(values: unknown[]): unknown[][],
 *   iterate(values: unknown[]): Iterator<unknown[]> }} Statement
 * @typedef {{ prepare(sql: string): Statement, exec(sql: string): void, interrupt(): void, close(): void, inTransaction: boolean }} Database
 * @typedef {{ id: number, op: 'execute', text: string, values: unknown[], maxRows?: number }} ExecuteRequest
 * @typedef {{ id: number, op: 'stream', text: string, values: unknown[], size: number }} StreamRequest
 * @typedef {{ id: number, op: 'next', size: number }} NextRequest
 * @typedef {{ id: number, op: 'many', text: string, rows: unknown[][] }} ManyRequest
 * @typedef {{ id: number, op: 'open' | 'ping' | 'end' | 'rollback' | 'reset' | 'close' }} PlainRequest
 * @typedef {ExecuteRequest | StreamRequest | NextRequest | ManyRequest | PlainRequest} Request
 */

const { file, readOnly, busyTimeoutMs, cacheSize, cancelled } =
  /** @type {{ file: string, readOnly: boolean, busyTimeoutMs: number, cacheSize: number, cancelled: Int32Array }} */ (workerData);
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** In `cancelled` instead of the id of a request: all of them. */
const EVERYTHING = -1;

/** @type {Database | undefined} */
let database;
/** How it began. @type {Session | undefined} */
let session;
/** Prepared statements by exact text, least recently used first. @type {Map<string, Statement>} */
const statements = new Map();
/** The stream that is open. @type {Cursor | undefined} */
let cursor;
/** The request in hand. */
let current = -1;

port.on('message', (/** @type {Request} */ request) => {
  current = request.id;
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
    case 'ping':
      return undefined;
    case 'execute':
      return execute(request);
    case 'stream':
      return stream(request);
    case 'next':
      return piece(request.size);
    case 'end':
      return endStream();
    case 'many':
      return executeMany(request);
    case 'rollback':
      return rollBack();
    case 'reset':
      return reset();
    case 'close':
      return close();
  }
}

/** @param {Request} request @param {unknown} result */
function answer(request, result) {
  port.postMessage({ id: request.id, inTransaction: database?.inTransaction ?? false, result });
}

function open() {
  if (database) return undefined; // of memory: a new connection to the same database
  const Database = createRequire(import.meta.url)('libsql');
  const opened = /** @type {Database} */ (new Database(file, { timeout: busyTimeoutMs }));
  database = opened;
  if (file !== ':memory:') {
    opened.prepare('PRAGMA journal_mode = WAL').all([]);
    opened.exec('PRAGMA synchronous = NORMAL');
  }
  opened.exec('PRAGMA foreign_keys = ON');
  if (readOnly) opened.exec('PRAGMA query_only = ON');
  session = new Session(/** @type {import('./sqlite-session.js').Database} */ (/** @type {unknown} */ (opened)));
  const [[version]] = /** @type {[[string]]} */ (opened.prepare('SELECT sqlite_version()').raw().all([]));
  return version;
}

/** @param {ExecuteRequest} request */
function execute({ text, values, maxRows = Infinity }) {
  const wasPrepared = statements.has(text);
  const statement = prepared(text);
  return haltingIfBusy(statement, values, () => {
    if (!statement.reader) {
      const { changes, lastInsertRowid } = statement.run(values);
      return { rows: [], fields: [], rowCount: changes, lastInsertId: lastInsertRowid, wasPrepared };
    }
    const all = new Cursor(opened(), statement, text, values, isCancelled);
    const rows = all.take(maxRows);
    const fields = all.fields;
    all.close();
    return { rows, fields, rowCount: rows.length, wasPrepared };
  });
}

/**
 * libsql leaves a statement that met a lock half-run: it stays active, and what later statements write is not committed while it
 * is. Run once more where nothing may write, it is refused before it does anything, and ends.
 *
 * @template T @param {Statement} statement @param {unknown[]} values @param {() => T} work
 */
function haltingIfBusy(statement, values, work) {
  try {
    return work();
  } catch (error) {
    if (/^SQLITE_(?:BUSY|LOCKED)/.test(/** @type {{ code?: string }} */ (error).code ?? '')) halt(statement, values);
    throw error;
  }
}

/** @param {Statement} statement @param {unknown[]} values */
function halt(statement, values) {
  const target = opened();
  target.exec('PRAGMA query_only = ON');
  try {
    statement.run(values);
  } catch {
    // As it should.
  } finally {
    if (!readOnly) target.exec('PRAGMA query_only = OFF');
  }
}

/** @param {StreamRequest} request */
function stream({ text, values, size }) {
  const statement = prepared(text);
  return haltingIfBusy(statement, values, () => {
    if (!statement.reader) {
      statement.run(values);
      return { rows: [], fields: [] };
    }
    cursor = new Cursor(opened(), statement, text, values, isCancelled);
    return piece(size);
  });
}

/** Fewer rows than `size` are the last. @param {number} size */
function piece(size) {
  const open = /** @type {Cursor} */ (cursor);
  try {
    const rows = open.take(size);
    if (rows.length < size) endStream();
    return { rows, fields: open.fields };
  } catch (error) {
    cursor = undefined;
    throw error;
  }
}

function endStream() {
  const open = cursor;
  cursor = undefined;
  open?.close();
}

/** Whether nobody waits for the request in hand any more. */
function isCancelled() {
  const which = Atomics.load(cancelled, 0);
  return which === current || which === EVERYTHING;
}

/** All rows in one call and one savepoint, which is a transaction of its own where none is open. @param {ManyRequest} request */
function executeMany({ text, rows }) {
  const target = opened();
  const own = !target.inTransaction;
  if (own) execute({ id: current, op: 'execute', text: 'BEGIN IMMEDIATE', values: [] });
  else target.exec('SAVEPOINT kailash_many');
  let row = 0;
  try {
    const statement = prepared(text);
    let changes = 0;
    for (; row < rows.length; row++) {
      if (row % 256 === 0 && isCancelled()) throw interrupted();
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
  endStream();
  if (opened().inTransaction) opened().exec('ROLLBACK');
}

// Statements that are kept would know of objects that are gone, and may hold them.
function reset() {
  rollBack();
  statements.clear();
  session?.reset();
}

// The transaction is ended first: statements that are still alive keep a closed database, and its locks, until they are collected.
function close() {
  if (!database) return;
  endStream();
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
