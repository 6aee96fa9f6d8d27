/**
 * What a router does, to standard error with `NODE_DEBUG=kailash:router`: kinds of statements, tables, hosts and times, never SQL, values
 * or secrets. Costs nothing where it is not asked for.
 */
import { debuglog } from 'node:util';
import type { Call } from './call.ts';
import type { AnyData, RouterResult } from './messages.ts';

const log = debuglog('kailash:router');

export const logsCalls = log.enabled;

/** A statement has ended. @param error if it failed */
export function logCall(call: Call, answer: RouterResult<AnyData> | undefined, error: unknown): void {
  const { queryType, tables, templateHash } = call.classification;
  const { runId, sessionId } = { ...call.scope, ...call.message };
  const what = { templateHash, queryType, tables, runId, sessionId, cacheHit: call.cacheHit };
  if (answer) {
    const { role, host, strategy, connectionId, routingTimeMs } = answer.routingMetadata;
    const { executionTimeMs, waitTimeMs, rowCount } = answer;
    log('ran %j', { ...what, role, host, strategy, connectionId, routingTimeMs, waitTimeMs, executionTimeMs, rowCount });
  } else {
    const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
    log('failed %j', { ...what, code: typeof code === 'string' ? code : name });
  }
}
