/** A function with a lease, under its caller's signal. */
import type { Lease } from './contract.ts';
import { PoolAbortedError } from './errors.ts';
import type { PoolLease } from './lease.ts';

/**
 * What `work` gives, or the abort, whichever comes first: then the lease is over at once, whatever `work` still does, and what it still
 * sends is refused. A lease that was over before is somebody else's connection by now, and left alone.
 *
 * @param release ends the lease; must not reject. @throws PoolAbortedError, and what `work` throws
 */
export function workUnder<T>(
  signal: AbortSignal | undefined,
  lease: PoolLease,
  work: (lease: Lease) => Promise<T>,
  release: (reason: string) => Promise<unknown>,
): Promise<T> {
  if (!signal) return work(lease);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new PoolAbortedError('The work on a connection', !lease.released && lease.entry.busy, signal.reason));
      if (lease.released) return;
      lease.entry.interrupt(signal.reason);
      void release('its caller has aborted it');
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const run = async (): Promise<T> => work(lease);
    void run()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
