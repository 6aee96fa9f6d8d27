/** MySQL and MariaDB through mysql2. Statements with values are prepared on the server, so that no value is ever pasted into SQL. */
import type { Connection, ConnectionOptions, FieldPacket } from 'mysql2';
import type { ServerTarget } from '../config.ts';
import type { ConnectionRole, TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, Driver, DriverConnection, DriverResult, HostPlan, RowStream } from '../driver.ts';
import { ConnectionLostError, StatementError } from '../errors.ts';
import type { ParameterValue } from '../parameters.ts';
import { mayChangeSession } from '../session-effects.ts';
import { runBatch } from './multi-row.ts';
import { lastHeader, toResult, type Answer, type Header } from './mysql-answers.ts';
import { INTERRUPTED, isFatal, toConnectError, toStatementError } from './mysql-errors.ts';
import { connectionOptions, loadMysql, open, streamOf, type Mysql2 } from './mysql-login.ts';
import { MysqlStream, type StreamingCommand } from './mysql-stream.ts';
import { toWire, type TypedIntegers } from './mysql-values.ts';
import { WaitingStream } from './waiting-stream.ts';

const IN_TRANSACTION = 0x0001;
const AUTOCOMMIT = 0x0002;
/** Command cannot be prepared, and must go as text. */
const UNSUPPORTED_PS = 1295;

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

  async connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const mysql = await loadMysql();
    const options = connectionOptions(this.#target, this.#target.servers[host.name]!);
    try {
      const connection = new MysqlConnection(mysql, await open(mysql, options, signal), options);
      await prepared(connection, signal);
      return connection;
    } catch (error) {
      throw signal.aborted ? signal.reason : toConnectError(error, host.address);
    }
  }

  async close(): Promise<void> {}
}

async function prepared(connection: MysqlConnection, signal: AbortSignal): Promise<void> {
  const drop = (): void => connection.destroy();
  signal.addEventListener('abort', drop, { once: true });
  try {
    signal.throwIfAborted();
    await connection.begin();
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', drop);
  }
}

class MysqlConnection implements DriverConnection {
  role: ConnectionRole = 'primary';
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
  /** Whether its transactions are read-only, as they shall be on a replica. */
  #readOnly = false;
  #stream: MysqlStream | undefined;
  #cancelling: Promise<void> | undefined;
  /** Something must be done before the next statement. */
  #detour = false;
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

  /** @internal What is left to do after login. */
  async begin(): Promise<void> {
    await this.#prepareSession();
    await this.#askRole();
    await this.#takeDetour();
  }

