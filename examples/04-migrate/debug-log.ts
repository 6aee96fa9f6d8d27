import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { PoolEventName } from '@kailash-ts/connection-pool';
import type { QueryRouterNode } from '@kailash-ts/query-router';

const WATCHED: readonly PoolEventName[] = [
  'pool:size-adjusted',
  'pool:resized',
  'pool:warning',
  'connection:opened',
  'connection:refused',
  'connection:closed',
  'acquire:failed',
  'breaker:changed',
];

/** Writes what every pool of this process does, without having any of them in hand. @returns ends it */
export function logPools(write: (line: string) => void = console.debug): () => void {
  const log = (event: unknown, channel: string | symbol): void => write(`${String(channel)} ${JSON.stringify(event)}`);
  for (const name of WATCHED) subscribe(`kailash:pool:${name}`, log);
  return () => WATCHED.forEach((name) => unsubscribe(`kailash:pool:${name}`, log));
}

/** Where a statement would go now, and why; it is not run. */
export async function whereTo(router: QueryRouterNode, query: string): Promise<string> {
  const { role, strategy, reasons } = await router.explain(query);
  return `${role} (${strategy}): ${reasons.join(', ')}`;
}
