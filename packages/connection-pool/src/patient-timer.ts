import type { Clock } from '@kailash-ts/core';

/**
 * A time limit that does not punish a stalled event loop: when the time is over, what has meanwhile arrived from the network is
 * looked at first (timers fire before sockets are read, so after a stall of seconds every answer would come too late).
 *
 * @param timeoutMs Infinity for no limit. @returns cancels it; may be called at any time.
 */
export function setPatientTimer(
  clock: Clock,
  callback: () => void,
  timeoutMs: number,
  options?: { readonly background?: boolean },
): () => void {
  if (timeoutMs === Infinity) return noTimer;
  let immediate: NodeJS.Immediate | undefined;
  const cancelTimer = clock.setTimer(
    () => {
      // Two turns: the first one may come before the loop has polled.
      immediate = setImmediate(() => (immediate = setImmediate(callback)));
    },
    timeoutMs,
    options,
  );
  return () => {
    cancelTimer();
    if (immediate) clearImmediate(immediate);
  };
}

const noTimer = (): void => {};

/** Whether the work is done within the time; false also when it fails. The work itself goes on. */
export function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const stopTimer = setPatientTimer(clock, () => resolve(false), timeoutMs);
    const end = (done: boolean): void => {
      stopTimer();
      resolve(done);
    };
    work.then(
      () => end(true),
      () => end(false),
    );
  });
}
