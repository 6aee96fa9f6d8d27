import { metrics as otelMetrics, trace } from '@opentelemetry/api';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Dialect } from '@kailash-ts/sql';
import { SimulatedClock } from '@kailash-ts/core/testing';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from './breaker.ts';
import { PoolEventBus } from './events.ts';
import { classifyError } from './error-classes.ts';
import {
  AcquireTimeoutError,
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  PoolAbortedError,
  StatementError,
  StatementParametersError,
} from './errors.ts';
import { PoolMetrics, type PoolGauges } from './metrics.ts';
import { PrometheusExporter } from './prometheus.ts';
import { PoolTelemetry } from './telemetry.ts';

const SECRET = 'hunter2';
const NUMBER = '4111111111111111';
/** As text, number, bytes. */
const SECRETS = [SECRET, NUMBER, Buffer.from(SECRET).toString('hex')];
const GAUGES: PoolGauges = { active: 1, idle: 0, total: 1, connecting: 0, waiting: 0, min: 1, max: 1 };

/** Comments that only one database knows. */
const COMMENTS: Readonly<Record<Dialect, string>> = {
  postgresql: `SELECT 1 /* ${SECRET} /* ${SECRET} */ ${SECRET} */`,
  mysql: `SELECT 1 # ${SECRET}`,
  sqlite: `SELECT 1 /* ${SECRET}`,
};

/** Statements with a secret where a value may stand, and where people put one by mistake. */
const STATEMENTS = [
  `SELECT * FROM users WHERE password = '${SECRET}'`,
  `SELECT * FROM cards WHERE number = ${NUMBER} OR number = -${NUMBER}.5e3`,
  `INSERT INTO users VALUES ('${SECRET}', ${NUMBER}), ('it''s ${SECRET}', 0x${SECRETS[2]})`,
  `UPDATE users SET password = E'\\'${SECRET}', b = X'${SECRETS[2]}' WHERE a IN ('${SECRET}', '${SECRET}')`,
  `SELECT $$${SECRET}$$, $tag$ ' ${SECRET} $tag$, U&'${SECRET}', N'${SECRET}', B'1'`,
  `SELECT 1 -- ${SECRET}\n/* ${SECRET} */`,
  `SELECT '${SECRET}`,
  `SELECT "${SECRET}`,
  `SELECT $$${SECRET}`,
  `SELECT /* ${SECRET}`,
  `SELECT * FROM users WHERE password = "${SECRET}" AND a LIKE "${SECRET}%" OR b IN ("${SECRET}", "${SECRET}")`,
  `SELECT * FROM users WHERE name = 'it's ${SECRET}'`,
  `SELECT * FROM users WHERE name = 'it's ${SECRET}' AND b = 'it's'`,
  `SELECT 'a\\', '${SECRET}'`,
  `SELECT 'a\\\\', '${SECRET}'`,
  `SELECT 1 /*!50000 , '${SECRET}' */ /*!99999 ${SECRET}'s */`,
  `SET password TO ${SECRET}`,
  `SET SESSION my.secret = ${SECRET}; SELECT 1`,
  `SELECT 1; SET my.secret = ${SECRET}`,
  `PRAGMA key = ${SECRET}`,
  `PRAGMA key("${SECRET}")`,
  `ATTACH 'x.db' AS y KEY '${SECRET}'`,
  `CREATE USER bob PASSWORD '${SECRET}'`,
  `CREATE USER 'bob' IDENTIFIED BY '${SECRET}'`,
  `ALTER ROLE bob ENCRYPTED PASSWORD '${SECRET}' VALID UNTIL '2030-01-01'`,
  `COPY t FROM STDIN;\n1\t${SECRET}\n2\t${SECRET}`,
  `COPY t FROM PROGRAM 'curl -u bob:${SECRET} x'`,
  `XA START '${SECRET}'`,
  `${SECRET}`,
  `postgres://bob:${SECRET}@db/shop`,
  `WITH x AS (SELECT '${SECRET}') ${SECRET}`,
  `SELECT\u0000'${SECRET}'`,
  `\ufeff'${SECRET}' SELECT`,
];

class SecretiveError extends Error {
  override readonly name = SECRET;
  readonly code = SECRET;
  readonly sqlState = SECRET;
  readonly sql = `SELECT '${SECRET}'`;
  readonly detail = SECRET;
}

