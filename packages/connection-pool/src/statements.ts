/** Runs statements on connections that somebody holds, and measures them. */
import type { Clock } from '@kailash-ts/core';
import { milliseconds, type PoolConfig } from './config.ts';
import type { ExecuteManyOptions, ExecuteManyResult, ExecuteOptions, ExecuteResult, Params, Row } from './contract.ts';
import type { BoundBatch, BoundStatement, DriverResult } from './driver.ts';
import type { Entry } from './entry.ts';
import { StatementParametersError } from './errors.ts';
import type { PoolMetrics } from './metrics.ts';
import type { Limits } from './operation.ts';
import { bindBatch, bindStatement } from './parameters.ts';
import type { PoolParts } from './parts.ts';

export type AnyResult = ExecuteResult<readonly Row[] | Row | null>;

export class Statements {
  readonly #clock: Clock;
  readonly #metrics: PoolMetrics;
  readonly #config: PoolConfig;
  readonly #timeoutMs: number;

  constructor({ clock, metrics, config }: PoolParts) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#config = config;
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
    const begunAt = waitTimeMs === 0 ? startedAt : this.#clock.now();
    try {
      const result = await entry.execute(statement, this.limits(options, startedAt, begunAt));
      const executionTimeMs = this.#succeeded(entry, begunAt);
      return toResult(result, options.fetchMode, executionTimeMs, waitTimeMs, id);
    } catch (error) {
      throw this.#failed(entry, begunAt, error);
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
    const begunAt = this.#clock.now();
    try {
      const rowCount = await entry.executeMany(batch, this.limits(options, startedAt, begunAt));
      return { success: true, rowCount, executionTimeMs: this.#succeeded(entry, begunAt), waitTimeMs, connectionId };
    } catch (error) {
      throw this.#failed(entry, begunAt, error);
    }
  }

  /** A caller's `timeoutMs` covers waiting and running together: what is left of it. */
  limits({ signal, timeoutMs }: ExecuteOptions, startedAt: number, now: number): Limits {
    if (timeoutMs === undefined) return { signal, timeoutMs: this.#timeoutMs };
    return { signal, timeoutMs: Math.max(1, timeoutMs - (now - startedAt)) };
  }

  #succeeded(entry: Entry, begunAt: number): number {
    const now = this.#clock.now();
    const durationMs = now - begunAt;
    this.#metrics.executed(durationMs, now);
    entry.latencies.add(durationMs);
    entry.home.worked();
    return durationMs;
  }

  #failed(entry: Entry, begunAt: number, error: unknown): unknown {
    const now = this.#clock.now();
    this.#metrics.failed(error, now - begunAt, now);
    entry.home.judge(entry, error);
    return error;
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
