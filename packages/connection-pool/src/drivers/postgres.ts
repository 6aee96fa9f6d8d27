/** PostgreSQL through pg. Extended protocol only; statements are prepared from their second use on. */
import { createConnection } from 'node:net';
import type { Client, ClientConfig } from 'pg';
import type { ServerTarget } from '../config.ts';
import type { TransactionStatus } from '../contract.ts';
import type { BoundBatch, BoundStatement, Driver, DriverConnection, DriverResult, HostPlan } from '../driver.ts';
import { ConnectionLostError, DriverMissingError, StatementError } from '../errors.ts';
import type { ParameterValue } from '../parameters.ts';
import { mayChangeSession } from '../session-effects.ts';
import { PreparedNames } from './prepared-names.ts';
import { commitRolledBack, isFatal, toConnectError, toStatementError } from './postgres-errors.ts';
import {
  submit,
  Submission,
  type PgWire,
  type SubmissionFailure,
  type SubmissionPlan,
  type SubmissionResult,
} from './postgres-submission.ts';
import { toWire } from './postgres-values.ts';

/** Rows of a batch that go out before an answer is awaited: bounds the memory of both sides. */
const BATCH_ROWS = 5000;

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

/** Driver for PostgreSQL. @throws DriverMissingError when pg is not installed (at the first connect). */
export class PostgresDriver implements Driver {
  readonly dialect = 'postgresql';
  readonly hosts: readonly HostPlan[];
  readonly #target: ServerTarget;

  constructor(target: ServerTarget, hosts: readonly HostPlan[]) {
    this.#target = target;
    this.hosts = hosts;
  }

