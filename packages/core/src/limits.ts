import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.ts';
import type { ProcessOptions } from './config.ts';
import { DeadlineError } from './errors.ts';
import type { Slots } from './slots.ts';

/** A signal that stands for everything that may end a piece of work early. Whoever asked for it calls `release` at the end. */
export interface Limits {
  readonly signal: AbortSignal;
  release(): void;
}

/**
 * Joins the caller's signal, his deadline or timeout, and the end of the runtime.
 * @param subject what messages call the work
 * @param onAbort called once with the reason, before anything that listens to the signal later
 */
export function joinLimits(
  clock: Clock,
  options: ProcessOptions,
  ending: AbortSignal,
  subject: string,
  onAbort?: (reason: unknown) => void,
): Limits {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const abort = (reason: unknown): void => {
    if (controller.signal.aborted) return;
    controller.abort(reason);
    onAbort?.(reason);
  };
  const release: (() => void)[] = [follow(options.signal, abort), follow(ending, abort)];
  const remainingMs = Math.min(
    options.deadline === undefined ? Infinity : Number(options.deadline) - clock.wallTime(),
    options.timeoutMs ?? Infinity,
  );
  if (remainingMs !== Infinity) {
    const waitMs = Math.max(0, remainingMs);
    const expire = (): void => abort(new DeadlineError(`${subject} ran out of time (${Math.round(waitMs)} ms).`));
    // What is over before it begins is not begun.
    if (waitMs === 0) expire();
    else release.push(clock.setTimer(expire, waitMs));
  }
  return { signal: controller.signal, release: () => release.forEach((undo) => undo()) };
}

function follow(signal: AbortSignal | undefined, abort: (reason: unknown) => void): () => void {
  if (!signal) return () => undefined;
  const onAbort = (): void => abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

/** The work, or the signal's reason as soon as it is aborted. The work itself goes on; its late outcome is dropped. */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = follow(signal, reject);
    work.then(resolve, reject).finally(stop);
  });
}

/** A permit, or the signal's reason. */
export function waitForSlot(slots: Slots, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let leave: () => void = () => undefined;
    const stop = follow(signal, (reason) => {
      leave();
      reject(reason);
    });
    if (signal.aborted) return;
    leave = slots.wait(() => {
      stop();
      resolve();
    });
  });
}

/** Gives up waiting after `timeoutMs`. @throws DeadlineError with the complaint */
export async function withTimeout(clock: Clock, work: Promise<void> | void, timeoutMs: number, complaint: string): Promise<void> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.setTimer(() => reject(new DeadlineError(complaint)), timeoutMs);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}
