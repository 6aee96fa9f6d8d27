/**
 * OpenTelemetry, through its API only: metrics and spans by the semantic conventions for databases (opentelemetry.io/docs/specs/semconv/db).
 * Without an SDK nothing is built, neither a span nor an attribute. Texts appear as templates without values, errors by code alone.
 */
import {
  createNoopMeter,
  metrics,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type BatchObservableCallback,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  type Observable,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { Dialect } from '@kailash-ts/sql';
import type { PoolConfig } from './config.ts';
import { classifyError } from './error-classes.ts';
import { StatementError } from './errors.ts';
import type { MetricsObserver, PoolGauges } from './metrics.ts';
import { StatementTexts, type StatementText } from './statement-text.ts';

export interface TelemetryOptions {
  readonly poolName: string;
  readonly dialect: Dialect;
  /** Default: the dialect. */
  readonly systemName?: 'postgresql' | 'mysql' | 'mariadb' | 'sqlite';
  readonly serverAddress?: string | undefined;
  readonly serverPort?: number | undefined;
  /** Name of the database. */
  readonly namespace?: string | undefined;
  /** Called at each collection; must not throw. */
  gauges(): PoolGauges;
}

/** A statement under way: from `start`, for `end`. */
export interface StatementTrace {
  readonly text: StatementText;
  readonly batch: boolean;
  readonly span: Span | undefined;
}

const SCOPE = '@kailash-ts/connection-pool';
/** Seconds, as the conventions advise for operations; finer at the lower end for waits, which mostly are none. */
const OPERATION_BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const CONNECTION_BOUNDARIES = [0.0001, 0.0005, ...OPERATION_BOUNDARIES, 30, 60];

interface Instruments {
  readonly createTime: Histogram;
  readonly waitTime: Histogram;
  readonly useTime: Histogram;
  readonly duration: Histogram;
  readonly timeouts: Counter;
  unbind(): void;
}

/** One a pool; `close` ends its part in collections. An SDK that comes late is found at the next new connection. */
export class PoolTelemetry implements MetricsObserver {
  readonly #options: TelemetryOptions;
  readonly #texts: StatementTexts;
  readonly #poolAttributes: Attributes;
  readonly #targetAttributes: Attributes;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #tracer: Tracer | undefined;
  #closed = false;

  constructor(options: TelemetryOptions) {
    const { poolName, dialect, systemName = dialect, serverAddress, serverPort, namespace } = options;
    this.#options = options;
    this.#texts = new StatementTexts(dialect);
    this.#poolAttributes = { 'db.client.connection.pool.name': poolName };
    this.#targetAttributes = {
      'db.system.name': systemName,
      ...(serverAddress !== undefined && { 'server.address': serverAddress }),
      ...(serverPort !== undefined && { 'server.port': serverPort }),
      ...(namespace !== undefined && { 'db.namespace': namespace }),
    };
    this.#bind();
  }

  waited(ms: number): void {
    this.#instruments?.waitTime.record(ms / 1000, this.#poolAttributes);
  }

  held(ms: number): void {
    this.#instruments?.useTime.record(ms / 1000, this.#poolAttributes);
  }

  connected(ms: number): void {
    this.#bind();
    this.#instruments?.createTime.record(ms / 1000, this.#poolAttributes);
  }

  timedOut(): void {
    this.#instruments?.timeouts.add(1, this.#poolAttributes);
  }

  /**
   * A statement begins. Its span is a child of the span that is active where this is called.
   * @param batchSize rows of `executeMany`
   * @returns undefined where nobody records; otherwise for `end`, exactly once
   */
  start(sql: string, batchSize?: number): StatementTrace | undefined {
    const tracer = this.#tracerIfAny();
    if (tracer === undefined && this.#instruments === undefined) return undefined;
    const text = this.#texts.describe(sql);
    const batch = batchSize !== undefined && batchSize > 1;
    return { text, batch, span: tracer && this.#startSpan(tracer, text, batch ? batchSize : undefined) };
  }

  /** @param error if it failed */
  end(statement: StatementTrace, durationMs: number, error?: unknown): void {
    const { span } = statement;
    const failure = error === undefined ? undefined : failureAttributes(error);
    const operation = operationName(statement.text, statement.batch);
    this.#instruments?.duration.record(durationMs / 1000, {
      ...this.#targetAttributes,
      ...(operation !== undefined && { 'db.operation.name': operation }),
      ...failure,
    });
    if (span === undefined) return;
    if (failure !== undefined) {
      span.setAttributes(failure);
      // No words: a message may quote what the database said.
      span.setStatus({ code: SpanStatusCode.ERROR, message: classifyError(error).code ?? 'unknown' });
    }
    span.end();
  }

  /** The pool is closed. */
  close(): void {
    this.#closed = true;
    this.#instruments?.unbind();
    this.#instruments = undefined;
  }

  #startSpan(tracer: Tracer, text: StatementText, batchSize: number | undefined): Span | undefined {
    const operation = operationName(text, batchSize !== undefined);
    const span = tracer.startSpan(spanName(text, batchSize !== undefined) ?? String(this.#targetAttributes['db.system.name']), {
      kind: SpanKind.CLIENT,
      attributes: {
        ...this.#targetAttributes,
        ...(operation !== undefined && { 'db.operation.name': operation }),
        ...(text.summary !== undefined && { 'db.query.summary': text.summary }),
        ...(batchSize !== undefined && { 'db.operation.batch.size': batchSize }),
      },
    });
    if (!span.isRecording()) return undefined;
    return span.setAttribute('db.query.text', text.template);
  }

  /** The API's stand-in without an SDK would make an object per span; a tracer that was found once stays. */
  #tracerIfAny(): Tracer | undefined {
    if (this.#tracer !== undefined) return this.#tracer;
    const provider = trace.getTracerProvider() as { getDelegateTracer?: (name: string) => unknown };
    if (typeof provider.getDelegateTracer === 'function' && provider.getDelegateTracer(SCOPE) === undefined) return undefined;
    return (this.#tracer = trace.getTracer(SCOPE));
  }

  #bind(): void {
    const provider = metrics.getMeterProvider();
    if (provider === this.#provider || this.#closed) return;
    this.#instruments?.unbind();
    this.#provider = provider;
    const meter = provider.getMeter(SCOPE);
    this.#instruments = meter === createNoopMeter() ? undefined : makeInstruments(meter, this.#options, this.#poolAttributes);
  }
}

