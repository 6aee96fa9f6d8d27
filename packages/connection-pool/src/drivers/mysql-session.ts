/** What a session of MySQL or MariaDB begins with, and what its reset by the server leaves undone. */
import type { Connection } from 'mysql2';
import { mayChangeSession } from '../session-effects.ts';

/** The same meaning of texts and times on all databases, whatever the server's defaults are. */
const DEFAULTS = "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci, time_zone = '+00:00'";

/** The reset of a session keeps its database. */
const MOVES = /\buse\b/i;
/** MariaDB keeps the locks of a backup through the reset of a session. */
const LOCKS_FOR_BACKUP = /\bbackup\b/i;

/** Modes: clean -> (a statement that may change it) changed -> (reset) clean. One for each connection. */
export class MysqlSession {
  /** Whether it must be reset before somebody else gets it. */
  changed = false;
  /** Whether no reset makes it as good as new. */
  isSpoiled = false;
  readonly #database: string | undefined;
  readonly #encoding: { charsetNumber: number };
  readonly #charset: number;
  #moved = false;

  /** @param connection logged in @param database that of the login */
  constructor(connection: Connection, database: string | undefined) {
    this.#database = database;
    this.#encoding = (connection as unknown as { config: { charsetNumber: number } }).config;
    this.#charset = this.#encoding.charsetNumber;
  }

  /** A statement is about to be sent. */
  note(text: string): void {
    if (!mayChangeSession(text)) return;
    this.changed = true;
    if (LOCKS_FOR_BACKUP.test(text)) this.isSpoiled = true;
    if (!MOVES.test(text)) return;
    if (this.#database === undefined) this.isSpoiled = true;
    else this.#moved = true;
  }

  /** What was sent so far is part of how the session begins: `onConnect` has ended. */
  begun(): void {
    this.changed = false;
    this.isSpoiled = false;
  }

  /**
   * To be sent to a session that is new, or was reset by the server. mysql2 follows a `SET NAMES` of the borrower, but not the reset:
   * it would go on writing texts in an encoding in which the server does not read them any more.
   */
  beginning(): readonly string[] {
    this.#encoding.charsetNumber = this.#charset;
    const moved = this.#moved;
    this.#moved = false;
    return moved ? [DEFAULTS, `USE \`${this.#database!.replaceAll('`', '``')}\``] : [DEFAULTS];
  }
}
