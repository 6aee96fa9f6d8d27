/** What `campaign routing-replay` replays: the labelled files beside the project, and the table of statements of our own. */
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Cluster } from '@kailash-ts/test-databases';
import { MYSQL_LABELLED, MYSQL_SCHEMA } from '../../../sql/src/testing/statements-mysql.ts';
import { POSTGRES_LABELLED, POSTGRES_SCHEMA } from '../../../sql/src/testing/statements-postgres.ts';
import { POSTGRES_SUITE_TABLES } from './replay-tables.ts';

/** Statements that belong together, in their order. */
export interface ReplayFile {
  readonly name: string;
  readonly statements: readonly string[];
}

/** KAILASH_ROUTING_DATA names another folder, for a checkout that does not lie beside the data. */
const elsewhere = process.env['KAILASH_ROUTING_DATA'];
const folder = elsewhere === undefined ? new URL('../../../../../shared/data/routing/', import.meta.url) : pathToFileURL(`${elsewhere}/`);

/** Whether the labelled files are there. */
export const labelledFilesArePresent = existsSync(folder);

interface Labelled {
  readonly file: string;
  readonly sql: string;
  readonly inTransaction: boolean;
  readonly sqlstatePrimary: string | number | null;
}

/** In the order of the files; their statements keep the order in which they were run when they were labelled. */
export function labelledFiles(kind: Cluster['kind']): readonly ReplayFile[] {
  const name = kind === 'postgresql' ? 'postgresql.jsonl.gz' : 'mariadb.jsonl.gz';
  const lines = gunzipSync(readFileSync(new URL(name, folder)))
    .toString('utf8')
    .trim()
    .split('\n');
  const files = new Map<string, Restored>();
  for (const line of lines) {
    const row = JSON.parse(line) as Labelled;
    const file = files.get(row.file) ?? new Restored(kind);
    files.set(row.file, file);
    file.add(row);
  }
  const before = kind === 'postgresql' ? POSTGRES_SUITE_TABLES : [];
  return [...files].map(([file, restored]) => ({ name: file, statements: [...before, ...restored.finish()] }));
}

const BEGINS = /^\s*(?:BEGIN(?!\s+NOT\b)|START\s+TRANSACTION)\b/i;
const ENDS = /^\s*(?:COMMIT|ROLLBACK(?!\s+(?:WORK\s+)?TO\b)|END|ABORT)\b(?![\s\S]*\bAND\s+CHAIN\b)/i;
const CREATES = /^\s*CREATE\s+(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED)\s+)*(TABLE|VIEW|PROCEDURE|FUNCTION)\s+(?!IF\b)([\w.`"]+)/i;

/**
 * The data holds each text once, so most of the BEGIN, COMMIT and DROP of the suites are missing. They are put back where the labels
 * show that they stood: around statements labelled `inTransaction`, and before a CREATE that succeeded though there was one before.
 */
class Restored {
  readonly #kind: Cluster['kind'];
  readonly #statements: string[] = [];
  readonly #created = new Set<string>();
  #isOpen = false;

  constructor(kind: Cluster['kind']) {
    this.#kind = kind;
  }

  add({ sql, inTransaction, sqlstatePrimary }: Labelled): void {
    if (inTransaction !== this.#isOpen) this.#statements.push(inTransaction ? 'BEGIN' : 'COMMIT');
    this.#isOpen = BEGINS.test(sql) || (inTransaction && !ENDS.test(sql));
    const [, what, object] = (sqlstatePrimary === null ? CREATES.exec(sql) : undefined) ?? [];
    if (what !== undefined && object !== undefined) this.#dropFirst(what.toUpperCase(), object);
    this.#statements.push(sql);
  }

  finish(): readonly string[] {
    return this.#isOpen ? [...this.#statements, 'COMMIT'] : this.#statements;
  }

  #dropFirst(what: string, object: string): void {
    if (this.#kind === 'postgresql' && what !== 'TABLE' && what !== 'VIEW') return; // names do not tell overloads apart
    const name = `${what} IF EXISTS ${object}`;
    if (this.#created.has(name)) this.#statements.push(`DROP ${name}${this.#kind === 'postgresql' ? ' CASCADE' : ''}`);
    this.#created.add(name);
  }
}

/**
 * The table of statements of our own, behind what they need. Whatever begins a transaction there is followed by its end.
 * @param database what `@@` stands for in those of MariaDB
 */
export function ownFile(kind: Cluster['kind'], database: string): ReplayFile {
  const name = 'statements of our own';
  const ended = (sql: string): readonly string[] => (BEGINS.test(sql) ? [sql, 'ROLLBACK'] : [sql]);
  if (kind === 'postgresql')
    return {
      name,
      statements: [...POSTGRES_SCHEMA.trim().split(/;\s*/).filter(Boolean), ...POSTGRES_LABELLED.flatMap(({ sql }) => ended(sql))],
    };
  const statements = MYSQL_LABELLED.flatMap(({ sql }) => ended(sql.replaceAll(/@@(?=[.\s]|$)/g, database)));
  return { name, statements: [...MYSQL_SCHEMA, ...statements] };
}
