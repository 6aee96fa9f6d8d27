import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseWorkflow, Runtime, RunFailedError } from '@kailash-ts/core';
import { WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightNodes } from './nodes/index.ts';
import { dataFile } from './nodes/source-files.ts';
import workflow from './workflow.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { definition } = workflow.build();
const yaml = parseWorkflow(readFileSync(here('workflow.yaml'), 'utf8'));

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kailash-flights-'));
  folders.push(folder);
  return folder;
}

interface Flight {
  date: string;
  delay: number;
  distance: number;
  origin: string;
  destination: string;
}

/** Everything once more, from the files, without a database and without the example's code. */
function computePlainly() {
  const flights = JSON.parse(readFileSync(dataFile('flights-20k.json'), 'utf8')) as Flight[];
  const airports = parse(readFileSync(dataFile('airports.csv'), 'utf8'), { columns: true }) as unknown as { iata: string; city: string }[];
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const mean = (group: Flight[]): number => sum(group.map(({ delay }) => delay)) / group.length;
  const worst = (keyOf: (flight: Flight) => string, least: number): [string, number, number] => {
    const groups = new Map<string, Flight[]>();
    for (const flight of flights) groups.set(keyOf(flight), [...(groups.get(keyOf(flight)) ?? []), flight]);
    const ranked = [...groups].filter(([, group]) => group.length >= least).sort(([, a], [, b]) => mean(b) - mean(a));
    const [key, group] = ranked[0]!;
    return [key, group.length, Number(mean(group).toFixed(2))];
  };
  const routes = new Map<string, number>();
  for (const { origin, destination } of flights) routes.set(`${origin} ${destination}`, (routes.get(`${origin} ${destination}`) ?? 0) + 1);
  const [route, flown] = [...routes].sort((a, b) => b[1] - a[1])[0]!;
  const [iata, ...airport] = worst(({ origin }) => origin, 200);
  const [hour, ...ofHour] = worst(({ date }) => String(Number(date.split(' ')[1]!.split(':')[0])), 100);
  const [day, ...ofDay] = worst(({ date }) => date.split(' ')[0]!, 1);
  return {
    flights: flights.length,
    airports: airports.length,
    meanDelayMinutes: Number(mean(flights).toFixed(2)),
    delayedShare: Number((flights.filter(({ delay }) => delay > 15).length / flights.length).toFixed(4)),
    totalDelayMinutes: sum(flights.map(({ delay }) => delay)),
    totalDistanceMiles: sum(flights.map(({ distance }) => distance)),
    busiestRoute: { origin: route.split(' ')[0], destination: route.split(' ')[1], flights: flown },
    worstAirport: { iata, city: airports.find((known) => known.iata === iata)!.city, flights: airport[0], meanDelayMinutes: airport[1] },
    worstHour: { hour: Number(hour), flights: ofHour[0], meanDelayMinutes: ofHour[1] },
    worstDay: { date: day.replaceAll('/', '-'), flights: ofDay[0], meanDelayMinutes: ofDay[1] },
  };
}

let expected: ReturnType<typeof computePlainly>;
beforeAll(() => {
  expected = computePlainly();
});

describe('workflow.yaml', () => {
  it('is workflow.ts as data', () => {
    expect(yaml).toEqual(JSON.parse(JSON.stringify(definition)));
  });
});

