/** generic-pool, of objects that do nothing. */
import genericPool from 'generic-pool';
import { withoutStatements, type PoolSubject } from '../subject.ts';

export const subject: PoolSubject = {
  open({ connections }) {
    const pool = genericPool.createPool({ create: async () => ({}), destroy: async () => {} }, { max: connections, min: connections });
    return withoutStatements(
      async () => {
        await pool.release(await pool.acquire());
      },
      async () => {
        await pool.drain();
        await pool.clear();
      },
    );
  },
};
