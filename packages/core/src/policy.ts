import type { RetryPolicy } from './definition.ts';

/** What to do after a failed attempt. */
export type Verdict = { readonly retry: true; readonly delayMs: number } | { readonly retry: false };

const GIVE_UP: Verdict = Object.freeze({ retry: false });

/**
 * Whether a node is tried again, and after which wait. Pure.
 *
 * Exponential backoff with "full jitter" (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): the
 * wait is drawn between 0 and the nominal one, so that many failed callers do not return in step.
 * An error that says `retryable: false` is never retried; one that says nothing is.
 *
 * @param attempt number of the attempt that failed, from 1
 * @param random a number in [0, 1)
 */
export function afterFailure(policy: RetryPolicy | undefined, attempt: number, error: unknown, random: number): Verdict {
  if (!policy || attempt >= policy.attempts || !isRetryable(error)) return GIVE_UP;
  const { initialDelayMs = 100, maxDelayMs = 30_000, factor = 2, jitter = 'full' } = policy;
  const nominalMs = Math.min(maxDelayMs, initialDelayMs * factor ** (attempt - 1));
  return { retry: true, delayMs: jitter === 'full' ? nominalMs * random : nominalMs };
}

function isRetryable(error: unknown): boolean {
  try {
    return !(typeof error === 'object' && error !== null && (error as { retryable?: unknown }).retryable === false);
  } catch {
    return true; // it says nothing that can be read
  }
}
