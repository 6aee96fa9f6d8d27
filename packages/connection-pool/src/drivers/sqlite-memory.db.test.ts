/** The database in memory belongs to the driver: no cancel, time limit or lost connection may take the data away. */
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { afterEach, expect, it } from 'vitest';
import { parsePoolConfig } from '../config.ts';
import type { Driver, DriverConnection } from '../driver.ts';
import { ConnectionLostError, StatementError } from '../errors.ts';
import { Pool } from '../pool.ts';
import { loadDriver } from './select.ts';
import { failure } from './stream-contract.ts';

const counting = (n: number): string =>
  `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${n}) SELECT count(*) AS n FROM c`;
const listing = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000) SELECT n FROM c';

describeDatabases('a database in memory', ['sqlite'], () => {
  const drivers: Driver[] = [];
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
  });

  const open = async (): Promise<Driver> => {
    const driver = await loadDriver(parsePoolConfig({ connectionString: 'sqlite::memory:' }));
    drivers.push(driver);
    return driver;
  };
  const connect = (driver: Driver): Promise<DriverConnection> => driver.connect(driver.hosts[0]!, new AbortController().signal);
  const run = async (connection: DriverConnection, text: string): Promise<readonly unknown[]> =>
    (await connection.execute({ text, values: [], prepare: undefined })).rows;
  const filled = async (driver: Driver): Promise<DriverConnection> => {
    const connection = await connect(driver);
    await run(connection, 'CREATE TABLE item (id integer)');
    await run(connection, 'INSERT INTO item (id) VALUES (1), (2)');
    return connection;
  };
  const count = (connection: DriverConnection): Promise<readonly unknown[]> => run(connection, 'SELECT count(*) AS n FROM item');

  it('keeps its connection when a statement is cancelled that cannot be interrupted', async () => {
    const connection = await filled(await open());
    const running = run(connection, counting(1_000_000)).catch((error: unknown) => error);
    await connection.cancel();
    await running; // its end, whatever it was
    expect(connection.usable).toBe(true);
    expect(await count(connection)).toEqual([{ n: 2 }]);
  });

  it('does a write whole that is cancelled in its middle', async () => {
    const connection = await filled(await open());
    const running = run(connection, `INSERT INTO item (id) ${counting(1_000_000).replace('count(*) AS n', 'n')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await connection.cancel();
    await running;
    expect(await count(connection)).toEqual([{ n: 1_000_002 }]);
  });

  it('stops a cancelled statement between two rows', async () => {
    const connection = await filled(await open());
    const running = failure(run(connection, listing));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await connection.cancel();
    expect(await running).toBeInstanceOf(StatementError);
    expect(await running).toMatchObject({ kind: 'server_timeout' });
    expect(await count(connection)).toEqual([{ n: 2 }]);
  });

  it('undoes a batch that is cancelled, and nothing else of its transaction', async () => {
    const connection = await filled(await open());
    await run(connection, 'BEGIN');
    await run(connection, 'INSERT INTO item (id) VALUES (3)');
    const rows = Array.from({ length: 400_000 }, (_, index) => [index]);
    const running = failure(connection.executeMany({ text: 'INSERT INTO item (id) VALUES (?)', rows }));
    await connection.cancel();
    expect(await running).toMatchObject({ kind: 'server_timeout' });
    expect(connection.transactionStatus).toBe('open');
    await run(connection, 'COMMIT');
    expect(await count(connection)).toEqual([{ n: 3 }]);
  });

  it('outlives a connection that is destroyed, whose open transaction is rolled back', async () => {
    const driver = await open();
    const connection = await filled(driver);
    await run(connection, 'BEGIN');
    await run(connection, 'DELETE FROM item');
    const running = failure(run(connection, counting(500_000)));
    connection.destroy();
    expect(await running).toBeInstanceOf(ConnectionLostError);
    const next = await connect(driver); // waits for what still runs
    expect(next.transactionStatus).toBe('idle');
    expect(await count(next)).toEqual([{ n: 2 }]);
    expect(await failure(count(connection))).toBeInstanceOf(ConnectionLostError);
  });

  it('outlives a stream that nobody closed', async () => {
    const driver = await open();
    const connection = await filled(driver);
    await connection.stream({ text: listing, values: [], prepare: undefined }, 10).next();
    connection.destroy();
    const next = await connect(driver);
    await run(next, 'DROP TABLE item'); // refused while a statement reads
    expect(await failure(count(next))).toMatchObject({ kind: 'unknown_object' });
  });

  it('outlives connections that are closed, and ends with its driver', async () => {
    const driver = await open();
    await (await filled(driver)).close();
    expect(await count(await connect(driver))).toEqual([{ n: 2 }]);
    await driver.close();
    const other = await open();
    expect(await failure(count(await connect(other)))).toMatchObject({ kind: 'unknown_object' });
  });

  it('lets whoever connects give up while the old statement runs', async () => {
    const driver = await open();
    const connection = await filled(driver);
    void failure(run(connection, counting(3_000_000)));
    connection.destroy();
    const abort = new AbortController();
    const connecting = driver.connect(driver.hosts[0]!, abort.signal);
    abort.abort('enough');
    expect(await failure(connecting)).toBe('enough');
    expect(await count(await connect(driver))).toEqual([{ n: 2 }]);
  });

  it.each([20, 'never'] as const)(
    'keeps its data in a pool whose statements run out of time (cancelGraceMs: %s)',
    async (cancelGraceMs) => {
      const pool = new Pool({ connectionString: 'sqlite::memory:', cancelGraceMs });
      await pool.query('CREATE TABLE item (id integer)');
      for (let round = 0; round < 3; round++) {
        await pool.query('INSERT INTO item (id) VALUES (?)', [round]);
        await expect(pool.query(counting(1_500_000), [], { timeoutMs: 10 })).rejects.toMatchObject({ code: 'POOL_STATEMENT_TIMEOUT' });
      }
      expect((await pool.query('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 3 }]);
      await pool.close();
    },
  );

  it('finds nothing of the last borrower, and all data', async () => {
    await using pool = new Pool({ connectionString: 'sqlite::memory:' });
    await pool.query('CREATE TABLE item (name varchar(9))');
    await pool.query("INSERT INTO item (name) VALUES ('a')");
    await pool.withConnection(async (lease) => {
      await lease.execute('CREATE TEMP TABLE secret (id integer)');
      await lease.execute('CREATE TEMP VIEW secrets AS SELECT * FROM secret');
      await lease.execute('CREATE TEMP TRIGGER spy AFTER INSERT ON item BEGIN INSERT INTO secret VALUES (1); END');
      await lease.execute("ATTACH ':memory:' AS other");
      for (const pragma of ['case_sensitive_like = ON', 'foreign_keys = OFF', 'recursive_triggers = ON', 'query_only = ON'])
        await lease.execute(`PRAGMA ${pragma}`);
      await lease.execute('SELECT * FROM secrets');
    });
    const one = async (sql: string): Promise<unknown> => Object.values((await pool.query(sql, [], { fetchMode: 'one' })).data ?? {})[0];
    expect(await one('SELECT count(*) FROM sqlite_temp_schema')).toBe(0);
    expect(await one("SELECT count(*) FROM pragma_database_list WHERE name = 'other'")).toBe(0);
    expect(await one("SELECT 'a' LIKE 'A'")).toBe(1);
    expect(await one('SELECT foreign_keys FROM pragma_foreign_keys')).toBe(1);
    expect(await one('SELECT recursive_triggers FROM pragma_recursive_triggers')).toBe(0);
    await pool.query("INSERT INTO item (name) VALUES ('b')");
    expect(await one('SELECT count(*) FROM item')).toBe(2);
  });

  it('can be written after a transaction that only read was cut', async () => {
    await using pool = new Pool({ connectionString: 'sqlite::memory:' });
    await pool.query('CREATE TABLE item (id integer)');
    const cut = new AbortController();
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const reading = pool.transaction(
      async (tx) => {
        await tx.execute('SELECT 1');
        begin();
        await new Promise(() => {});
      },
      { readOnly: true, signal: cut.signal },
    );
    const failed = failure(reading);
    await begun;
    cut.abort();
    expect(await failed).toMatchObject({ code: 'POOL_ABORTED' });
    await pool.transaction(async (tx) => pool.release(tx), { readOnly: true }).catch(() => {});
    await pool.query('INSERT INTO item (id) VALUES (1)');
    expect((await pool.query('SELECT count(*) AS n FROM item')).data).toEqual([{ n: 1 }]);
  });
});