describeDatabases('the flight delays', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  async function open() {
    const { url } = await freshDatabase(kind);
    const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: url });
    const router = new QueryRouterNode({ name: 'router', connectionPool: 'db_pool' });
    const runtime = new Runtime({ nodes: { db_pool: pool, router, ...flightNodes } });
    const rows = async (): Promise<number[]> =>
      Promise.all(
        ['airports', 'flights'].map(async (table) => Number((await pool.query(`SELECT COUNT(*) AS n FROM ${table}`)).data[0]!['n'])),
      );
    return { url, pool, router, runtime, rows, [Symbol.asyncDispose]: () => runtime.close() };
  }

  it('are what a plain computation says, twice in a row and in both forms, with the report on disk and no connection in use', async () => {
    await using opened = await open();
    const outDir = temporaryFolder();
    const outputs: unknown[] = [];
    for (const form of [definition, definition, yaml]) {
      const { output } = await opened.runtime.execute(form, { input: { outDir } });
      outputs.push(output);
      expect(opened.pool.stats().currentState.activeConnections).toBe(0);
      expect(opened.router.getMetrics().activeTransactions).toBe(0);
    }
    expect(outputs[0]).toEqual({
      ...expected,
      unusualDays: [
        expect.objectContaining({ date: '2001-02-24', meanDelayMinutes: 24.59 }),
        expect.objectContaining({ date: '2001-02-25', meanDelayMinutes: 28.52 }),
      ],
      files: ['report.md', 'report.json', 'delays-by-day.svg'].map((name) => join(outDir, name)),
    });
    expect(outputs[1]).toEqual(outputs[0]);
    expect(outputs[2]).toEqual(outputs[0]);
    expect(await opened.rows()).toEqual([3376, 20_000]);
    const { files, ...figures } = outputs[0] as { files: string[] };
    expect(JSON.parse(readFileSync(join(outDir, 'report.json'), 'utf8'))).toMatchObject(figures);
    expect(files.every((file) => existsSync(file))).toBe(true);
  });

  it('keep what was loaded before when a file is broken in its middle', async () => {
    await using opened = await open();
    const outDir = temporaryFolder();
    const load = (flights: unknown[], batchSize = 2): Promise<unknown> => {
      const file = join(outDir, 'flights.json');
      writeFileSync(file, JSON.stringify(flights));
      const parameters = { load_flights: { file, batchSize }, by_airport: { parameters: [1] }, by_hour: { parameters: [1] } };
      return opened.runtime.execute(definition, { input: { outDir }, parameters });
    };
    const good = Array.from({ length: 5 }, () => ({ date: '2001/01/10 18:20', delay: 1, distance: 2, origin: 'JFK', destination: 'LAX' }));
    await load(good);
    expect(await opened.rows()).toEqual([3376, 5]);
    const broken = load([...good, { ...good[0], date: 'yesterday' }]);
    await expect(broken).rejects.toThrow(RunFailedError);
    await expect(broken).rejects.toThrow(/Record 6 of .*flights\.json/);
    expect(await opened.rows()).toEqual([3376, 5]);
    expect(opened.pool.stats().currentState.activeConnections).toBe(0);
  });

  it('can be interrupted in the middle of the load: exit 130, nothing half-committed, no connection left; the next run completes', async () => {
    await using opened = await open();
    const outDir = temporaryFolder();
    const run = (interruptAt?: number) => runCli(opened.url, outDir, interruptAt);
    expect((await run(3)).exitCode).toBe(130);
    expect(await opened.rows()).toEqual([0, 0]);

    const whole = await run();
    expect(whole.exitCode).toBe(0);
    expect(whole.last).toMatchObject({ event: 'run:finished', status: 'completed', output: expected });

    const again = await run(20);
    expect(again.exitCode).toBe(130);
    expect(again.last).toMatchObject({ event: 'run:finished', status: 'cancelled' });
    expect(await opened.rows()).toEqual([3376, 20_000]);
    expect(await otherConnections(opened.pool)).toBe(0);
  }, 120_000);
});

/** Connections to the database beside those of this pool, which has one. */
async function otherConnections(pool: WorkflowConnectionPool): Promise<number> {
  await using lease = await pool.acquire();
  const sql = {
    postgresql: `SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'db_pool'`,
    mysql: 'SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = DATABASE()',
    // A writer that is still there would hold its lock.
    sqlite: 'SELECT 0 AS n',
  }[pool.dialect];
  if (pool.dialect === 'sqlite') await pool.execute(lease, 'DELETE FROM airports WHERE 1 = 0');
  const { data } = await pool.execute(lease, sql);
  return pool.dialect === 'sqlite' ? 0 : Number(data[0]!['n']) - pool.stats().currentState.totalConnections;
}

/** The bin itself, in a process of its own. @param interruptAt how many batches of flights to wait for before SIGINT */
async function runCli(url: string, outDir: string, interruptAt = Infinity) {
  const main = here('../../packages/cli/src/main.ts');
  const parameters = ['--input', JSON.stringify({ outDir }), ...(interruptAt < Infinity ? ['--param', 'load_flights.batchSize=20'] : [])];
  const options = ['--import', 'tsx', '--conditions=@kailash-ts/source', main, 'run', here('workflow.ts'), '--json', ...parameters];
  const child = spawn(process.execPath, options, { env: { ...process.env, DATABASE_URL: url }, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let batches = 0;
  let last: unknown;
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line);
    const { event, nodeId } = last as { event: string; nodeId?: string };
    if (event === 'node:progress' && nodeId === 'load_flights' && ++batches === interruptAt) child.kill('SIGINT');
  }
  const [exitCode] = await exited;
  return { exitCode, last };
}
