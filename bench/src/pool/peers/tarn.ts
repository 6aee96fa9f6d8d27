/** tarn, of objects that do nothing. */
import { Pool } from 'tarn';
import { withoutStatements, type PoolSubject } from '../subject.ts';

export const subject: PoolSubject = {
  open({ connections }) {
    const pool = new Pool({ create: async () => ({}), destroy: async () => {}, min: connections, max: connections });
    return withoutStatements(
      async () => {
        pool.release(await pool.acquire().promise);
      },
      () => pool.destroy(),
    );
  },
};
