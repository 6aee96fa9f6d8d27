/** Whether to prepare a statement before it is asked for. Pure. */

/** What is known of it. Milliseconds. */
export interface PrepareOdds {
  /** That it comes next: 0 to 1. */
  readonly probability: number;
  /** What whoever runs it saves when it is prepared. */
  readonly savedMs: number;
  /** How long preparing takes; undefined while that was never measured. */
  readonly prepareMs: number | undefined;
  /** Mean time until somebody wants this connection; Infinity where there are others for them. */
  readonly gapMs: number;
}

/**
 * A prepare in vain costs the server what a useful one saves, and whoever comes while it runs has to wait for its end: so much more
 * probable than not must it be. The wait is that of arrivals after exponentially distributed gaps.
 */
export function isWorthPreparing({ probability, savedMs, prepareMs, gapMs }: PrepareOdds): boolean {
  if (gapMs === Infinity) return probability > 0.5;
  if (prepareMs === undefined || gapMs <= 0) return false;
  const delayMs = prepareMs - gapMs * (1 - Math.exp(-prepareMs / gapMs));
  return probability * savedMs > (1 - probability) * savedMs + delayMs;
}
