/**
 * The guide's workload: visitors of a shop. 70 % of the statements read by key, a customer and then its orders; 20 % join, 10 % write.
 * `pg_sleep` stands for the time that a server under such a load waits for its disks, which this machine has not to offer.
 */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { exponential } from '../../../../packages/connection-pool/src/testing/sizing-loads.ts';
import { randomFrom } from '../random.ts';
import { callersAt } from './arrivals.ts';
import type { Figures, VisitsJob } from './subject.ts';
import { Watch } from './watch.ts';

/** More callers than this at once are turned away. */
const MOST_CALLERS = 200;
const CUSTOMERS = 1000;
/** Statements of a visit on average, see `kindOf`. */
export const STATEMENTS_PER_VISIT = 20 / 13;

const CUSTOMER = 'SELECT id, name FROM customers, pg_sleep(?) WHERE id = ?';
const ORDERS = 'SELECT id, total FROM orders, pg_sleep(?) WHERE customer_id = ?';
const JOIN =
  'SELECT c.name, sum(o.total) AS total FROM customers c JOIN orders o ON o.customer_id = c.id, pg_sleep(?) WHERE c.id = ? GROUP BY c.name';
const WRITE = 'WITH waited AS MATERIALIZED (SELECT pg_sleep(?)) UPDATE orders SET total = total + 1 FROM waited WHERE orders.id = ?';

type Run = (sql: string, parameters: readonly unknown[], session: string) => Promise<{ readonly waitTimeMs: number }>;

export async function createShop(url: string): Promise<void> {
  await using pool = new WorkflowConnectionPool({ connectionString: url, minConnections: 0 });
  await pool.query('CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL)');
  await pool.query('CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total integer NOT NULL)');
  await pool.query('CREATE INDEX orders_of_customer ON orders (customer_id)');
  const customers = Array.from({ length: CUSTOMERS }, (_, index) => [index + 1, `customer ${index + 1}`]);
  await pool.executeMany('INSERT INTO customers (id, name) VALUES (?, ?)', customers);
  const orders = Array.from({ length: 5 * CUSTOMERS }, (_, index) => [index + 1, 1 + (index % CUSTOMERS), index % 100]);
  await pool.executeMany('INSERT INTO orders (id, customer_id, total) VALUES (?, ?, ?)', orders);
  await pool.query('ANALYZE customers, orders');
}

export async function visits(job: VisitsJob): Promise<Figures> {
  const { url, rates, holdMs, how, most, warmUpMs } = job;
  const isRouted = how === 'by router';
  const pool = new WorkflowConnectionPool({
    name: 'db_pool',
    connectionString: url,
    closeGraceMs: 500,
    ...(isRouted
      ? { minConnections: 5, maxConnections: most, adaptiveSizing: true, enableQueryRouting: true }
      : { minConnections: 10, maxConnections: 20 }),
  });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool', patternLearning: true });
  await using runtime = new Runtime();
  runtime.registerNode('db_pool', pool).registerNode('router', router);
  await pool.initialize();

  const byHand: Run = async (sql, parameters) => {
    const lease = await pool.acquire();
    try {
      await pool.execute(lease, sql, parameters);
      return { waitTimeMs: lease.waitTimeMs };
    } finally {
      await pool.release(lease);
    }
  };
  const byRouter: Run = (query, parameters, sessionId) => router.process({ query, parameters, sessionId });
  const run = isRouted ? byRouter : byHand;

  const watch = new Watch(pool, { rates, busyPerRate: (STATEMENTS_PER_VISIT * holdMs) / 1000, warmUpMs });
  const random = randomFrom(17);
  const hold = randomFrom(18);
  const statement = async (sql: string, id: number, session: string): Promise<void> => {
    const calledAt = performance.now();
    try {
      const { waitTimeMs } = await run(sql, [exponential(hold, holdMs) / 1000, id], session);
      watch.answered(waitTimeMs, performance.now() - calledAt);
    } catch (error) {
      watch.failed(error);
    }
  };
  let visit = 0;
  const running = new Set<Promise<void>>();
  await callersAt(rates, randomFrom(19), () => {
    if (running.size >= MOST_CALLERS) return void (watch.turnedAway += 1);
    const session = `visit-${(visit += 1)}`;
    const customer = 1 + Math.floor(random() * CUSTOMERS);
    const kind = kindOf(random());
    const call = (async () => {
      if (kind === 'join') return statement(JOIN, customer, session);
      if (kind === 'write') return statement(WRITE, customer, session);
      await statement(CUSTOMER, customer, session);
      return statement(ORDERS, customer, session);
    })().finally(() => running.delete(call));
    running.add(call);
  });
  const figures = watch.end();
  await Promise.all(running);
  const { hitRate } = router.getMetrics().cacheStats;
  return { ...figures(), hitRate: isRouted ? hitRate : null };
}

/** Seven visits of thirteen read twice, four join, two write: 14, 4 and 2 of 20 statements. */
function kindOf(random: number): 'read' | 'join' | 'write' {
  if (random < 7 / 13) return 'read';
  return random < 11 / 13 ? 'join' : 'write';
}
