/** The other side of a modelled pool: servers in changing moods, and what a client may do to a connection only at the right moment. */
import type { SimulatedClock } from '@kailash-ts/core/testing';
import type { ConnectionRole } from '../contract.ts';
import type { BoundStatement, DriverResult, HostPlan } from '../driver.ts';
import { AuthenticationError, ConnectError, ConnectionLostError, StatementError } from '../errors.ts';
import { nothing, ScriptedConnection } from './scripted-driver.ts';

/** `late` opens a connection after the pool has given it up; the others are what they say. */
export type Mood = 'up' | 'slow' | 'down' | 'full' | 'denied' | 'hanging' | 'late';

/** What a statement does on the server. */
export interface Script {
  /** Infinity for one that ends only when it is cancelled. */
  readonly ms: number;
  /** What it leaves behind: `stubborn` and `stuck` are sessions whose reset fails or hangs. */
  readonly effect: 'none' | 'dirty' | 'begin' | 'mistake' | 'lost' | 'stubborn' | 'stuck';
  /** How long a cancel takes to arrive, and whether the server then obeys. */
  readonly cancelMs: number;
  readonly obeys: boolean;
}

interface Attempt {
  readonly host: string;
  readonly signal: AbortSignal;
}

interface Operation {
  readonly kind: 'statement' | 'reset' | 'check';
  readonly text: string | undefined;
  readonly script: Script | undefined;
  /** Its caller has been told that it is over. */
  isStopped: boolean;
  fail(error: unknown): void;
}

const CONNECT_MS: Readonly<Record<'up' | 'slow' | 'late', number>> = { up: 0, slow: 700, late: 1500 };

/** Owned by one model. Counts its own timers, so that the pool's can be told from them. */
export class ModelServer {
  readonly clock: SimulatedClock;
  readonly connections: ModelConnection[] = [];
  readonly moods = new Map<string, Mood>();
  /** By the text of the statement. */
  readonly scripts = new Map<string, Script>();
  /** What a client must never do, as it happened. */
  readonly violations: string[] = [];
  /** When something last went wrong that may slow the pool down. */
  lastTrouble = -Infinity;
  ownTimers = 0;
  /** Connections that broke, or were destroyed while they worked. */
  breaks = 0;
  onStatement: (text: string, connection: ModelConnection) => void = () => {};
  /** The connection broke under a statement whose caller still waits for it. */
  onStatementLost: (text: string) => void = () => {};
  /** A check took its time, or failed: whoever was to be served stands in line again. */
  onSlowCheck: () => void = () => {};
  readonly #attempts = new Set<Attempt>();

  constructor(clock: SimulatedClock) {
    this.clock = clock;
  }

  trouble(): void {
    this.lastTrouble = this.clock.now();
  }

  /** @param statement what ran there, if anybody waits for it */
  broke(statement: string | undefined): void {
    this.trouble();
    this.breaks += 1;
    if (statement !== undefined) this.onStatementLost(statement);
  }

  /** Calls back after that time, at once for 0; returns what stops it. */
  after(ms: number, callback: () => void): () => void {
    if (ms === Infinity) return () => {};
    if (ms === 0) {
      let stopped = false;
      queueMicrotask(() => {
        if (!stopped) callback();
      });
      return () => (stopped = true);
    }
    this.ownTimers += 1;
    let over = false;
    const end = (): void => {
      if (!over) this.ownTimers -= 1;
      over = true;
    };
    const stop = this.clock.setTimer(() => {
      end();
      callback();
    }, ms);
    return () => {
      end();
      stop();
    };
  }

  connect({ name: host, role }: HostPlan, signal: AbortSignal): Promise<ModelConnection> {
    const attempt: Attempt = { host, signal };
    this.#attempts.add(attempt);
    const mood = this.moods.get(host) ?? 'up';
    return new Promise<ModelConnection>((resolve, reject) => {
      const refuse = (error: unknown): void => {
        this.#attempts.delete(attempt);
        this.trouble();
        reject(error);
      };
      signal.addEventListener('abort', () => {
        // An attempt that nobody needs any more is given up without that.
        if (signal.reason instanceof ConnectError) this.trouble();
        if (mood === 'late') return;
        stop();
        this.#attempts.delete(attempt);
        reject(signal.reason);
      });
      const open = (): void => {
        this.#attempts.delete(attempt);
        const connection = new ModelConnection(this, host, role, signal.aborted);
        this.connections.push(connection);
        resolve(connection);
      };
      const act = (): void => {
        if (mood === 'down') refuse(new ConnectError('refused', { reason: 'ECONNREFUSED', retryable: true }));
        else if (mood === 'full') refuse(new ConnectError('full', { serverFull: true, retryable: true }));
        else if (mood === 'denied') refuse(new AuthenticationError('denied', '28P01'));
        else open();
      };
      const stop = this.after(mood === 'hanging' ? Infinity : (CONNECT_MS[mood as 'up'] ?? 0), act);
    });
  }

  /** Attempts that the pool still waits for. */
  connectingTo(host: string): number {
    return [...this.#attempts].filter((attempt) => attempt.host === host && !attempt.signal.aborted).length;
  }

  /** Connections that the client has not closed, also those that broke. */
  unclosed(host?: string): ModelConnection[] {
    return this.connections.filter((connection) => !connection.closed && (host === undefined || connection.host === host));
  }
}

/** Keeps what the client may do: one operation at a time, none after the end, no cancel that meets another operation. */
export class ModelConnection extends ScriptedConnection {
  readonly host: string;
  /** It was given up before it was there: nobody may use it. */
  readonly cameLate: boolean;
  /** The other side answers nothing any more. */
  silent = false;
  readonly #server: ModelServer;
  #operation: Operation | undefined;
  #cancels = 0;
  #dirty = false;
  #reset: 'works' | 'fails' | 'hangs' = 'works';

