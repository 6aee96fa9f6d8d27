/** Callers that come at random moments, at a rate that changes: a Poisson process in real time. */
import { setTimeout as delay } from 'node:timers/promises';
import { exponential } from '../../../../packages/connection-pool/src/testing/sizing-loads.ts';

/** Callers a second, step by step. Goes to another process. */
export interface Rates {
  readonly everyMs: number;
  readonly perSecond: readonly number[];
}

export const durationOf = ({ everyMs, perSecond }: Rates): number => everyMs * perSecond.length;

export const rateAt = ({ everyMs, perSecond }: Rates, atMs: number): number =>
  perSecond[Math.min(perSecond.length - 1, Math.max(0, Math.floor(atMs / everyMs)))]!;

/** Calls `arrive` for each caller until the rates are over. Thinning (Lewis and Shedler, 1979): exact for any shape. */
export async function callersAt(rates: Rates, random: () => number, arrive: (atMs: number) => void): Promise<void> {
  const peak = Math.max(...rates.perSecond);
  const endMs = durationOf(rates);
  const startedAt = performance.now();
  for (let nextMs = 0; ;) {
    nextMs += exponential(random, 1000 / peak);
    if (nextMs >= endMs) break;
    if (random() * peak > rateAt(rates, nextMs)) continue;
    const ahead = nextMs - (performance.now() - startedAt);
    if (ahead > 0) await delay(ahead);
    arrive(nextMs);
  }
  await delay(Math.max(0, endMs - (performance.now() - startedAt)));
}
