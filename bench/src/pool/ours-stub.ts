/**
 * Our pool over a driver that does nothing, as generic-pool and tarn have resources that do nothing: only the pool's own work is left.
 * Drivers cannot be given by users, so this one goes in where the pool's own tests put theirs.
 */
import { withoutStatements, type PoolSubject } from './subject.ts';

type PoolModule = typeof import('../../../packages/connection-pool/src/pool.ts');
type Driver = import('../../../packages/connection-pool/src/driver.ts').Driver;
type DriverConnection = Awaited<ReturnType<Driver['connect']>>;

const { Pool } = (await import(new URL('../../../packages/connection-pool/dist/pool.js', import.meta.url).href)) as PoolModule;

class StubConnection implements DriverConnection {
  readonly transactionStatus = 'idle';
  readonly usable = true;
  readonly clean = true;
  readonly role = 'primary';

  async execute() {
    return { rows: [], rowCount: 0, fields: [] };
  }
  stream(): never {
    throw new Error('Nothing is read here.');
  }
  async executeMany(): Promise<number> {
    return 0;
  }
  async ping(): Promise<void> {}
  async probeRole(): Promise<'primary'> {
    return 'primary';
  }
  async cancel(): Promise<void> {}
  async reset(): Promise<void> {}
  async close(): Promise<void> {}
  forgetPrepared(): void {}

  destroy(): void {}
  onLost(): void {}
}

export const subject: PoolSubject = {
  open({ connections }) {
    const plan = { name: 'primary', role: 'primary', address: 'stub', min: connections, max: connections } as const;
    const driver: Driver = { dialect: 'postgresql', hosts: [plan], connect: async () => new StubConnection(), close: async () => {} };
    const pool = new Pool({ minConnections: connections, maxConnections: connections }, { loadDriver: () => driver });
    return withoutStatements(
      async () => {
        await pool.release(await pool.acquire());
      },
      () => pool.close(),
    );
  },
};
