import { WorkflowConnectionPool, type PoolOptions } from '@kailash-ts/connection-pool';

/** The tables that the samples read: twenty customers, each with an order. */
export async function openShop(connection: PoolOptions): Promise<void> {
  await using pool = new WorkflowConnectionPool({ name: 'shop', ...connection, minConnections: 1 });
  await pool.query('CREATE TABLE customers (id integer PRIMARY KEY, name varchar(50), active boolean)');
  await pool.query('CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, total integer)');
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
  await pool.executeMany(
    'INSERT INTO customers (id, name, active) VALUES (?, ?, ?)',
    numbers.map((id) => [id, `Customer ${id}`, id % 4 !== 0]),
  );
  await pool.executeMany(
    'INSERT INTO orders (id, customer_id, total) VALUES (?, ?, ?)',
    numbers.map((id) => [id, id, 10 * id]),
  );
}
