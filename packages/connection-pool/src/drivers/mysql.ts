/** MySQL and MariaDB through mysql2. Statements with values are prepared on the server, so that no value is ever pasted into SQL. */
import type { Connection, ConnectionOptions, FieldPacket, ResultSetHeader } from 'mysql2';
import type { ServerTarget } from '../config.ts';
import type { TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, Driver, DriverConnection, DriverResult, HostPlan } from '../driver.ts';
import { ConnectionLostError, DriverMissingError, StatementError } from '../errors.ts';
import type { ParameterValue } from '../parameters.ts';
import { mayChangeSession } from '../session-effects.ts';
import { multiRowInsert, type MultiRowInsert } from './multi-row.ts';
import { isFatal, toConnectError, toStatementError } from './mysql-errors.ts';
import { toRows, toWire, typeName, type TypedIntegers } from './mysql-values.ts';

type Mysql2 = typeof import('mysql2') & { readonly TypedParameter: TypedIntegers };

const IN_TRANSACTION = 0x0001;
const AUTOCOMMIT = 0x0002;
/** Command cannot be prepared, and must go as text. */
const UNSUPPORTED_PS = 1295;

/** Bounds of one statement of a batch: parameters under the protocol's 65,535, and text and values well under max_allowed_packet. */
const BATCH_PARAMETERS = 5000;
const BATCH_BYTES = 1_000_000;

/** The same meaning of times on all databases. */
const SESSION_DEFAULTS = "SET time_zone = '+00:00'";

/** Driver for MySQL and MariaDB. @throws DriverMissingError when mysql2 is not installed (at the first connect). */
export class MysqlDriver implements Driver {
  readonly dialect = 'mysql';
  readonly hosts: readonly HostPlan[];
  readonly #target: ServerTarget;

  constructor(target: ServerTarget, hosts: readonly HostPlan[]) {
    this.#target = target;
    this.hosts = hosts;
  }

  async connect(_host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const mysql = await loadMysql();
    const { host, port } = this.#target;
    const options = connectionOptions(this.#target);
    try {
      const connection = await open(mysql, options, signal);
      const result = new MysqlConnection(mysql, connection, options);
      await result.prepareSession();
      return result;
    } catch (error) {
      throw signal.aborted ? signal.reason : toConnectError(error, `${host}:${port}`);
    }
  }

  async close(): Promise<void> {}
}

async function loadMysql(): Promise<Mysql2> {
  try {
    const loaded = (await import('mysql2')) as unknown as { default: Mysql2 };
    return loaded.default;
  } catch (error) {
    throw new DriverMissingError('MySQL', 'mysql2', error);
  }
}

function connectionOptions({ host, port, database, user, password, prepareCacheSize }: ServerTarget): ConnectionOptions {
  return {
    host,
    port,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: ['DATE'],
    supportBigNumbers: true,
    multipleStatements: false,
    maxPreparedStatements: Math.max(1, prepareCacheSize),
    connectTimeout: 0, // the pool has its own deadline
    // IGNORE_SPACE changes the sql_mode at login only: after a reset of the session the same SQL would mean something else.
    flags: ['-LOCAL_FILES', '-IGNORE_SPACE'],
  };
}

function open(mysql: Mysql2, options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const connection = mysql.createConnection(options);
    const drop = (): void => {
      streamOf(connection).destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', drop, { once: true });
    connection.on('error', () => {}); // its failures reach us through callbacks and `end`
    connection.connect((error) => {
      signal.removeEventListener('abort', drop);
      if (error) {
        streamOf(connection).destroy();
        reject(error);
      } else resolve(connection);
    });
  });
}

function streamOf(connection: Connection): { destroy(): void; on(event: 'close', listener: () => void): void } {
  return (connection as unknown as { stream: ReturnType<typeof streamOf> }).stream;
}

interface Answer {
  readonly data: unknown;
  readonly fields: readonly FieldPacket[] | undefined;
}

class MysqlConnection implements DriverConnection {
  readonly #mysql: Mysql2;
  /** mysql2 loads it anew at each access. */
  readonly #typed: TypedIntegers;
  readonly #connection: Connection;
  readonly #options: ConnectionOptions;
  #failRunning: ((error: unknown) => void) | undefined;
  #usable = true;
  #changed = false;
  #inTransaction = false;
  #autocommit = true;
  #cancelling: Promise<void> | undefined;
  #stopKilling: AbortController | undefined;
  #onLost: () => void = () => {};

