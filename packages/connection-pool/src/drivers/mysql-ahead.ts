/** Prepares statements of MySQL and MariaDB before they are run: COM_STMT_PREPARE. */
import type { Connection } from 'mysql2';
import type { PreparesAhead } from '../driver.ts';
import { mayChangeSession } from '../session-effects.ts';
import type { Done } from './mysql-answers.ts';
import { toStatementError } from './mysql-errors.ts';
import type { PreparedNames } from './prepared-names.ts';

export class MysqlAhead implements PreparesAhead {
  readonly savesRoundTrip = true;
  readonly #connection: Connection;
  readonly #names: PreparedNames;
  readonly #command: (start: (settle: Done) => void) => Promise<void>;

  /** @param command runs one of mysql2; it rejects as mysql2 does, or when the connection is lost */
  constructor(connection: Connection, names: PreparedNames, command: (start: (settle: Done) => void) => Promise<void>) {
    this.#connection = connection;
    this.#names = names;
    this.#command = command;
  }

  lacks(text: string): boolean {
    return this.#names.lacks(text) && !mayChangeSession(text);
  }

  /** mysql2 keeps it where it looks for it when the statement is run. */
  async prepare(text: string): Promise<void> {
    const prepared = this.#names.find(text, true)!;
    try {
      await this.#command((settle) => void this.#connection.prepare({ sql: text, rowsAsArray: true } as never, settle));
      prepared.known = true;
    } catch (error) {
      this.#names.forget(text);
      throw toStatementError(error, false);
    }
  }
}
