/** One connection of mysql2. */
import type { Connection } from 'mysql2';
import type { ConnectionRole, TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, DriverConnection, DriverResult, RowStream } from '../driver.ts';
import { ConnectionLostError, StatementError } from '../errors.ts';
import { parseGtidPosition, parseGtidSet, type LogPosition } from '../log-position.ts';
import type { ParameterValue } from '../parameters.ts';
import { runBatch } from './multi-row.ts';
import { MysqlAhead } from './mysql-ahead.ts';
import { lastHeader, toResult, type Answer, type Done, type Header, type Sending } from './mysql-answers.ts';
import { asError, holdsTooMany, INTERRUPTED, isFatal, toStatementError } from './mysql-errors.ts';
import { sendKill, closingOf, streamOf, watchStatus, type LoginTarget } from './mysql-login.ts';
import { MysqlSession } from './mysql-session.ts';
import { MysqlStream, type StreamingConnection } from './mysql-stream.ts';
import { readingAllNames, toWire, type TypedIntegers } from './mysql-values.ts';
import { runOnConnect } from './new-session.ts';
import { PreparedNames } from './prepared-names.ts';
import { WaitingStream } from './waiting-stream.ts';

const IN_TRANSACTION = 0x0001;
const AUTOCOMMIT = 0x0002;
/** Command cannot be prepared, and must go as text. */
const UNSUPPORTED_PS = 1295;

const MYSQL_POSITION = 'SELECT @@global.read_only, @@global.server_id, @@global.gtid_executed';
/** What was written here or replayed, and what was replayed alone. */
const MARIADB_POSITION = 'SELECT @@global.read_only, @@global.server_id, @@global.gtid_current_pos, @@global.gtid_slave_pos';

/** Modes: idle -> busy -> idle; from any -> lost | destroyed, which is final. */
export class MysqlConnection implements DriverConnection {
  role: ConnectionRole = 'primary';
  readonly ahead: MysqlAhead;
  /** mysql2 loads it anew at each access. */
  readonly #typed: TypedIntegers;
  readonly #connection: Connection;
  readonly #login: LoginTarget;
  readonly #prepared: PreparedNames;
  readonly #session: MysqlSession;
  #settleRunning: Done | undefined;
  #usable = true;
  #inTransaction = false;
  #autocommit = true;
  /** Whether its transactions are read-only, as they shall be on a replica. */
  #readOnly = false;
  #stream: MysqlStream | undefined;
  #isMariaDb: boolean | undefined;
  #cancelling: Promise<void> | undefined;
  /** Something must be done before the next statement. */
  #detour = false;
  #stopKilling: AbortController | undefined;
  #onLost: () => void = () => {};

