/**
 * Replays a file of statements in order: through a router over a primary with its replicas, and twice on a primary alone, each in an
 * empty database of its own. Where the two on the primary alone agree, the router has to agree with them.
 */
import { Runtime } from '@kailash-ts/core';
import { WorkflowConnectionPool, type Lease } from '@kailash-ts/connection-pool';
import { openAdmin, type Admin, type Cluster } from '@kailash-ts/test-databases';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { answerOf, answerText, classOf, rowsOf, type ReplayAnswer } from './replay-answers.ts';
import type { ReplayFile } from './replay-files.ts';
import { whyLeftOut, whyRowsMayDiffer } from './replay-left-out.ts';
import type { ReplayTally } from './replay-tally.ts';
import { Replicated, untilReplicasAreThere } from './replicated.ts';
import { startAtTheEnd } from './skip-ahead.ts';

const TIMEOUT_MS = 5000;
const SESSION = 'replay';

/**
 * `whole`: with all that changes the session, which then stays on its connection, on the primary. `loose`: without, so that the reads
 * of the file may go to replicas to its end.
 */
export type ReplayForm = 'whole' | 'loose';

/** An empty database on the primary and its replicas, dropped at the end. All names are equally long: some statements measure them. */
async function withDatabase<T>(cluster: Cluster, admin: Admin, whose: 'routed' | 'single', use: (url: string) => Promise<T>): Promise<T> {
  const name = `test_${whose}_${randomBytes(5).toString('hex')}`;
  const url = new URL(cluster.url);
  url.pathname = `/${name}`;
  await admin.query(`CREATE DATABASE ${name}`);
  try {
    return await use(url.href);
  } finally {
    await admin.query(`DROP DATABASE ${name}${cluster.kind === 'postgresql' ? ' WITH (FORCE)' : ''}`);
  }
}

/** One connection to the primary, for a whole file. */
class Alone implements AsyncDisposable {
  readonly #runtime = new Runtime();
  readonly #pool: WorkflowConnectionPool;
  #lease: Lease | undefined;

