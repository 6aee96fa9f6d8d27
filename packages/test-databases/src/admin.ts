/** An administrator beside the pool under test: sees who is there, and ends them. */
import mysql from 'mysql2/promise';
import pg from 'pg';

/** A client's session, as its server sees it. */
export interface Session {
  readonly id: number;
  /** A statement runs at this moment. */
  readonly running: boolean;
  readonly inTransaction: boolean;
}

type Values = Record<string, unknown>;

/** One connection to one server, with all rights. Owned by the test, which closes it: `await using`. */
export class Admin implements AsyncDisposable {
  readonly #ask: (sql: string) => Promise<Values[]>;
  readonly #isPostgres: boolean;
  readonly #end: () => Promise<void>;

  /** Use `openAdmin`. @internal */
  constructor(isPostgres: boolean, ask: (sql: string) => Promise<Values[]>, end: () => Promise<void>) {
    this.#isPostgres = isPostgres;
    this.#ask = ask;
    this.#end = end;
  }

  /** Runs one statement; rows of what has none are `[]`. */
  query(sql: string): Promise<Values[]> {
    return this.#ask(sql);
  }

  /** Who is connected to a database, without this administrator. */
  async sessions(database: string): Promise<readonly Session[]> {
    const rows = await this.#ask(
      this.#isPostgres
        ? `SELECT pid AS id, state = 'active' AS running, xact_start IS NOT NULL AS open FROM pg_stat_activity
           WHERE datname = '${database}' AND backend_type = 'client backend' AND pid <> pg_backend_pid()`
        : `SELECT id, command NOT IN ('Sleep') AS running, id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx) AS open
           FROM information_schema.processlist WHERE db = '${database}' AND id <> connection_id()`,
    );
    return rows.map(({ id, running, open }) => ({
      id: Number(id),
      running: Boolean(Number(running)),
      inTransaction: Boolean(Number(open)),
    }));
  }

  /** Ends all sessions of a database, or one. @returns how many */
  async endSessions(database: string, id?: number): Promise<number> {
    const ids = id === undefined ? (await this.sessions(database)).map((session) => session.id) : [id];
    for (const one of ids) await this.#ask(this.#isPostgres ? `SELECT pg_terminate_backend(${one})` : `KILL ${one}`).catch(ignoreGone);
    return ids.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

/** MariaDB: it ended by itself meanwhile. */
function ignoreGone(error: unknown): Values[] {
  if ((error as { errno?: number }).errno === 1094) return [];
  throw error;
}

/** @param url the administrator's, as a cluster tells it */
export async function openAdmin(url: string): Promise<Admin> {
  if (url.startsWith('postgres')) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    return new Admin(
      true,
      async (sql) => (await client.query<Values>(sql)).rows,
      () => client.end().catch(() => {}),
    );
  }
  const connection = await mysql.createConnection(url);
  connection.on('error', () => {});
  return new Admin(
    false,
    async (sql) => {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Values[]) : [];
    },
    () => connection.end().catch(() => {}),
  );
}
