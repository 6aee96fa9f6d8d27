/** The table of labelled statements: each label is what a read-only server says, and the classifier keeps to it. */
import { classify, loadSql, type Dialect } from '@kailash-ts/sql';
import { describeDatabases, freshDatabase, type FreshDatabase } from '@kailash-ts/test-databases/vitest';
import Database from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectToReplica, connectToStandby, isReadOnlyRefusal, verdict, type Verdict } from './testing/replicas.ts';
import type { LabelledStatement } from '../../sql/src/testing/statements.ts';
import { MYSQL_LABELLED, MYSQL_SCHEMA } from '../../sql/src/testing/statements-mysql.ts';
import { POSTGRES_LABELLED, POSTGRES_SCHEMA } from '../../sql/src/testing/statements-postgres.ts';
import { SQLITE_LABELLED, SQLITE_SCHEMA } from '../../sql/src/testing/statements-sqlite.ts';

/** `ran`, `refused` as a write, or the error. */
type Answer = string;

const answerOf = ({ refusal }: Verdict): Answer => (refusal === null ? 'ran' : isReadOnlyRefusal(refusal) ? 'refused' : refusal);

/** Statements of which the server says something else than their label. `primary`: it may say anything, and is not asked. */
function differing(statements: readonly LabelledStatement[], answers: readonly Answer[]): string[] {
  const wanted = { read: 'ran', unknown: 'ran', write: 'refused' } as const;
  return statements.flatMap(({ label, sql }, i) =>
    label !== 'primary' && answers[i] !== wanted[label] ? [`${label} | ${sql}: ${answers[i]}`] : [],
  );
}

async function ask(
  statements: readonly LabelledStatement[],
  run: (sql: string) => Promise<unknown>,
  clean: () => Promise<unknown>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const { label, sql } of statements) {
    answers.push(label === 'primary' ? 'not asked' : answerOf(await verdict(sql, run)));
    await clean();
  }
  return answers;
}

async function askPostgres(): Promise<Answer[]> {
  const database = await freshDatabase('postgresql');
  const primary = new pg.Client(database.url);
  await primary.connect();
  await primary.query(POSTGRES_SCHEMA);
  await primary.end();
  const standby = await connectToStandby(database);
  const answers = await ask(
    POSTGRES_LABELLED,
    (sql) => standby.query(sql.replaceAll('??', '?')),
    () => standby.query('ROLLBACK'),
  );
  await standby.end();
  return answers;
}

async function askMariaDb(database: FreshDatabase, statements: readonly LabelledStatement[]): Promise<Answer[]> {
  const primary = await mysql.createConnection(database.url);
  for (const sql of MYSQL_SCHEMA) await primary.query(sql);
  await primary.end();
  const replica = await connectToReplica(database);
  const answers = await ask(
    statements,
    (sql) => replica.query(sql),
    () => replica.query('UNLOCK TABLES'),
  );
  await replica.end();
  return answers;
}

/** On a connection that only reads. */
async function askSqlite(): Promise<Answer[]> {
  const file = (await freshDatabase('sqlite')).name;
  const writer = new Database(file);
  writer.exec(SQLITE_SCHEMA);
  writer.close();
  const reader = new Database(file);
  reader.exec('PRAGMA query_only = ON');
  const answers = SQLITE_LABELLED.map(({ label, sql }) => {
    if (label === 'primary') return 'not asked';
    try {
      const statement = reader.prepare(sql);
      if (statement.reader) statement.all();
      else statement.run();
      return 'ran';
    } catch (error) {
      return /SQLITE_READONLY|readonly/i.test(`${(error as { code?: string }).code} ${(error as Error).message}`)
        ? 'refused'
        : (error as Error).message;
    }
  });
  reader.close();
  return answers;
}

function itKeepsToLabels(statements: () => readonly LabelledStatement[], dialect: Dialect): void {
  it('the classifier sends to a replica what is labelled as a read, and nothing else', () => {
    const wrong = statements().filter(({ label, sql }) => (classify(sql, dialect).target === 'replica') !== (label === 'read'));
    expect(wrong).toEqual([]);
  });
}

describe('the table of statements', () => {
  beforeAll(loadSql);
  it('has at least 300 statements of our own, each once', () => {
    const all = [...POSTGRES_LABELLED, ...MYSQL_LABELLED, ...SQLITE_LABELLED];
    expect(all.length).toBeGreaterThanOrEqual(300);
    for (const table of [POSTGRES_LABELLED, MYSQL_LABELLED, SQLITE_LABELLED])
      expect(new Set(table.map(({ sql }) => sql)).size).toBe(table.length);
  });
});

describeDatabases('the table of statements', ['postgresql'], () => {
  beforeAll(loadSql);
  it('is what a hot standby says', async () => expect(differing(POSTGRES_LABELLED, await askPostgres())).toEqual([]));
  itKeepsToLabels(() => POSTGRES_LABELLED, 'postgresql');
});

describeDatabases('the table of statements', ['mysql'], () => {
  it('is what a read-only replica says', async () => {
    const database = await freshDatabase('mysql');
    const statements = MYSQL_LABELLED.map(({ label, sql }) => ({
      label,
      sql: sql.replaceAll('@@', (match, at: number) => (/^@@[.\s]|^@@$/.test(sql.slice(at)) ? database.name : match)),
    }));
    expect(differing(statements, await askMariaDb(database, statements))).toEqual([]);
  });
  itKeepsToLabels(() => MYSQL_LABELLED.map(({ label, sql }) => ({ label, sql: sql.replaceAll(/@@(?=[.\s]|$)/g, 'db') })), 'mysql');
});

describeDatabases('the table of statements', ['sqlite'], () => {
  it('is what a read-only connection says', async () => expect(differing(SQLITE_LABELLED, await askSqlite())).toEqual([]));
  itKeepsToLabels(() => SQLITE_LABELLED, 'sqlite');
});