  constructor(url: string) {
    this.#pool = new WorkflowConnectionPool({
      name: 'alone',
      connectionString: url,
      minConnections: 0,
      maxConnections: 1,
      closeGraceMs: 200,
    });
    this.#runtime.registerNode('alone', this.#pool);
  }

  async run(sql: string): Promise<ReplayAnswer> {
    const lease = (this.#lease ??= await this.#pool.acquire());
    return answerOf(lease.execute(sql, [], { timeoutMs: TIMEOUT_MS }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lease?.released === false) await this.#pool.release(this.#lease);
    await this.#runtime.close();
  }
}

/** Through the router, in one session. */
class Routed {
  readonly #scene: Replicated;
  readonly #tally: ReplayTally;
  #reads = 0;
  #misroutes = 0;

  constructor(scene: Replicated, tally: ReplayTally) {
    this.#scene = scene;
    this.#tally = tally;
  }

  async run(sql: string): Promise<ReplayAnswer> {
    await this.#untilReplicasMayServe(sql);
    const running = this.#scene.router.process({ query: sql, sessionId: SESSION, timeoutMs: TIMEOUT_MS });
    const answer = await answerOf(running);
    const metadata = await running.then(
      ({ routingMetadata }) => routingMetadata,
      () => undefined,
    );
    if (metadata) this.#tally.ranOn(metadata.host, metadata.role);
    this.#noteMisroutes(sql);
    return answer;
  }

  #noteMisroutes(sql: string): void {
    const { misroutes } = this.#scene.router.getMetrics().routerMetrics;
    if (misroutes > this.#misroutes) this.#tally.misrouted.push(sql.slice(0, 300));
    this.#misroutes = misroutes;
  }

  /** A file writes all the time, so without this its reads would find no replica. Every fourth one comes too early, to be sure. */
  async #untilReplicasMayServe(query: string): Promise<void> {
    const { router, pool } = this.#scene;
    for (let tries = 0; tries < 30; tries++) {
      const { strategy, replicas } = await router.explain(query, { sessionId: SESSION });
      if (strategy !== 'primary_read' || replicas.every(({ eligible }) => eligible)) return;
      if (tries === 0 && (this.#reads += 1) % 4 === 0) return;
      pool.checkReplicas();
      await pause(2);
    }
  }
}

/** @param cluster stays in the hand of the caller */
export async function replayFile(
  cluster: Cluster,
  file: (database: string) => ReplayFile,
  form: ReplayForm,
  tally: ReplayTally,
): Promise<void> {
  await using admin = await openAdmin(cluster.adminUrl);
  tally.skips += await startAtTheEnd(cluster, admin);
  await withDatabase(cluster, admin, 'routed', (routedUrl) =>
    withDatabase(cluster, admin, 'single', (first) =>
      withDatabase(cluster, admin, 'single', async (second) => {
        await untilReplicasAreThere({ ...cluster, url: routedUrl });
        await using scene = new Replicated(cluster, { pool: { connectionString: routedUrl } });
        await using alone = new Alone(first);
        await using again = new Alone(second);
        const texts = [routedUrl, first, second].map((url) => file(new URL(url).pathname.slice(1)));
        const routed = new Routed(scene, tally);
        await scene.untilCaughtUp().catch(() => {}); // where they are late, the primary serves
        for (const [index, sql] of texts[0]!.statements.entries()) {
          const why = whyLeftOut(cluster.kind, sql) ?? (form === 'loose' ? await whyPinned(scene, sql) : undefined);
          if (why !== undefined) {
            tally.leaveOut(why);
            continue;
          }
          const answer = await routed.run(sql);
          if (answer.kind === 'refused') {
            tally.leaveOut(`refused by design: ${answer.code}`, sql);
            continue;
          }
          const answers = [await alone.run(texts[1]!.statements[index]!), await again.run(texts[2]!.statements[index]!)] as const;
          if (!compare(cluster.kind, { file: texts[0]!.name, sql }, answer, answers, tally)) {
            tally.leaveOut('behind a lost connection', undefined, texts[0]!.statements.length - index - 1);
            break;
          }
        }
        tally.count(scene.router.getMetrics().routerMetrics);
      }),
    ),
  );
}

async function whyPinned({ router }: Replicated, sql: string): Promise<string | undefined> {
  const { pinsSession, queryType } = await router.explain(sql, { sessionId: SESSION });
  return pinsSession && queryType !== 'transaction' ? 'changes its session, which the loose form leaves out' : undefined;
}

/** @returns false when there is nothing left to compare with */
function compare(
  kind: Cluster['kind'],
  statement: { readonly file: string; readonly sql: string },
  routed: ReplayAnswer,
  [alone, again]: readonly [ReplayAnswer, ReplayAnswer],
  tally: ReplayTally,
): boolean {
  const { sql } = statement;
  const all = [routed, alone, again];
  tally.replayed += 1;
  if (all.some((answer) => answer.kind === 'lost')) {
    tally.note(all.every((answer) => answer.kind === 'lost') ? 'the connection is lost everywhere' : 'the connection is lost', sql);
    return false;
  }
  if (all.some((answer) => answer.kind === 'timed out')) {
    tally.note('takes more than 5,000 ms', sql);
    return true;
  }
  const mismatch = (what: string): void => {
    tally.mismatches.push(`${what} | ${statement.file} | ${sql.slice(0, 300)} | routed ${answerText(routed)} | alone ${answerText(alone)}`);
  };
  if (classOf(alone) !== classOf(again)) {
    tally.note('the primary alone differs from itself', sql);
    return true;
  }
  if (classOf(alone) === 'ok') tally.succeeded += 1;
  if (alone.kind === 'failed') tally.fail(alone.detail.split(':', 1)[0]!, sql);
  if (routed.kind === 'failed' && routed.isReadOnlyRefusal && !(alone.kind === 'failed' && alone.isReadOnlyRefusal))
    tally.readOnlyErrors.push(`${statement.file} | ${sql.slice(0, 300)} | ${routed.detail}`);
  if (classOf(routed) !== classOf(alone)) mismatch('another outcome');
  else if (classOf(alone) === 'ok') compareRows(kind, sql, all, tally, mismatch);
  return true;
}

function compareRows(
  kind: Cluster['kind'],
  sql: string,
  [routed, alone, again]: readonly ReplayAnswer[],
  tally: ReplayTally,
  mismatch: (what: string) => void,
): void {
  const isOrdered = /\border\s+by\b/i.test(sql);
  const expected = rowsOf(alone!, isOrdered);
  if (expected !== rowsOf(again!, isOrdered)) return tally.note('rows: the primary alone differs from itself');
  if (expected === rowsOf(routed!, isOrdered)) {
    tally.sameRows += 1;
    return;
  }
  const why = whyRowsMayDiffer(kind, sql);
  if (why !== undefined) return tally.note(`rows: ${why}`, sql);
  mismatch(rowsOf(routed!, false) === rowsOf(alone!, false) ? 'another order' : 'other rows');
}
