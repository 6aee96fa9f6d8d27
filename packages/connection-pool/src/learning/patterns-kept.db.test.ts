/** What was learnt is there again after a restart, from a file or from a table. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SimulatedClock } from '@kailash-ts/core/testing';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from '../config.ts';
import { Pool } from '../pool.ts';
import type { QueryPatternTracker } from './query-pattern-tracker.ts';

const SECRET = 'hunter2';

function learn(tracker: QueryPatternTracker, times = 6): void {
  for (let count = 0; count < times; count++)
    for (const fingerprint of ['SELECT a', 'SELECT b'])
      tracker.recordExecution({
        fingerprint,
        executionTimeMs: 1,
        connectionId: '',
        success: true,
        resultSize: 1,
        sessionId: `of ${SECRET} ${count}`,
        parameters: [SECRET],
        text: `${fingerprint} -- ${SECRET}`,
      });
}

/** Resolves when what is there was read. */
const untilKnown = (pool: Pool, size: number): Promise<void> =>
  expect.poll(() => pool.queryPatternTracker!.size, { interval: 5, timeout: 10_000 }).toBe(size);

const open = (options: PoolOptions, clock?: SimulatedClock): { pool: Pool; warnings: string[] } => {
  const pool = new Pool({ enableQueryRouting: true, minConnections: 0, ...options }, clock && { clock });
  const warnings: string[] = [];
  pool.on('pool:warning', ({ message }) => void warnings.push(message));
  onTestFinished(() => pool.close());
  return { pool, warnings };
};

async function inDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'patterns-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe('patterns in a file', () => {
  it('are there after a restart, with nothing of whom and what they were learnt from', async () => {
    const directory = await inDirectory();
    const file = join(directory, 'patterns.json');
    const options = { connectionString: 'sqlite::memory:', patternStore: { file } };
    const { pool: first, warnings } = open(options);
    learn(first.queryPatternTracker!);
    await first.close();
    expect(await readdir(directory)).toEqual(['patterns.json']);
    expect(await readFile(file, 'utf8')).not.toContain(SECRET);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { pool: second } = open(options);
    await untilKnown(second, 2);
    expect(second.queryPatternTracker!.predictNextQueries('SELECT a')[0]).toMatchObject({ fingerprint: 'SELECT b' });
    expect(warnings).toEqual([]);
  });

  it('are written at intervals, and not before they were read', async () => {
    const file = join(await inDirectory(), 'later', 'patterns.json');
    const clock = new SimulatedClock();
    const { pool, warnings } = open({ connectionString: 'sqlite::memory:', patternStore: { file, saveIntervalMs: 60_000 } }, clock);
    learn(pool.queryPatternTracker!);
    await clock.advance(60_000);
    // There is no such directory yet: said once, and tried again.
    await expect
      .poll(() => warnings)
      .toEqual([expect.stringMatching(/file ".*" cannot be written [(]ENOENT[)], which is tried again[.]$/)]);
    await clock.advance(60_000);
    await mkdir(dirname(file));
    await clock.advance(60_000);
    await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toContain('SELECT a');
    expect(warnings).toHaveLength(1);
  });

  it.each([
    ['is cut', '{"version":1,"savedAt":17', /it is no JSON/],
    ['is of somebody else', `{"password":"${SECRET}"}`, /version/],
    ['is too long', ' '.repeat(16 * 2 ** 20), /longer than 15728640 characters/],
  ])('are begun anew when the file %s, which is told and left as it is', async (_, text, reason) => {
    const file = join(await inDirectory(), 'patterns.json');
    await writeFile(file, text);
    const { pool, warnings } = open({ connectionString: 'sqlite::memory:', patternStore: { file } });
    expect(pool.queryPatternTracker!.size).toBe(0);
    await expect.poll(() => warnings, { timeout: 10_000 }).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(warnings[0]).toMatch(/is left as it is, and nothing is stored: .* Remove it, or name another place[.]$/);
    expect(warnings[0]).not.toContain(SECRET);
    learn(pool.queryPatternTracker!);
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    await pool.close();
    expect((await readFile(file, 'utf8')) === text).toBe(true);
  });

  it('are nothing without either of both, or with both', () => {
    const config = (patternStore: object) => () => new Pool({ connectionString: 'sqlite::memory:', patternStore });
    expect(config({})).toThrow(/patternStore: give either file or table/);
    expect(config({ file: 'a', table: 'b' })).toThrow(/patternStore: give either file or table/);
    expect(config({ flie: 'a' })).toThrow(/flie.*did you mean "file"/);
    expect(config({ table: 'a; DROP TABLE b' })).toThrow(/patternStore[.]table: .*a name of letters, digits and _/);
    expect(config({ table: 'main.kailash_patterns' })).not.toThrow();
  });
});

describeDatabases('patterns in a table', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('are there after a restart, one row for each name of a pool', async () => {
    const { url } = await freshDatabase(kind);
    const options = { connectionString: url, patternStore: { table: 'kailash_patterns' } };
    for (const name of ['orders', 'users']) {
      const { pool, warnings } = open({ ...options, name });
      learn(pool.queryPatternTracker!, name === 'orders' ? 6 : 7);
      await pool.close();
      expect(warnings).toEqual([]);
    }
    const { pool } = open({ ...options, name: 'orders' });
    await untilKnown(pool, 2);
    learn(pool.queryPatternTracker!, 1);
    await pool.close();
    const { pool: last } = open({ ...options, name: 'orders' });
    await untilKnown(last, 2);
    expect(last.queryPatternTracker!.getPattern('SELECT a')!.count).toBe(7);
    const { data } = await last.query('SELECT pool, state FROM kailash_patterns ORDER BY pool');
    expect(data.map(({ pool: name }) => name)).toEqual(['orders', 'users']);
    for (const { state } of data) expect(state).not.toContain(SECRET);
  });

  it('that cannot be reached stop nobody', async () => {
    const { url } = await freshDatabase(kind);
    const { pool: owner } = open({ connectionString: url });
    await owner.query('CREATE TABLE kailash_patterns (id integer)');
    const { pool, warnings } = open({ connectionString: url, patternStore: { table: 'kailash_patterns' } });
    learn(pool.queryPatternTracker!);
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
    await pool.close();
    expect(warnings).toEqual([expect.stringMatching(/table "kailash_patterns" cannot be (read|written) [(]POOL_STATEMENT_FAILED[)]/)]);
  });
});
