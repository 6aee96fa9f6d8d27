/**
 * Lives in vitest's main process and starts each cluster when the first test file asks for it, once per run. Test files run
 * in workers, so they ask over HTTP on 127.0.0.1.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { Cluster } from './cluster.ts';
import { MARIADB_TEST_PREFIX, startMariaDb } from './mariadb.ts';
import { startPostgres } from './postgres.ts';

/** What a test file learns of a running cluster. */
export interface ClusterInfo {
  readonly version: string;
  readonly adminUrl: string;
  readonly url: string;
  readonly replicaUrl: string;
}

/** A new empty database, on the primary and (a moment later) on the replica. */
export interface DatabaseInfo {
  readonly name: string;
  readonly url: string;
  readonly replicaUrl: string;
}

type Kind = Cluster['kind'];

export class Broker {
  readonly #clusters = new Map<Kind, Promise<Cluster>>();
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const started = await Promise.allSettled([...this.#clusters.values()]);
    await Promise.all(started.filter((result) => result.status === 'fulfilled').map((result) => result.value.stop()));
  }

  #cluster(kind: Kind): Promise<Cluster> {
    const known = this.#clusters.get(kind);
    if (known) return known;
    const starting = kind === 'postgresql' ? startPostgres() : startMariaDb();
    starting.catch(() => {}); // told to whoever asks
    this.#clusters.set(kind, starting);
    return starting;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, kind, what] = (request.url ?? '').split('/') as [string, Kind, string];
    try {
      const cluster = await this.#cluster(kind);
      const body = what === 'fresh' ? await createDatabase(cluster) : describeCluster(cluster);
      response.end(JSON.stringify(body));
    } catch (error) {
      response.statusCode = 500;
      response.end(JSON.stringify({ message: (error as Error).message }));
    }
  }
}

/** @internal */
export function describeCluster({ version, adminUrl, url, replicaUrl }: Cluster): ClusterInfo {
  return { version, adminUrl, url, replicaUrl };
}

/** A new database on a cluster of one's own. @internal */
export async function createDatabase(cluster: Cluster): Promise<DatabaseInfo> {
  const name = `${MARIADB_TEST_PREFIX}${randomBytes(6).toString('hex')}`;
  if (cluster.kind === 'postgresql') await createPostgresDatabase(cluster.adminUrl, name);
  else await createMariaDbDatabase(cluster.adminUrl, name);
  await Promise.all(cluster.replicas.map((replica) => untilArrived(cluster, replica.port, name)));
  return { name, url: withDatabase(cluster.url, name), replicaUrl: withDatabase(cluster.replicaUrl, name) };
}

async function createPostgresDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE "${name}"`);
  } finally {
    await client.end();
  }
}

async function createMariaDbDatabase(adminUrl: string, name: string): Promise<void> {
  const connection = await mysql.createConnection(adminUrl);
  try {
    await connection.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
  } finally {
    await connection.end();
  }
}

/** A new database is at the replicas soon, but not at once. One that a test has stopped is not waited for. */
const LONGEST_WAIT_MS = 5000;

async function untilArrived(cluster: Cluster, port: number, name: string): Promise<void> {
  const url = new URL(withDatabase(cluster.replicaUrl, name));
  url.port = String(port);
  const overdue = Date.now() + LONGEST_WAIT_MS;
  while (!(await canConnect(cluster.kind, url.href)) && Date.now() < overdue) await pause(20);
}

async function canConnect(kind: Cluster['kind'], url: string): Promise<boolean> {
  const connectTimeout = LONGEST_WAIT_MS;
  try {
    if (kind === 'mysql') await (await mysql.createConnection({ uri: url, connectTimeout })).end();
    else {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeout });
      client.on('error', () => {});
      await client.connect();
      await client.end();
    }
    return true;
  } catch {
    return false;
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
