/** A driver without a database, for tests of what the pool itself decides: a test scripts what the other side does, in virtual time. */
import type { ConnectionRole, Row, TransactionStatus } from '../contract.ts';
import type { BoundStatement, Driver, DriverConnection, DriverResult, HostPlan, PreparesAhead, RowStream } from '../driver.ts';
import { ConnectionLostError } from '../errors.ts';

export const nothing: DriverResult = { rows: [], rowCount: 0, fields: [] };

export class ScriptedConnection implements DriverConnection {
  role: ConnectionRole = 'primary';
  transactionStatus: TransactionStatus = 'idle';
  clean = true;
  usable = true;
  onExecute: (statement: BoundStatement) => Promise<DriverResult> = async ({ text }) => ({
    ...nothing,
    wasPrepared: this.prepared.has(text),
  });
  onReset: () => Promise<void> = async () => {};
  onPing: () => Promise<void> = async () => {};
  onProbe: () => Promise<ConnectionRole> = async () => this.role;
  /** What `cancel` does besides being counted. */
  onCancel: () => Promise<void> = async () => {};
  /** Pieces that a stream gives. */
  pieces: Row[][] = [];
  onPrepare: (text: string) => Promise<void> = async () => {};
  /** Texts that were prepared before they were run. */
  readonly prepared = new Set<string>();
  readonly ahead: PreparesAhead = {
    savesRoundTrip: true,
    lacks: (text) => !this.prepared.has(text),
    prepare: async (text) => {
      await this.onPrepare(text);
      this.prepared.add(text);
    },
  };
  cancels = 0;
  closed = false;
  readonly executed: string[] = [];
  #lost: () => void = () => {};

  execute(statement: BoundStatement): Promise<DriverResult> {
    this.executed.push(statement.text);
    return this.onExecute(statement);
  }
  async executeMany(): Promise<number> {
    return 0;
  }
  stream(): RowStream {
    const pieces = [...this.pieces];
    return { fields: [], next: async () => pieces.shift(), close: async () => void pieces.splice(0) };
  }
  async ping(): Promise<void> {
    await this.onPing();
    if (!this.usable) throw new ConnectionLostError('it was broken by its script', false);
  }
  probeRole(): Promise<ConnectionRole> {
    return this.onProbe();
  }
  async cancel(): Promise<void> {
    this.cancels += 1;
    await this.onCancel();
  }
  async reset(): Promise<void> {
    await this.onReset();
    this.transactionStatus = 'idle';
    this.clean = true;
  }
  async close(): Promise<void> {
    this.closed = true;
    this.usable = false;
  }
  forgetPrepared(): void {}

  destroy(): void {
    this.closed = true;
    this.usable = false;
  }
  onLost(listener: () => void): void {
    this.#lost = listener;
  }
  /** The other side ends it while nothing runs. */
  breakDown(): void {
    if (!this.usable) return;
    this.usable = false;
    this.#lost();
  }
}

export class ScriptedDriver implements Driver {
  readonly dialect = 'postgresql';
  readonly hosts: readonly HostPlan[];
  /** All that were opened, in that order. */
  readonly connections: ScriptedConnection[] = [];
  attempts = 0;
  onConnect: (host: HostPlan, signal: AbortSignal) => Promise<ScriptedConnection> = async () => new ScriptedConnection();

  constructor(hosts: readonly HostPlan[]) {
    this.hosts = hosts;
  }
  async connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    this.attempts += 1;
    const connection = await this.onConnect(host, signal);
    this.connections.push(connection);
    return connection;
  }
  async close(): Promise<void> {}
  /** Connections that are open on the other side. */
  get open(): ScriptedConnection[] {
    return this.connections.filter((connection) => connection.usable);
  }
}
