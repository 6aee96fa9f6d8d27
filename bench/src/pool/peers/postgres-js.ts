/** postgres.js; prepares by default. It has limits for connecting only. */
import postgres from 'postgres';
import type { PoolSubject } from '../subject.ts';

export const subject: PoolSubject = {
  open({ url, connections, timeoutMs }) {
    const sql = postgres(url, {
      max: connections,
      // Its query for array types would count as a query of the spike.
      fetch_types: false,
      ...(timeoutMs !== undefined && { connect_timeout: timeoutMs / 1000 }),
    });
    return {
      cycle: async () => {
        (await sql.reserve()).release();
      },
      run: (text, values) => sql.unsafe(text, values as number[], { prepare: true }),
      rows: (result) => result as readonly unknown[],
      close: () => sql.end({ timeout: 1 }),
    };
  },
};
