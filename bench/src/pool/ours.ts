/** Our pool, as a user gets it (from `dist`). Variants: how a statement is run. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { OpenedPool, OpenOptions, PoolSubject } from './subject.ts';

type Run = (pool: WorkflowConnectionPool, sql: string, params: readonly unknown[]) => Promise<unknown>;

const RUNS: Readonly<Record<string, (options: OpenOptions) => Run>> = {
  default: () => (pool, sql, params) => pool.query(sql, params),
  unprepared: () => (pool, sql, params) => pool.query(sql, params, { prepare: false }),
  prepared: () => (pool, sql, params) => pool.query(sql, params, { prepare: true }),
  lease: () => (pool, sql, params) => pool.withConnection((lease) => pool.execute(lease, sql, params)),
  'by hand': () => async (pool, sql, params) => {
    const lease = await pool.acquire();
    try {
      return await pool.execute(lease, sql, params);
    } finally {
      await pool.release(lease);
    }
  },
  limited:
    ({ timeoutMs }) =>
    (pool, sql, params) =>
      pool.query(sql, params, { timeoutMs }),
  'limited acquire':
    ({ timeoutMs }) =>
    async (pool, sql, params) => {
      const lease = await pool.acquire({ timeoutMs });
      try {
        return await pool.execute(lease, sql, params, { timeoutMs: Math.max(1, timeoutMs! - lease.waitTimeMs) });
      } finally {
        await pool.release(lease);
      }
    },
};

export const subject: PoolSubject = {
  open(options): OpenedPool {
    const { url, connections, minConnections = connections, variant = 'default' } = options;
    const pool = new WorkflowConnectionPool({ connectionString: url, maxConnections: connections, minConnections, closeGraceMs: 500 });
    const run = RUNS[variant]!(options);
    return {
      cycle: async () => {
        await pool.release(await pool.acquire());
      },
      run: (sql, params) => run(pool, sql, params),
      rows: (result) => (result as { readonly data: readonly unknown[] }).data,
      close: () => pool.close(),
    };
  },
};