  async connect(_host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const { Client } = await loadPg();
    const { host, port, prepareCacheSize } = this.#target;
    const client = new Client(clientConfig(this.#target));
    const drop = (): void => wireOf(client).stream.destroy();
    // pg reports a broken idle connection as an event, which ends the process when nobody listens.
    client.on('error', () => {});
    signal.addEventListener('abort', drop, { once: true });
    try {
      signal.throwIfAborted();
      await client.connect();
      signal.throwIfAborted();
      return new PostgresConnection(client, { host, port }, prepareCacheSize);
    } catch (error) {
      drop();
      throw signal.aborted ? signal.reason : toConnectError(error, `${host}:${port}`);
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  async close(): Promise<void> {}
}

async function loadPg(): Promise<typeof import('pg')> {
  try {
    const loaded = (await import('pg')) as unknown as { default: typeof import('pg') };
    return loaded.default;
  } catch (error) {
    throw new DriverMissingError('PostgreSQL', 'pg', error);
  }
}

function clientConfig({ host, port, database, user, password, applicationName }: ServerTarget): ClientConfig {
  return {
    host,
    port,
    database,
    user,
    password,
    application_name: applicationName,
    // The same meaning of times without a zone on all databases; also what RESET ALL returns to.
    options: '-c TimeZone=UTC -c DateStyle=ISO',
    keepAlive: true,
  };
}

function wireOf(client: Client): PgWire {
  return (client as unknown as { connection: PgWire }).connection;
}

class PostgresConnection implements DriverConnection {
  readonly #client: Client;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #prepared: PreparedNames;
  #current: Submission | undefined;
  #usable = true;
  #changed = false;
  #cancelling: Promise<void> | undefined;
  #stopCancel: AbortController | undefined;
  #onLost: () => void = () => {};

  constructor(client: Client, address: { readonly host: string; readonly port: number }, prepareCacheSize: number) {
    this.#client = client;
    this.#address = address;
    this.#prepared = new PreparedNames(prepareCacheSize);
    client.on('error', (error) => this.#lost(error));
    client.on('end', () => this.#lost(new ConnectionLostError('the server closed it', true)));
  }

  get usable(): boolean {
    return this.#usable;
  }

  get clean(): boolean {
    return !this.#changed && !this.#cancelling && this.transactionStatus === 'idle';
  }

  get transactionStatus(): TransactionStatus {
    const status = (this.#client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
    return status === 'T' ? 'open' : status === 'E' ? 'failed' : 'idle';
  }

  async execute(statement: BoundStatement): Promise<DriverResult> {
    await this.#settleCancel();
    if (mayChangeSession(statement.text)) this.#changed = true;
    const result = await this.#executeOnce(statement, true);
    if (result.command === 'ROLLBACK' && /^\s*(?:commit|end)\b/i.test(statement.text)) throw commitRolledBack();
    return result;
  }

  /** A statement that the server forgot, or whose plan no longer fits its tables, is prepared anew, once, outside of transactions. */
  async #executeOnce(statement: BoundStatement, mayRetry: boolean): Promise<SubmissionResult> {
    const { text, values, prepare } = statement;
    const { name, known, evict } = this.#prepared.nameFor(text, prepare);
    const inTransaction = this.transactionStatus !== 'idle';
    const rows = [values.map((value) => toWire(value as ParameterValue))];
    const { submission, failure, result } = await this.#submit({ text, rows, batch: false, statement: name, parse: !known, evict });
    if (submission.parsed) this.#prepared.confirm(text);
    if (!failure) return result;
    if (known && isStale(failure.error)) {
      this.#prepared.forget(text);
      if (mayRetry && !inTransaction) return this.#executeOnce(statement, false);
    }
    throw toStatementError(failure.error, inTransaction);
  }

  async executeMany({ text, rows }: BoundBatch): Promise<number> {
    await this.#settleCancel();
    const inTransaction = this.transactionStatus !== 'idle';
    const own = !inTransaction && rows.length > BATCH_ROWS;
    if (own) await this.#simple('BEGIN');
    try {
      let affected = 0;
      for (let start = 0; start < rows.length; start += BATCH_ROWS) affected += await this.#batch({ text, rows }, start, inTransaction);
      if (own) await this.#simple('COMMIT');
      return affected;
    } catch (error) {
      if (own && this.#usable) await this.#simple('ROLLBACK').catch(() => this.destroy());
      throw error;
    }
  }

  async #batch({ text, rows }: BoundBatch, start: number, inTransaction: boolean): Promise<number> {
    const piece = rows.slice(start, start + BATCH_ROWS).map((row) => row.map((value) => toWire(value as ParameterValue)));
    const { failure, result } = await this.#submit({ text, rows: piece, batch: true, statement: '', parse: true });
    if (failure) throw toStatementError(failure.error, inTransaction, start + failure.row);
    return result.rowCount;
  }

  cancel(): Promise<void> {
    this.#stopCancel = new AbortController();
    const { processID, secretKey } = this.#client as unknown as { processID: number; secretKey: number };
    return (this.#cancelling = sendCancel(this.#address, processID, secretKey, this.#stopCancel.signal));
  }

  async reset(): Promise<void> {
    await this.#settleCancel();
    if (this.transactionStatus !== 'idle') await this.#simple('ROLLBACK');
    if (!this.#changed) return;
    this.#prepared.clear();
    await this.#client.query(CLEAN_SESSION);
    this.#changed = false;
  }

  async close(): Promise<void> {
    this.#usable = false;
    await this.#client.end().catch(() => {});
  }

  destroy(): void {
    this.#usable = false;
    this.#stopCancel?.abort();
    wireOf(this.#client).stream.destroy();
    this.#current?.connectionLost(new ConnectionLostError('it was destroyed', true));
  }

  onLost(listener: () => void): void {
    this.#onLost = listener;
  }

  async #simple(text: string): Promise<void> {
    const { failure } = await this.#submit({ text, rows: [[]], batch: false, statement: '', parse: true });
    if (failure) throw toStatementError(failure.error, true);
  }

  /**
   * A cancel request travels apart from the connection and may hit after its statement has ended. So the next user of the
   * connection waits until the request is through, and lets a statement that does nothing take a late hit.
   */
  async #settleCancel(): Promise<void> {
    if (!this.#cancelling) return;
    await this.#cancelling;
    this.#cancelling = undefined;
    if (this.transactionStatus === 'failed') return;
    await this.#simple('SELECT 1').catch((error: unknown) => {
      if (!(error instanceof StatementError)) throw error;
    });
  }

  #submit(plan: SubmissionPlan): Promise<Submitted> {
    return new Promise((resolve) => {
      const submission: Submission = new Submission(plan, (failure, result) => {
        this.#current = undefined;
        if (failure && isFatal(failure.error)) this.#breakOff();
        resolve({ submission, failure, result });
      });
      this.#current = submission;
      if (this.#usable) submit(this.#client, submission);
      else submission.connectionLost(new ConnectionLostError('it was lost before', false));
    });
  }

  #breakOff(): void {
    this.#usable = false;
    wireOf(this.#client).stream.destroy();
  }

  #lost(error: unknown): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    const running = this.#current;
    if (running) running.connectionLost(error);
    else if (wasUsable) this.#onLost();
  }
}

/** How it went; `result` is complete only without `failure`. */
interface Submitted {
  readonly submission: Submission;
  readonly failure: SubmissionFailure | undefined;
  readonly result: SubmissionResult;
}

function isStale(error: unknown): boolean {
  const { code, routine } = error as { code?: string; routine?: string };
  return code === '26000' || (code === '0A000' && routine === 'RevalidateCachedQuery');
}

/** CancelRequest (PostgreSQL manual, "Canceling Requests in Progress"). Resolves when the server has closed: it has acted by then. */
function sendCancel(
  address: { readonly host: string; readonly port: number },
  processId: number,
  secretKey: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const message = Buffer.alloc(16);
    message.writeInt32BE(16, 0);
    message.writeInt32BE(80877102, 4);
    message.writeInt32BE(processId, 8);
    message.writeInt32BE(secretKey, 12);
    const socket = createConnection(address);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => socket.write(message));
    socket.resume();
  });
}