/** Errors with a secret in every place where one could stand. */
function hostileErrors(sql: string): unknown[] {
  const driver = new SecretiveError(`near "${sql}"`);
  const connect = new ConnectError(`refused: ${sql}`, { reason: SECRET, cause: driver });
  const login = new AuthenticationError(`password ${SECRET} refused`, SECRET);
  return [
    driver,
    connect,
    login,
    new ConnectError('x', { reason: 'ECONNREFUSED', code: SECRET }),
    new StatementError(sql, { kind: SECRET as never, sqlState: SECRET, table: SECRET, constraint: SECRET }),
    new StatementError(sql, { kind: 'unique_violation', sqlState: SECRET, errno: SECRET as never }),
    new StatementError(sql, { kind: 'other' }, { code: SECRET }),
    new StatementParametersError(`value ${SECRET}`),
    new ConnectionLostError(SECRET, true),
    new PoolAbortedError(sql, true, driver),
    new AcquireTimeoutError('orders', 5, GAUGES, connect),
    SECRET,
    { message: SECRET, code: SECRET, [SECRET]: SECRET },
  ];
}

describe('what figures, traces and channels tell', () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const spans = new InMemorySpanExporter();
  let meters: MeterProvider;
  const heard: unknown[] = [];
  const listen = (message: unknown): void => void heard.push(message);

  beforeEach(() => {
    meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })] });
    otelMetrics.setGlobalMeterProvider(meters);
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
    subscribe('kailash:pool:statement:executed', listen);
  });

  afterEach(async () => {
    unsubscribe('kailash:pool:statement:executed', listen);
    otelMetrics.disable();
    trace.disable();
    await meters.shutdown();
    exporter.reset();
    spans.reset();
    heard.length = 0;
  });

  it.each<Dialect>(['postgresql', 'mysql', 'sqlite'])('holds no value, no secret and no words of an error (%s)', async (dialect) => {
    const clock = new SimulatedClock();
    const telemetry = new PoolTelemetry({ poolName: 'orders', dialect, gauges: () => GAUGES });
    const metrics = new PoolMetrics('orders', clock, telemetry);
    const breaker = new CircuitBreaker('orders', {}, clock);
    const errors = hostileErrors(STATEMENTS[0]!);
    const run = (sql: string, error?: unknown): void => {
      const failure = error === undefined ? null : classifyError(error);
      telemetry.end(telemetry.start(sql)!, 1, error);
      telemetry.end(telemetry.start(sql, 2)!, 1, error);
      if (error === undefined) metrics.executed(1);
      else metrics.failed(error, 1);
      if (error !== undefined) breaker.failure(error);
      const code = failure?.code ?? undefined;
      new PoolEventBus('orders').emit('statement:executed', { pool: 'orders', connectionId: 'primary-1', durationMs: 1, code });
    };
    const outputs: string[] = [];
    const tell = (): void => void outputs.push(JSON.stringify(metrics.snapshot(GAUGES)), JSON.stringify(breaker.getStatus()));
    for (const sql of [...STATEMENTS, COMMENTS[dialect]]) run(sql);
    for (const error of errors) {
      run(STATEMENTS[0]!, error);
      metrics.connectFailed(error);
      metrics.acquireFailed(error);
      metrics.healthChecked(false, 1, error);
      tell();
    }
    const source = {
      metrics,
      databaseType: dialect,
      gauges: () => GAUGES,
      connections: () => [],
      circuitState: () => breaker.state,
      isFailing: () => false,
    };
    outputs.push(await new PrometheusExporter(source).text());
    await meters.forceFlush();
    const told = spans.getFinishedSpans().map(({ name, attributes, status, events }) => ({ name, attributes, status, events }));
    expect(told).toHaveLength(2 * (STATEMENTS.length + 1 + errors.length));
    expect(heard).toHaveLength(STATEMENTS.length + 1 + errors.length);
    // One by one first, so that a failure names the statement.
    for (const span of told) for (const secret of SECRETS) expect(inspect(span, { depth: null })).not.toContain(secret);
    outputs.push(
      inspect(told, { depth: null }),
      inspect(exporter.getMetrics(), { depth: null, maxArrayLength: null }),
      inspect(heard, { depth: null }),
    );
    for (const output of outputs) for (const secret of SECRETS) expect(output.toLowerCase()).not.toContain(secret);
    telemetry.close();
  });
});
