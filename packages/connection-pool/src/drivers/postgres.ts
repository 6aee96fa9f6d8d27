/** PostgreSQL. Extended protocol only; statements are prepared from their second use on. */
import type { ServerAddress, ServerTarget } from '../server-config.ts';
import type { ConnectionRole, TransactionStatus } from '../contract.ts';
import type { LogPosition } from '../log-position.ts';
import type { BoundBatch, BoundStatement, Driver, DriverConnection, DriverResult, HostPlan, RowStream } from '../driver.ts';
import { NotificationsUnsupportedError, SessionUnsupportedError, StatementError, StatementParametersError } from '../errors.ts';
import { isListen, mayChangeSession, setsSession } from '../session-effects.ts';
import { runOnConnect, untilAborted } from './new-session.ts';
import { PreparedNames, type Prepared } from './prepared-names.ts';
import { PostgresAhead } from './postgres-ahead.ts';
import { sendCancel } from './postgres-cancel.ts';
import { CANCELLED, commitRolledBack, isFatal, toStatementError } from './postgres-errors.ts';
import { Batch, Execution, Outcome } from './postgres-exchanges.ts';
import { compose, type Composer } from './postgres-frontend.ts';
import { login, type LoggedIn } from './postgres-login.ts';
import type { RowReader } from './postgres-rows.ts';
import { PieceStream } from './postgres-stream.ts';
import type { PostgresWire } from './postgres-wire.ts';
import { WaitingStream } from './waiting-stream.ts';

/** Rows of a batch that go out before an answer is awaited: bounds the memory of both sides. */
const BATCH_ROWS = 5000;
/** The protocol counts parameters in 16 bits. */
const MOST_PARAMETERS = 65_535;

// All that another borrower could notice, except prepared statements, which go with our own record of them.
const CLEAN_SESSION = [
  'CLOSE ALL',
  'SET SESSION AUTHORIZATION DEFAULT',
  'RESET ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'SELECT pg_advisory_unlock_all()',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
].join('; ');
/** What PgBouncer keeps for each of its clients, and sets where it is not so already. */
const POOLED_SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'";
/** Not what is written or flushed, but what is inserted: a commit that does not wait for the disk lies before it all the same. */
const PRIMARY_POSITION = `SELECT ('x' || substr(pg_walfile_name(lsn), 1, 8))::bit(32)::int AS timeline, (lsn - '0/0')::text AS bytes
  FROM pg_current_wal_insert_lsn() AS lsn`;
/** Users without pg_read_all_stats see nothing of the receiver; the control file then tells the timeline, after a promotion belatedly. */
const REPLICA_POSITION = `SELECT coalesce((SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming'),
  (SELECT timeline_id FROM pg_control_checkpoint())) AS timeline, (pg_last_wal_replay_lsn() - '0/0')::text AS bytes`;
const ALLOW_WRITES = 'SET default_transaction_read_only = off';

/** Driver for PostgreSQL. @throws DriverMissingError when pg is not installed (at the first connect). */
export class PostgresDriver implements Driver {
  readonly dialect = 'postgresql';
  readonly hosts: readonly HostPlan[];
  readonly #target: ServerTarget;

  constructor(target: ServerTarget, hosts: readonly HostPlan[]) {
    this.#target = target;
    this.hosts = hosts;
  }

