/** How a connection comes back that its borrower has not left clean. */
import { milliseconds } from './config.ts';
import type { Entry } from './entry.ts';
import type { PoolParts } from './parts.ts';
import { within } from './patient-timer.ts';

/**
 * Cleans it and gives it back to its host, or ends it. What must go anyway is not cleaned first: its release would wait for nothing.
 * Never rejects.
 */
export async function takeBack(entry: Entry, parts: PoolParts): Promise<void> {
  const reason = entry.home.reasonToDiscard(entry);
  if (reason) return entry.home.discard(entry, reason);
  if (!entry.isClean || entry.roleIsDoubtful) {
    if (entry.state === 'leased') entry.state = 'cleaning';
    if (!(await clean(entry, parts))) return entry.home.discard(entry, entry.home.reasonToDiscard(entry) ?? 'could_not_be_cleaned');
  }
  entry.home.giveBack(entry);
}

/** Within `resetTimeoutMs`, or not at all: a connection that does not answer must not hold up its borrower. */
async function clean(entry: Entry, { clock, config, metrics }: PoolParts): Promise<boolean> {
  const startedAt = clock.now();
  const work = entry.reset().then(async () => {
    if (entry.roleIsDoubtful) await entry.probeRole();
    entry.roleIsDoubtful = false;
  });
  const done = await within(clock, milliseconds(config.resetTimeoutMs), work);
  metrics.reset(clock.now() - startedAt);
  return done && entry.connection.usable && entry.connection.clean;
}