  execute(statement: BoundStatement): Promise<DriverResult> {
    if (this.#detour) return this.#takeDetour().then(() => this.#execute(statement));
    return this.#execute(statement);
  }

  #execute({ text, values, prepare, maxRows }: BoundStatement): Promise<DriverResult> {
    if (mayChangeSession(text)) this.#changed = true;
    const inTransaction = this.#inTransaction;
    return this.#run(text, this.#toWire(values), prepare).then(
      (answer) => toResult(answer, maxRows),
      (error: unknown) => {
        throw toStatementError(error, inTransaction);
      },
    );
  }

  /** Sends, and knows afterwards whether a transaction is open. */
  async #run(text: string, wire: readonly unknown[], prepare?: boolean): Promise<Answer> {
    try {
      const answer = await this.#send(text, wire, prepare);
      if (!this.#learnStatus(lastHeader(answer))) await this.#refreshStatus(text);
      return answer;
    } catch (error) {
      if (isFatal(error)) this.#breakOff();
      else await this.#refreshStatus(text);
      throw error;
    }
  }

  stream(statement: BoundStatement, fetchSize: number): RowStream {
    const opened = async (): Promise<MysqlStream> => {
      if (this.#detour) await this.#takeDetour();
      return this.#open(statement, fetchSize);
    };
    return new WaitingStream(opened());
  }

  #open({ text, values, prepare }: BoundStatement, fetchSize: number): MysqlStream {
    if (!this.#usable) throw new ConnectionLostError('it was lost before', false);
    if (mayChangeSession(text)) this.#changed = true;
    const inTransaction = this.#inTransaction;
    const options = { sql: text, rowsAsArray: true };
    const connection = this.#connection as unknown as StreamingConnection;
    const stream = new MysqlStream({
      command: values.length === 0 ? connection.query(options) : connection.execute({ ...options, values: this.#toWire(values) }),
      fetchSize,
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      kill: () => void this.#kill(),
      onEnd: async (header, failure) => {
        this.#stream = undefined;
        this.#failRunning = undefined;
        if (prepare === false && values.length > 0 && this.#usable) this.#connection.unprepare(options as never);
        if (failure === undefined && this.#learnStatus(header)) return undefined;
        if (failure !== undefined && isFatal(failure)) this.#breakOff();
        else await this.#refreshStatus(text);
        return failure === undefined ? undefined : toStatementError(failure, inTransaction);
      },
    });
    this.#failRunning = (error) => stream.lost(error);
    return (this.#stream = stream);
  }

  async executeMany(batch: BoundBatch): Promise<number> {
    if (this.#detour) await this.#takeDetour();
    const own = !this.#inTransaction;
    await this.#plain(own ? 'BEGIN' : 'SAVEPOINT kailash_many');
    try {
      const affected = await runBatch(batch, async (text, values, row) => (await this.#one(text, values, !own, row)).rowCount);
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

  async #one(text: string, values: readonly unknown[], inTransaction: boolean, row?: number): Promise<DriverResult> {
    try {
      return toResult(await this.#run(text, this.#toWire(values)));
    } catch (error) {
      throw toStatementError(error, inTransaction, row);
    }
  }

  async ping(): Promise<void> {
    if (this.#detour) await this.#takeDetour();
    await this.#orLost(this.#track<void>((done) => this.#connection.ping((error) => done(error))));
  }

  async probeRole(): Promise<ConnectionRole> {
    if (this.#detour) await this.#takeDetour();
    await this.#orLost(this.#askRole());
    return this.role;
  }

  /** `super_read_only` implies `read_only`; in newer MariaDB it is a word and no number. */
  async #askRole(): Promise<void> {
    const { data } = await this.#send('SELECT @@global.read_only', []);
    const value = (data as unknown[][])[0]?.[0];
    this.role = value === 0 || value === '0' || value === 'OFF' ? 'primary' : 'replica';
    this.#detour ||= (this.role === 'replica') !== this.#readOnly;
  }

  cancel(): Promise<void> {
    const killed = this.#kill();
    this.#stream?.stop(INTERRUPTED);
    return killed;
  }

  /** KILL QUERY from a connection of its own; resolves when the server has answered. */
  #kill(): Promise<void> {
    const stop = (this.#stopKilling = new AbortController());
    this.#detour = true;
    return (this.#cancelling = this.#sendKill(stop.signal).catch(() => {}));
  }

  async #sendKill(signal: AbortSignal): Promise<void> {
    const killer = await open(this.#mysql, this.#options, signal);
    signal.addEventListener('abort', () => streamOf(killer).destroy(), { once: true });
    try {
      await new Promise<void>((resolve) => killer.query(`KILL QUERY ${this.#connection.threadId}`, () => resolve()));
    } finally {
      killer.destroy();
    }
  }

  async reset(): Promise<void> {
    if (this.#detour) await this.#takeDetour();
    if (this.#inTransaction) await this.#plain('ROLLBACK');
    if (!this.#changed) return;
    await this.#track<void>((done) =>
      (this.#connection as unknown as { reset(callback: (error: unknown) => void): void }).reset((error) => done(error)),
    );
    this.#autocommit = true;
    this.#readOnly = false;
    await this.#prepareSession();
    await this.#follow();
    this.#changed = false;
  }

  /** Settings that every session begins with. */
  async #prepareSession(): Promise<void> {
    await this.#send(SESSION_DEFAULTS, []);
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

  #toWire(values: readonly unknown[]): unknown[] {
    return values.map((value) => toWire(value as ParameterValue, this.#typed));
  }

  async #takeDetour(): Promise<void> {
    await this.#settleCancel();
    await this.#follow();
    this.#detour = (this.role === 'replica') !== this.#readOnly;
  }

  /** Makes the session read-only on a replica, and writable on a primary; a transaction that is open stays as it is. */
  async #follow(): Promise<void> {
    const readOnly = this.role === 'replica';
    if (this.#inTransaction || readOnly === this.#readOnly) return;
    await this.#plain(`SET SESSION TRANSACTION READ ${readOnly ? 'ONLY' : 'WRITE'}`);
    this.#readOnly = readOnly;
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

  /** Whatever goes wrong is told as a loss: where nothing can be refused, a refusal proves nothing. */
  async #orLost(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#breakOff();
      const told = toStatementError(error, true);
      throw told instanceof ConnectionLostError ? told : new ConnectionLostError(told.message, false);
    }
  }

  #learnStatus(header: Header | undefined): boolean {
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
      this.#learnStatus(lastHeader(await this.#send('DO 0', [])));
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
      if (prepare === false) this.#connection.unprepare({ sql: text, rowsAsArray: true } as never);
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

/** What mysql2's types do not tell: commands without a callback, and how to hold them. */
interface StreamingConnection {
  query(options: { readonly sql: string; readonly rowsAsArray: boolean }): StreamingCommand;
  execute(options: { readonly sql: string; readonly rowsAsArray: boolean; readonly values: unknown[] }): StreamingCommand;
  pause(): void;
  resume(): void;
}
