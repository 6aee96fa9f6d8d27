import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOffSampler, BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionLostError, StatementError } from './errors.ts';
import { PoolTelemetry, type TelemetryOptions } from './telemetry.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const OPTIONS: TelemetryOptions = {
  poolName: 'orders',
  dialect: 'postgresql',
  serverAddress: 'db.example',
  serverPort: 5432,
  namespace: 'shop',
  gauges: () => ({ active: 3, idle: 1, total: 4, connecting: 0, waiting: 7, min: 2, max: 6 }),
};
const TARGET = { 'db.system.name': 'postgresql', 'server.address': 'db.example', 'server.port': 5432, 'db.namespace': 'shop' };
const POOL = { 'db.client.connection.pool.name': 'orders' };

interface Told {
  readonly unit: string;
  readonly points: readonly (readonly [attributes: object, value: unknown])[];
}

let exporter: InMemoryMetricExporter;
let provider: MeterProvider;
let spans: InMemorySpanExporter;

function startMeter(): void {
  metrics.setGlobalMeterProvider(provider);
}

function startTracer(options: ConstructorParameters<typeof BasicTracerProvider>[0] = {}): void {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ ...options, spanProcessors: [new SimpleSpanProcessor(spans)] }));
}

/** What a collection tells, by the name of the metric. Histograms as count and sum. */
async function collect(): Promise<Record<string, Told>> {
  exporter.reset();
  await provider.forceFlush();
  const told = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return Object.fromEntries(
    told.map(({ descriptor, dataPoints }) => {
      const points = dataPoints.map(({ attributes, value }) => {
        return [attributes, typeof value === 'number' ? value : [value.count, value.sum]] as const;
      });
      return [descriptor.name, { unit: descriptor.unit, points }];
    }),
  );
}

beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })] });
  spans = new InMemorySpanExporter();
});

afterEach(async () => {
  metrics.disable();
  trace.disable();
  context.disable();
  await provider.shutdown();
});

