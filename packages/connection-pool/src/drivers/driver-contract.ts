/** What every driver must do, whatever is behind it. Run by `drivers.db.test.ts` for each; a new driver runs it too. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Dialect } from '@kailash-ts/sql';
import type { BoundStatement, Driver, DriverConnection } from '../driver.ts';
import { ConnectionLostError, ReadOnlyConnectionError, StatementError } from '../errors.ts';
import { failure, streamContract } from './stream-contract.ts';

export interface ContractSubject {
  /** A driver for an empty database of its own. */
  open(): Promise<Driver>;
  /** A statement that takes several seconds. */
  readonly slowStatement: string;
  /** Ends the connection from the other side. Undefined where there is no other side. */
  readonly kill?: (connection: DriverConnection) => Promise<void>;
}

/** Registers the suite inside of a `describe`. */
export function driverContract(dialect: Dialect, subject: ContractSubject): void {
  let driver: Driver;
  const connections: DriverConnection[] = [];
  const mark = (index: number): string => (dialect === 'postgresql' ? `$${index}` : '?');
  const statement = (text: string, values: readonly unknown[] = [], prepare?: boolean): BoundStatement => ({ text, values, prepare });
  const connect = async (role: 'primary' | 'replica' = 'primary'): Promise<DriverConnection> => {
    const host = driver.hosts.find((candidate) => candidate.role === role) ?? driver.hosts[0]!;
    const connection = await driver.connect(host, new AbortController().signal);
    connections.push(connection);
    return connection;
  };
  const count = async (connection: DriverConnection): Promise<number> => {
    const { rows } = await connection.execute(statement('SELECT count(*) AS n FROM item'));
    return rows[0]!['n'] as number;
  };

  const breakDown = <T>(connection: DriverConnection, running: Promise<T>): Promise<T> => {
    connection.destroy();
    return running;
  };

  /** One server has no role of a replica; a session that may only read is refused with the same error. */
  const makeReadOnly = async (connection: DriverConnection): Promise<void> => {
    const sql = dialect === 'mysql' ? 'SET SESSION TRANSACTION READ ONLY' : 'SET default_transaction_read_only = on';
    await connection.execute(statement(sql));
  };

  beforeAll(async () => {
    driver = await subject.open();
    const connection = await connect();
    await connection.execute(statement('CREATE TABLE item (id integer PRIMARY KEY, name varchar(50) NOT NULL)'));
    await connection.close();
  });

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
    const cleaner = await connect();
    await cleaner.execute(statement('DELETE FROM item'));
    await cleaner.close();
  });

  afterAll(async () => {
    await driver.close();
  });

  describe('statements that are prepared before they are run', () => {
    const text = `SELECT name FROM item WHERE id = ${mark(1)}`;

    it('are prepared once, run nothing, and are there for the one who runs them', async () => {
      const connection = await connect();
      const { ahead } = connection;
      if (dialect === 'sqlite') return expect(ahead).toBeUndefined();
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'one')"));
      expect(ahead!.lacks(text)).toBe(true);
      await ahead!.prepare(text);
      expect(ahead!.lacks(text)).toBe(false);
      expect(await connection.execute(statement(text, [1]))).toMatchObject({ rows: [{ name: 'one' }], wasPrepared: true });
      const insert = `INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`;
      await ahead!.prepare(insert);
      expect(await count(connection)).toBe(1);
      expect(connection.clean).toBe(true);
      connection.forgetPrepared(() => true);
      expect(ahead!.lacks(text)).toBe(true);
      expect(await connection.execute(statement(text, [1], true))).toMatchObject({ rows: [{ name: 'one' }], wasPrepared: false });
    });

    it('may be refused, which leaves nothing behind', async () => {
      const connection = await connect();
      const { ahead } = connection;
      if (dialect === 'sqlite') return expect(ahead).toBeUndefined();
      const missing = `SELECT name FROM missing WHERE id = ${mark(1)}`;
      await expect(ahead!.prepare(missing)).rejects.toThrow(StatementError);
      expect([connection.usable, connection.clean, ahead!.lacks(missing)]).toEqual([true, true, true]);
      await connection.execute(statement('CREATE TABLE missing (id integer PRIMARY KEY, name varchar(5))'));
      await ahead!.prepare(missing);
      expect(await connection.execute(statement(missing, [1]))).toMatchObject({ rows: [], wasPrepared: true });
      await connection.execute(statement('DROP TABLE missing'));
      // What changes the session is none of our business, and what there is no room for is left alone.
      expect(ahead!.lacks(dialect === 'mysql' ? 'SET @x = ?' : 'SELECT set_config($1, $2, false)')).toBe(false);
      await expect(breakDown(connection, ahead!.prepare(text))).rejects.toThrow(ConnectionLostError);
    });
  });

  describe('statements', () => {
    it('gives rows, their number and their fields', async () => {
      const connection = await connect();
      await connection.execute(statement(`INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`, [7, 'seven']));
      const result = await connection.execute(statement('SELECT id, name FROM item'));
      expect(result.rows).toEqual([{ id: 7, name: 'seven' }]);
      expect(result.rowCount).toBe(1);
      expect(result.fields.map((field) => field.name)).toEqual(['id', 'name']);
    });

    it('counts the rows that a write affects', async () => {
      const connection = await connect();
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')"));
      expect((await connection.execute(statement(`DELETE FROM item WHERE id > ${mark(1)}`, [1]))).rowCount).toBe(2);
    });

    it.each([true, false, undefined])('gives the same with prepare: %s, again and again', async (prepare) => {
      const connection = await connect();
      for (const value of [1, 2, 3]) {
        const { rows } = await connection.execute(statement(`SELECT name FROM item WHERE id = ${mark(1)}`, [value], prepare));
        expect(rows).toEqual([]);
      }
    });

    it('survives a change of the table between two runs of a prepared statement', async () => {
      const connection = await connect();
      await connection.execute(statement('CREATE TABLE growing (id integer)'));
      await connection.execute(statement('INSERT INTO growing (id) VALUES (1)'));
      const select = statement(`SELECT * FROM growing WHERE id = ${mark(1)}`, [1], true);
      expect((await connection.execute(select)).rows).toEqual([{ id: 1 }]);
      await connection.execute(statement('ALTER TABLE growing ADD COLUMN extra varchar(10)'));
      expect((await connection.execute(select)).rows).toEqual([{ id: 1, extra: null }]);
      await connection.execute(statement('DROP TABLE growing'));
    });

    // mysql2 itself refuses such a name, and ends the connection.
    it.each(dialect === 'mysql' ? [] : ['__proto__'])('answers a column named %s as data', async () => {
      const connection = await connect();
      const { rows } = await connection.execute(statement('SELECT 1 AS "__proto__"'));
      expect(Object.getPrototypeOf(rows[0])).toBe(Object.prototype);
    });
  });

  describe('errors of statements', () => {
    it('tells what kind a unique violation is and keeps the connection', async () => {
      const connection = await connect();
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')"));
      for (let round = 0; round < 3; round++) {
        const error = await failure(connection.execute(statement(`INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`, [1, 'b'])));
        expect(error).toBeInstanceOf(StatementError);
        expect(error).toMatchObject({ kind: 'unique_violation' });
      }
      expect(connection.usable).toBe(true);
      expect(await count(connection)).toBe(1);
    });

    it.each([
      ['syntax_error', 'SELEKT 1'],
      ['unknown_object', 'SELECT * FROM no_such_table'],
      ['unknown_object', 'SELECT no_such_column FROM item'],
      ['not_null_violation', 'INSERT INTO item (id, name) VALUES (1, NULL)'],
    ])('calls it a %s: %s', async (kind, sql) => {
      const connection = await connect();
      expect(await failure(connection.execute(statement(sql)))).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind });
      expect(connection.usable).toBe(true);
    });

    it('shows no value of a parameter or of the SQL', async () => {
      const connection = await connect();
      await connection.execute(statement('CREATE TABLE secret (name varchar(50) PRIMARY KEY, n integer)'));
      const insert = (values: unknown[]): Promise<unknown> =>
        connection.execute(statement(`INSERT INTO secret (name, n) VALUES (${mark(1)}, ${mark(2)})`, values));
      await insert(['hush-hush', 1]);
      const errors = [
        await failure(insert(['hush-hush', 2])),
        await failure(connection.execute(statement("INSERT INTO secret (name) VALUES ('hush-hush')"))),
        await failure(connection.execute(statement("SELECT 'hush-hush' 'hush-hush' FROM FROM 'hush-hush'"))),
      ];
      if (dialect !== 'sqlite') errors.push(await failure(insert(['other', 'hush-hush'])));
      for (const error of errors) {
        expect(error).toBeInstanceOf(StatementError);
        expect(JSON.stringify(error)).not.toContain('hush');
      }
      await connection.execute(statement('DROP TABLE secret'));
    });
  });

  describe('transactions', () => {
    it('knows from the protocol whether one is open', async () => {
      const connection = await connect();
      expect(connection.transactionStatus).toBe('idle');
      await connection.execute(statement('BEGIN'));
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')"));
      await connection.execute(statement('SELECT id FROM item'));
      await connection.execute(statement('SAVEPOINT s'));
      await connection.execute(statement('ROLLBACK TO SAVEPOINT s'));
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement('COMMIT'));
      expect(connection.transactionStatus).toBe('idle');
      expect(await count(connection)).toBe(1);
    });

    it('knows where it stands after an error in one', async () => {
      const connection = await connect();
      await connection.execute(statement('BEGIN'));
      await failure(connection.execute(statement('SELECT * FROM no_such_table')));
      expect(connection.transactionStatus).toBe(dialect === 'postgresql' ? 'failed' : 'open');
      await connection.execute(statement('ROLLBACK'));
      expect(connection.transactionStatus).toBe('idle');
    });

    it('rolls back at reset', async () => {
      const connection = await connect();
      await connection.execute(statement('BEGIN'));
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')"));
      await connection.reset();
      expect(connection.transactionStatus).toBe('idle');
      expect(await count(connection)).toBe(0);
    });
  });

  describe('a ping', () => {
    it('proves that the connection is alive, and changes nothing', async () => {
      const connection = await connect();
      await connection.ping();
      expect(connection.clean).toBe(true);
      await connection.execute(statement('BEGIN'));
      await failure(connection.execute(statement('SELECT * FROM no_such_table')));
      const before = connection.transactionStatus;
      await connection.ping();
      expect(connection.transactionStatus).toBe(before);
    });

    it('fails on a connection that is no more', async () => {
      const connection = await connect();
      connection.destroy();
      expect(await failure(connection.ping())).toBeInstanceOf(ConnectionLostError);
    });
  });

  describe('the role', () => {
    it('is what the server says, also when asked again in a transaction', async () => {
      const connection = await connect();
      expect(connection.role).toBe('primary');
      await connection.execute(statement('BEGIN'));
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')"));
      expect(await connection.probeRole()).toBe('primary');
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement('COMMIT'));
      expect(await count(connection)).toBe(1);
    });
  });

  describe('a limit of rows', () => {
    const insert = `INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`;

    it.each([undefined, true])('gives no more, and all without it (prepare: %s)', async (prepare) => {
      const connection = await connect();
      await connection.executeMany({ text: insert, rows: Array.from({ length: 500 }, (_, index) => [index, 'x']) });
      const select = statement('SELECT id FROM item ORDER BY id', [], prepare);
      for (let round = 0; round < 3; round++) {
        const limited = await connection.execute({ ...select, maxRows: 2 });
        expect(limited).toMatchObject({ rows: [{ id: 0 }, { id: 1 }], rowCount: 2 });
        expect(limited.fields.map((field) => field.name)).toEqual(['id']);
        expect((await connection.execute(select)).rowCount).toBe(500);
      }
      expect((await connection.execute({ ...select, maxRows: 500 })).rowCount).toBe(500);
    });

    it('leaves a transaction as it was', async () => {
      const connection = await connect();
      await connection.execute(statement('BEGIN'));
      await connection.executeMany({ text: insert, rows: Array.from({ length: 500 }, (_, index) => [index, 'x']) });
      await connection.execute({ ...statement('SELECT id FROM item'), maxRows: 1 });
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement('COMMIT'));
      expect(await count(connection)).toBe(500);
    });

    it('does a write whole', async (context) => {
      if (dialect === 'mysql') context.skip('MySQL has no UPDATE ... RETURNING');
      const connection = await connect();
      await connection.executeMany({ text: insert, rows: Array.from({ length: 300 }, (_, index) => [index, 'x']) });
      const update = await connection.execute({ ...statement("UPDATE item SET name = 'y' RETURNING id"), maxRows: 1 });
      expect(update.rows).toHaveLength(1);
      const { rows } = await connection.execute(statement("SELECT count(*) AS n FROM item WHERE name = 'y'"));
      expect(rows).toEqual([{ n: 300 }]);
    });
  });

  streamContract({ dialect, connect, statement, count, mark, slowStatement: subject.slowStatement });

  describe('many rows', () => {
    const insert = `INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`;
    const rows = (n: number): unknown[][] => Array.from({ length: n }, (_, index) => [index, `name ${index}`]);

    it('writes all of them', async () => {
      const connection = await connect();
      expect(await connection.executeMany({ text: insert, rows: rows(12_345) })).toBe(12_345);
      expect(await count(connection)).toBe(12_345);
      expect(connection.transactionStatus).toBe('idle');
    });

    it.each([10, 12_000])('writes none when one of %i is refused', async (n) => {
      const connection = await connect();
      const bad = [...rows(n - 1), [0, 'again']];
      expect(await failure(connection.executeMany({ text: insert, rows: bad }))).toMatchObject({ kind: 'unique_violation' });
      expect(connection.transactionStatus).toBe('idle');
      expect(await count(connection)).toBe(0);
    });

    it('is part of an open transaction', async () => {
      const connection = await connect();
      await connection.execute(statement('BEGIN'));
      await connection.executeMany({ text: insert, rows: rows(6000) });
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement('ROLLBACK'));
      expect(await count(connection)).toBe(0);
    });

    it('takes statements other than INSERT', async () => {
      const connection = await connect();
      await connection.executeMany({ text: insert, rows: rows(100) });
      const update = { text: `UPDATE item SET name = ${mark(1)} WHERE id = ${mark(2)}`, rows: rows(100).map(([id]) => ['same', id]) };
      expect(await connection.executeMany(update)).toBe(100);
      const { rows: names } = await connection.execute(statement('SELECT DISTINCT name FROM item'));
      expect(names).toEqual([{ name: 'same' }]);
    });
  });

  describe('a replica connection', () => {
    it('reads, and refuses to write with an error that says why', async () => {
      const reader = await connect('replica');
      if (dialect !== 'sqlite') await makeReadOnly(reader);
      expect(await count(reader)).toBe(0);
      const error = await failure(reader.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')")));
      expect(error).toBeInstanceOf(ReadOnlyConnectionError);
      expect(reader.usable).toBe(true);
    });
  });

  describe('stopping', () => {
    it('ends a running statement at cancel, and is clean afterwards or of no use', async () => {
      const connection = await connect();
      const running = failure(connection.execute(statement(subject.slowStatement)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await connection.cancel();
      await running;
      if (!connection.usable) return;
      expect(await count(connection)).toBe(0);
      await connection.reset();
      expect(connection.transactionStatus).toBe('idle');
    });

    it('takes no harm from a cancel after the end of a statement', async () => {
      const connection = await connect();
      await connection.execute(statement('SELECT 1'));
      await connection.cancel();
      expect(connection.usable).toBe(true);
      for (let round = 0; round < 20; round++) expect(await count(connection)).toBe(0);
    });

    it('settles what runs when it is destroyed', async () => {
      const connection = await connect();
      const running = failure(connection.execute(statement(subject.slowStatement)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      connection.destroy();
      expect(await running).toBeInstanceOf(ConnectionLostError);
      expect(await running).toMatchObject({ mayHaveExecuted: true, retryable: false });
      expect(connection.usable).toBe(false);
      expect(await failure(connection.execute(statement('SELECT 1')))).toMatchObject({ mayHaveExecuted: false });
    });

    it('opens nothing when it is aborted before', async () => {
      const aborted = AbortSignal.abort('too late');
      expect(await failure(driver.connect(driver.hosts[0]!, aborted))).toBe('too late');
    });

    for (const kill of subject.kill ? [subject.kill] : [])
      it('tells when the server ends an idle connection', async () => {
        const connection = await connect();
        const lost = new Promise<void>((resolve) => connection.onLost(resolve));
        await kill(connection);
        await lost;
        expect(connection.usable).toBe(false);
      });

    for (const kill of subject.kill ? [subject.kill] : [])
      it('says that a statement may have run when the server ends its connection', async () => {
        const connection = await connect();
        const running = failure(connection.execute(statement(subject.slowStatement)));
        await new Promise((resolve) => setTimeout(resolve, 100));
        await kill(connection);
        expect(await running).toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: true });
      });
  });
}
