/** Prepares statements of PostgreSQL before they are run: Parse, Describe, Sync. */
import type { PreparesAhead } from '../driver.ts';
import { mayChangeSession } from '../session-effects.ts';
import { isFatal, toStatementError } from './postgres-errors.ts';
import { Execution } from './postgres-exchanges.ts';
import { compose } from './postgres-frontend.ts';
import type { RowReader } from './postgres-rows.ts';
import type { PostgresWire } from './postgres-wire.ts';
import type { PreparedNames } from './prepared-names.ts';

/** Parse goes together with the statement that needs it: a caller waits for the server's work alone. */
export class PostgresAhead implements PreparesAhead {
  readonly savesRoundTrip = false;
  readonly #wire: PostgresWire;
  readonly #names: PreparedNames<RowReader | null>;

  constructor(wire: PostgresWire, names: PreparedNames<RowReader | null>) {
    this.#wire = wire;
    this.#names = names;
  }

  lacks(text: string): boolean {
    return this.#names.lacks(text) && !mayChangeSession(text);
  }

  prepare(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const prepared = this.#names.find(text, true)!;
      const message = compose();
      for (const name of this.#names.takeEvicted()) message.close('S', name);
      message.parse(prepared.name, text).describeStatement(prepared.name);
      const preparing = new Execution(this.#wire, undefined, ({ failure, reader }) => {
        if (failure === undefined) {
          this.#names.confirm(prepared, reader);
          return resolve();
        }
        this.#names.forget(text);
        if (isFatal(failure)) this.#wire.destroy();
        reject(toStatementError(failure, false));
      });
      this.#wire.start(preparing, message.sync().take());
    });
  }
}
