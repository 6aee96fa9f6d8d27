/** The temporary folder of a cluster, owned by the account that its servers run as, and programs run in it. */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import { TestDatabaseError } from './errors.ts';

const execFileAsync = promisify(execFile);

/** Makes the folder. The caller removes it with `removeWorkspace`. */
export async function createWorkspace(prefix: string, account: Account | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `kailash-${prefix}-`));
  if (account) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o755);
  return folder;
}

export async function removeWorkspace(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs a program to its end as `account`. @throws TestDatabaseError with what the program printed. */
export async function run(program: string, args: readonly string[], account: Account | undefined): Promise<void> {
  try {
    await execFileAsync(program, args, { cwd: '/', ...(account && { uid: account.uid, gid: account.gid }) });
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    throw new TestDatabaseError('TEST_DATABASE_START_FAILED', `${program} failed: ${(stderr || stdout || String(error)).trim()}`, {
      cause: error,
    });
  }
}

/** Copies a folder with its owners and times. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await run('cp', ['-a', from, to], undefined);
}
