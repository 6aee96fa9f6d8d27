/** A lease for one statement. */
import type { AcquireOptions, Params, Row } from './contract.ts';
import { ConnectionLostError, RunFinishedError } from './errors.ts';
import { PoolLease } from './lease.ts';
import type { Lending } from './lending.ts';
import type { PoolParts } from './parts.ts';
import type { Statements } from './statements.ts';

/**
 * What failed because its connection was gone before anything was sent, or only read, is done once more on another connection.
 * @throws as `pool.acquire`, and what `use` throws
 */
export async function withShortLease<T>(
  lending: Lending,
  { clock, config, metrics }: PoolParts,
  options: AcquireOptions,
  use: (lease: PoolLease, startedAt: number) => Promise<T>,
): Promise<T> {
  let startedAt = clock.now();
  for (let tries = 1; ; tries++) {
    const lent = lending.lend(options, undefined, startedAt);
    const lease = lent instanceof PoolLease ? lent : await lent;
    // Its run may have ended on the way here.
    if (lease.released) throw new RunFinishedError(config.name, lease.runId ?? '');
    try {
      return await use(lease, startedAt);
    } catch (error) {
      if (tries > 1 || !(error instanceof ConnectionLostError) || lease.released) throw error;
      // Who asks for a replica promises to read only.
      if (error.mayHaveExecuted && options.role !== 'replica') throw error;
      metrics.retried();
      // The caller's own limit covers all of it; the pool's is one for each wait.
      if (options.timeoutMs === undefined) startedAt = clock.now();
    } finally {
      const returning = lease.released ? undefined : lending.releaseShort(lease);
      if (returning) await returning;
    }
  }
}

/** Runs statements of the pool's own on the primary, also while it closes. They are not kept prepared. */
export function ownStatements(lending: Lending, statements: Statements, parts: PoolParts) {
  return async (sql: string, params?: Params): Promise<readonly Row[]> => {
    const statement = statements.bind(sql, params, { prepare: false });
    const { data } = await withShortLease(lending, parts, {}, (lease, startedAt) =>
      statements.execute(lease.entry, statement, {}, startedAt, lease.waitTimeMs, lease.connectionId),
    );
    return data as readonly Row[];
  };
}