describe('the telemetry of a pool', () => {
  it('without an SDK starts nothing', () => {
    const telemetry = new PoolTelemetry(OPTIONS);
    expect(telemetry.start('SELECT 1')).toBeUndefined();
    telemetry.waited(1);
    telemetry.held(1);
    telemetry.connected(1);
    telemetry.timedOut();
    telemetry.close();
  });

  it('tells metrics by the semantic conventions: names, units, attributes, seconds', async () => {
    startMeter();
    const telemetry = new PoolTelemetry(OPTIONS);
    telemetry.waited(250);
    telemetry.held(1000);
    telemetry.connected(2000);
    telemetry.timedOut();
    telemetry.end(telemetry.start('SELECT * FROM users')!, 500);
    expect(await collect()).toEqual({
      'db.client.connection.count': {
        unit: '{connection}',
        points: [
          [{ ...POOL, 'db.client.connection.state': 'idle' }, 1],
          [{ ...POOL, 'db.client.connection.state': 'used' }, 3],
        ],
      },
      'db.client.connection.idle.max': { unit: '{connection}', points: [[POOL, 6]] },
      'db.client.connection.idle.min': { unit: '{connection}', points: [[POOL, 2]] },
      'db.client.connection.max': { unit: '{connection}', points: [[POOL, 6]] },
      'db.client.connection.pending_requests': { unit: '{request}', points: [[POOL, 7]] },
      'db.client.connection.timeouts': { unit: '{timeout}', points: [[POOL, 1]] },
      'db.client.connection.create_time': { unit: 's', points: [[POOL, [1, 2]]] },
      'db.client.connection.wait_time': { unit: 's', points: [[POOL, [1, 0.25]]] },
      'db.client.connection.use_time': { unit: 's', points: [[POOL, [1, 1]]] },
      'db.client.operation.duration': { unit: 's', points: [[{ ...TARGET, 'db.operation.name': 'SELECT' }, [1, 0.5]]] },
    });
  });

  it("tells an operation's failure by the database's code, or by ours", async () => {
    startMeter();
    const telemetry = new PoolTelemetry(OPTIONS);
    const fail = (error: unknown): void => telemetry.end(telemetry.start('UPDATE t SET a = 1')!, 1000, error);
    fail(new StatementError('no', { kind: 'unique_violation', sqlState: '23505' }));
    fail(new StatementError('no', { kind: 'unique_violation', sqlState: '23000', errno: 1062 }));
    fail(new ConnectionLostError('gone', true));
    fail(new Error('who knows'));
    const { points } = (await collect())['db.client.operation.duration']!;
    const update = { ...TARGET, 'db.operation.name': 'UPDATE' };
    expect(points.map(([attributes]) => attributes)).toEqual([
      { ...update, 'error.type': '23505', 'db.response.status_code': '23505' },
      { ...update, 'error.type': '1062', 'db.response.status_code': '1062' },
      { ...update, 'error.type': 'POOL_CONNECTION_LOST' },
      { ...update, 'error.type': 'unknown' },
    ]);
  });

  it('makes a CLIENT span of each statement, child of the one that is active', () => {
    startTracer();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const telemetry = new PoolTelemetry(OPTIONS);
    trace.getTracer('test').startActiveSpan('node', (parent) => {
      telemetry.end(telemetry.start("SELECT * FROM users WHERE name = 'Bob' AND age > 42")!, 5);
      parent.end();
    });
    const [span, node] = spans.getFinishedSpans();
    expect(span?.parentSpanContext?.spanId).toBe(node?.spanContext().spanId);
    expect(span?.name).toBe('SELECT users');
    expect(span?.kind).toBe(SpanKind.CLIENT);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.attributes).toEqual({
      ...TARGET,
      'db.operation.name': 'SELECT',
      'db.query.summary': 'SELECT users',
      'db.query.text': 'SELECT * FROM users WHERE name = ? AND age > ?',
    });
  });

  it('tells a failed span by codes alone', () => {
    startTracer();
    const telemetry = new PoolTelemetry(OPTIONS);
    const error = new StatementError('words', { kind: 'deadlock', sqlState: '40P01' });
    telemetry.end(telemetry.start('DELETE FROM t')!, 5, error);
    const [span] = spans.getFinishedSpans();
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'POOL_STATEMENT_FAILED' });
    expect(span?.attributes).toMatchObject({ 'error.type': '40P01', 'db.response.status_code': '40P01' });
    expect(span?.events).toEqual([]);
  });

  it('tells a batch and its size', () => {
    startTracer();
    const telemetry = new PoolTelemetry({ ...OPTIONS, dialect: 'mysql', systemName: 'mariadb' });
    telemetry.end(telemetry.start('INSERT INTO t VALUES (?)', 3)!, 5);
    telemetry.end(telemetry.start('INSERT INTO t VALUES (?)', 1)!, 5);
    const [batch, single] = spans.getFinishedSpans();
    expect(batch?.name).toBe('BATCH INSERT t');
    expect(batch?.attributes).toMatchObject({
      'db.system.name': 'mariadb',
      'db.operation.name': 'BATCH INSERT',
      'db.operation.batch.size': 3,
    });
    expect(single?.name).toBe('INSERT t');
    expect(single?.attributes).not.toHaveProperty('db.operation.batch.size');
  });

  it('names a span after the system where the text tells no operation', () => {
    startTracer();
    const telemetry = new PoolTelemetry(OPTIONS);
    telemetry.end(telemetry.start('hunter2')!, 5);
    expect(spans.getFinishedSpans()[0]?.name).toBe('postgresql');
  });

  it('in a trace that is not sampled tells no text and finishes no span', () => {
    startTracer({ sampler: new AlwaysOffSampler() });
    const telemetry = new PoolTelemetry(OPTIONS);
    const statement = telemetry.start('SELECT 1')!;
    expect(statement.span).toBeUndefined();
    telemetry.end(statement, 5);
    expect(spans.getFinishedSpans()).toEqual([]);
  });

  it('finds a tracer that comes late at once, a meter at the next connection', async () => {
    const telemetry = new PoolTelemetry(OPTIONS);
    expect(telemetry.start('SELECT 1')).toBeUndefined();
    startTracer();
    expect(telemetry.start('SELECT 1')?.span).toBeDefined();
    startMeter();
    telemetry.waited(1000);
    telemetry.connected(1000);
    telemetry.waited(1000);
    const told = await collect();
    expect(told['db.client.connection.wait_time']?.points).toEqual([[POOL, [1, 1]]]);
    expect(told['db.client.connection.create_time']?.points).toEqual([[POOL, [1, 1]]]);
  });

  it('two pools are told apart, and a closed one is told no more', async () => {
    startMeter();
    let asked = 0;
    const gauges = (): ReturnType<TelemetryOptions['gauges']> => {
      asked += 1;
      return OPTIONS.gauges();
    };
    const first = new PoolTelemetry({ ...OPTIONS, gauges });
    const second = new PoolTelemetry({ ...OPTIONS, poolName: 'other' });
    expect((await collect())['db.client.connection.max']?.points).toHaveLength(2);
    expect(asked).toBe(1);
    first.close();
    first.connected(1);
    first.waited(1);
    expect(await collect()).not.toHaveProperty(['db.client.connection.wait_time']);
    expect(asked).toBe(1);
    second.close();
  });
});

describe('a pool with an SDK', () => {
  it('tells spans of its statements, as children of what runs, and figures of its connections; no values', async () => {
    startMeter();
    startTracer();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const { pool } = scriptedPool({ name: 'orders', maxConnections: 2 });
    const tracer = trace.getTracer('test');
    await tracer.startActiveSpan('parent', async (parent) => {
      await pool.query("SELECT 'hush' FROM users WHERE id = $1", ['hush-too']);
      parent.end();
    });
    const told = await collect();
    expect(told['db.client.operation.duration']!.points).toHaveLength(1);
    expect(told['db.client.connection.wait_time']!.points).toMatchObject([[POOL, [1, expect.any(Number)]]]);
    expect(told['db.client.connection.count']!.points).toEqual([
      [{ ...POOL, 'db.client.connection.state': 'idle' }, 1],
      [{ ...POOL, 'db.client.connection.state': 'used' }, 0],
    ]);
    const [child, parent] = spans.getFinishedSpans();
    expect(child!.name).toBe('SELECT users');
    expect(child!.parentSpanContext?.spanId).toBe(parent!.spanContext().spanId);
    expect(JSON.stringify(child!.attributes)).not.toContain('hush');
    await pool.close();
  });
});
