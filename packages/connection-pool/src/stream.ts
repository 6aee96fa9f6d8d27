/** Rows one by one, as fast as they are wanted and no faster. */
import type { Clock } from '@kailash-ts/core';
import type { Row } from './contract.ts';
import type { BoundStatement } from './driver.ts';
import type { Entry } from './entry.ts';
import type { Limits } from './operation.ts';
import { within } from './patient-timer.ts';

export interface StreamOptions extends Limits {
  readonly fetchSize: number;
  readonly clock: Clock;
  /** How long giving up may take before the connection is destroyed. */
  readonly closeGraceMs: number;
}

/**
 * Owns the connection until the last row, until its reader stops early (`break` does), or until its signal is aborted, also while
 * nobody reads. `timeoutMs` limits each piece of
 * `fetchSize` rows: how long the reader takes over them is its own affair.
 */
export async function* streamRows(entry: Entry, statement: BoundStatement, options: StreamOptions): AsyncGenerator<Row, void, undefined> {
  const turn = await entry.takeTurn(options);
  const rows = entry.connection.stream(statement, options.fetchSize);
  const close = async (): Promise<void> => {
    if (!(await within(options.clock, options.closeGraceMs, rows.close()))) entry.connection.destroy();
  };
  turn.onInterrupt = close;
  const onAbort = (): void => turn.interrupt(options.signal!.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      const piece = await turn.run(() => rows.next(), options);
      if (!piece) return;
      for (const row of piece) {
        if (turn.interrupted) throw turn.interrupted;
        yield row;
      }
    }
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    // One that was stopped while it fetched is being cancelled already.
    if (!turn.isRunning) await close();
    turn.end();
  }
}
