/**
 * The labelled SQL, replayed in order through a router on real servers: a primary with two streaming replicas (PostgreSQL), a primary
 * with a GTID replica (MariaDB). Whatever the router does with a statement, its caller gets what the primary alone would give: the same
 * class of SQLSTATE, the same rows. `campaign routing-replay` replays all files; it takes too long for `test`, which says so.
 *
 * KAILASH_REPLAY_FILES, a regular expression, picks files of the campaign.
 */
import { openAdmin, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases } from '@kailash-ts/test-databases/vitest';
import { loadSql } from '@kailash-ts/sql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labelledFiles, labelledFilesArePresent, ownFile, type ReplayFile } from './testing/replay-files.ts';
import { replayFile, type ReplayForm } from './testing/replay.ts';
import { ReplayTally } from './testing/replay-tally.ts';
import { startCluster } from './testing/replicated.ts';

const isCampaign = process.env['KAILASH_CAMPAIGN'] === 'routing-replay';
const picked = process.env['KAILASH_REPLAY_FILES'];
/** Files at a time: statements of one file run one after the other. MariaDB's replica replays one after the other as well. */
const AT_ONCE = { postgresql: 6, mysql: 1 };
if (!isCampaign)
  console.log('packages/query-router: the replay of the labelled SQL is left to `campaign routing-replay`; its 8 tests do not run.');
else if (!labelledFilesArePresent)
  console.warn('The labelled SQL (../shared/data/routing) is not there: only the statements of our own are replayed.');

function chosenFiles(kind: Cluster['kind']): readonly ReplayFile[] {
  const pattern = new RegExp(picked ?? '');
  return labelledFiles(kind).filter(({ name }) => pattern.test(name));
}

async function isAlive(adminUrl: string): Promise<boolean> {
  const admin = await openAdmin(adminUrl).catch(() => undefined);
  await admin?.[Symbol.asyncDispose]();
  return admin !== undefined;
}

if (isCampaign) describeDatabases('the replay', ['postgresql', 'mysql'], replays);
else it('the replay', (context) => context.skip('is left to the campaign'));

function replays(database: string): void {
  const kind = database as Cluster['kind'];
  let cluster: Cluster;
  // Statistics that come in the background at some moment change plans between one run of a file and the next.
  const start = (): Promise<Cluster> => startCluster(kind, kind === 'postgresql' ? 2 : 1, { autovacuum: 'off' });
  beforeAll(async () => {
    await loadSql();
    cluster = await start();
  });
  afterAll(() => cluster.stop());

  async function replay(title: string, files: readonly ((database: string) => ReplayFile)[], form: ReplayForm): Promise<void> {
    const tally = new ReplayTally();
    const startedAt = performance.now();
    const waiting = [...files];
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        tally.files += 1;
        tally.statements += file('').statements.length;
        await replayFile(cluster, file, form, tally).catch((error: unknown) => afterCrash(error, file('').name, tally));
        // Long enough to be glad of what is known so far.
        if (waiting.length > 0 && waiting.length % 10 === 0) console.log(tally.report(`${kind}, ${title}, ${form}, so far`));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE[kind] }, work));
    console.log(`${tally.report(`${kind}, ${title}, ${form}`)}\n  ${Math.round(performance.now() - startedAt)} ms`);
    expect(tally.readOnlyErrors).toEqual([]);
    expect(tally.mismatches).toEqual([]);
    expect(tally.replayed).toBeGreaterThan(0);
    if (form === 'loose') expect(tally.onReplicas).toBeGreaterThan(0); // or nothing was tried at all
  }

  /** Some texts of the suites end the server that they are run on, whoever sends them: the next file finds a new one. */
  async function afterCrash(error: unknown, file: string, tally: ReplayTally): Promise<void> {
    if (AT_ONCE[kind] > 1 || (await isAlive(cluster.adminUrl))) throw error;
    tally.crashes.push(file);
    await cluster.stop();
    cluster = await start();
  }

  const own = (name: string): ReplayFile => ownFile(kind, name);
  const labelled = (): ((database: string) => ReplayFile)[] => chosenFiles(kind).map((file) => () => file);

  for (const form of ['whole', 'loose'] as const) {
    it(`of our own statements gives what the primary alone gives (${form})`, () => replay('our own', [own], form));
    it.runIf(labelledFilesArePresent)(`of the labelled files gives what the primary alone gives (${form})`, { timeout: 0 }, () =>
      replay('labelled', labelled(), form),
    );
  }
}
