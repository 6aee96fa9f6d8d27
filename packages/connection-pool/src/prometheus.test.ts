import { SimulatedClock } from '@kailash-ts/core/testing';
// @ts-expect-error -- it has no types of its own
import parsePrometheusText from 'parse-prometheus-text-format';
import { Counter, Gauge, register as globalRegistry, Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { ERROR_CLASSES } from './error-classes.ts';
import { ConnectError, PoolConfigError, StatementError } from './errors.ts';
import { PoolMetrics } from './metrics.ts';
import { PrometheusExporter } from './prometheus.ts';
import { BUCKET_BOUNDS_MS, FAMILIES, MAX_CONNECTION_SERIES, type PrometheusSource } from './prometheus-families.ts';

interface ParsedMetric {
  readonly labels?: Record<string, string>;
  readonly value?: string;
}
interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly metrics: readonly ParsedMetric[];
}

const parse = parsePrometheusText as (text: string) => ParsedFamily[];

const unique = new StatementError('no', { kind: 'unique_violation' });
let clock: SimulatedClock;
beforeEach(() => {
  clock = new SimulatedClock();
});

function makeSource(name = 'orders', connections: number | string[] = 2): PrometheusSource {
  const ids = typeof connections === 'number' ? Array.from({ length: connections }, (_, i) => `primary-${i + 1}`) : connections;
  return {
    metrics: new PoolMetrics(name, clock),
    databaseType: 'postgresql',
    gauges: () => ({ active: 3, idle: 1, total: 4, connecting: 1, waiting: 7, min: 2, max: 6 }),
    connections: () => ids.map((id, index) => ({ id, healthScore: 100 - index, avgLatencyMs: index === 0 ? null : index * 10 })),
    circuitState: () => 'half_open',
    isFailing: () => true,
  };
}

const textOf = (source: PrometheusSource): Promise<string> => new PrometheusExporter(source).text();

function family(text: string, name: string): ParsedFamily {
  const found = parse(text).find((candidate) => candidate.name === `connection_pool_${name}`);
  expect(found, name).toBeDefined();
  return found!;
}

/** The parser drops what histograms and summaries with labels hold: without their types it reads each line as it stands. */
function lines(text: string, name: string): readonly ParsedMetric[] {
  const untyped = text.replace(/^# TYPE .*(?:histogram|summary)\n/gm, '');
  return parse(untyped).find((candidate) => candidate.name === `connection_pool_${name}`)?.metrics ?? [];
}

const values = (text: string, name: string): Record<string, number> =>
  Object.fromEntries(
    family(text, name).metrics.map(({ labels = {}, value }) => {
      const rest = Object.entries(labels).filter(([key]) => key !== 'pool');
      return [rest.map(([key, label]) => `${key}=${label}`).join(','), Number(value)];
    }),
  );

/** What promtool and the format's description ask for beyond what a lenient parser accepts. */
function expectWellFormed(text: string): void {
  expect(text.endsWith('\n')).toBe(true);
  const seen = new Set<string>();
  const series = new Set<string>();
  const types = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n').filter((candidate) => candidate !== '')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment;
      if (kind === 'HELP') {
        expect(seen, `${name} stands once`).not.toContain(name);
        seen.add(name!);
        current = name!;
      } else types.set(name!, rest!);
      expect(name).toBe(current);
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (NaN|[+-]?Inf|[-+0-9.e]+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name, labels] = sample!;
    expect(series, 'no series twice').not.toContain(`${name}{${labels}}`);
    series.add(`${name}{${labels}}`);
    const type = types.get(current)!;
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['', '_sum', '_count'] : [''];
    expect(
      suffixes.map((suffix) => current + suffix),
      line,
    ).toContain(name);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (labels!.includes('quantile=')) expect(type).toBe('summary');
    if (/(?:^|,)le=/.test(labels!)) expect(type).toBe('histogram');
  }
}