  async connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const address = this.#target.servers[host.name]!;
    const readOnly = host.role === 'replica';
    const loggedIn = await login({ target: this.#target, address, readOnly }, signal);
    const connection = new PostgresConnection(loggedIn, { ...this.#target, address, readOnly });
    const drop = (): void => connection.destroy();
    signal.addEventListener('abort', drop, { once: true });
    try {
      await untilAborted(connection.prepareSession(), signal);
      return connection;
    } catch (error) {
      connection.destroy();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  async close(): Promise<void> {}
}

interface SessionOptions extends ServerTarget {
  readonly address: ServerAddress;
  /** The session began read-only. */
  readonly readOnly: boolean;
}

class PostgresConnection implements DriverConnection {
  role: ConnectionRole = 'primary';
  readonly ahead: PostgresAhead;
  readonly #loggedIn: LoggedIn;
  readonly #wire: PostgresWire;
  readonly #options: SessionOptions;
  readonly #prepared: PreparedNames<RowReader | null>;
  /** The server tells of a change of its role by itself (PostgreSQL 14). */
  readonly #reportsRole: boolean;
  #stream: PieceStream | undefined;
  #changed = false;
  /** Opened for a replica that is a primary now: may write, other than a fresh session of it. */
  #mayWrite = false;
  #cancelling: Promise<void> | undefined;
  #stopCancel: AbortController | undefined;
  /** Something must be done before the next statement. */
  #detour = false;

  constructor(loggedIn: LoggedIn, options: SessionOptions) {
    this.#loggedIn = loggedIn;
    this.#wire = loggedIn.wire;
    this.#options = options;
    this.#prepared = new PreparedNames(options.prepareCacheSize);
    this.ahead = new PostgresAhead(this.#wire, this.#prepared);
    const standby = loggedIn.parameters.get('in_hot_standby');
    // What a pooler tells is what one of its connections once was.
    this.#reportsRole = standby !== undefined && !options.behindPooler;
    if (this.#reportsRole) this.#setRole(standby === 'on');
    this.#wire.onParameter = (name, value) => this.#reportsRole && name === 'in_hot_standby' && this.#setRole(value === 'on');
  }

  get usable(): boolean {
    return this.#wire.usable;
  }

  get clean(): boolean {
    return !this.#changed && !this.#cancelling && this.#wire.transactionStatus === 'idle';
  }

  get transactionStatus(): TransactionStatus {
    return this.#wire.transactionStatus;
  }

  /** @internal What is left to do after login. */
  async prepareSession(): Promise<void> {
    if (this.#options.behindPooler) await this.#exchange(() => compose().query(POOLED_SESSION).take());
    if (!this.#reportsRole) await this.probeRole();
    if (this.#detour) await this.#takeDetour();
    await this.#runHook();
  }

  async #runHook(): Promise<void> {
    const { onConnect, applicationName } = this.#options;
    await runOnConnect(this, { onConnect, pool: applicationName, dialect: 'postgresql' });
    this.#changed = false;
  }

  execute(statement: BoundStatement): Promise<DriverResult> {
    if (this.#detour) return this.#takeDetour().then(() => this.#execute(statement, true));
    return this.#execute(statement, true);
  }

  /** A statement that the server forgot, or whose plan no longer fits its tables, is prepared anew, once, outside of transactions. */
  #execute(statement: BoundStatement, mayRetry: boolean): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const { text, maxRows = 0 } = statement;
      const inTransaction = this.#wire.transactionStatus !== 'idle';
      const prepared = this.#find(statement);
      const wasPrepared = this.#prepared.keeps(statement.prepare) ? prepared?.known === true : undefined;
      const message = this.#composeBegin(statement, prepared).execute(maxRows);
      if (maxRows > 0) message.close('P', ''); // in a transaction it would stay
      const execution = new Execution(this.#wire, prepared?.description, (ended) => {
        const { failure } = ended;
        if (prepared) this.#learn(prepared, ended);
        if (failure === undefined) {
          if (ended.isRollback && /^\s*(?:commit|end)\b/i.test(text)) return reject(commitRolledBack());
          return resolve({ rows: ended.rows, rowCount: ended.rowCount, fields: ended.reader?.fields ?? [], wasPrepared });
        }
        if (isStale(failure, prepared)) {
          this.#prepared.forget(text);
          if (mayRetry && !inTransaction) return resolve(this.#execute(statement, false));
        }
        reject(this.#failed(failure, inTransaction, statement.values));
      });
      this.#wire.start(execution, message.sync().take());
    });
  }

  stream(statement: BoundStatement, fetchSize: number): RowStream {
    const opened = async (): Promise<PieceStream> => {
      if (this.#detour) await this.#takeDetour();
      return (this.#stream = this.#open(statement, fetchSize));
    };
    return new WaitingStream(opened());
  }

  // A stale statement fails at its first piece: nothing has been read, but an error is simpler than a second stream behind the first.
  #open(statement: BoundStatement, fetchSize: number): PieceStream {
    const inTransaction = this.#wire.transactionStatus !== 'idle';
    const prepared = this.#find(statement);
    const message = this.#composeBegin(statement, prepared).execute(fetchSize).flush().take();
    const stream = new PieceStream({
      wire: this.#wire,
      fetchSize,
      reader: prepared?.description,
      cancel: () => void this.#sendCancel(),
      onEnd: (ended, failure) => {
        this.#stream = undefined;
        if (prepared) this.#learn(prepared, ended);
        if (failure === undefined) return undefined;
        if (isStale(failure, prepared)) this.#prepared.forget(statement.text);
        return this.#failed(failure, inTransaction, statement.values);
      },
    });
    this.#wire.start(stream, message);
    return stream;
  }

  async executeMany({ text, rows }: BoundBatch): Promise<number> {
    if (this.#detour) await this.#takeDetour();
    const inTransaction = this.#wire.transactionStatus !== 'idle';
    this.#look(text);
    const own = !inTransaction && rows.length > BATCH_ROWS;
    if (own) await this.#plain('BEGIN');
    try {
      let affected = 0;
      for (let start = 0; start < rows.length; start += BATCH_ROWS) affected += await this.#batch({ text, rows }, start, inTransaction);
      if (own) await this.#plain('COMMIT');
      return affected;
    } catch (error) {
      if (own && this.usable) await this.#plain('ROLLBACK').catch(() => this.destroy());
      throw error;
    }
  }

  #batch({ text, rows }: BoundBatch, start: number, inTransaction: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      const message = compose().parse('', text);
      const end = Math.min(rows.length, start + BATCH_ROWS);
      for (let index = start; index < end; index++) message.bind('', checkedCount(rows[index]!)).execute(0);
      const batch = new Batch(this.#wire, ({ failure, affected, done }: Batch) =>
        failure === undefined ? resolve(affected) : reject(this.#failed(failure, inTransaction, rows[start + done], start + done)),
      );
      this.#wire.start(batch, message.sync().take());
    });
  }

  /** Sync alone: answered with ReadyForQuery in any state of a transaction. */
  ping(): Promise<void> {
    return this.#exchange(() => compose().sync().take());
  }

  async probeRole(): Promise<ConnectionRole> {
    // A server that reports its role does so before each ReadyForQuery.
    if (this.#reportsRole) await this.ping();
    else if (this.#wire.transactionStatus !== 'failed') {
      const { rows } = await this.#execute({ text: 'SELECT pg_is_in_recovery() AS standby', values: [], prepare: false }, false);
      this.#setRole(rows[0]!['standby'] === true);
    }
    return this.role;
  }

  async readPosition(): Promise<LogPosition | undefined> {
    if (!this.#reportsRole) await this.probeRole();
    const text = this.role === 'primary' ? PRIMARY_POSITION : REPLICA_POSITION;
    const { rows } = await this.#execute({ text, values: [], prepare: true }, true);
    const { timeline, bytes } = rows[0]!;
    return bytes === null ? undefined : { kind: 'wal', timeline: Number(timeline), bytes: Number(bytes) };
  }

  async cancel(): Promise<void> {
    await this.#sendCancel();
    await this.#stream?.stop(CANCELLED);
  }

  #sendCancel(): Promise<void> {
    this.#stopCancel = new AbortController();
    this.#detour = true;
    return (this.#cancelling = sendCancel({ ...this.#options, ...this.#loggedIn }, this.#stopCancel.signal));
  }

  async reset(): Promise<void> {
    if (this.#detour) await this.#takeDetour();
    if (this.#wire.transactionStatus !== 'idle') await this.#plain('ROLLBACK');
    if (!this.#changed) return;
    this.#prepared.clear();
    await this.#exchange(() =>
      compose()
        .query(this.#mayWrite ? `${CLEAN_SESSION}; ${ALLOW_WRITES}` : CLEAN_SESSION)
        .take(),
    );
    await this.#runHook();
  }

  forgetPrepared(matches: (text: string) => boolean): void {
    this.#prepared.forgetMatching(matches);
  }

  async close(): Promise<void> {
    this.#wire.usable = false;
    await this.#loggedIn.client.end().catch(() => {});
  }

  destroy(): void {
    this.#stopCancel?.abort();
    this.#wire.destroy();
  }

  onLost(listener: () => void): void {
    this.#wire.onLost = listener;
  }

  #find({ text, prepare }: BoundStatement): Prepared<RowReader | null> | undefined {
    this.#look(text);
    return this.#prepared.find(text, prepare);
  }

  #look(text: string): void {
    if (!mayChangeSession(text)) return;
    if (isListen(text)) throw new NotificationsUnsupportedError();
    if (this.#options.behindPooler) {
      if (setsSession(text)) throw new SessionUnsupportedError();
    } else this.#changed = true;
  }

  /** All up to Execute: a statement that the server knows is neither parsed nor described again. */
  #composeBegin({ text, values }: BoundStatement, prepared: Prepared<unknown> | undefined): Composer {
    checkedCount(values);
    const message = compose();
    for (const name of this.#prepared.takeEvicted()) message.close('S', name);
    const name = prepared?.name ?? '';
    if (!prepared?.known) message.parse(name, text);
    message.bind(name, values);
    return prepared?.description === undefined ? message.describePortal() : message;
  }

  /** A statement that failed between Parse and Describe is known, and described at its next use. */
  #learn(prepared: Prepared<RowReader | null>, { hasParsed, reader }: Pick<Execution, 'hasParsed' | 'reader'>): void {
    if (hasParsed || (prepared.known && prepared.description === undefined)) this.#prepared.confirm(prepared, reader);
  }

  #failed(failure: unknown, inTransaction: boolean, values?: readonly unknown[], row?: number): Error {
    if (isFatal(failure)) this.#wire.destroy();
    return toStatementError(failure, inTransaction, values, row);
  }

  /** A statement of our own. */
  #plain(text: string): Promise<void> {
    return this.#exchange(() => compose().parse('', text).bind('', []).execute(0).sync().take());
  }

  #exchange(composed: () => Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const outcome = new Outcome(this.#wire, ({ failure }: Outcome) =>
        failure === undefined ? resolve() : reject(this.#failed(failure, true)),
      );
      this.#wire.start(outcome, composed());
    });
  }

  /** Sessions that a pooler shares out cannot be. */
  get #beganReadOnly(): boolean {
    return this.#options.readOnly && !this.#options.behindPooler;
  }

  #setRole(standby: boolean): void {
    this.role = standby ? 'replica' : 'primary';
    if (!standby && this.#beganReadOnly && !this.#mayWrite) this.#detour = true;
  }

  async #takeDetour(): Promise<void> {
    await this.#settleCancel();
    const mustAllow = this.role === 'primary' && this.#beganReadOnly && !this.#mayWrite;
    if (mustAllow && this.#wire.transactionStatus === 'idle') {
      await this.#plain(ALLOW_WRITES);
      this.#mayWrite = true;
    }
    this.#detour = mustAllow && !this.#mayWrite;
  }

  /**
   * A cancel request travels apart from the connection and may hit after its statement has ended. So the next user of the
   * connection waits until the request is through, and lets a statement that does nothing take a late hit.
   */
  async #settleCancel(): Promise<void> {
    if (!this.#cancelling) return;
    await this.#cancelling;
    this.#cancelling = undefined;
    const harmless = this.#wire.transactionStatus === 'failed' ? this.ping() : this.#plain('SELECT 1');
    await harmless.catch((error: unknown) => {
      if (!(error instanceof StatementError)) throw error;
    });
  }
}

function checkedCount(values: readonly unknown[]): readonly unknown[] {
  if (values.length <= MOST_PARAMETERS) return values;
  throw new StatementParametersError(
    `The statement has ${values.length} parameters; PostgreSQL takes at most ${MOST_PARAMETERS}. Send less, or use executeMany.`,
  );
}

function isStale(error: unknown, prepared: Prepared<unknown> | undefined): boolean {
  if (!prepared?.known) return false;
  const { code, routine } = error as { code?: string; routine?: string };
  return code === '26000' || (code === '0A000' && routine === 'RevalidateCachedQuery');
}
