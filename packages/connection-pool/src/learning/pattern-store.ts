/**
 * Where what was learnt is kept over a restart: a file, or a row of a table in the pool's own database. It holds templates, counts and
 * times, never values of parameters.
 */
import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat, readFile } from 'node:fs/promises';
import type { Dialect } from '@kailash-ts/sql';
import type { Row } from '../contract.ts';

/** A place for one state. Both throw as the file system and the database do. */
export interface PatternPlace {
  /** For messages. */
  readonly name: string;
  /** Undefined when nothing was stored yet. */
  read(): Promise<string | undefined>;
  /** All or nothing. */
  write(state: string): Promise<void>;
}

/** Characters of a state that is read or written at most: a packet of MySQL holds no more by default. */
export const MOST_STATE = 15 * 2 ** 20;

export class FilePlace implements PatternPlace {
  readonly name: string;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.name = `file "${path}"`;
  }

  async read(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#path);
      // What is too long is not ours: a part of it is enough to tell.
      return size > MOST_STATE ? ' '.repeat(MOST_STATE + 1) : await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Beside it, to the disk, and renamed: whoever reads meanwhile, or after a crash, reads a whole one. */
  async write(state: string): Promise<void> {
    const beside = `${this.#path}.${randomUUID()}.tmp`;
    try {
      const file = await open(beside, 'wx', 0o600);
      try {
        await file.writeFile(state);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.#path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }
}

/** Runs a statement on the primary. @throws as `pool.query` */
export type RunSql = (sql: string, params?: readonly unknown[]) => Promise<readonly Row[]>;

const TEXT: Readonly<Record<Dialect, string>> = { postgresql: 'text', mysql: 'longtext', sqlite: 'text' };
const ON_CONFLICT = 'ON CONFLICT (pool) DO UPDATE SET saved_at = excluded.saved_at, state = excluded.state';
const OVERWRITE: Readonly<Record<Dialect, string>> = {
  postgresql: ON_CONFLICT,
  sqlite: ON_CONFLICT,
  mysql: 'ON DUPLICATE KEY UPDATE saved_at = VALUES(saved_at), state = VALUES(state)',
};

/** One row for each name of a pool. The table is made when it is not there at the first write. */
export class TablePlace implements PatternPlace {
  readonly name: string;
  readonly #table: string;
  readonly #pool: string;
  readonly #dialect: Dialect;
  readonly #run: RunSql;

  /** @param table as the configuration has checked it */
  constructor(table: string, pool: string, dialect: Dialect, run: RunSql) {
    this.#table = table;
    this.#pool = pool;
    this.#dialect = dialect;
    this.#run = run;
    this.name = `table "${table}"`;
  }

  async read(): Promise<string | undefined> {
    try {
      const [row] = await this.#run(`SELECT state FROM ${this.#table} WHERE pool = ?`, [this.#pool]);
      return row && String(row['state']);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async write(state: string): Promise<void> {
    const sql = `INSERT INTO ${this.#table} (pool, saved_at, state) VALUES (?, CURRENT_TIMESTAMP, ?) ${OVERWRITE[this.#dialect]}`;
    const write = (): Promise<unknown> => this.#run(sql, [this.#pool, state]);
    try {
      await write();
    } catch (error) {
      if (!isMissing(error)) throw error;
      const text = TEXT[this.#dialect];
      await this.#run(
        `CREATE TABLE IF NOT EXISTS ${this.#table} (pool varchar(255) PRIMARY KEY, saved_at timestamp NOT NULL, state ${text} NOT NULL)`,
      );
      await write();
    }
  }
}

const isMissing = (error: unknown): boolean => (error as { kind?: unknown }).kind === 'unknown_object';
