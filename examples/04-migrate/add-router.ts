import type { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import type { QueryRouterNode } from '@kailash-ts/query-router';

const ORDERS = 'SELECT id, total FROM orders WHERE customer_id = ?';

/** Before: three calls, and `finally`. */
export async function ordersByHand(pool: WorkflowConnectionPool, customer: number): Promise<number> {
  const lease = await pool.acquire();
  try {
    return (await pool.execute(lease, ORDERS, [customer])).rowCount;
  } finally {
    await pool.release(lease);
  }
}

/** After: one. */
export async function orders(router: QueryRouterNode, customer: number): Promise<number> {
  return (await router.process({ query: ORDERS, parameters: [customer] })).rowCount;
}

/** What belongs together has a session: one connection from BEGIN to the end, and reads that see what the session wrote. */
export async function moveOrders(router: QueryRouterNode, from: number, to: number): Promise<boolean> {
  const session = { sessionId: `move-${from}-${to}` };
  await router.process({ query: 'BEGIN', ...session });
  await router.process({ query: 'UPDATE orders SET customer_id = ? WHERE customer_id = ?', parameters: [to, from], ...session });
  const { transactionEnded } = await router.process({ query: 'COMMIT', ...session });
  return transactionEnded === true;
}

/** The same where code can be passed: committed when it returns, rolled back when it throws, run again after a conflict. */
export async function moveOrdersBack(router: QueryRouterNode, from: number, to: number): Promise<void> {
  await router.transaction(async (transaction) => {
    await transaction.process({ query: 'UPDATE orders SET customer_id = ? WHERE customer_id = ?', parameters: [to, from] });
  });
}
