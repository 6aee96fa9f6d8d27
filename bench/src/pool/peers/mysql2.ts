/** mysql2's own pool, with promises. Variants: `execute` (default; prepared), `query` (text). It has limits for connecting and querying only. */
import mysql from 'mysql2/promise';
import type { PoolSubject } from '../subject.ts';

export const subject: PoolSubject = {
  open({ url, connections, timeoutMs, variant }) {
    const pool = mysql.createPool({
      uri: url,
      connectionLimit: connections,
      ...(timeoutMs !== undefined && { connectTimeout: timeoutMs }),
    });
    const limit = timeoutMs === undefined ? {} : { timeout: timeoutMs };
    return {
      cycle: async () => {
        (await pool.getConnection()).release();
      },
      run:
        timeoutMs !== undefined
          ? (sql, values) => pool.query({ sql, values: values as unknown[], ...limit })
          : variant === 'query'
            ? (sql, values) => pool.query(sql, values as unknown[])
            : (sql, values) => pool.execute(sql, values as number[]),
      rows: (result) => (result as [readonly unknown[]])[0],
      close: () => pool.end(),
    };
  },
};
