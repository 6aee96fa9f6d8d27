import { context, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import { messageOf } from './errors.ts';

/** Spans of runs and nodes. Without an OpenTelemetry SDK, or in a run that is not sampled, nothing is built per node. */
const tracer = trace.getTracer('@kailash-ts/core');

export interface RunSpan {
  readonly span: Span;
  readonly context: Context;
}

/** A span for the run, or undefined where nobody records. */
export function startRunSpan(workflow: string, runId: string): RunSpan | undefined {
  const span = tracer.startSpan(`workflow ${workflow}`, { attributes: { 'kailash.workflow': workflow, 'kailash.run.id': runId } });
  return span.isRecording() ? { span, context: trace.setSpan(context.active(), span) } : undefined;
}

export function startNodeSpan(run: RunSpan, nodeId: string, node: string, attempt: number): RunSpan {
  const attributes = { 'kailash.node.id': nodeId, 'kailash.node.name': node, 'kailash.node.attempt': attempt };
  const span = tracer.startSpan(`node ${nodeId}`, { attributes }, run.context);
  return { span, context: trace.setSpan(run.context, span) };
}

/** Runs `work` so that spans begun in it become children of `parent`. */
export const within = <T>(parent: RunSpan, work: () => T): T => context.with(parent.context, work);

export function endSpan({ span }: RunSpan, error?: unknown): void {
  if (error !== undefined) {
    const message = messageOf(error);
    span.recordException(error instanceof Error ? error : message);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}
