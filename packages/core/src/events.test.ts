import { afterEach, describe, expect, it } from 'vitest';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { defineNode, Runtime, WorkflowBuilder, type RuntimeEventName } from './index.ts';

const fine = defineNode({
  name: 'fine',
  process: (_: { in?: unknown }, context) => (context.progress(0.5, 'half'), context.progress(7), { out: 'secret-output' }),
});
const flaky = defineNode({
  name: 'flaky',
  process: (_: { in?: unknown }, { attempt }) => {
    if (attempt < 2) throw new Error('first try');
    return {};
  },
});
const broken = defineNode({ name: 'broken', process: () => Promise.reject(new Error('no luck')) });

describe('events', () => {
  const names: RuntimeEventName[] = [
    'run:started',
    'run:finished',
    'node:started',
    'node:progress',
    'node:retrying',
    'node:finished',
    'runtime:warning',
  ];
  function record(runtime: Runtime): [string, Record<string, unknown>][] {
    const log: [string, Record<string, unknown>][] = [];
    for (const name of names) runtime.on(name, (event) => log.push([name, { ...event }]));
    return log;
  }

  it('tell a run from beginning to end, without inputs and outputs', async () => {
    const runtime = new Runtime();
    const log = record(runtime);
    const wf = new WorkflowBuilder('told');
    const a = wf.addNode('a', fine, { in: 'secret-input' });
    wf.addNode('b', flaky, { in: a.out }, { retry: { attempts: 2, initialDelayMs: 0 } });
    await runtime.execute(wf, { runId: 'r' });
    expect(
      log.map(([name, { nodeId, attempt, status, fraction }]) =>
        [name, nodeId, attempt ?? status ?? fraction].filter((part) => part !== undefined).join(' '),
      ),
    ).toEqual([
      'run:started',
      'node:started a 1',
      'node:progress a 0.5',
      'node:progress a 1',
      'node:finished a completed',
      'node:started b 1',
      'node:retrying b 1',
      'node:started b 2',
      'node:finished b completed',
      'run:finished completed',
    ]);
    expect(JSON.stringify(log)).not.toContain('secret');
  });

  it('tell failed, skipped and cancelled nodes, each once', async () => {
    const runtime = new Runtime();
    const log = record(runtime);
    const wf = new WorkflowBuilder('told');
    const a = wf.addNode('a', fine, {});
    wf.addNode('skipped', fine, {}, { when: { ref: a.out, equals: 'other' } });
    const bad = wf.addNode('bad', broken, {}, { after: [a] });
    wf.addNode('never', fine, {}, { after: [bad] });
    await runtime.execute(wf).catch(() => undefined);
    const ends = log.filter(([name]) => name === 'node:finished').map(([, { nodeId, status }]) => `${String(nodeId)} ${String(status)}`);
    expect(ends.sort()).toEqual(['a completed', 'bad failed', 'never cancelled', 'skipped skipped']);
    expect(log.at(-1)![1]).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', cause: { message: 'no luck' } } });
  });

  it('cannot disturb the engine: a listener that throws becomes a warning', async () => {
    const runtime = new Runtime();
    const warnings: string[] = [];
    runtime.on('runtime:warning', ({ message }) => warnings.push(message));
    const throwing = () => {
      throw new Error('bad listener');
    };
    runtime.on('node:started', throwing);
    const wf = new WorkflowBuilder('told');
    wf.addNode('a', fine, {});
    expect((await runtime.execute(wf)).status).toBe('completed');
    expect(warnings).toEqual(['A listener of "node:started" threw: bad listener']);
    runtime.off('node:started', throwing);
    await runtime.execute(wf);
    expect(warnings).toHaveLength(1);
  });
});

describe('OpenTelemetry spans', () => {
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  it('form a tree of run, nodes and what nodes begin themselves', async () => {
    const exporter = new InMemorySpanExporter();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    const inner = defineNode({
      name: 'inner',
      process: async () => {
        await Promise.resolve();
        trace.getTracer('user').startSpan('SELECT').end();
        return {};
      },
    });
    const wf = new WorkflowBuilder('traced');
    const a = wf.addNode('a', inner, {});
    wf.addNode('bad', broken, {}, { after: [a] });
    await new Runtime().execute(wf, { runId: 'r1' }).catch(() => undefined);
    const spans = exporter.getFinishedSpans();
    const byName = (name: string) => spans.find((span) => span.name === name)!;
    const run = byName('workflow traced');
    expect(run.attributes).toMatchObject({ 'kailash.run.id': 'r1' });
    expect(byName('node a').parentSpanContext?.spanId).toBe(run.spanContext().spanId);
    expect(byName('SELECT').parentSpanContext?.spanId).toBe(byName('node a').spanContext().spanId);
    expect(byName('node bad').status.message).toBe('no luck');
    expect(run.status.message).toContain('failed at node "bad"');
  });
});
