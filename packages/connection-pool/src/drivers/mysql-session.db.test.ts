/** What a borrower does to a session of MySQL or MariaDB ends with its lease, also what the server's own reset leaves undone. */
import { describeDatabases, freshDatabase, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import { beforeAll, expect, it } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';

const TEXT = 'é 💚 漢';

describeDatabases('a session of MySQL that comes back', ['mysql'], (kind) => {
  let database: FreshDatabase;
  const make = (connectionString = database.url): WorkflowConnectionPool =>
    new WorkflowConnectionPool({ connectionString, minConnections: 0, maxConnections: 1 });

  beforeAll(async () => {
    database = await freshDatabase(kind);
  });

  it.each([
    'SET NAMES latin1',
    'SET NAMES utf8mb3',
    'SET NAMES gbk',
    'SET CHARACTER SET latin1',
    'SET character_set_client = latin1',
    'SET character_set_results = latin1',
  ])('reads and writes all texts after a borrower said %s', async (statement) => {
    await using pool = make();
    await pool.query('CREATE OR REPLACE TABLE words (word varchar(20) CHARACTER SET utf8mb4)');
    await pool.withConnection(async (lease) => {
      await lease.execute(statement);
      await lease.execute('SELECT ? AS word', ['é']);
    });
    await pool.query('INSERT INTO words (word) VALUES (?)', [TEXT]);
    await pool.query(`INSERT INTO words (word) VALUES ('${TEXT}')`);
    expect((await pool.query('SELECT word, hex(word) AS hex FROM words')).data).toEqual(
      [1, 2].map(() => ({ word: TEXT, hex: Buffer.from(TEXT).toString('hex').toUpperCase() })),
    );
    expect(pool.stats().connections.created).toBe(1);
  });

  it('is in its own database again after USE', async () => {
    await using pool = make();
    const where = async (): Promise<unknown> => (await pool.query('SELECT database() AS name', [], { fetchMode: 'one' })).data;
    const before = await where();
    await pool.withConnection((lease) => lease.execute('USE information_schema'));
    expect(await where()).toEqual(before);
    expect(pool.stats().connections.created).toBe(1);
  });

  it('is replaced after USE where it began in no database', async () => {
    await using pool = make(database.url.replace(/\/[^/]*$/, ''));
    await pool.withConnection((lease) => lease.execute('USE information_schema'));
    expect((await pool.query('SELECT database() AS name')).data).toEqual([{ name: null }]);
  });
});