const operationName = ({ operation }: StatementText, batch: boolean): string | undefined =>
  batch && operation !== undefined ? `BATCH ${operation}` : operation;

const spanName = ({ summary }: StatementText, batch: boolean): string | undefined =>
  batch && summary !== undefined ? `BATCH ${summary}` : summary;

/** The database's own code where there is one, else ours: both of fixed sets. */
function failureAttributes(error: unknown): Attributes {
  const status = statusCodeOf(error);
  const { code, errorClass } = classifyError(error);
  return { 'error.type': status ?? code ?? errorClass, ...(status !== undefined && { 'db.response.status_code': status }) };
}

function statusCodeOf(error: unknown): string | undefined {
  if (!(error instanceof StatementError)) return undefined;
  const { sqlState, errno } = error;
  // MySQL: the number says more than the state, which is HY000 for most.
  if (Number.isInteger(errno)) return String(errno);
  return sqlState !== undefined && /^[0-9A-Z]{5}$/.test(sqlState) ? sqlState : undefined;
}

function makeInstruments(meter: Meter, options: TelemetryOptions, pool: Attributes): Instruments {
  const seconds = (name: string, description: string, explicitBucketBoundaries: number[]): Histogram =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries } });
  const connection = (name: string): string => `db.client.connection.${name}`;
  return {
    createTime: seconds(connection('create_time'), 'Time to open a connection.', CONNECTION_BOUNDARIES),
    waitTime: seconds(connection('wait_time'), 'Time to get a connection from the pool.', CONNECTION_BOUNDARIES),
    useTime: seconds(connection('use_time'), 'Time from borrowing a connection to returning it.', CONNECTION_BOUNDARIES),
    duration: seconds('db.client.operation.duration', 'Duration of database client operations.', OPERATION_BOUNDARIES),
    timeouts: meter.createCounter(connection('timeouts'), { description: 'Waits for a connection that timed out.', unit: '{timeout}' }),
    unbind: observeGauges(meter, options, pool),
  };
}

function observeGauges(meter: Meter, options: TelemetryOptions, pool: Attributes): () => void {
  const observable = (name: string, description: string, unit = '{connection}'): Observable =>
    meter.createObservableUpDownCounter(`db.client.connection.${name}`, { description, unit });
  const count = observable('count', 'Connections in each state.');
  const idleMax = observable('idle.max', 'Idle connections that are allowed at most.');
  const idleMin = observable('idle.min', 'Idle connections that are kept.');
  const max = observable('max', 'Open connections that are allowed at most.');
  const pending = observable('pending_requests', 'Callers that wait for a connection.', '{request}');
  const observables = [count, idleMax, idleMin, max, pending];
  const observe: BatchObservableCallback = (result) => {
    const gauges = options.gauges();
    result.observe(count, gauges.idle, { ...pool, 'db.client.connection.state': 'idle' });
    result.observe(count, gauges.active, { ...pool, 'db.client.connection.state': 'used' });
    result.observe(idleMax, gauges.max, pool);
    result.observe(idleMin, gauges.min, pool);
    result.observe(max, gauges.max, pool);
    result.observe(pending, gauges.waiting, pool);
  };
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}

/** What a pool tells of itself. */
export function telemetryOptions(config: PoolConfig, gauges: TelemetryOptions['gauges']): TelemetryOptions {
  const { name: poolName, databaseType: dialect, database: namespace, host: serverAddress, port: serverPort } = config;
  return { poolName, dialect, namespace, serverAddress, serverPort, gauges };
}
