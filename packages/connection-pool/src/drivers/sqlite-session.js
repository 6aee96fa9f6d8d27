/**
 * The session of a SQLite connection, and how it becomes as good as new where the connection cannot be replaced, because it is the
 * database. Plain JavaScript, as the worker needs it.
 */

/**
 * @typedef {{ raw(on?: boolean): { all(values: unknown[]): unknown[][] }, all(values: unknown[]): unknown[] }} Statement
 * @typedef {{ prepare(sql: string): Statement, exec(sql: string): void }} Database
 */

/** Settings of the connection that can be read and written. */
const SETTINGS = [
  'analysis_limit',
  'automatic_index',
  'busy_timeout',
  'cache_size',
  'cache_spill',
  'cell_size_check',
  'checkpoint_fullfsync',
  'defer_foreign_keys',
  'foreign_keys',
  'fullfsync',
  'ignore_check_constraints',
  'legacy_alter_table',
  'locking_mode',
  'query_only',
  'read_uncommitted',
  'recursive_triggers',
  'reverse_unordered_selects',
  'secure_delete',
  'synchronous',
  'temp_store',
  'trusted_schema',
  'writable_schema',
];

/** @param {string} name */
const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

export class Session {
  #database;
  /** As the connection began. @type {Map<string, unknown>} */
  #settings = new Map();

  /** @param {Database} database just opened, and prepared as every connection is */
  constructor(database) {
    this.#database = database;
    for (const name of SETTINGS) {
      const value = this.#read(name);
      if (value !== undefined) this.#settings.set(name, value);
    }
  }

  /** Undoes what borrowers have changed: settings, attached databases, temporary objects. No transaction may be open. */
  reset() {
    for (const [name, value] of this.#settings) if (this.#read(name) !== value) this.#database.exec(`PRAGMA ${name} = ${String(value)}`);
    // It can be set, but not read.
    this.#database.exec('PRAGMA case_sensitive_like = OFF');
    for (const [name] of this.#rows("SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')"))
      this.#database.exec(`DETACH ${quoted(String(name))}`);
    // A table takes its indexes and triggers with it.
    for (const [type, name] of this.#rows("SELECT type, name FROM temp.sqlite_schema WHERE type <> 'index' AND name NOT LIKE 'sqlite%'"))
      this.#database.exec(`DROP ${String(type)} IF EXISTS temp.${quoted(String(name))}`);
  }

  /** @param {string} name */
  #read(name) {
    return this.#rows(`PRAGMA ${name}`)[0]?.[0];
  }

  /** @param {string} sql */
  #rows(sql) {
    return this.#database.prepare(sql).raw().all([]);
  }
}