describe('the Prometheus text of a pool', () => {
  it('conformance 80: parses, and is well-formed by the rules of the format; quantiles stand in summaries only', async () => {
    const source = makeSource();
    source.metrics.executed(5);
    source.metrics.failed(unique, 6);
    source.metrics.healthChecked(true, 2);
    const text = await textOf(source);
    expectWellFormed(text);
    const families = parse(text);
    expect(families.map(({ name }) => name)).toEqual(FAMILIES.map(({ name }) => name));
    expect(families.map(({ type }) => type.toLowerCase())).toEqual(FAMILIES.map(({ type }) => type));
    for (const line of text.split('\n')) if (/^[a-z]/.test(line)) expect(line).toContain('{pool="orders"');
    expect(text).toContain('connection_pool_info{pool="orders",database_type="postgresql"} 1\n');
  });

  it('conformance 80: counters are monotonic', async () => {
    const source = makeSource();
    const exporter = new PrometheusExporter(source);
    const counted = async (): Promise<number[]> =>
      parse(await exporter.text())
        .filter(({ type }) => type === 'COUNTER')
        .flatMap(({ metrics }) => metrics.map(({ value }) => Number(value)));
    let last = await counted();
    expect(new Set(last)).toEqual(new Set([0]));
    const happenings = [
      () => source.metrics.acquired(1, true),
      () => source.metrics.executed(1),
      () => source.metrics.failed(unique, 1),
      () => source.metrics.connectFailed(new ConnectError('no', { reason: 'ECONNREFUSED' })),
      () => source.metrics.healthChecked(false, 1),
    ];
    for (const happen of happenings) {
      happen();
      await clock.advance(100_000);
      const next = await counted();
      next.forEach((value, index) => expect(value).toBeGreaterThanOrEqual(last[index]!));
      expect(next.reduce((a, b) => a + b)).toBeGreaterThan(last.reduce((a, b) => a + b));
      last = next;
    }
  });

  it.each([
    ['quotes', 'say "hi"'],
    ['backslashes', 'C:\\new\\'],
    ['line feeds', 'one\ntwo\n# TYPE x counter\nx 1'],
    ['a closing brace', 'a"} 1\nb{c="'],
    ['all of them', '\\"\n\\n"\\\\'],
    ['other alphabets', 'Größe 池 🐘'],
  ])('conformance 80: escapes %s in labels', async (_name, name) => {
    const text = await textOf(makeSource(name, [name]));
    expectWellFormed(text);
    expect(family(text, 'info').metrics[0]?.labels).toEqual({ pool: name, database_type: 'postgresql' });
    expect(family(text, 'connection_health_score').metrics[0]?.labels).toEqual({ pool: name, connection: name });
  });

  it('replaces what some reader would take for the end of a line, and what is no UTF-8; cuts what is too long', async () => {
    const text = await textOf(makeSource('a\r\0\u2028b\ud800c'));
    expect(family(text, 'info').metrics[0]?.labels?.['pool']).toBe('a\ufffd\ufffd\ufffdb\ufffdc');
    const long = family(await textOf(makeSource('x'.repeat(199) + '🐘'.repeat(1000))), 'info').metrics[0]?.labels?.['pool'];
    expect(long).toBe(`${'x'.repeat(199)}\ufffd`);
  });

  it('has real histograms: cumulative buckets in seconds, the last one equal to the count', async () => {
    const source = makeSource();
    for (const ms of [0.05, 1, 3, 3, 70, 100_000]) source.metrics.executed(ms);
    const text = await textOf(source);
    expect(family(text, 'query_execution_seconds').type).toBe('HISTOGRAM');
    expect(lines(text, 'query_execution_seconds_count')).toEqual([{ labels: { pool: 'orders' }, value: '6' }]);
    expect(Number(lines(text, 'query_execution_seconds_sum')[0]?.value)).toBeCloseTo(100.07705, 9);
    const buckets = lines(text, 'query_execution_seconds_bucket');
    expect(buckets.map(({ labels }) => bound(labels!['le']!))).toEqual([...BUCKET_BOUNDS_MS.map((ms) => ms / 1000), Infinity]);
    expect(buckets.map(({ value }) => Number(value))).toEqual([1, 1, 1, 2, 2, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6]);
  });

  it('has quantiles of the last 1000, without values none', async () => {
    const source = makeSource();
    expect(lines(await textOf(source), 'recent_acquisition_seconds')).toEqual([]);
    for (let ms = 1; ms <= 2000; ms++) source.metrics.acquired(ms, true);
    const text = await textOf(source);
    expect(family(text, 'recent_acquisition_seconds').type).toBe('SUMMARY');
    const quantiles = lines(text, 'recent_acquisition_seconds').map(({ labels, value }) => [labels?.['quantile'], value]);
    expect(Object.fromEntries(quantiles)).toEqual({ 0.5: '1.5', 0.9: '1.9', 0.95: '1.95', 0.99: '1.99' });
    expect(lines(text, 'recent_acquisition_seconds_count')[0]?.value).toBe('2000');
    expect(lines(text, 'recent_acquisition_seconds_sum')[0]?.value).toBe('2001');
  });

  it('tells how the pool stands', async () => {
    const source = makeSource();
    source.metrics.healthChecked(true, 1);
    source.metrics.executed(1);
    await clock.advance(10_000);
    const text = await textOf(source);
    const gauges = ['connections_active', 'connections_idle', 'connections_total', 'connections_connecting', 'queue_depth'];
    expect(gauges.map((name) => values(text, name)[''])).toEqual([3, 1, 4, 1, 7]);
    const others = ['utilization', 'health_check_success_rate', 'queries_per_second', 'uptime_seconds', 'failing', 'connections_max'];
    expect(others.map((name) => values(text, name)[''])).toEqual([0.5, 1, 0.1, 10, 1, 6]);
    expect(values(text, 'circuit_state')).toEqual({ 'state=closed': 0, 'state=open': 0, 'state=half_open': 1 });
    expect(values(text, 'connection_health_score')).toEqual({ 'connection=primary-1': 100, 'connection=primary-2': 99 });
    expect(values(text, 'connection_latency_seconds')).toEqual({ 'connection=primary-2': 0.01 });
  });

  it('leaves out what was not measured', async () => {
    expect(await textOf(makeSource())).not.toMatch(/^connection_pool_health_check_success_rate\{/m);
  });

  it('has few series, whatever happens: errors of a fixed set, connections up to a limit', async () => {
    const source = makeSource('big', 200);
    for (let i = 0; i < 500; i++) source.metrics.failed(Object.assign(new Error(`e${i}`), { code: `E${i}`, name: `N${i}` }), 1);
    const text = await textOf(source);
    const errors = values(text, 'errors_total');
    expect(Object.keys(errors)).toEqual(ERROR_CLASSES.map((errorClass) => `class=${errorClass}`));
    expect(errors['class=unknown']).toBe(500);
    const health = values(text, 'connection_health_score');
    expect(Object.keys(health)).toHaveLength(MAX_CONNECTION_SERIES + 1);
    expect(health['connection=other']).toBe(100 - 199);
    expect(values(text, 'connection_latency_seconds')['connection=other']).toBeCloseTo(1.25, 9);
    expect(text.split('\n').length).toBeLessThan(500);
  });

  it('leaves the global registry alone', async () => {
    await textOf(makeSource());
    expect(globalRegistry.getMetricsAsArray()).toEqual([]);
  });
});

describe("a user's registry", () => {
  it('collects several pools beside its own metrics, told apart even when they have one name', async () => {
    const registry = new Registry();
    new Counter({ name: 'mine_total', help: 'Mine.', registers: [registry] }).inc(3);
    const [first, second] = [makeSource('a'), makeSource('a')];
    first.metrics.executed(1);
    const removeFirst = new PrometheusExporter(first).register(registry);
    const removeSecond = new PrometheusExporter(second).register(registry);
    const both = await registry.metrics();
    const labelled = both.replace('mine_total 3', 'mine_total{a="b"} 3');
    expectWellFormed(labelled);
    expect(family(both, 'queries_total').metrics.map(({ labels, value }) => [labels?.['pool'], value])).toEqual([
      ['a', '1'],
      ['a#2', '0'],
    ]);
    removeFirst();
    expect(family(await registry.metrics(), 'queries_total').metrics).toHaveLength(1);
    removeSecond();
    removeSecond();
    expect(parse(await registry.metrics()).map(({ name }) => name)).toEqual(['mine_total']);
  });

  it('may be cleared and used again, and reset without our counters going down', async () => {
    const registry = new Registry();
    const source = makeSource();
    const exporter = new PrometheusExporter(source);
    source.metrics.executed(1);
    exporter.register(registry);
    registry.resetMetrics();
    expect(values(await registry.metrics(), 'queries_total')['']).toBe(1);
    registry.clear();
    exporter.register(registry);
    exporter.register(registry);
    expect(family(await registry.metrics(), 'queries_total').metrics).toHaveLength(1);
  });

  it('that has metrics of our names already is refused as it is', () => {
    const registry = new Registry();
    new Gauge({ name: 'connection_pool_utilization', help: 'Mine.', registers: [registry] });
    expect(() => new PrometheusExporter(makeSource()).register(registry)).toThrow(PoolConfigError);
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  it('may be of the OpenMetrics format', async () => {
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const source = makeSource();
    const remove = new PrometheusExporter(source).register(registry);
    source.metrics.executed(1);
    for (let i = 0; i < 2; i++) {
      // Another pool, after the registry has taken `_total` off the names.
      new PrometheusExporter(makeSource('second')).register(registry)();
      const text = await registry.metrics();
      expect(text).toContain('# TYPE connection_pool_queries counter\nconnection_pool_queries_total{pool="orders"} 1\n');
      expect(text.endsWith('# EOF\n')).toBe(true);
    }
    remove();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });
});

function bound(le: string): number {
  return le === '+Inf' ? Infinity : Number(le);
}