  constructor(login: LoginTarget, connection: Connection) {
    this.#login = login;
    this.#prepared = new PreparedNames(login.target.prepareCacheSize);
    this.#typed = login.mysql.TypedParameter;
    this.#connection = connection;
    this.ahead = new MysqlAhead(connection, this.#prepared, (start) => this.#command(start));
    this.#session = new MysqlSession(connection, login.target.database);
    watchStatus(connection, (flags) => this.#learnStatus(flags));
    connection.on('error', () => this.#lost());
    streamOf(connection).on('close', () => this.#lost());
  }

  get usable(): boolean {
    return this.#usable;
  }

  get clean(): boolean {
    return !this.#session.changed && !this.#cancelling && !this.#inTransaction;
  }

  get transactionStatus(): TransactionStatus {
    return this.#inTransaction ? 'open' : 'idle';
  }

  /** @internal What is left to do after login. */
  async begin(): Promise<void> {
    await this.#prepareSession();
    await this.#askRole();
    await this.#takeDetour();
    await this.#runHook();
  }

  async #runHook(): Promise<void> {
    const { onConnect, applicationName } = this.#login.target;
    await runOnConnect(this, { onConnect, pool: applicationName, dialect: 'mysql' });
    this.#session.begun();
  }

  execute(statement: BoundStatement): Promise<DriverResult> {
    if (this.#detour) return this.#takeDetour().then(() => this.#execute(statement));
    return this.#execute(statement);
  }

  #execute({ text, values, prepare, maxRows }: BoundStatement): Promise<DriverResult> {
    this.#session.note(text);
    const sending = { text, values: this.#toWire(values), prepare, inTransaction: this.#inTransaction };
    if (isText(values, prepare) || !this.#prepared.keeps(prepare)) return this.#run(sending, (answer) => toResult(answer, maxRows));
    const kept = this.#prepared.find(text, true)!;
    const wasPrepared = kept.known;
    return this.#run(sending, (answer) => {
      kept.known = true;
      return { ...toResult(answer, maxRows), wasPrepared };
    });
  }

  /** mysql2 keeps what it has prepared, in the same order as our record of it. */
  forgetPrepared(matches: (text: string) => boolean): void {
    this.#prepared.forgetMatching((text) => {
      const forgotten = matches(text);
      if (forgotten && this.#usable) this.#connection.unprepare({ sql: text, rowsAsArray: true } as never);
      return forgotten;
    });
    this.#prepared.takeEvicted();
  }

  /** Sends, and knows afterwards whether a transaction is open. One promise, because this is the hot path. */
  #run<T>({ text, values, prepare, inTransaction, row }: Sending, finish: (answer: Answer) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#send(text, values, prepare, (error, data, fields) => {
        if (holdsTooMany(error) && this.#prepared.size > 0) {
          // What we keep is ours to give up: the server's limit is shared by all of its clients.
          this.forgetPrepared((known) => known !== text);
          return resolve(this.#run({ text, values, prepare, inTransaction, row }, finish));
        }
        if (error) {
          void this.#refused(error).then(() => reject(toStatementError(error, inTransaction, values, row)));
          return;
        }
        const answer = { data, fields };
        this.#learnFrom(lastHeader(answer));
        try {
          resolve(finish(answer));
        } catch (failure) {
          reject(failure); // thrown into mysql2, it would end the process
        }
      });
    });
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
    this.#session.note(text);
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
        this.#settleRunning = undefined;
        if (prepare === false && values.length > 0 && this.#usable) this.#connection.unprepare(options as never);
        if (failure === undefined) this.#learnFrom(header);
        else await this.#refused(failure);
        return failure === undefined ? undefined : toStatementError(failure, inTransaction, values);
      },
    });
    this.#settleRunning = (error) => stream.lost(error);
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

  #one(text: string, values: readonly unknown[], inTransaction: boolean, row?: number): Promise<DriverResult> {
    return this.#run({ text, values: this.#toWire(values), inTransaction, row }, toResult);
  }

  async ping(): Promise<void> {
    if (this.#detour) await this.#takeDetour();
    await this.#orLost(this.#command((settle) => this.#connection.ping(settle)));
  }

  async probeRole(): Promise<ConnectionRole> {
    if (this.#detour) await this.#takeDetour();
    await this.#orLost(this.#askRole());
    return this.role;
  }

  async readPosition(): Promise<LogPosition | undefined> {
    this.#isMariaDb ??= String((await this.#askRow('SELECT version()'))[0]).includes('MariaDB');
    const [readOnly, server, executed, replayed] = await this.#askRow(this.#isMariaDb ? MARIADB_POSITION : MYSQL_POSITION);
    this.#setRole(readOnly);
    if (!this.#isMariaDb) return parseGtidSet(String(executed));
    return parseGtidPosition(String(this.role === 'primary' ? executed : replayed), Number(server));
  }

  /** `super_read_only` implies `read_only`; in newer MariaDB it is a word and no number. */
  async #askRole(): Promise<void> {
    const [readOnly] = await this.#askRow('SELECT @@global.read_only');
    this.#setRole(readOnly);
  }

  #setRole(value: unknown): void {
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
    return (this.#cancelling = sendKill(this.#login, this.#connection.threadId, stop.signal).catch(() => {}));
  }

  async reset(): Promise<void> {
    if (this.#detour) await this.#takeDetour();
    if (this.#inTransaction) await this.#plain('ROLLBACK');
    if (!this.#session.changed) return;
    if (this.#session.isSpoiled) throw new ConnectionLostError('its session was changed', false);
    await this.#command((settle) => (this.#connection as unknown as { reset(callback: Done): void }).reset(settle));
    this.#prepared.clear();
    this.#autocommit = true;
    this.#readOnly = false;
    await this.#prepareSession();
    await this.#follow();
    await this.#runHook();
  }

  /** Settings that every session begins with. */
  async #prepareSession(): Promise<void> {
    for (const text of this.#session.beginning()) await this.#ask(text);
  }

  async close(): Promise<void> {
    if (!this.#usable) return;
    this.#usable = false;
    // The server answers COM_QUIT by closing.
    const closed = closingOf(this.#connection);
    this.#connection.end();
    await closed;
  }

  destroy(): void {
    this.#breakOff();
    this.#stopKilling?.abort();
    this.#settleRunning?.(new ConnectionLostError('it was destroyed', true));
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
  async #orLost(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#breakOff();
      const told = toStatementError(error, true);
      throw told instanceof ConnectionLostError ? told : new ConnectionLostError(told.message, false);
    }
  }

  #learnFrom(header: Header | undefined): void {
    if (header) this.#learnStatus(header.serverStatus ?? 0);
  }

  #learnStatus(flags: number): void {
    this.#inTransaction = (flags & IN_TRANSACTION) !== 0;
    this.#autocommit = (flags & AUTOCOMMIT) !== 0;
  }

  /** Errors come without a status: a deadlock ends the transaction, a duplicate key does not. */
  async #refused(error: unknown): Promise<void> {
    if (isFatal(error)) return this.#breakOff();
    if (!this.#inTransaction && this.#autocommit) return;
    try {
      this.#learnFrom(lastHeader(await this.#ask('DO 0')));
    } catch (failure) {
      if (isFatal(failure)) this.#breakOff();
    }
  }

  /** Without values as text: some commands cannot be prepared, and one round trip is less. */
  #send(text: string, values: readonly unknown[], prepare: boolean | undefined, done: Done): void {
    if (isText(values, prepare))
      return this.#track(done, (settle) => void readingAllNames(this.#connection.query({ sql: text, rowsAsArray: true }, settle)));
    const options = { sql: text, rowsAsArray: true, values: values as never };
    if (values.length > 0 && prepare !== false)
      return this.#track(done, (settle) => void readingAllNames(this.#connection.execute(options, settle)));
    const settled: Done = (error, data, fields) => {
      if (prepare === false && this.#usable) this.#connection.unprepare(options as never);
      if (values.length === 0 && (error as { errno?: number } | null)?.errno === UNSUPPORTED_PS) this.#send(text, [], false, done);
      else done(error, data, fields);
    };
    this.#track(settled, (settle) => void readingAllNames(this.#connection.execute(options, settle)));
  }

  /** Starts a command of mysql2. Its callback or the loss of the connection settles it, whichever comes first. */
  #track(done: Done, start: (settle: Done) => void): void {
    if (!this.#usable) return done(new ConnectionLostError('it was lost before', false));
    const settle: Done = (error, data, fields) => {
      if (this.#settleRunning !== settle) return;
      this.#settleRunning = undefined;
      done(error, data, fields);
    };
    this.#settleRunning = settle;
    start(settle);
  }

  /** A command that is none of SQL. @throws as mysql2 throws */
  #command(start: (settle: Done) => void): Promise<void> {
    return new Promise((resolve, reject) => this.#track((error) => (error ? reject(asError(error)) : resolve()), start));
  }

  /** A statement of our own, without the status. @throws as mysql2 throws */
  #ask(text: string): Promise<Answer> {
    return new Promise((resolve, reject) =>
      this.#send(text, [], undefined, (error, data, fields) => (error ? reject(asError(error)) : resolve({ data, fields }))),
    );
  }

  async #askRow(text: string): Promise<readonly unknown[]> {
    const { data } = await this.#ask(text);
    return (data as unknown[][])[0] ?? [];
  }

  #breakOff(): void {
    this.#usable = false;
    streamOf(this.#connection).destroy();
  }

  #lost(): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    if (this.#settleRunning) this.#settleRunning(new ConnectionLostError('the server closed it', true));
    else if (wasUsable) this.#onLost();
  }
}

/** Without values a statement goes as text, unless it is asked to be prepared. */
const isText = (values: readonly unknown[], prepare: boolean | undefined): boolean => values.length === 0 && prepare !== true;
