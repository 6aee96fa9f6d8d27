/** MariaDB primary and GTID replica, from the machine's programs. */
import { mkdir, writeFile, chown } from 'node:fs/promises';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { serverAccount, type Account } from './account.ts';
import { findMariaDb, type MariaDbBinaries } from './binaries.ts';
import { once, type Cluster, type ServerCertificate } from './cluster.ts';
import { TestDatabaseError } from './errors.ts';
import { freePort } from './ports.ts';
import { ServerProcess } from './server-process.ts';
import { Watchdog } from './watchdog.ts';
import { copyFolder, createWorkspace, removeWorkspace, run } from './workspace.ts';

/** Why there may be no MariaDB, and what to do. */
export const mariaDbMissingReason =
  'mariadbd and mariadb-install-db are not on this machine. Install mariadb-server (Debian, Ubuntu) or mariadb (Homebrew).';

const ROOT_PASSWORD = 'test-only-root';
const APP = { user: 'app', password: 'test-only-app' } as const;

/** Databases that the ordinary user may use: `app`, and all whose name begins so. */
export const MARIADB_TEST_PREFIX = 'test_';

export interface MariaDbOptions {
  /** Default 300. */
  readonly maxConnections?: number;
  /** GTID replicas; default 1. */
  readonly replicas?: number;
  /** Offers TLS; connections without it are taken too. */
  readonly tls?: ServerCertificate;
}

