/** What every driver's streams must do. Part of `driverContract`. */
import { describe, expect, it } from 'vitest';
import type { Dialect } from '@kailash-ts/sql';
import type { Row } from '../contract.ts';
import type { BoundStatement, DriverConnection, RowStream } from '../driver.ts';
import { ConnectionLostError, StatementError } from '../errors.ts';

export interface StreamContext {
  readonly dialect: Dialect;
  readonly connect: () => Promise<DriverConnection>;
  readonly statement: (text: string, values?: readonly unknown[], prepare?: boolean) => BoundStatement;
  readonly count: (connection: DriverConnection) => Promise<number>;
  readonly mark: (index: number) => string;
  readonly slowStatement: string;
}

/** Far more rows than sockets and pieces hold. */
const MANY = 400_000;

export function streamContract({ dialect, connect, statement, count, mark, slowStatement }: StreamContext): void {
  const filled = async (rows: number): Promise<DriverConnection> => {
    const connection = await connect();
    const text = `INSERT INTO item (id, name) VALUES (${mark(1)}, ${mark(2)})`;
    await connection.executeMany({ text, rows: Array.from({ length: rows }, (_, index) => [index, `name ${index}`]) });
    return connection;
  };
  const numbers = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${MANY}) SELECT n, 'some text of forty bytes, more or less' AS t FROM c`;
  const endless = statement(dialect === 'postgresql' ? `SELECT generate_series(1, 2000000000) AS n, 'x' AS t` : numbers);
  /** A recursion so deep must be allowed first, on MySQL. */
  const deep = async (connection: DriverConnection): Promise<void> => {
    if (dialect === 'mysql') await connection.execute(statement(`SET SESSION max_recursive_iterations = ${MANY * 2}`));
  };

  describe('a stream', () => {
    it.each([
      [undefined, 10],
      [true, 7],
      [false, 100],
      [true, 25],
    ])('gives what execute gives, in pieces (prepare: %s, %i rows each)', async (prepare, fetchSize) => {
      const connection = await filled(25);
      const select = statement(`SELECT id, name FROM item WHERE id >= ${mark(1)} ORDER BY id`, [0], prepare);
      const whole = await connection.execute(select);
      for (let round = 0; round < 3; round++) {
        const stream = connection.stream(select, fetchSize);
        const pieces = await drain(stream);
        expect(pieces.flat()).toEqual(whole.rows);
        expect(pieces.every((piece) => piece.length > 0 && piece.length <= fetchSize)).toBe(true);
        expect(stream.fields).toEqual(whole.fields);
        expect(await stream.next()).toBeUndefined();
        expect(await count(connection)).toBe(25);
      }
      expect(connection.clean).toBe(true);
    });

    it('has no piece without rows, but their fields', async () => {
      const connection = await connect();
      const stream = connection.stream(statement('SELECT id, name FROM item'), 10);
      expect(await stream.next()).toBeUndefined();
      expect(stream.fields.map((field) => field.name)).toEqual(['id', 'name']);
    });

    it('does a statement without rows', async () => {
      const connection = await connect();
      const stream = connection.stream(statement("INSERT INTO item (id, name) VALUES (1, 'a')"), 10);
      expect(await stream.next()).toBeUndefined();
      expect(stream.fields).toEqual([]);
      expect(await count(connection)).toBe(1);
    });

    it('reads a large result to its end', async () => {
      const connection = await connect();
      await deep(connection);
      const stream = connection.stream(statement(numbers), 1000);
      let rows = 0;
      let last: unknown;
      for (let piece = await stream.next(); piece; piece = await stream.next()) {
        rows += piece.length;
        last = piece.at(-1)!['n'];
      }
      expect([rows, last]).toEqual([MANY, MANY]);
      expect(await count(connection)).toBe(0);
    });

    it.each([0, 1, 3])('gives up the rest when it is closed after %i pieces', async (pieces) => {
      const connection = await connect();
      await deep(connection);
      const stream = connection.stream(endless, 50);
      for (let index = 0; index < pieces; index++) expect(await stream.next()).toHaveLength(50);
      await Promise.all([stream.close(), stream.close()]);
      expect(await stream.next()).toBeUndefined();
      expect(connection.usable).toBe(true);
      expect(await count(connection)).toBe(0);
      await connection.reset();
      expect(connection.transactionStatus).toBe('idle');
    });

    it('closed early leaves a transaction open, with all that was done in it', async () => {
      const connection = await connect();
      await deep(connection);
      await connection.execute(statement('BEGIN'));
      await connection.execute(statement("INSERT INTO item (id, name) VALUES (1, 'a')"));
      const stream = connection.stream(endless, 50);
      await stream.next();
      await stream.close();
      expect(connection.transactionStatus).toBe('open');
      await connection.execute(statement('COMMIT'));
      expect(connection.transactionStatus).toBe('idle');
      expect(await count(connection)).toBe(1);
    });

    it('tells an error as execute does, once', async () => {
      const connection = await connect();
      const stream = connection.stream(statement('SELECT * FROM no_such_table'), 10);
      expect(await failure(stream.next())).toMatchObject({ code: 'POOL_STATEMENT_FAILED', kind: 'unknown_object' });
      expect(await stream.next()).toBeUndefined();
      await stream.close();
      expect(await count(connection)).toBe(0);
    });

    it('tells an error in its middle, and knows the transaction afterwards', async () => {
      const connection = await filled(50);
      await connection.execute(statement('BEGIN'));
      const broken: Record<Dialect, string> = {
        postgresql: 'SELECT 1 / (30 - id) AS q FROM item ORDER BY id',
        mysql: 'SELECT CASE WHEN id < 30 THEN 1 ELSE (SELECT 1 UNION SELECT 2) END AS q FROM item',
        sqlite: 'SELECT CASE WHEN id < 30 THEN 1 ELSE abs(-9223372036854775807 - 1) END AS q FROM item',
      };
      const stream = connection.stream(statement(broken[dialect]), 10);
      expect(await failure(drain(stream))).toBeInstanceOf(StatementError);
      expect(connection.usable).toBe(true);
      expect(connection.transactionStatus).toBe(dialect === 'postgresql' ? 'failed' : 'open');
      await connection.execute(statement('ROLLBACK'));
      expect(await count(connection)).toBe(50);
    });

    it('ends with an error when it is cancelled while nobody reads', async () => {
      const connection = await connect();
      await deep(connection);
      const stream = connection.stream(endless, 50);
      await stream.next();
      await connection.cancel();
      const error = await failure(drain(stream));
      if (!connection.usable) return expect(error).toBeInstanceOf(ConnectionLostError);
      expect(error).toMatchObject({ kind: 'server_timeout' });
      for (let round = 0; round < 20; round++) expect(await count(connection)).toBe(0);
    });

    it('ends with an error when it is cancelled before its first piece', async () => {
      const connection = await connect();
      const stream = connection.stream(statement(slowStatement), 50);
      const first = failure(stream.next());
      await new Promise((resolve) => setTimeout(resolve, 100));
      await connection.cancel();
      const error = await first;
      if (connection.usable) expect(error).toMatchObject({ kind: 'server_timeout' });
      else expect(error).toBeInstanceOf(ConnectionLostError);
    });

    it.each(['while nobody reads', 'while a piece is on its way'])('ends as lost when its connection is destroyed %s', async (moment) => {
      const connection = await connect();
      await deep(connection);
      const stream = connection.stream(moment === 'while nobody reads' ? endless : statement(slowStatement), 50);
      const reading = moment === 'while nobody reads' ? (await stream.next(), undefined) : failure(stream.next());
      connection.destroy();
      expect(await (reading ?? failure(drain(stream)))).toBeInstanceOf(ConnectionLostError);
      await stream.close();
      expect(connection.usable).toBe(false);
    });

    it('does a write with RETURNING whole, however little of it is read', async (context) => {
      if (dialect === 'mysql') context.skip('MySQL has no UPDATE ... RETURNING');
      const connection = await filled(500);
      const stream = connection.stream(statement("UPDATE item SET name = 'y' RETURNING id"), 10);
      await stream.next();
      await stream.close();
      const { rows } = await connection.execute(statement("SELECT count(*) AS n FROM item WHERE name = 'y'"));
      // PostgreSQL has done all of it by then, but what a portal does commits with its end.
      expect(rows).toEqual([{ n: 500 }]);
    });
  });
}

async function drain(stream: RowStream): Promise<(readonly Row[])[]> {
  const pieces: (readonly Row[])[] = [];
  for (let piece = await stream.next(); piece; piece = await stream.next()) pieces.push(piece);
  return pieces;
}

/** The error of something that must fail. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome).toHaveProperty('error');
  return (outcome as { error: unknown }).error;
}
