/** Runs statements on connections that somebody holds, and measures them. */
import type { Clock } from '@kailash-ts/core';
import type { Ahead } from './ahead.ts';
import { milliseconds, type PoolConfig } from './config.ts';
import type { ExecuteManyOptions, ExecuteManyResult, ExecuteOptions, ExecuteResult, Params, Row } from './contract.ts';
import type { BoundBatch, BoundStatement, DriverResult } from './driver.ts';
import type { Entry } from './entry.ts';
import { StatementParametersError } from './errors.ts';
import type { PoolEventBus } from './events.ts';
import type { PoolMetrics } from './metrics.ts';
import type { Limits } from './operation.ts';
import { bindBatch, bindStatement } from './parameters.ts';
import type { PoolParts } from './parts.ts';
import type { PoolTelemetry, StatementTrace } from './telemetry.ts';

export type AnyResult = ExecuteResult<readonly Row[] | Row | null>;

/** When a statement was sent; until then, since when it waits for its turn on a lease. */
interface Start {
  at: number;
  waits: boolean;
}

export class Statements {
  readonly #clock: Clock;
  readonly #metrics: PoolMetrics;
  readonly #config: PoolConfig;
  readonly #events: PoolEventBus;
  readonly #telemetry: PoolTelemetry;
  readonly #ahead: Ahead;
  readonly #timeoutMs: number;

  constructor({ clock, metrics, config, events, telemetry, ahead }: PoolParts) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#config = config;
    this.#events = events;
    this.#telemetry = telemetry;
    this.#ahead = ahead;
    this.#timeoutMs = milliseconds(config.statementTimeoutMs);
  }

  /** @throws StatementParametersError, StatementError: nothing was sent */
  bind(sql: string, params: Params | undefined, { prepare, fetchMode, fetchSize }: ExecuteOptions): BoundStatement {
    const bound = bindStatement(sql, params, this.#config.databaseType, prepare);
    if (fetchMode !== 'many') {
      if (fetchSize !== undefined)
        throw new StatementParametersError('fetchSize goes with fetchMode "many" only. Leave it out, or ask for many.');
      return bound;
    }
    if (fetchSize === undefined || !Number.isSafeInteger(fetchSize) || fetchSize < 1)
      throw new StatementParametersError('fetchMode "many" needs fetchSize: how many rows, a whole number from 1.');
    return { ...bound, maxRows: fetchSize };
  }

  /** @throws StatementParametersError naming the row, StatementError: nothing was sent */
  bindMany(sql: string, rows: readonly Params[]): BoundBatch {
    return bindBatch(sql, rows, this.#config.databaseType);
  }

  /** @param startedAt when the caller began; `timeoutMs` counts from there. @param id what the result calls its connection */
  async execute(
    entry: Entry,
    statement: BoundStatement,
    options: ExecuteOptions,
    startedAt: number,
    waitTimeMs: number,
    id: string,
  ): Promise<AnyResult> {
    const start: Start = { at: startedAt + waitTimeMs, waits: entry.busy };
    const trace = this.#telemetry.start(statement.text);
    try {
      const result = await entry.execute(statement, this.limits(options, startedAt, start));
      const executionTimeMs = this.#succeeded(entry, start.at, trace);
      if (result.wasPrepared !== undefined) this.#metrics.prepared(result.wasPrepared);
      this.#ahead.ran(entry, statement.text, result.wasPrepared);
      return toResult(result, options.fetchMode, executionTimeMs, waitTimeMs, id);
    } catch (error) {
      throw this.#failed(entry, start, trace, error);
    }
  }

  async executeMany(
    entry: Entry,
    batch: BoundBatch,
    options: ExecuteManyOptions,
    startedAt: number,
    waitTimeMs: number,
    connectionId: string,
  ): Promise<ExecuteManyResult> {
    const start: Start = { at: this.#clock.now(), waits: entry.busy };
    const trace = this.#telemetry.start(batch.text, batch.rows.length);
    try {
      const rowCount = await entry.executeMany(batch, this.limits(options, startedAt, start));
      return { success: true, rowCount, executionTimeMs: this.#succeeded(entry, start.at, trace), waitTimeMs, connectionId };
    } catch (error) {
      throw this.#failed(entry, start, trace, error);
    }
  }

  /** For one that is run piece by piece: exactly one of the answers is to be called; one that was given up early needs none. */
  begin(entry: Entry, { text }: BoundStatement): { succeeded(): void; failed(error: unknown): unknown } {
    const start: Start = { at: this.#clock.now(), waits: false };
    const trace = this.#telemetry.start(text);
    return {
      succeeded: () => void this.#succeeded(entry, start.at, trace),
      failed: (error) => this.#failed(entry, start, trace, error),
    };
  }

  /** A caller's `timeoutMs` covers waiting and running together: what is left of it. The pool's own covers the running. */
  limits({ signal, timeoutMs }: ExecuteOptions, startedAt: number, start: Start): Limits {
    const limits =
      timeoutMs === undefined
        ? { signal, timeoutMs: this.#timeoutMs }
        : { signal, timeoutMs: Math.max(1, timeoutMs - (start.at - startedAt)), coversTurn: true };
    if (!start.waits) return limits;
    const onTurn = (): void => {
      start.at = this.#clock.now();
      start.waits = false;
    };
    return { ...limits, onTurn };
  }

  #succeeded(entry: Entry, begunAt: number, trace: StatementTrace | undefined): number {
    const now = this.#clock.now();
    const durationMs = now - begunAt;
    this.#metrics.executed(durationMs, now);
    entry.latencies.add(durationMs);
    entry.home.worked(durationMs);
    this.#tell(entry, durationMs, trace, undefined);
    return durationMs;
  }

  /** One that never had its turn says nothing about the connection. */
  #failed(entry: Entry, { at, waits }: Start, trace: StatementTrace | undefined, error: unknown): unknown {
    const now = this.#clock.now();
    const durationMs = waits ? 0 : now - at;
    this.#metrics.failed(error, durationMs, now);
    if (!waits) entry.home.judge(entry, error);
    this.#tell(entry, durationMs, trace, error);
    return error;
  }

  #tell(entry: Entry, durationMs: number, trace: StatementTrace | undefined, error: unknown): void {
    if (trace) this.#telemetry.end(trace, durationMs, error);
    if (!this.#events.has('statement:executed')) return;
    const { code } = (error ?? {}) as { code?: unknown };
    const known = error === undefined ? undefined : typeof code === 'string' ? code : 'UNKNOWN';
    this.#events.emit('statement:executed', { pool: this.#config.name, connectionId: entry.id, durationMs, code: known });
  }
}

function toResult(
  { rows, rowCount, fields, lastInsertId }: DriverResult,
  fetchMode: ExecuteOptions['fetchMode'],
  executionTimeMs: number,
  waitTimeMs: number,
  connectionId: string,
): AnyResult {
  const data = fetchMode === 'one' ? (rows[0] ?? null) : rows;
  const result = { success: true, data, rowCount, fields, executionTimeMs, waitTimeMs, connectionId };
  return lastInsertId === undefined ? result : { ...result, lastInsertId };
}
