import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { Runtime } from '@kailash-ts/core';
import { QueryRouterNode } from '@kailash-ts/query-router';

/** A router from its first statement to its end. Works the same on `postgres://…`, `mysql://…` and `sqlite:…`. */
export async function tour(connectionString: string, say: (line: string) => void = console.log): Promise<void> {
  // With replicas: new WorkflowConnectionPool({ ..., replicas: ['db2', 'db3:5433'] }). Nothing else changes.
  const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString, minConnections: 1, maxConnections: 4 });
  const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
  await using runtime = new Runtime(); // its end stops the router and closes the pool
  runtime.registerNode('db_pool', pool).registerNode('router', router);

  // One message, one statement. The router finds it a connection, and gives it back.
  await router.process({ query: 'CREATE TABLE stock (id integer PRIMARY KEY, name varchar(50), n integer)' });
  const rows = [[1, 'apple', 10], [2, 'pear', 5]]; // prettier-ignore
  await router.process({ query: 'INSERT INTO stock (id, name, n) VALUES (?, ?, ?)', parameterSets: rows });
  const { data, routingMetadata } = await router.process({
    query: 'SELECT name, n FROM stock WHERE id = :id',
    parameters: { id: 1 },
    fetchMode: 'one',
  });
  say(`${String(data?.['name'])}: ${String(data?.['n'])}; a ${routingMetadata.queryType}`);

  // Where would it go, and why? Nothing is run.
  const { role, reasons } = await router.explain('DELETE FROM stock');
  say(`DELETE goes to the ${role}: ${reasons.join(', ')}`);

  // Statements that belong together: all or none, run again when the database reports a conflict.
  await router.transaction(async (transaction) => {
    await transaction.process({ query: 'UPDATE stock SET n = n - ? WHERE id = ?', parameters: [3, 1] });
    await transaction.process({ query: 'UPDATE stock SET n = n + ? WHERE id = ?', parameters: [3, 2] });
  });

  // The same as a message, for workflows and for other processes.
  const { results } = await router.process({
    transaction: [
      { query: 'UPDATE stock SET n = n + 1 WHERE id = ?', parameters: [1] },
      { query: 'SELECT sum(n) AS n FROM stock', fetchMode: 'one' },
    ],
  });
  say(`${results.length} statements in one transaction`);

  // A session: statements share a connection from BEGIN to the end, and later reads see what was written.
  const session = { sessionId: 'order-17' };
  await router.process({ query: 'BEGIN', ...session });
  await router.process({ query: 'UPDATE stock SET n = 0', ...session });
  const { transactionEnded } = await router.process({ query: 'ROLLBACK', ...session });
  say(`the transaction is over: ${String(transactionEnded)}`);

  // BEGIN without a session would open a transaction for nobody.
  await router.process({ query: 'BEGIN' }).catch((error: { code?: string }) => say(`refused: ${error.code}`));

  const { routerMetrics, activeTransactions } = router.getMetrics();
  say(`${routerMetrics.routingErrors} refused, ${activeTransactions} transactions open`);
}
