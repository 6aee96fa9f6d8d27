import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';

/** A pool from its first statement to its end. Works the same on `postgres://…`, `mysql://…` and `sqlite:…`. */
export async function tour(connectionString: string, say: (line: string) => void = console.log): Promise<void> {
  await using pool = new WorkflowConnectionPool({ name: 'shop', connectionString, minConnections: 1, maxConnections: 4 });

  // What happens inside: events of the pool, also on diagnostics channels such as `kailash:pool:connection:opened`.
  pool.on('connection:opened', ({ connectionId, role }) => say(`opened ${connectionId} (${role})`));
  pool.on('breaker:changed', ({ host, from, to, reason }) => say(`circuit of ${host}: ${from} -> ${to}, ${reason}`));

  // One statement: the pool finds a connection, and has it back when the rows are there.
  await pool.query('CREATE TABLE account (id integer PRIMARY KEY, owner varchar(50), balance integer)');
  await pool.executeMany('INSERT INTO account (id, owner, balance) VALUES (?, ?, ?)', [
    [1, 'Ada', 100],
    [2, 'Bob', 50],
    [3, 'Cleo', 0],
  ]);
  const ada = await pool.query('SELECT owner, balance FROM account WHERE id = :id', { id: 1 }, { fetchMode: 'one' });
  say(`Ada has ${String(ada.data?.['balance'])}`);

  // Several statements that belong together: committed as one, or not at all. Run again when the database reports a conflict.
  await pool.transaction(
    async (transaction) => {
      await transaction.execute('UPDATE account SET balance = balance - ? WHERE id = ?', [30, 1]);
      await transaction.execute('UPDATE account SET balance = balance + ? WHERE id = ?', [30, 2]);
    },
    { isolation: 'serializable', retries: 3 },
  );

  // More rows than fit into memory: they come as fast as they are read, and the connection goes back after the last one.
  for await (const { owner, balance } of pool.stream('SELECT owner, balance FROM account ORDER BY id', [], { fetchSize: 100 }))
    say(`${String(owner)}: ${String(balance)}`);

  // A mistake in SQL costs no connection and no health.
  await pool.query('INSERT INTO account (id) VALUES (1)').catch((error: { kind?: string }) => say(`refused: ${error.kind}`));

  const { currentState, queries } = pool.stats();
  say(`${queries.executed} statements, ${queries.errors} error, ${currentState.activeConnections} connections lent`);
}
