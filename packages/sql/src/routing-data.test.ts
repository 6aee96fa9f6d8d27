/** The classifier against statements that real servers have labelled. The data lies beside the project; without it this says so. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { classify, loadSql, type Dialect } from './index.ts';

interface Labelled {
  readonly sql: string;
  readonly needsPrimary: boolean | null;
  readonly sqlstatePrimary: string | number | null;
  readonly sessionState: boolean;
  readonly inTransaction: boolean;
  readonly tempWrite?: boolean;
  readonly basis?: string;
}

const folder = new URL('../../../../shared/data/routing/', import.meta.url);
const present = existsSync(folder);
if (!present) console.warn('packages/sql: the labelled SQL (../shared/data/routing) is not there; its 2 tests did not run.');

const READ = /^[\s(]*(?:SELECT|WITH|EXPLAIN|SHOW|TABLE|VALUES|DESC)/i;

function judge(
  file: string,
  dialect: Dialect,
): { unsafe: string[]; unpinned: string[]; read: number; complete: number; readInvariant: boolean } {
  const rows = gunzipSync(readFileSync(new URL(file, folder)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Labelled);
  const result = { unsafe: [] as string[], unpinned: [] as string[], read: 0, complete: 0, readInvariant: true };
  for (const row of rows) {
    const { target, pinsSession, queryType } = classify(row.sql, dialect);
    const replica = target === 'replica';
    if (replica && row.needsPrimary === true && row.sqlstatePrimary === null) result.unsafe.push(row.sql);
    if (row.sessionState && !pinsSession) result.unpinned.push(row.sql);
    if (replica !== (queryType === 'read_simple' || queryType === 'read_complex')) result.readInvariant = false;
    const counts =
      row.needsPrimary === false &&
      !row.sessionState &&
      !row.inTransaction &&
      row.tempWrite !== true &&
      (row.basis === 'standby' || row.basis === 'read_only');
    if (!counts || !READ.test(row.sql)) continue;
    result.read++;
    if (replica) result.complete++;
  }
  console.info(
    `${dialect}: unsafe ${result.unsafe.length}, complete ${result.complete} of ${result.read} (${((100 * result.complete) / result.read).toFixed(2)} %)`,
  );
  for (const sql of result.unsafe) console.info(`  unsafe: ${sql}`);
  return result;
}

describe.skipIf(!present)('statements labelled by real servers', { timeout: 60_000 }, () => {
  beforeAll(loadSql);

  it('of PostgreSQL: at most the view that hides a write is unsafe, and at least 94.5 % of reads are found', () => {
    const { unsafe, unpinned, read, complete, readInvariant } = judge('postgresql.jsonl.gz', 'postgresql');
    expect(unsafe.filter((sql) => !/\bmy_locks\b/.test(sql))).toEqual([]);
    expect(unsafe.length).toBeLessThanOrEqual(1);
    expect(complete / read).toBeGreaterThanOrEqual(0.945);
    expect(unpinned).toEqual([]);
    expect(readInvariant).toBe(true);
  });

  it('of MariaDB: at most the four views that hide writes are unsafe, and at least 97.5 % of reads are found', () => {
    const { unsafe, unpinned, read, complete, readInvariant } = judge('mariadb.jsonl.gz', 'mysql');
    expect(unsafe.filter((sql) => !/\b(?:vin|vdn|vis|vds)\b/.test(sql))).toEqual([]);
    expect(unsafe.length).toBeLessThanOrEqual(4);
    expect(complete / read).toBeGreaterThanOrEqual(0.975);
    expect(unpinned).toEqual([]);
    expect(readInvariant).toBe(true);
  });
});