/**
 * Starts a primary and its GTID replicas (`read_only`) in a temporary folder; about three seconds. Not for crash tests.
 * The caller stops it; when this process ends first, the servers end too.
 *
 * @throws TestDatabaseError when this machine has no MariaDB, or when it does not start.
 */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<Cluster> {
  const binaries = findMariaDb();
  if (!binaries) throw new TestDatabaseError('TEST_DATABASE_MISSING', `MariaDB is missing: ${mariaDbMissingReason}`);
  const account = serverAccount(['mysql']);
  const folder = await createWorkspace('mariadb', account);
  const watchdog = new Watchdog(folder);
  const servers: ServerProcess[] = [];
  const stop = once(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await watchdog.dismiss();
    await removeWorkspace(folder);
  });
  try {
    const place: Place = { folder, account, binaries, maxConnections: options.maxConnections ?? 300, tls: options.tls };
    const names = Array.from({ length: options.replicas ?? 1 }, (_, index) => (index === 0 ? 'replica' : `replica-${index + 1}`));
    await install(place, ['primary', ...names]);
    for (const [index, name] of ['primary', ...names].entries())
      servers.push(new ServerProcess(await command(place, name, index + 1), watchdog));
    const [primary, ...replicas] = servers as [ServerProcess, ServerProcess];
    await Promise.all(servers.map((server) => server.start()));
    for (const replica of replicas) await follow(replica.port, primary.port);
    const version = await createApp(primary.port);
    return {
      kind: 'mysql',
      version,
      adminUrl: `mysql://root:${ROOT_PASSWORD}@127.0.0.1:${primary.port}`,
      url: appUrl(primary.port, 'app'),
      replicaUrl: appUrl(replicas[0].port, 'app'),
      primary,
      replica: replicas[0],
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
  readonly binaries: MariaDbBinaries;
  readonly maxConnections: number;
  readonly tls: ServerCertificate | undefined;
}

/** One fresh data folder, copied: all servers begin as the same empty database, so replication begins at no GTID. */
async function install(place: Place, names: readonly string[]): Promise<void> {
  const { folder, account, binaries } = place;
  for (const name of names) {
    await mkdir(join(folder, name));
    if (account) await chown(join(folder, name), account.uid, account.gid);
  }
  const user = account ? [`--user=${account.name}`] : [];
  const data = join(folder, 'primary', 'data');
  await run(
    binaries.installer,
    [
      '--no-defaults',
      ...user,
      `--datadir=${data}`,
      `--tmpdir=${join(folder, 'primary')}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    undefined,
  );
  for (const name of names.slice(1)) await copyFolder(data, join(folder, name, 'data'));
  await writeFile(join(folder, 'accounts.sql'), ACCOUNTS);
  for (const [name, text] of Object.entries(place.tls ?? {}) as [string, string][]) {
    const file = join(folder, `server-${name}.pem`);
    await writeFile(file, text, { mode: 0o600 });
    if (account) await chown(file, account.uid, account.gid);
  }
}

// Each server runs this at every start, outside of the binary log, so that no GTID comes from it.
const ACCOUNTS = [
  'SET sql_log_bin = 0;',
  `CREATE USER IF NOT EXISTS root@'127.0.0.1';`,
  `GRANT ALL ON *.* TO root@'127.0.0.1' IDENTIFIED BY '${ROOT_PASSWORD}' WITH GRANT OPTION;`,
  `CREATE USER IF NOT EXISTS ${APP.user}@'127.0.0.1' IDENTIFIED BY '${APP.password}';`,
  `GRANT ALL ON app.* TO ${APP.user}@'127.0.0.1';`,
  `GRANT ALL ON \`${MARIADB_TEST_PREFIX.replace('_', '\\_')}%\`.* TO ${APP.user}@'127.0.0.1';`,
  '',
].join('\n');

async function command(place: Place, name: string, serverId: number): Promise<ConstructorParameters<typeof ServerProcess>[0]> {
  const home = join(place.folder, name);
  const port = await freePort();
  const user = place.account ? [`--user=${place.account.name}`] : [];
  return {
    label: `MariaDB ${name}`,
    program: place.binaries.server,
    args: [
      '--no-defaults',
      ...user,
      `--datadir=${join(home, 'data')}`,
      `--tmpdir=${home}`, // servers that share one remove each other's files
      `--socket=${join(home, 's.sock')}`,
      `--pid-file=${join(home, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      `--server-id=${serverId}`,
      `--log-bin=${join(home, 'binlog')}`,
      '--binlog-format=ROW',
      '--gtid-strict-mode=1',
      '--log-slave-updates=1',
      `--max-connections=${place.maxConnections}`,
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-buffer-pool-size=64M',
      '--character-set-server=utf8mb4',
      `--init-file=${join(place.folder, 'accounts.sql')}`,
      ...(place.tls
        ? [`--ssl-cert=${join(place.folder, 'server-cert.pem')}`, `--ssl-key=${join(place.folder, 'server-key.pem')}`]
        : ['--skip-ssl']),
      ...(name === 'primary' ? [] : ['--read-only=1']),
    ],
    port,
    logFile: join(place.folder, `${name}.log`),
    account: place.account,
    endSignal: 'KILL',
    ping: () => asRoot(port, async () => {}),
  };
}

async function follow(replicaPort: number, primaryPort: number): Promise<void> {
  await asRoot(replicaPort, async (root) => {
    await root.query(
      `CHANGE MASTER TO master_host='127.0.0.1', master_port=${primaryPort}, master_user='root', master_password='${ROOT_PASSWORD}',
       master_connect_retry=1, master_use_gtid=slave_pos`,
    );
    await root.query('START SLAVE');
  });
}

async function createApp(primaryPort: number): Promise<string> {
  return asRoot(primaryPort, async (root) => {
    await root.query('CREATE DATABASE app CHARACTER SET utf8mb4');
    const [rows] = await root.query('SELECT version() AS version');
    return (rows as { version: string }[])[0]!.version;
  });
}

async function asRoot<T>(port: number, use: (root: mysql.Connection) => Promise<T>): Promise<T> {
  const root = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root', password: ROOT_PASSWORD, connectTimeout: 5000 });
  root.on('error', () => {});
  try {
    return await use(root);
  } finally {
    await root.end().catch(() => {});
  }
}

function appUrl(port: number, database: string): string {
  return `mysql://${APP.user}:${APP.password}@127.0.0.1:${port}/${database}`;
}
