/** What an application does: reads by key, joins, updates. The same statements for everyone who runs them. */
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { createAccounts } from '../pool/databases.ts';
import { timed, type JobOf } from '../pool/jobs.ts';
import { ACCOUNTS, type JobResult, type OpenedPool } from '../pool/subject.ts';

/** Orders of each account. */
const ORDERS = 5;

const POINT = 'SELECT id, name, balance FROM account WHERE id = ?';
const JOIN =
  'SELECT a.id, a.name, o.id AS order_id, o.amount FROM account a JOIN orders o ON o.account_id = a.id WHERE a.id = ? ORDER BY o.id';
const WRITE = 'UPDATE orders SET amount = ? WHERE id = ?';

/** The accounts, where they are not there yet, and their orders. */
export async function createShop(url: string, options: { readonly withAccounts: boolean }): Promise<void> {
  if (options.withAccounts) await createAccounts(url);
  await using pool = new WorkflowConnectionPool({ connectionString: url, minConnections: 0 });
  await pool.query('CREATE TABLE orders (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, amount INTEGER NOT NULL)');
  await pool.query('CREATE INDEX orders_of_account ON orders (account_id)');
  const orders = Array.from({ length: ACCOUNTS * ORDERS }, (_, index) => [index + 1, 1 + Math.floor(index / ORDERS), index % 100]);
  await pool.executeMany('INSERT INTO orders (id, account_id, amount) VALUES (?, ?, ?)', orders);
  await pool.query(pool.dialect === 'postgresql' ? 'ANALYZE orders' : 'ANALYZE TABLE orders');
}

export async function mixed(pool: OpenedPool, { joins, writes, callers, minMs }: JobOf<'mixed'>): Promise<JobResult> {
  const result = await timed(callers, minMs, async () => {
    const kind = Math.random();
    const id = 1 + Math.floor(Math.random() * ACCOUNTS);
    if (kind < writes) return pool.run(WRITE, [id % 100, id * ORDERS]);
    const isJoin = kind < writes + joins;
    const { length } = pool.rows(await pool.run(isJoin ? JOIN : POINT, [id]));
    if (length !== (isJoin ? ORDERS : 1)) throw new Error(`Account ${id} has ${length} rows.`);
    return undefined;
  });
  return { ...result, ...(pool.readsOnReplicas && { readsOnReplicas: pool.readsOnReplicas() }) };
}
