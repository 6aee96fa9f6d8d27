import process from 'node:process';
import { classifyLine, loadSql, parseDialect, SqlError, type Catalog, type ClassifiedLine, type Dialect } from '@kailash-ts/sql';
import { catalogOf } from '../catalog.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { linesOf } from '../lines.ts';
import { Stdout } from '../stdout.ts';

export interface ClassifyOptions {
  readonly dialect: string;
  readonly jsonl?: boolean;
  /** Of a database that is asked what its functions, operators and views do. */
  readonly connection?: string;
  readonly verbose?: boolean;
}

/** Lines are gathered into pieces of about this many characters before they are written. */
const PIECE_LENGTH = 64 * 1024;

/** `kailash classify`: SQL in, decision out. @returns the exit code */
export async function classify(sql: readonly string[], options: ClassifyOptions): Promise<number> {
  const dialect = dialectOf(options.dialect);
  if (options.jsonl && sql.length > 0) throw new UsageError('--jsonl reads from standard input; leave out the SQL, or leave out --jsonl.');
  if (!options.jsonl && sql.length === 0 && process.stdin.isTTY)
    throw new UsageError('There is no SQL to classify: give it as an argument, or on standard input.');
  await loadSql();
  const catalog = options.connection === undefined ? null : await catalogOf(options.connection, dialect);
  const stdout = new Stdout();
  if (options.jsonl) await classifyStream(stdout, dialect, catalog);
  else stdout.raw(textOf(classifyLine(sql.length > 0 ? sql.join(' ') : await readAll(), dialect, catalog)));
  await stdout.drain();
  return EXIT.completed;
}

function dialectOf(name: string): Dialect {
  try {
    return parseDialect(name);
  } catch (error) {
    if (error instanceof SqlError) throw new UsageError(`--dialect: ${error.message}`);
    throw error;
  }
}

/** One line out for each line in, in order. Waits for its reader, so that memory stays flat however long the stream is. */
async function classifyStream(stdout: Stdout, dialect: Dialect, catalog: Catalog | null): Promise<void> {
  let piece = '';
  for await (const line of linesOf(process.stdin)) {
    piece += `${JSON.stringify(classifyInput(line, dialect, catalog))}\n`;
    if (piece.length < PIECE_LENGTH) continue;
    stdout.raw(piece);
    piece = '';
    await stdout.drain();
    if (stdout.isClosed) return;
  }
  stdout.raw(piece);
}

/** The decision for one line `{"sql": "..."}`; a line that is no such thing cannot be proved harmless. */
export function classifyInput(line: string, dialect: Dialect, catalog: Catalog | null = null): ClassifiedLine {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return unproved(line.trim() === '' ? 'the line is empty' : 'the line is no JSON', dialect);
  }
  const sql = typeof data === 'object' && data !== null ? (data as { sql?: unknown }).sql : undefined;
  return sql === undefined ? unproved('the line has no "sql"', dialect) : classifyLine(sql, dialect, catalog);
}

const unproved = (reason: string, dialect: Dialect): ClassifiedLine => ({ ...classifyLine(undefined, dialect), reasons: [reason] });

function textOf(line: ClassifiedLine): string {
  const rows: [string, string][] = [
    ['type', line.queryType],
    ['target', line.target],
    ['pins session', line.pinsSession ? 'yes' : 'no'],
    ['tables', line.tables.join(', ') || '-'],
    ['template', line.template],
    ['reasons', line.reasons.join('; ') || '-'],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join('');
}

async function readAll(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk as string;
  return text;
}