  constructor(server: ModelServer, host: string, role: ConnectionRole, cameLate: boolean) {
    super();
    this.#server = server;
    this.host = host;
    this.role = role;
    this.cameLate = cameLate;
  }

  /** An operation runs, or a cancel is on its way. */
  get isBusy(): boolean {
    return this.#operation !== undefined || this.#cancels > 0;
  }

  get isChecked(): boolean {
    return this.#operation?.kind === 'check';
  }

  /** What runs, unless it was cancelled (and perhaps does not obey). */
  get statement(): string | undefined {
    return this.#operation?.isStopped === false ? this.#operation.text : undefined;
  }

  /** Why nobody may be lent it, if so. */
  get fault(): string | undefined {
    if (this.closed) return 'is closed';
    if (this.cameLate) return 'came after it was given up';
    if (this.#operation) return `still runs a ${this.#operation.kind}`;
    if (this.#cancels > 0) return 'has a cancel on its way';
    if (this.#dirty) return 'is dirty';
    return this.transactionStatus === 'idle' ? undefined : 'has a transaction open';
  }

  override execute({ text }: BoundStatement): Promise<DriverResult> {
    this.#server.onStatement(text, this);
    const script = this.#server.scripts.get(text)!;
    return this.#perform('statement', script.ms, () => this.#finish(script), script, text);
  }

  override reset(): Promise<void> {
    return this.#perform('reset', this.#reset === 'hangs' ? Infinity : 0, () => {
      if (this.#reset === 'fails') throw new ConnectionLostError('it cannot be reset', false);
      this.transactionStatus = 'idle';
      this.#dirty = false;
      this.#tell();
    });
  }

  override async ping(): Promise<void> {
    const { clock } = this.#server;
    const startedAt = clock.now();
    if (this.silent) this.#server.onSlowCheck();
    await this.#perform('check', 0, () => {});
    if (clock.now() > startedAt) this.#server.onSlowCheck();
  }

  override async probeRole(): Promise<ConnectionRole> {
    await this.ping();
    return this.role;
  }

  override async cancel(): Promise<void> {
    this.cancels += 1;
    const meant = this.#operation;
    if (meant) meant.isStopped = true;
    this.#cancels += 1;
    this.#tell();
    await new Promise<void>((resolve) => this.#server.after(this.silent ? Infinity : (meant?.script?.cancelMs ?? 0), resolve));
    this.#cancels -= 1;
    this.#tell();
    const hit = this.#operation;
    if (!hit) return;
    if (hit !== meant) this.#violation(`a cancel came late and hit a ${hit.kind}`);
    else if (meant.script?.obeys !== false) hit.fail(new StatementError('cancelled', { kind: 'other', sqlState: '57014' }));
  }

  override async close(): Promise<void> {
    if (this.#operation) this.#violation(`closed in order while a ${this.#operation.kind} runs`);
    this.destroy();
  }

  override destroy(): void {
    if (this.usable && this.isBusy) this.#server.broke(this.statement);
    super.destroy();
    this.#operation?.fail(new ConnectionLostError('it was destroyed', true));
  }

  /** The other side ends it: noticed at once, by whoever uses it or by the pool. */
  kill(): void {
    if (!this.usable) return;
    this.#server.broke(this.statement);
    if (!this.#operation) return this.breakDown();
    this.usable = false;
    this.#operation.fail(new ConnectionLostError('it was killed', true));
  }

  #finish({ effect }: Script): DriverResult {
    if (effect === 'lost') {
      this.usable = false;
      this.#server.broke(this.statement);
      throw new ConnectionLostError('the statement broke it', true);
    }
    if (effect === 'mistake') throw new StatementError('no such table', { kind: 'unknown_object', sqlState: '42P01' });
    if (effect === 'begin') this.transactionStatus = 'open';
    else if (effect !== 'none') this.#dirty = true;
    if (effect === 'stubborn') this.#reset = 'fails';
    if (effect === 'stuck') this.#reset = 'hangs';
    this.#tell();
    return nothing;
  }

  #perform<T>(kind: Operation['kind'], ms: number, finish: () => T, script?: Script, text?: string): Promise<T> {
    if (!this.usable) this.#violation(`a ${kind} begins although it is lost or closed`);
    if (this.#operation) this.#violation(`a ${kind} begins while a ${this.#operation.kind} runs`);
    if (this.#cancels > 0) this.#violation(`a ${kind} begins while a cancel is on its way`);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        stop();
        if (this.#operation === operation) this.#operation = undefined;
      };
      const operation: Operation = {
        kind,
        text,
        script,
        isStopped: false,
        fail: (error) => {
          end();
          reject(error);
        },
      };
      this.#operation = operation;
      const stop = this.#server.after(this.silent ? Infinity : ms, () => {
        try {
          resolve(finish());
        } catch (error) {
          reject(error);
        }
        end();
      });
    });
  }

  /** What a driver would say of it. */
  #tell(): void {
    this.clean = !this.#dirty && this.transactionStatus === 'idle' && this.#cancels === 0;
  }

  #violation(what: string): void {
    this.#server.violations.push(`connection ${this.#server.connections.indexOf(this) + 1}: ${what}`);
  }
}