  constructor(mysql: Mysql2, connection: Connection, options: ConnectionOptions) {
    this.#mysql = mysql;
    this.#typed = mysql.TypedParameter;
    this.#connection = connection;
    this.#options = options;
    connection.on('error', () => this.#lost());
    streamOf(connection).on('close', () => this.#lost());
  }

  get usable(): boolean {
    return this.#usable;
  }

  get clean(): boolean {
    return !this.#changed && !this.#cancelling && !this.#inTransaction;
  }

  get transactionStatus(): TransactionStatus {
    return this.#inTransaction ? 'open' : 'idle';
  }

  async prepareSession(): Promise<void> {
    await this.#send(SESSION_DEFAULTS, []);
  }

  async execute({ text, values, prepare }: BoundStatement): Promise<DriverResult> {
    await this.#settleCancel();
    if (mayChangeSession(text)) this.#changed = true;
    const wire = values.map((value) => toWire(value as ParameterValue, this.#typed));
    const inTransaction = this.#inTransaction;
    try {
      return toResult(await this.#run(text, wire, prepare));
    } catch (error) {
      throw toStatementError(error, inTransaction);
    }
  }

  /** Sends, and knows afterwards whether a transaction is open. */
  async #run(text: string, wire: readonly unknown[], prepare?: boolean): Promise<Answer> {
    try {
      const answer = await this.#send(text, wire, prepare);
      if (!this.#learnStatus(answer)) await this.#refreshStatus(text);
      return answer;
    } catch (error) {
      if (isFatal(error)) this.#breakOff();
      else await this.#refreshStatus(text);
      throw error;
    }
  }

  async executeMany({ text, rows }: BoundBatch): Promise<number> {
    await this.#settleCancel();
    const insert = multiRowInsert(text, 'mysql');
    const own = !this.#inTransaction;
    await this.#plain(own ? 'BEGIN' : 'SAVEPOINT kailash_many');
    try {
      const affected = insert ? await this.#insertRows(insert, rows, !own) : await this.#oneByOne(text, rows, !own);
      await this.#plain(own ? 'COMMIT' : 'RELEASE SAVEPOINT kailash_many');
      return affected;
    } catch (error) {
      // After a deadlock the server has rolled back all, and there is no savepoint to return to.
      if (this.#usable && (own || this.#inTransaction)) {
        await this.#plain(own ? 'ROLLBACK' : 'ROLLBACK TO SAVEPOINT kailash_many').catch(() => this.destroy());
      }
      throw error;
    }
  }

  async #insertRows(insert: MultiRowInsert, rows: BoundBatch['rows'], inTransaction: boolean): Promise<number> {
    let affected = 0;
    for (let start = 0; start < rows.length;) {
      const end = endOfPiece(rows, start, Math.max(1, Math.floor(BATCH_PARAMETERS / insert.parametersPerRow)));
      const values = rows.slice(start, end).flat();
      affected += (await this.#one(insert.textFor(end - start), values, inTransaction, end - start === 1 ? start : undefined)).rowCount;
      start = end;
    }
    return affected;
  }

  async #oneByOne(text: string, rows: BoundBatch['rows'], inTransaction: boolean): Promise<number> {
    let affected = 0;
    for (const [index, row] of rows.entries()) affected += (await this.#one(text, row, inTransaction, index)).rowCount;
    return affected;
  }

  async #one(text: string, values: readonly unknown[], inTransaction: boolean, row?: number): Promise<DriverResult> {
    const wire = values.map((value) => toWire(value as ParameterValue, this.#typed));
    try {
      return toResult(await this.#run(text, wire));
    } catch (error) {
      throw toStatementError(error, inTransaction, row);
    }
  }

  /** KILL QUERY from a connection of its own; resolves when the server has answered. */
  cancel(): Promise<void> {
    this.#stopKilling = new AbortController();
    return (this.#cancelling = this.#kill(this.#stopKilling.signal).catch(() => {}));
  }

  async #kill(signal: AbortSignal): Promise<void> {
    const killer = await open(this.#mysql, this.#options, signal);
    signal.addEventListener('abort', () => streamOf(killer).destroy(), { once: true });
    try {
      await new Promise<void>((resolve) => killer.query(`KILL QUERY ${this.#connection.threadId}`, () => resolve()));
    } finally {
      killer.destroy();
    }
  }

  async reset(): Promise<void> {
    await this.#settleCancel();
    if (this.#inTransaction) await this.#plain('ROLLBACK');
    if (!this.#changed) return;
    await this.#track<void>((done) =>
      (this.#connection as unknown as { reset(callback: (error: unknown) => void): void }).reset((error) => done(error)),
    );
    this.#autocommit = true;
    await this.prepareSession();
    this.#changed = false;
  }

  async close(): Promise<void> {
    this.#usable = false;
    await new Promise<void>((resolve) => this.#connection.end(() => resolve()));
  }

  destroy(): void {
    this.#breakOff();
    this.#stopKilling?.abort();
    this.#failRunning?.(new ConnectionLostError('it was destroyed', true));
  }

  onLost(listener: () => void): void {
    this.#onLost = listener;
  }

  async #plain(text: string): Promise<void> {
    await this.#one(text, [], true);
  }

  // A KILL that comes late hits the next statement: let one that does nothing take it.
  async #settleCancel(): Promise<void> {
    if (!this.#cancelling) return;
    await this.#cancelling;
    this.#cancelling = undefined;
    await this.#plain('DO 0').catch((error: unknown) => {
      if (!(error instanceof StatementError)) throw error;
    });
  }

  #learnStatus(answer: Answer): boolean {
    const header = lastHeader(answer);
    if (!header) return !this.#inTransaction && this.#autocommit;
    const status = header.serverStatus ?? 0;
    this.#inTransaction = (status & IN_TRANSACTION) !== 0;
    this.#autocommit = (status & AUTOCOMMIT) !== 0;
    return true;
  }

  /** The server tells its status only with OK packets, not with rows or errors (mysql2 keeps none of those). */
  async #refreshStatus(text: string): Promise<void> {
    if (!this.#inTransaction && this.#autocommit && !/^\s*call\b/i.test(text)) return;
    try {
      this.#learnStatus(await this.#send('DO 0', []));
    } catch (error) {
      if (isFatal(error)) this.#breakOff();
    }
  }

  /** Without values as text: some commands cannot be prepared, and one round trip is less. */
  async #send(text: string, wire: readonly unknown[], prepare?: boolean): Promise<Answer> {
    const asText = (): Promise<Answer> => this.#track((done) => this.#connection.query({ sql: text, rowsAsArray: true }, done));
    if (wire.length === 0 && prepare !== true) return asText();
    try {
      return await this.#track((done) => this.#connection.execute({ sql: text, rowsAsArray: true, values: wire as never }, done));
    } catch (error) {
      if ((error as { errno?: number }).errno === UNSUPPORTED_PS && wire.length === 0) return await asText();
      throw error;
    } finally {
      if (prepare === false) this.#connection.unprepare(text);
    }
  }

  #track<T = Answer>(start: (done: (error: unknown, data?: unknown, fields?: FieldPacket[]) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => void (this.#failRunning = undefined);
      this.#failRunning = (error) => {
        settle();
        reject(error);
      };
      if (!this.#usable) return this.#failRunning(new ConnectionLostError('it was lost before', false));
      start((error, data, fields) => {
        settle();
        if (error) reject(error instanceof Error ? error : new ConnectionLostError('mysql2 gave no reason', true));
        else resolve({ data, fields } as T);
      });
    });
  }

  #breakOff(): void {
    this.#usable = false;
    streamOf(this.#connection).destroy();
  }

  #lost(): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    if (this.#failRunning) this.#failRunning(new ConnectionLostError('the server closed it', true));
    else if (wasUsable) this.#onLost();
  }
}

function endOfPiece(rows: BoundBatch['rows'], start: number, mostRows: number): number {
  let end = start;
  let bytes = 0;
  while (end < rows.length && end - start < mostRows && (end === start || bytes < BATCH_BYTES)) {
    for (const value of rows[end]!)
      bytes += typeof value === 'string' ? value.length * 3 : value instanceof Uint8Array ? value.byteLength : 16;
    end += 1;
  }
  return end;
}

/** Of a CALL that returns rows, the header is the last of several results. */
function lastHeader({ data, fields }: Answer): (ResultSetHeader & { serverStatus?: number }) | undefined {
  const last: unknown = isSeveral(fields) ? (data as unknown[]).at(-1) : data;
  return last !== null && typeof last === 'object' && 'serverStatus' in last && 'affectedRows' in last
    ? (last as ResultSetHeader)
    : undefined;
}

/** mysql2 gives one list of fields for each of several results. */
function isSeveral(fields: Answer['fields']): boolean {
  return Array.isArray(fields) && (Array.isArray(fields[0]) || fields.at(-1) === undefined);
}

function toResult({ data, fields }: Answer): DriverResult {
  if (isSeveral(fields)) return rowsResult((data as unknown[][][])[0]!, (fields as unknown as FieldPacket[][])[0] ?? []);
  if (Array.isArray(data)) return rowsResult(data as unknown[][], fields ?? []);
  const { affectedRows, insertId } = data as ResultSetHeader;
  const lastInsertId = typeof insertId === 'string' ? BigInt(insertId) : insertId;
  return { rows: [], rowCount: affectedRows, fields: [], ...(lastInsertId !== 0 && { lastInsertId }) };
}

function rowsResult(arrays: readonly unknown[][], fields: readonly FieldPacket[]): DriverResult {
  const rows = toRows(arrays, fields);
  return { rows, rowCount: rows.length, fields: fields.map((field) => ({ name: field.name, type: typeName(field) })) };
}
