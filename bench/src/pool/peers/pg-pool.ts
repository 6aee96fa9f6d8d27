/** pg's own pool. Variants: `unnamed` (default), `named` (prepared). */
import pg from 'pg';
import type { PoolSubject } from '../subject.ts';

/** A name stands for one text; programs give it by hand. */
const names = new Map<string, string>();

function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) names.set(sql, (name = `statement_${names.size}`));
  return name;
}

export const subject: PoolSubject = {
  open({ url, connections, minConnections = connections, timeoutMs, variant }) {
    const pool = new pg.Pool({
      connectionString: url,
      max: connections,
      min: minConnections,
      ...(timeoutMs !== undefined && { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs }),
    });
    pool.on('error', () => {}); // a lost idle connection would end the process
    return {
      cycle: async () => {
        (await pool.connect()).release();
      },
      run:
        variant === 'named'
          ? (text, values) => pool.query({ name: nameOf(text), text, values: values as unknown[] })
          : (text, values) => pool.query(text, values as unknown[]),
      rows: (result) => (result as pg.QueryResult).rows,
      close: () => pool.end(),
    };
  },
};
